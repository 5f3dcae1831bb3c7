"""What becomes of values that are wrong, large or hardly true: refused by name, kept as they are, or kept and flagged."""

from __future__ import annotations

from typing import Any

import pytest

from store_service.database import Database
from store_service.page_token import PageTokens, derive_key
from store_service.recording.checks import MAX_SPEC_BYTES
from store_service.runs.store import RunStore
from store_service.transfer.creating import RunCreation
from tapedeck.v1 import run_pb2
from tapedeck_rpc import errors
from tests.fix_replays import Runs, fields_of
from tests.fix_runs import Record, make_events, make_started, whole_run
from tests.fix_transfer import Transfers, make_entry

WILD: dict[str, Any] = {"sharpe_ratio": 14.2, "win_rate": 1.5}


class TestFlags:
    async def test_a_run_is_flagged_when_it_ends_and_keeps_its_values(self, runs: Runs, record: Record) -> None:
        live, plain = await record(make_events(make_started())), await record()
        wild = await record(whole_run(finished={"metrics": WILD}))
        beta = await record(whole_run(finished={"metrics": {"beta": -21.0}}))
        flagged = {run_id: await runs.get_run(run_id) for run_id in (live, plain, wild, beta)}
        assert [list(run.flags) for run in flagged.values()] == [[], [], ["sharpe_ratio", "win_rate"], ["beta"]]
        assert (flagged[wild].metrics.sharpe_ratio, flagged[wild].metrics.win_rate) == (14.2, 1.5)
        for filter_text, expected in {
            'flags:"sharpe_ratio"': [wild],
            "flags:*": [beta, wild],
            "flags:win*": [wild],
            "flags = beta": [beta],
            "NOT flags:*": [plain, live],
            "flags:alpha": [],
        }.items():
            listed, _ = await runs.list_runs(filter_text=filter_text)
            assert [run.run_id for run in listed] == expected
            assert [run.flags for run in listed] == [flagged[run_id].flags for run_id in expected]

    async def test_runs_from_elsewhere_and_imported_ones_are_flagged_alike(
        self, database: Database, other_database: Database, run_store: RunStore
    ) -> None:
        (created,) = await RunCreation(database).batch_create_runs([make_entry(metrics=run_pb2.Metrics(**WILD))])
        assert list((await run_store.get_run(created.run_id)).flags) == ["sharpe_ratio", "win_rate"]
        ((imported,),) = [answer.runs for answer in await Transfers(other_database).take(await Transfers(database).export())]
        elsewhere = RunStore(other_database, PageTokens(derive_key("tests")))
        assert list((await elsewhere.get_run(imported.run_id)).flags) == ["sharpe_ratio", "win_rate"]


class TestLargeSpecs:
    async def test_100_kb_of_parameters_come_back_and_are_found(self, runs: Runs, record: Record) -> None:
        parameters = {f"rule{number}": {"entry": ["x" * 90, number, None, True], "weight": number / 3} for number in range(1_000)}
        run_id = await record(whole_run(parameters=parameters))
        run = await runs.get_run(run_id)
        assert run.spec == whole_run(parameters=parameters)[0].started.spec
        assert run.spec.parameters.ByteSize() > 100_000
        (found,), _ = await runs.list_runs(filter_text="parameters.rule999.weight > 332 AND parameters.rule7.entry:7")
        assert found.run_id == run_id

    async def test_a_spec_that_is_too_large_is_refused_and_one_that_just_fits_is_kept(self, run_store: RunStore, record: Record) -> None:
        events = whole_run(parameters={"text": "x" * (MAX_SPEC_BYTES - 1_000)})
        spec = events[0].started.spec
        room = MAX_SPEC_BYTES - spec.ByteSize()
        spec.parameters.update({"text": "x" * (MAX_SPEC_BYTES - 1_000 + room)})
        assert spec.ByteSize() == MAX_SPEC_BYTES
        assert (await run_store.get_run(await record(events))).spec == spec
        events = whole_run(parameters={"text": "x" * MAX_SPEC_BYTES})
        with pytest.raises(errors.InvalidArgument) as refused:
            await record(events)
        assert fields_of(refused.value) == ["events[0].started.spec"]
