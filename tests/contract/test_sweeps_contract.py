"""What is promised about recorded sweeps, asked of the store itself and through gRPC: the wire changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from functools import partial
from typing import Any

import pytest
from google.protobuf import struct_pb2

from store_service.database import Database
from store_service.models import RESULT_METRICS
from store_service.paging import MAX_PAGE_SIZE
from store_service.recording.servicer import RecordServicer
from store_service.recording.store import RecordingStore
from store_service.sweeps.recording import SweepAck, SweepRecording
from store_service.sweeps.store import SweepStore
from tapedeck.v1 import record_service_pb2_grpc, run_pb2, sweep_pb2, sweep_service_pb2
from tapedeck_rpc import errors
from tapedeck_rpc.channel import open_aio_channel
from tests.fix_replays import as_raised, fields_of, refusal, served
from tests.fix_runs import Record, make_spec, new_run_id, whole_run
from tests.fix_strategies import strategies_of
from tests.fix_sweeps import (
    FASTS,
    Part,
    RecordSweep,
    make_parts,
    make_results,
    make_sweep_finished,
    make_sweep_spec,
    make_sweep_started,
    metric_value,
    sent,
    whole_sweep,
    without_results,
)

CANCELLED, FAILED = sweep_pb2.SWEEP_STATE_CANCELLED, sweep_pb2.SWEEP_STATE_FAILED


class ThroughGrpc:
    """The verbs of SweepStore, on the wire."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub

    async def get_sweep(self, sweep_id: str) -> sweep_pb2.Sweep:
        with as_raised():
            return (await self._stub.GetSweep(sweep_service_pb2.GetSweepRequest(sweep_id=sweep_id))).sweep  # type: ignore[no-any-return]

    async def list_sweeps(self, *, filter_text: str = "", **how: Any) -> tuple[list[sweep_pb2.Sweep], str]:
        with as_raised():
            answer = await self._stub.ListSweeps(sweep_service_pb2.ListSweepsRequest(filter=filter_text, **how))
        return list(answer.sweeps), answer.next_page_token

    async def list_sweep_results(self, sweep_id: str = "", *, filter_text: str = "", **how: Any) -> tuple[list[sweep_pb2.SweepResult], str]:
        request = sweep_service_pb2.ListSweepResultsRequest(sweep_id=sweep_id, filter=filter_text, **how)
        with as_raised():
            answer = await self._stub.ListSweepResults(request)
        return list(answer.results), answer.next_page_token


Sweeps = SweepStore | ThroughGrpc


@pytest.fixture(params=["store", "grpc"])
def sweeps(request: pytest.FixtureRequest, sweep_store: SweepStore) -> Sweeps:
    """What serves sweeps, asked directly and through gRPC."""
    return sweep_store if request.param == "store" else ThroughGrpc(request.getfixturevalue("sweep_stub"))


class Sending:
    """Sends the parts of a sweep, directly or through gRPC."""

    def __init__(self, recording: SweepRecording, stub: Any) -> None:
        self._recording = recording
        self._stub = stub

    async def record(self, parts: Iterable[Part]) -> list[SweepAck]:
        if self._stub is None:
            return await sent(self._recording, parts)
        parts = list(parts)
        while True:
            try:
                with as_raised():
                    answers = [answer async for answer in self._stub.RecordSweep(iter(parts))]
            except errors.Internal as lost:
                # gRPC's client forgets what the other side said when it still writes as the call ends. Nothing was kept: send it again.
                if lost.message != "Internal error from Core":
                    raise
            else:
                return [SweepAck(answer.sweep_id, answer.existing_sweep_id, answer.recorded) for answer in answers]


@pytest.fixture(params=["store", "grpc"])
async def sending(request: pytest.FixtureRequest, database: Database, sweep_recording: SweepRecording) -> AsyncIterator[Sending]:
    if request.param == "store":
        yield Sending(sweep_recording, None)
        return
    servicer = RecordServicer(RecordingStore(database, lease_seconds=30), sweep_recording, strategies_of(database))
    async with (
        served(record_service_pb2_grpc.add_RecordServiceServicer_to_server, servicer) as target,
        open_aio_channel(target) as channel,
    ):
        yield Sending(sweep_recording, record_service_pb2_grpc.RecordServiceStub(channel))


async def numbers_of(sweeps: Sweeps, sweep_id: str = "", **how: Any) -> list[int]:
    """The numbers of all results of a list, page by page."""
    numbers: list[int] = []
    token = ""
    while True:
        results, token = await sweeps.list_sweep_results(sweep_id, page_token=token, **how)
        numbers += [result.number for result in results]
        if not token:
            return numbers


