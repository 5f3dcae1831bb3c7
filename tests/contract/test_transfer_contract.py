"""What BatchCreateRuns and ExportRuns promise, asked of the store itself and through gRPC."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from store_service.database import Database
from store_service.runs.organizing import RunOrganizer
from store_service.runs.replay import Replays
from store_service.runs.store import RunStore
from store_service.transfer import creating, exporting
from tapedeck.v1 import run_pb2, transfer_service_pb2
from tapedeck_rpc import errors
from tests.fix_replays import fields_of, refusal
from tests.fix_runs import Record, make_events, make_started, whole_run
from tests.fix_transfer import Transfers, lines_of, make_entry


async def recorded(run_store: RunStore, run_id: str) -> list[run_pb2.RunEvent]:
    return [event async for event in run_store.watch_run(run_id)]


class TestBatchCreateRuns:
    async def test_a_created_run_is_read_and_watched_like_a_recorded_one(self, transfers: Transfers, run_store: RunStore) -> None:
        entry = make_entry()
        (created,) = await transfers.create([entry])
        run = await run_store.get_run(created.run_id)
        assert (created.created, run.state, run.metrics, run.note) == (True, run_pb2.RUN_STATE_SUCCEEDED, entry.metrics, "made by hand")
        assert (dict(run.labels), run.strategy_type, run.sessions_recorded, run.session_count) == ({"from": "notebook"}, "trend", 3, 3)
        assert run.create_time == run.finish_time == entry.create_time
        assert (run.engine_kind, run.provenance) == ("external", entry.provenance)
        assert (run.spec.interval, run.spec.capital_base) == ("1d", 100_000.0)
        started, *sessions, finished = await recorded(run_store, created.run_id)
        assert (started.started.run_id, started.started.spec_digest) == (created.run_id, run.spec_digest)
        assert [event.sessions for event in sessions] == list(entry.sessions)
        assert list(finished.finished.round_trips) == list(entry.round_trips)
        listed, _ = await run_store.list_runs(filter_text='engine_kind = "external" AND sharpe_ratio > 1', order_by="sharpe_ratio desc")
        assert [each.run_id for each in listed] == [created.run_id]

    async def test_created_and_recorded_runs_are_compared(self, transfers: Transfers, run_store: RunStore, record: Record) -> None:
        (created,) = await transfers.create([make_entry()])
        compared = await run_store.compare_runs([created.run_id, await record()], include_curves=True)
        assert (len(compared.runs), len(compared.curves.curves)) == (2, 2)

    async def test_an_equity_curve_alone_or_metrics_alone_are_enough(self, transfers: Transfers, run_store: RunStore) -> None:
        curve = run_pb2.SessionBatch(session_dates=[20100104, 20100105], portfolio_values=[1.0, 2.0])
        bare: dict[str, Any] = {"round_trips": [], "labels": {}, "note": "", "provenance": None}
        alone = make_entry(sessions=[curve], metrics=None, **bare)
        created = await transfers.create([alone, make_entry(sessions=[], **bare)])
        runs = [await run_store.get_run(each.run_id) for each in created]
        assert [(run.HasField("metrics"), run.sessions_recorded, run.note) for run in runs] == [(False, 2, ""), (True, 0, "")]
        events = await recorded(run_store, runs[0].run_id)
        assert events[1].sessions == curve

    async def test_the_same_results_again_add_nothing_and_have_the_same_ids(self, transfers: Transfers, run_store: RunStore) -> None:
        entries = [make_entry(), make_entry(request_id="key"), make_entry(labels={"n": "2"})]
        first = await transfers.create(entries)
        again = await transfers.create([*entries, make_entry(note="another note")])
        assert [each.run_id for each in again] == [*(each.run_id for each in first), first[0].run_id]
        assert len({each.run_id for each in first}) == 3
        assert ([each.created for each in first], [each.created for each in again]) == ([True] * 3, [False] * 4)
        assert await run_store.count_runs() == 3

    async def test_twice_in_one_request_is_once(self, transfers: Transfers, run_store: RunStore) -> None:
        created = await transfers.create([make_entry(), make_entry()])
        assert sorted(each.created for each in created) == [False, True]
        assert len(await recorded(run_store, created[0].run_id)) == 4

    async def test_equal_requests_at_once_make_each_run_once(self, transfers: Transfers, run_store: RunStore) -> None:
        entries = [make_entry(request_id=str(number)) for number in range(5)]
        answers = await asyncio.gather(*(transfers.create(entries[::step]) for step in (1, -1, 1, -1)))
        assert sum(each.created for answer in answers for each in answer) == 5
        assert await run_store.count_runs() == 5

    async def test_requests_that_share_request_ids_never_wait_for_each_other(self, transfers: Transfers, run_store: RunStore) -> None:
        days = [datetime(2026, 3, 1 + day, tzinfo=UTC) for day in range(30)]

        async def create(strategy_type: str, times: Sequence[datetime]) -> Any:
            entries = [make_entry(request_id=str(key), strategy_type=strategy_type, create_time=time) for key, time in enumerate(times)]
            return await transfers.create(entries)

        answers = await asyncio.gather(create("one", days), create("other", days[::-1]), return_exceptions=True)
        (refused,) = [answer for answer in answers if isinstance(answer, errors.CallError)]
        assert (type(refused), refused.reason) == (errors.InvalidArgument, "REQUEST_ID_REUSED")
        assert await run_store.count_runs() == len(days)

    async def test_a_request_id_names_one_result(self, transfers: Transfers, run_store: RunStore) -> None:
        (first,) = await transfers.create([make_entry(request_id="key")])
        other = make_entry(request_id="key", strategy_type="other")
        refused = await refusal(lambda: transfers.create([make_entry(), other, other]))
        assert (type(refused), refused.reason) == (errors.InvalidArgument, "REQUEST_ID_REUSED")
        assert sorted(fields_of(refused)) == ["runs[1].request_id", "runs[2].request_id"]
        assert first.run_id in refused.message
        assert await run_store.count_runs() == 1

    async def test_no_entries_change_nothing(self, transfers: Transfers, run_store: RunStore) -> None:
        assert await transfers.create([]) == []
        assert await run_store.count_runs() == 0

    async def test_everything_that_is_wrong_is_said_at_once_and_nothing_is_kept(self, transfers: Transfers, run_store: RunStore) -> None:
        nan = float("nan")
        trip = run_pb2.RoundTrip(symbol="GOOG", entry_date="2010-01-04", exit_date="2010-01-06", pnl=float("-inf"))
        wrong_batch = run_pb2.SessionBatch(session_dates=[20100104], portfolio_values=[nan])
        entries = [
            make_entry(),
            make_entry(spec=run_pb2.RunSpec(strategy="x", symbols=["A"], end_date="2010-12-31"), sessions=[], create_time=None),
            make_entry(metrics=run_pb2.Metrics(sharpe_ratio=nan, max_drawdown=0.1), round_trips=[trip]),
            make_entry(sessions=[make_entry().sessions[0], wrong_batch]),
            make_entry(metrics=None, sessions=[]),
            make_entry(labels={"": "x"}, note="n" * 10_001),
            make_entry(create_time=Timestamp(seconds=10**13, nanos=-1)),
        ]
        refused = await refusal(lambda: transfers.create(entries))
        assert (type(refused), refused.reason) == (errors.InvalidArgument, "UNSTORABLE_VALUE")
        assert {
            "runs[1].create_time",
            "runs[1].spec.dataset",
            "runs[1].spec.start_date",
            "runs[2].metrics.sharpe_ratio",
            "runs[2].metrics.max_drawdown",
            "runs[2].round_trips[0].pnl",
            "runs[3].sessions[1].portfolio_values[0]",
            "runs[3].sessions[1].session_dates[0]",
            "runs[4].metrics",
            "runs[5].labels['']",
            "runs[5].note",
            "runs[6].create_time",
        } <= set(fields_of(refused))
        assert not [field for field in fields_of(refused) if field.startswith("runs[0]") or "events" in field]
        assert await run_store.count_runs() == 0

    async def test_too_many_and_too_large_requests_say_what_the_limit_is(
        self, transfers: Transfers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        refused = await refusal(lambda: transfers.create([make_entry(labels={str(key): "" for key in range(65)})]))
        assert fields_of(refused) == ["runs[0].labels"]
        refused = await refusal(lambda: transfers.create([make_entry(sessions=[run_pb2.SessionBatch()] * 255)]))
        assert "runs[0].sessions" in fields_of(refused)
        monkeypatch.setattr(creating, "MAX_ENTRIES", 1)
        assert "at most 1" in (await refusal(lambda: transfers.create([make_entry()] * 2))).message
        monkeypatch.setattr(creating, "MAX_ENTRIES_BYTES", 10)
        assert "at most 10" in (await refusal(lambda: transfers.create([make_entry()]))).message

    async def test_a_created_run_can_not_be_replayed_without_its_strategy(self, transfers: Transfers, replays: Replays) -> None:
        (created,) = await transfers.create([make_entry()])

        async def replay() -> None:
            async for _ in replays.replay_run(created.run_id):
                pass

        assert (await refusal(replay)).reason == "STRATEGY_NOT_INSTALLED"


class TestExportRuns:
    async def test_json_has_a_header_and_a_line_for_each_run(
        self, transfers: Transfers, run_store: RunStore, run_organizer: RunOrganizer, record: Record
    ) -> None:
        run_id = await record()
        await record(make_events(make_started()))  # it has not ended
        deleted = await record()
        await run_organizer.delete_run(deleted)
        await run_organizer.update_run(run_id, set_labels={"team": "beta"}, note="keep")
        header, line = lines_of(await transfers.export('strategy = "sma_crossover"'))
        assert (header["format_version"], header["run_count"], header["filter"]) == (1, 1, 'strategy = "sma_crossover"')
        age = datetime.now(UTC) - datetime.fromisoformat(header["export_time"])
        assert 0 <= age.total_seconds() < 60
        assert (line["labels"], line["note"], len(line["events"])) == ({"team": "beta"}, "keep", 4)
        assert line["events"][0]["started"]["labels"] == {"team": "alpha"}

    async def test_no_runs_are_a_header_alone(self, transfers: Transfers) -> None:
        (header,) = lines_of(await transfers.export())
        assert "run_count" not in header

    async def test_all_pages_are_one_moment(self, database: Database, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(exporting, "RUNS_PER_READ", 2)
        monkeypatch.setattr(exporting, "CHUNK_BYTES", 1_000)
        ids = [await record() for _ in range(5)]
        export = exporting.RunExports(database).export_runs()
        chunks = [await anext(export)]
        ids_later = [await record() for _ in range(2)]
        chunks += [chunk async for chunk in export]
        assert {len(chunk) for chunk in chunks[:-1]} == {1_000}
        header, *lines = lines_of(b"".join(chunks))
        assert (header["run_count"], [line["events"][0]["started"]["run_id"] for line in lines]) == (5, sorted(ids))
        assert not set(ids) & set(ids_later)

    async def test_csv_is_a_table_with_a_row_for_each_run(self, transfers: Transfers, record: Record) -> None:
        await record(whole_run(started={"labels": {"a": 'say "é", twice'}}))
        await record(whole_run(state=run_pb2.RUN_STATE_FAILED))
        form = transfer_service_pb2.EXPORT_FORMAT_CSV
        good, bad = csv.DictReader(io.StringIO((await transfers.export(form=form)).decode()))
        assert (good["state"], bad["state"], bad["error_reason"], bad["sharpe_ratio"]) == ("succeeded", "failed", "STRATEGY_FAILED", "")
        assert (json.loads(good["parameters"]), json.loads(good["symbols"])) == ({"fast": 10, "slow": 30}, ["GOOG", "AAPL"])
        assert (float(good["sharpe_ratio"]), good["start_date"], good["trades_total"]) == (1.0, "2010-01-04", "1")
        assert json.loads(good["labels"]) == {"a": 'say "é", twice'}

    async def test_parquet_is_the_same_table_with_types(self, transfers: Transfers, record: Record) -> None:
        run_id = await record()
        (row,) = pl.read_parquet(io.BytesIO(await transfers.export(form=transfer_service_pb2.EXPORT_FORMAT_PARQUET))).to_dicts()
        (line,) = csv.DictReader(io.StringIO((await transfers.export(form=transfer_service_pb2.EXPORT_FORMAT_CSV)).decode()))
        assert list(row) == list(line)
        assert (row["run_id"], row["state"], row["sharpe_ratio"], row["symbols"]) == (run_id, "succeeded", 1.0, ["GOOG", "AAPL"])
        assert (row["create_time"].isoformat(), row["start_date"].isoformat()) == (line["create_time"], line["start_date"])
        assert (row["parameters"], row["labels"]) == (line["parameters"], line["labels"])

    async def test_what_is_wrong_is_said_at_once(self, transfers: Transfers) -> None:
        refused = await refusal(lambda: transfers.export("sharp > 1", 99))
        assert (type(refused), "format" in fields_of(refused), len(fields_of(refused))) == (errors.InvalidArgument, True, 2)

    async def test_a_reader_that_leaves_is_not_waited_for(
        self, database: Database, record: Record, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(exporting, "CHUNK_BYTES", 100)
        monkeypatch.setattr(exporting, "IDLE_SECONDS", 0.05)
        await record()
        export = exporting.RunExports(database).export_runs()
        await anext(export)
        await asyncio.sleep(0.3)

        async def rest() -> None:
            async for _ in export:
                pass

        refused = await refusal(rest)
        assert (type(refused), refused.reason) == (errors.DeadlineExceeded, "DEADLINE_EXCEEDED")
