"""Sweeps the whole way: client -> engine -> processes -> store -> PostgreSQL and back, both services as real processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToDict

from deploy.local import Pair, running
from tapedeck.v1 import (
    engine_service_pb2,
    engine_service_pb2_grpc,
    run_pb2,
    sweep_pb2,
    sweep_service_pb2,
    sweep_service_pb2_grpc,
    transfer_service_pb2,
)
from tapedeck_client import TapedeckClient
from tapedeck_rpc import errors
from tapedeck_rpc.channel import open_channel
from tapedeck_rpc.status import from_rpc_error
from tests.fix_pair import client_of, new_pair
from tests.fix_plugins import PLUGINS

SUCCEEDED, FAILED, CANCELLED = sweep_pb2.SWEEP_STATE_SUCCEEDED, sweep_pb2.SWEEP_STATE_FAILED, sweep_pb2.SWEEP_STATE_CANCELLED
IDENTICAL = engine_service_pb2.SweepVerification.OUTCOME_IDENTICAL


def sweep_request(strategy: str = "sma_crossover", symbols: tuple[str, ...] = ("GOOG", "AAPL"), **options: Any) -> Any:
    spec = run_pb2.RunSpec(strategy=strategy, dataset="wiki", symbols=symbols, start_date="2006-01-03", end_date="2007-12-31")
    grid = options.pop("grid", {"fast": [5, 10, 20, 60], "slow": [20, 50, 100]})
    request = engine_service_pb2.RunSweepRequest(spec=spec, **options)
    request.grid.update(grid)
    return request


class Sweeper:
    """Stubs of a running pair."""

    def __init__(self, pair: Pair) -> None:
        self._channels = open_channel(pair.engine_address), open_channel(pair.store_address)
        self.engine: Any = engine_service_pb2_grpc.EngineServiceStub(self._channels[0])
        self.store: Any = sweep_service_pb2_grpc.SweepServiceStub(self._channels[1])

    def close(self) -> None:
        for channel in self._channels:
            channel.close()

    def run(self, request: Any) -> list[Any]:
        try:
            return list(self.engine.RunSweep(request, timeout=100))
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None

    def recorded(self, sweep_id: str) -> sweep_pb2.Sweep:
        found: sweep_pb2.Sweep = self.store.GetSweep(sweep_service_pb2.GetSweepRequest(sweep_id=sweep_id)).sweep
        return found

    def results(self, sweep_id: str, **options: Any) -> list[sweep_pb2.SweepResult]:
        return list(self.store.ListSweepResults(sweep_service_pb2.ListSweepResultsRequest(sweep_id=sweep_id, **options)).results)

    def sweeps(self) -> list[sweep_pb2.Sweep]:
        return list(self.store.ListSweeps(sweep_service_pb2.ListSweepsRequest()).sweeps)


@pytest.fixture
def sweeper(pair: Pair) -> Iterator[Sweeper]:
    opened = Sweeper(pair)
    yield opened
    opened.close()


def kinds(answers: list[Any]) -> list[str]:
    return [answer.WhichOneof("event") for answer in answers]


def only(answers: list[Any], kind: str) -> Any:
    (found,) = [getattr(answer, kind) for answer in answers if answer.WhichOneof("event") == kind]
    return found


def test_a_sweep_is_streamed_ranked_recorded_promoted_and_verified(sweeper: Sweeper, client: TapedeckClient) -> None:
    answers = sweeper.run(sweep_request(top=3, verify=True, verify_sample_count=1, promote_top=2, labels={"team": "alpha"}))
    seen = kinds(answers)
    batches = seen.count("batch")
    assert seen == ["started", *["batch"] * batches, "ranked", "finished", "promotion", "promotion", "verification"]
    started, finished = answers[0].started, only(answers, "finished")
    assert (started.result_count, started.skipped_count) == (2 * 9, 3)  # skipped: 20 and 60 against 20, 60 against 50
    assert (finished.state, finished.recorded, finished.result_count) == (SUCCEEDED, True, 18)
    numbers = [number for answer in answers if answer.HasField("batch") for number in answer.batch.results.numbers]
    assert numbers == list(range(1, 19))
    assert only(answers, "verification").outcome == IDENTICAL
    ranked = only(answers, "ranked")
    assert list(ranked.symbols) == ["GOOG"] * 3 + ["AAPL"] * 3
    best = sweeper.results(started.sweep_id, order_by="sharpe_ratio desc", filter='symbol = "AAPL"', page_size=3)
    assert [result.number for result in best] == list(ranked.numbers[3:])
    stored = sweeper.recorded(started.sweep_id)
    assert stored.result_digest == finished.result_digest
    assert stored.labels == {"team": "alpha"}
    promotions = [answer.promotion for answer in answers if answer.HasField("promotion")]
    for promotion in promotions:
        run = client.get(promotion.run_id)
        (result,) = [each for each in sweeper.results(started.sweep_id, page_size=20) if each.number == promotion.number]
        assert (run.state, run.sweep.sweep_id, run.sweep.number) == (run_pb2.RUN_STATE_SUCCEEDED, started.sweep_id, promotion.number)
        assert run.metrics.sharpe_ratio == result.metrics.sharpe_ratio
        assert run.metrics.final_portfolio_value == result.metrics.final_portfolio_value


def test_a_repeated_request_id_is_answered_with_what_is_recorded_and_nothing_is_executed(sweeper: Sweeper) -> None:
    first = sweeper.run(sweep_request(request_id="the-same-sweep", top=2))
    count = len(sweeper.sweeps())
    again = sweeper.run(sweep_request(request_id="the-same-sweep", top=2))
    assert len(sweeper.sweeps()) == count
    assert again[0] == first[0]
    assert only(again, "ranked") == only(first, "ranked")
    assert only(again, "finished") == only(first, "finished")
    rows = [[answer.batch.results for answer in answers if answer.HasField("batch")] for answers in (first, again)]
    columns = [[list(column.values) for column in _joined(parts)] for parts in rows]
    assert columns[0] == columns[1]
    with pytest.raises(errors.InvalidArgument) as raised:
        sweeper.run(sweep_request(request_id="the-same-sweep", grid={"fast": [5], "slow": [50]}))
    assert raised.value.reason == "REQUEST_ID_REUSED"


def _joined(parts: list[sweep_pb2.SweepResults]) -> list[sweep_pb2.MetricColumn]:
    joined = [sweep_pb2.MetricColumn(metric=column.metric) for column in parts[0].metrics]
    for part in parts:
        for into, column in zip(joined, part.metrics, strict=True):
            into.values.extend(column.values)
    return joined


def test_every_violation_is_named_at_once_and_nothing_is_recorded(sweeper: Sweeper) -> None:
    before = len(sweeper.sweeps())
    wrong = sweep_request(symbols=("NOPE",), rank_by="luck", top=5_000, grid={"fast": [0], "slow": [], "speed": [1]})
    wrong.spec.end_date = "later"
    with pytest.raises(errors.InvalidArgument) as raised:
        sweeper.run(wrong)
    fields = {violation.field for violation in raised.value.violations}
    assert fields == {"spec.symbols", "spec.end_date", "rank_by", "top", "grid.fast", "grid.slow", "grid.speed"}
    assert len(sweeper.sweeps()) == before


def test_a_caller_who_leaves_cancels_the_sweep_which_leaves_one_row_and_no_results(sweeper: Sweeper) -> None:
    call = sweeper.engine.RunSweep(
        sweep_request("slow", ("GOOG",), grid={"seconds_per_session": [0.01 + place / 1e6 for place in range(9)]})
    )
    started = next(call).started
    next(call)
    call.cancel()
    found: list[sweep_pb2.Sweep] = []
    while not found:
        found = [sweep for sweep in sweeper.sweeps() if sweep.sweep_id == started.sweep_id]
    assert (found[0].state, found[0].error.reason, found[0].result_count) == (CANCELLED, "SWEEP_CANCELLED", 0)
    assert sweeper.results(started.sweep_id) == []


def test_a_strategy_that_looks_ahead_fails_the_sweep(sweeper: Sweeper) -> None:
    answers = sweeper.run(sweep_request("peeks", ("GOOG",), grid={"weight": [0.5, 0.6]}))
    finished = only(answers, "finished")
    assert kinds(answers) == ["started", "batch", "finished"]
    assert (finished.state, finished.error.reason, finished.recorded) == (FAILED, "LOOK_AHEAD", True)
    assert sweeper.recorded(answers[0].started.sweep_id).state == FAILED


def test_a_sweep_of_an_event_driven_strategy_is_zipline_s_and_the_kernel_refuses_it(sweeper: Sweeper) -> None:
    request = sweep_request("raises_in_session", ("GOOG",), grid={"session_number": [3, 100_000]})
    answers = sweeper.run(request)
    finished = only(answers, "finished")
    assert answers[0].started.provenance.engine_kind == "zipline"
    assert (finished.result_count, finished.failed_count) == (1, 1)
    assert finished.first_failure.reason == "STRATEGY_FAILED"
    request.engine = run_pb2.ENGINE_CHOICE_KERNEL
    with pytest.raises(errors.FailedPrecondition) as raised:
        sweeper.run(request)
    assert raised.value.reason == "OUTSIDE_KERNEL"


def test_an_unsaved_sweep_leaves_nothing_behind(sweeper: Sweeper) -> None:
    before = len(sweeper.sweeps())
    answers = sweeper.run(sweep_request(save=False, omit_batches=True))
    finished = only(answers, "finished")
    assert (finished.state, finished.recorded) == (SUCCEEDED, False)
    assert "not to be saved" in finished.not_recorded_reason
    assert not any(answer.batch.HasField("results") for answer in answers)
    assert len(sweeper.sweeps()) == before


def test_an_engine_that_is_killed_leaves_no_process_and_no_sweep_behind(data_dir: Path, database_url: str, plugin_path: Path) -> None:
    environment = {"PYTHONPATH": str(plugin_path), "TAPEDECK_STRATEGY_PLUGINS": PLUGINS}
    with running(new_pair(data_dir, database_url, environment)) as pair, client_of(pair):
        sweeper = Sweeper(pair)
        call = sweeper.engine.RunSweep(sweep_request("slow", ("GOOG",), grid={"seconds_per_session": [0.01, 0.02]}))
        next(call)
        session = os.getsid(pair.engine.pid)
        pair.engine.kill()
        while _session_members(session):
            pass
        assert sweeper.sweeps() == []
        sweeper.close()


def _session_members(session: int) -> list[int]:
    """Processes of a session that are not dead."""
    members = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(state[3]) == session and state[0] != "Z":
                members.append(int(entry.name))
    return members


def test_the_store_s_outage_costs_the_recording_and_not_the_results(data_dir: Path, database_url: str) -> None:
    with running(new_pair(data_dir, database_url, {"TAPEDECK_STORE_WAIT_SECONDS": "0.5"})) as pair:
        sweeper = Sweeper(pair)
        pair.store.kill()
        answers = sweeper.run(sweep_request(request_id="nobody-knows"))
        finished = only(answers, "finished")
        assert (finished.state, finished.recorded) == (SUCCEEDED, False)
        assert "store" in finished.not_recorded_reason
        sweeper.close()


def test_a_stack_of_rules_found_elsewhere_is_saved_ranked_and_promoted(client: TapedeckClient) -> None:
    stacks = [["sma_above(10,30)", "rsi_below(14,70)"], ["momentum_above(90,0)"]]
    request = transfer_service_pb2.CreateSweepRequest(
        create_time=datetime(2026, 3, 1, tzinfo=UTC),
        spec=run_pb2.RunSpec(strategy="rule_stack", dataset="wiki", start_date="2006-01-03", end_date="2007-12-31"),
        rank_by="edge_score",
    )
    for stack, edge_score in zip(stacks, (0.7, 0.6), strict=True):
        entry = request.results.add(symbol="GOOG", edge_score=edge_score, metrics=run_pb2.Metrics(win_rate=edge_score))
        entry.parameters.update({"entry": stack})
    created, again = client.create_sweep(request), client.create_sweep(request)
    assert (created.created, again.created, again.sweep_id) == (True, False, created.sweep_id)
    found = list(client.sweep_results(filter="symbol = GOOG AND create_time = 2026-03-01", order_by="edge_score"))
    assert {result.sweep_id for result in found} == {created.sweep_id}
    assert [MessageToDict(result.parameters) for result in found] == [{"entry": stack} for stack in stacks[::-1]]
    events = [answer.event for answer in client.promote(created.sweep_id, 1)]
    assert (events[-1].finished.state, events[0].started.sweep.number) == (run_pb2.RUN_STATE_SUCCEEDED, 1)
    assert MessageToDict(events[0].started.spec.parameters)["entry"] == stacks[0]