class TestRecordSweep:
    async def test_started_and_finished_are_answered(self, sending: Sending) -> None:
        parts = whole_sweep()
        sweep_id = parts[0].started.sweep_id
        assert await sending.record(parts) == [SweepAck(sweep_id), SweepAck(sweep_id, recorded=True)]

    async def test_asking_alone_leaves_nothing(self, sending: Sending, sweep_store: SweepStore) -> None:
        parts = whole_sweep()
        assert await sending.record(parts[:1]) == [SweepAck(parts[0].started.sweep_id)]
        assert await sweep_store.list_sweeps() == ([], "")

    async def test_a_sweep_that_is_cut_off_leaves_nothing(self, sending: Sending, sweep_store: SweepStore) -> None:
        error = await refusal(lambda: sending.record(whole_sweep()[:-1]))
        assert fields_of(error) == ["part"]
        assert await sweep_store.list_sweeps() == ([], "")
        assert await sweep_store.list_sweep_results() == ([], "")

    async def test_sending_it_again_changes_nothing(self, sending: Sending, sweep_store: SweepStore) -> None:
        parts = whole_sweep(make_sweep_started(request_id="once"))
        assert await sending.record(parts) == await sending.record(parts)
        assert len((await sweep_store.list_sweep_results())[0]) == 6

    async def test_another_sweep_of_the_same_id_is_refused(self, sending: Sending) -> None:
        parts = whole_sweep()
        await sending.record(parts)
        others = (
            whole_sweep(parts[0].started, metrics={"pnl": [1.0] * 6}),
            whole_sweep(make_sweep_started(parts[0].started.sweep_id, session_count=7)),
            without_results(CANCELLED, parts[0].started),
        )
        for other in others:
            error = await refusal(partial(sending.record, other))
            assert (type(error), error.reason) == (errors.DataLoss, "NONDETERMINISTIC_RESULT")

    @pytest.mark.parametrize("state", [CANCELLED, FAILED])
    async def test_a_sweep_that_did_not_succeed_has_one_row_and_no_results(
        self, sending: Sending, sweep_store: SweepStore, state: sweep_pb2.SweepState
    ) -> None:
        reason = run_pb2.RunError(reason="LOOK_AHEAD", message="no")
        parts = without_results(state, error=reason)
        assert (await sending.record(parts))[-1].recorded
        (sweep,) = (await sweep_store.list_sweeps())[0]
        assert (sweep.sweep_id, sweep.state, sweep.error, sweep.result_count) == (parts[0].started.sweep_id, state, reason, 0)
        assert await sweep_store.list_sweep_results(sweep.sweep_id) == ([], "")

    async def test_runs_that_failed_are_no_results(self, sending: Sending, sweep_store: SweepStore) -> None:
        results = make_results(range(1, 4), ["GOOG"] * 3)
        failure = run_pb2.RunError(reason="STRATEGY_FAILED", message="ValueError: no")
        finished = make_sweep_finished(results, failed_count=3, first_failure=failure)
        parts = make_parts(make_sweep_started(), [results], finished)
        await sending.record(parts)
        sweep = await sweep_store.get_sweep(parts[0].started.sweep_id)
        assert (sweep.result_count, sweep.failed_count) == (3, 3)

    async def test_a_request_id_makes_one_sweep(self, sending: Sending) -> None:
        first, second = (whole_sweep(make_sweep_started(request_id="once")) for _ in range(2))
        await sending.record(first)
        assert await sending.record(second) == [SweepAck(second[0].started.sweep_id, existing_sweep_id=first[0].started.sweep_id)]

    async def test_another_engine_or_time_limit_asks_the_same(self, sending: Sending) -> None:
        first = whole_sweep(make_sweep_started(request_id="once"))
        await sending.record(first)
        spec = make_sweep_spec(engine=run_pb2.ENGINE_CHOICE_ZIPLINE, spec=make_spec(parameters={"slow": 30}, timeout_seconds=7))
        (ack,) = await sending.record(whole_sweep(make_sweep_started(request_id="once", sweep=spec)))
        assert ack.existing_sweep_id == first[0].started.sweep_id

    async def test_a_request_id_may_be_used_again_after_a_sweep_that_did_not_succeed(self, sending: Sending, sweeps: Sweeps) -> None:
        cancelled, again = (make_sweep_started(request_id="once") for _ in range(2))
        finished = sweep_pb2.SweepFinished(state=sweep_pb2.SWEEP_STATE_CANCELLED)
        acks = await sending.record([Part(started=cancelled), Part(finished=finished)])
        assert acks[-1].recorded
        acks = await sending.record(whole_sweep(again))
        assert [ack.existing_sweep_id for ack in acks] == ["", ""]
        assert acks[-1].recorded
        assert (await sweeps.get_sweep(cancelled.sweep_id)).state == sweep_pb2.SWEEP_STATE_CANCELLED

    async def test_a_request_id_of_another_spec_is_refused(self, sending: Sending) -> None:
        first = whole_sweep(make_sweep_started(request_id="once"))
        await sending.record(first)
        other = make_sweep_started(request_id="once", sweep=make_sweep_spec(grid={"fast": [1, 2, 3]}))
        error = await refusal(lambda: sending.record(whole_sweep(other)))
        assert (error.reason, error.metadata) == ("REQUEST_ID_REUSED", {"existing_sweep_id": first[0].started.sweep_id})

    async def test_a_digest_that_is_not_that_of_the_results_is_refused(self, sending: Sending, sweep_store: SweepStore) -> None:
        parts = whole_sweep()
        parts[-1].finished.result_digest = "0" * 64
        error = await refusal(lambda: sending.record(parts))
        assert fields_of(error) == ["finished.result_digest"]
        assert await sweep_store.list_sweeps() == ([], "")

    async def test_parts_out_of_order_are_refused(self, sending: Sending) -> None:
        parts = whole_sweep()
        orders: tuple[tuple[list[Part], list[str]], ...] = (
            ([], ["part"]),
            (parts[1:], ["part"]),
            ([parts[0], *parts], ["part"]),
            ([parts[0], parts[2], parts[1], parts[3]], ["results.numbers"]),
        )
        for wrong, fields in orders:
            error = await refusal(partial(sending.record, wrong))
            assert fields_of(error) == fields


class TestGetSweep:
    async def test_a_sweep_is_described_as_it_was_recorded(self, sweeps: Sweeps, record_sweep: RecordSweep) -> None:
        parts = whole_sweep(make_sweep_started(request_id="once"))
        started, finished = parts[0].started, parts[-1].finished
        sweep = await sweeps.get_sweep(await record_sweep(parts))
        assert sweep.HasField("finish_time")
        sweep.ClearField("finish_time")
        assert sweep == sweep_pb2.Sweep(
            sweep_id=started.sweep_id,
            sweep=started.sweep,
            state=sweep_pb2.SWEEP_STATE_SUCCEEDED,
            source=sweep_pb2.SWEEP_SOURCE_ENGINE,
            labels={"team": "alpha"},
            create_time=started.create_time,
            result_count=6,
            skipped_count=1,
            session_count=252,
            strategy_type="trend",
            provenance=started.provenance,
            result_digest=finished.result_digest,
            execution_seconds=0.25,
            request_id="once",
        )

    async def test_an_unknown_sweep_is_not_found(self, sweeps: Sweeps) -> None:
        sweep_id = new_run_id()
        for call in (sweeps.get_sweep, sweeps.list_sweep_results):
            error = await refusal(partial(call, sweep_id))
            assert (type(error), error.reason, error.metadata) == (errors.NotFound, "SWEEP_NOT_FOUND", {"sweep_id": sweep_id})

    async def test_a_malformed_id_is_refused(self, sweeps: Sweeps) -> None:
        for sweep_id in ("7", "not-a-uuid", "\x00"):
            for call in (sweeps.get_sweep, sweeps.list_sweep_results):
                error = await refusal(partial(call, sweep_id))
                assert (error.reason, fields_of(error)) == ("INVALID_REQUEST", ["sweep_id"])


class TestListSweeps:
    async def test_newest_first_page_by_page(self, sweeps: Sweeps, record_sweep: RecordSweep) -> None:
        ids = [await record_sweep() for _ in range(3)]
        page, token = await sweeps.list_sweeps(page_size=2)
        rest, end = await sweeps.list_sweeps(page_size=2, page_token=token)
        assert [sweep.sweep_id for sweep in [*page, *rest]] == ids[::-1]
        assert end == ""
        assert len((await sweeps.list_sweeps(page_size=MAX_PAGE_SIZE + 1))[0]) == 3

    @pytest.mark.parametrize(
        ("text", "matches"),
        [
            ('strategy = "sma_crossover" AND symbols:"GOOG"', True),
            ("strategy = momentum OR symbols:IBM", False),
            ("strategy_type = trend dataset = wiki interval = 1d", True),
            ("state = SUCCEEDED source = ENGINE", True),
            ("state = SWEEP_STATE_CANCELLED", False),
            ("labels.team = alpha create_time > 2020-01-01", True),
            ("NOT labels:team", False),
        ],
    )
    async def test_a_filter_matches_what_its_words_say(
        self, sweeps: Sweeps, record_sweep: RecordSweep, text: str, *, matches: bool
    ) -> None:
        sweep_id = await record_sweep()
        found, _ = await sweeps.list_sweeps(filter_text=text)
        assert [sweep.sweep_id for sweep in found] == ([sweep_id] if matches else [])

    async def test_everything_wrong_is_said_at_once(self, sweeps: Sweeps) -> None:
        error = await refusal(lambda: sweeps.list_sweeps(filter_text="sharpe_ratio > 1", page_size=-1))
        assert fields_of(error) == ["filter", "page_size"]
        assert "'sharpe_ratio' is not a field of a sweep" in error.message

    async def test_a_token_is_good_for_its_own_list_only(self, sweeps: Sweeps, record_sweep: RecordSweep) -> None:
        for _ in range(2):
            await record_sweep()
        _, token = await sweeps.list_sweeps(page_size=1)
        calls = (
            lambda: sweeps.list_sweeps(filter_text="state = FAILED", page_token=token),
            lambda: sweeps.list_sweep_results(page_token=token),
        )
        for call in calls:
            assert (await refusal(call)).reason == "INVALID_PAGE_TOKEN"


class TestListSweepResults:
    async def test_a_result_is_described_as_it_was_sent(self, sweeps: Sweeps, record_sweep: RecordSweep) -> None:
        parts = whole_sweep()
        started = parts[0].started
        results, token = await sweeps.list_sweep_results(await record_sweep(parts))
        assert token == ""
        metrics: dict[str, Any] = {name: metric_value(name, 4) for name in RESULT_METRICS}
        edge_score = metrics.pop("edge_score")
        counts = {name: int(value) for name, value in metrics.items() if name.startswith("trades_") or name == "open_positions"}
        assert results[3] == sweep_pb2.SweepResult(
            sweep_id=started.sweep_id,
            number=4,
            strategy="sma_crossover",
            symbol="AAPL",
            parameters={"fast": 5},
            metrics=run_pb2.Metrics(**{**metrics, **counts}),
            edge_score=edge_score,
            create_time=started.create_time,
        )

    async def test_every_value_comes_back_to_the_last_bit(self, sweeps: Sweeps, record_sweep: RecordSweep) -> None:
        odd = [0.1, -0.0, 5e-324, 1.7976931348623157e308, 1 / 3, -1e-7]
        sweep_id = await record_sweep(whole_sweep(metrics={"pnl": odd, "edge_score": odd}))
        results, _ = await sweeps.list_sweep_results(sweep_id)
        assert [result.metrics.pnl.hex() for result in results] == [value.hex() for value in odd]
        assert [result.edge_score.hex() for result in results] == [value.hex() for value in odd]

    async def test_what_is_undefined_is_absent(self, sweeps: Sweeps, record_sweep: RecordSweep) -> None:
        holes = [None, 1.0, None, 2.0, None, 3.0]
        metrics = dict.fromkeys(("sharpe_ratio", "trades_won", "average_trade_return", "edge_score"), holes)
        results, _ = await sweeps.list_sweep_results(await record_sweep(whole_sweep(metrics=metrics)))
        for result, value in zip(results, holes, strict=True):
            for name in ("sharpe_ratio", "trades_won", "average_trade_return"):
                assert result.metrics.HasField(name) == (value is not None)
            assert result.HasField("edge_score") == (value is not None)
            assert result.metrics.HasField("alpha")

    async def test_parameters_of_any_kind_come_back(self, sweeps: Sweeps, record_sweep: RecordSweep) -> None:
        started = make_sweep_started(result_count=3, sweep=make_sweep_spec(symbol_grouping=sweep_pb2.SYMBOL_GROUPING_TOGETHER))
        results = make_results(range(1, 4), fasts=[0.1, 7.0, 1e300])
        held = struct_pb2.ListValue()
        plain: list[Any] = [[{"name": "rsi", "level": 30}, "é\n💥", True], None, "a"]
        held.extend(plain)
        column = results.parameters.add(name='rules "{}" é', values=held.values)
        listed, _ = await sweeps.list_sweep_results(await record_sweep(make_parts(started, [results])))
        assert [result.parameters.fields["fast"].number_value for result in listed] == [0.1, 7.0, 1e300]
        assert [result.parameters.fields['rules "{}" é'] for result in listed] == list(column.values)
        assert {result.symbol for result in listed} == {""}

    async def test_a_sweep_without_parameters_that_vary_has_none(self, sweeps: Sweeps, record_sweep: RecordSweep) -> None:
        results = make_results([1, 2], ["GOOG", "AAPL"])
        del results.parameters[:]
        listed, _ = await sweeps.list_sweep_results(await record_sweep(make_parts(make_sweep_started(result_count=2), [results])))
        assert [dict(result.parameters) for result in listed] == [{}, {}]

    @pytest.mark.parametrize("page_size", [1, 2, 20])
    async def test_one_sweep_ranks_with_ties_by_number_and_undefined_last(
        self, sweeps: Sweeps, record_sweep: RecordSweep, page_size: int
    ) -> None:
        await record_sweep()
        sweep_id = await record_sweep(whole_sweep(metrics={"sharpe_ratio": [1.0, 2.0, None, 2.0, 1.0, None]}))
        how = {"page_size": page_size}
        assert await numbers_of(sweeps, sweep_id, order_by="sharpe_ratio desc", **how) == [2, 4, 1, 5, 3, 6]
        assert await numbers_of(sweeps, sweep_id, order_by="sharpe_ratio", **how) == [1, 5, 2, 4, 3, 6]
        assert await numbers_of(sweeps, sweep_id, **how) == [1, 2, 3, 4, 5, 6]
        assert await numbers_of(sweeps, sweep_id, order_by="number desc", **how) == [6, 5, 4, 3, 2, 1]
        assert await numbers_of(sweeps, sweep_id, order_by="create_time", **how) == [1, 2, 3, 4, 5, 6]

    @pytest.mark.parametrize("page_size", [1, 5, 20])
    async def test_all_sweeps_are_listed_newest_first_and_by_any_metric(
        self, sweeps: Sweeps, record_sweep: RecordSweep, page_size: int
    ) -> None:
        older = await record_sweep(whole_sweep(metrics={"edge_score": [0.5, None, 0.25, 0.5, 0.5, 0.5]}))
        newer = await record_sweep(whole_sweep(metrics={"edge_score": [0.5, 0.75, None, 0.5, 0.5, 0.5]}))
        found: list[list[tuple[str, int]]] = []
        for how in ({}, {"filter_text": "symbol = GOOG", "order_by": "edge_score desc"}):
            token = ""
            found.append([])
            while True:
                results, token = await sweeps.list_sweep_results(page_size=page_size, page_token=token, **how)
                found[-1] += [(result.sweep_id, result.number) for result in results]
                if not token:
                    break
        assert found[0] == [(sweep_id, number) for sweep_id in (newer, older) for number in range(6, 0, -1)]
        assert found[1] == [(newer, 2), (newer, 1), (older, 1), (older, 3), (newer, 3), (older, 2)]

    @pytest.mark.parametrize(
        ("text", "numbers"),
        [
            ("symbol = GOOG", [1, 2, 3]),
            ("symbol = GO* AND parameters.fast >= 10", [2, 3]),
            ("strategy = sma_crossover AND trades_won > 4", [5, 6]),
            ("edge_score <= 25.25", [1, 2]),
            ("create_time > 2020-01-01 parameters.fast = 15", [3, 6]),
            ("create_time < 2020-01-01", []),
            ("strategy = momentum", []),
        ],
    )
    async def test_a_filter_matches_what_its_words_say(
        self, sweeps: Sweeps, record_sweep: RecordSweep, text: str, numbers: list[int]
    ) -> None:
        sweep_id = await record_sweep()
        assert await numbers_of(sweeps, sweep_id, filter_text=text) == numbers
        assert sorted(await numbers_of(sweeps, filter_text=text)) == numbers

    async def test_everything_wrong_is_said_at_once(self, sweeps: Sweeps) -> None:
        error = await refusal(lambda: sweeps.list_sweep_results("7", filter_text="foo = 1", order_by="foo", page_size=-1))
        assert fields_of(error) == ["sweep_id", "filter", "order_by", "page_size"]
        assert "'foo' is not a field of a sweep's result" in error.message

    async def test_the_last_run_made_of_a_result_is_named(self, sweeps: Sweeps, record_sweep: RecordSweep, record: Record) -> None:
        sweep_id = await record_sweep()
        made = [await record(whole_run(started={"sweep": run_pb2.SweepLink(sweep_id=sweep_id, number=number)})) for number in (2, 4, 2)]
        results, _ = await sweeps.list_sweep_results(sweep_id)
        assert [result.promoted_run_id for result in results] == ["", made[2], "", made[1], "", ""]

    async def test_there_are_as_many_results_as_combinations_times_symbols(self, sweeps: Sweeps, record_sweep: RecordSweep) -> None:
        assert len((await sweeps.list_sweep_results(await record_sweep()))[0]) == 2 * len(FASTS)
