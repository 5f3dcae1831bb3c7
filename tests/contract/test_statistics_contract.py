"""What GetStrategyStatistics promises, asked of the store itself and through gRPC: the wire changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from store_service.models import SORTABLE_METRICS
from store_service.recording.checks import MAX_NAME_CHARS
from store_service.recording.store import RecordingStore
from store_service.runs.organizing import RunOrganizer
from store_service.strategies.store import StrategyStore
from tapedeck.v1 import run_pb2, strategy_pb2, strategy_service_pb2
from tests.fix_replays import as_raised, fields_of, refusal
from tests.fix_runs import Record, make_events, make_started, whole_run


class StatisticsThroughGrpc:
    """The verb, on the wire."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub

    async def get_statistics(self, strategy: str) -> strategy_pb2.StrategyStatistics:
        with as_raised():
            request = strategy_service_pb2.GetStrategyStatisticsRequest(strategy=strategy)
            return (await self._stub.GetStrategyStatistics(request)).statistics  # type: ignore[no-any-return]


Strategies = StrategyStore | StatisticsThroughGrpc


@pytest.fixture(params=["store", "grpc"])
def strategies(request: pytest.FixtureRequest, strategy_store: StrategyStore) -> Strategies:
    """The verb, asked directly and through gRPC."""
    return strategy_store if request.param == "store" else StatisticsThroughGrpc(request.getfixturevalue("strategy_stub"))


def of(sharpe_ratio: float | None = 1.0, *, volatility: float = 0.2, trades: int = 5, **spec: Any) -> list[run_pb2.RunEvent]:
    metrics = {"sharpe_ratio": sharpe_ratio, "annual_volatility": volatility, "trades_total": trades}
    return whole_run(finished={"metrics": metrics}, **spec)


def by_metric(statistics: strategy_pb2.StrategyStatistics) -> dict[str, strategy_pb2.MetricStatistics]:
    return {each.metric: each for each in statistics.metrics}


async def test_every_metric_has_its_mean_and_its_ends(strategies: Strategies, record: Record) -> None:
    runs = [of(ratio, volatility=0.25 * place, trades=place) for place, ratio in enumerate([0.5, -1.25, 2.0, None])]
    for run in runs:
        await record(run)
    await record(of(100.0, strategy="momentum"))
    statistics = await strategies.get_statistics("sma_crossover")
    assert (statistics.strategy, statistics.run_count) == ("sma_crossover", 4)
    assert statistics.newest_create_time == runs[-1][0].started.create_time
    assert [each.metric for each in statistics.metrics] == list(SORTABLE_METRICS)
    found = by_metric(statistics)
    assert found["sharpe_ratio"] == strategy_pb2.MetricStatistics(
        metric="sharpe_ratio", count=3, undefined_count=1, mean=1.25 / 3, lowest=-1.25, highest=2.0, best=2.0, worst=-1.25
    )
    assert found["annual_volatility"] == strategy_pb2.MetricStatistics(
        metric="annual_volatility", count=4, mean=0.375, lowest=0.0, highest=0.75, best=0.0, worst=0.75
    )
    assert found["trades_total"] == strategy_pb2.MetricStatistics(metric="trades_total", count=4, mean=1.5, lowest=0.0, highest=3.0)
    assert found["alpha"] == strategy_pb2.MetricStatistics(metric="alpha", undefined_count=4)


async def test_a_strategy_without_runs_that_succeeded_has_none(strategies: Strategies, record: Record) -> None:
    await record(whole_run(state=run_pb2.RUN_STATE_FAILED))
    await record(make_events(make_started()))
    for name in ("sma_crossover", "never heard of"):
        statistics = await strategies.get_statistics(name)
        assert (statistics.run_count, statistics.HasField("newest_create_time")) == (0, False)
        assert list(statistics.metrics) == [strategy_pb2.MetricStatistics(metric=metric) for metric in SORTABLE_METRICS]


async def test_a_run_counts_when_it_ends_not_while_it_is_deleted_and_again_when_it_is_back(
    strategies: Strategies, record: Record, recording_store: RecordingStore, run_organizer: RunOrganizer
) -> None:
    first, *rest = of(3.0)
    run_id = await record([first])
    assert (await strategies.get_statistics("sma_crossover")).run_count == 0
    await recording_store.append(run_id, 1, 2, rest)
    await record(of(1.0))
    everything = await strategies.get_statistics("sma_crossover")
    assert (everything.run_count, by_metric(everything)["sharpe_ratio"].mean) == (2, 2.0)
    await run_organizer.delete_run(run_id)
    for _ in range(2):
        left = await strategies.get_statistics("sma_crossover")
        assert (left.run_count, by_metric(left)["sharpe_ratio"].highest) == (1, 1.0)
    await run_organizer.undelete_run(run_id)
    assert await strategies.get_statistics("sma_crossover") == everything


async def test_values_too_large_to_be_added_up_have_no_mean_and_keep_no_run_from_being_recorded(
    strategies: Strategies, record: Record, run_organizer: RunOrganizer
) -> None:
    largest = [await record(of(1.7e308)) for _ in range(2)]
    await record(of(-1.0))
    ratio = by_metric(await strategies.get_statistics("sma_crossover"))["sharpe_ratio"]
    assert (ratio.count, ratio.HasField("mean"), ratio.lowest, ratio.highest) == (3, False, -1.0, 1.7e308)
    await run_organizer.batch_delete_runs(largest)
    assert by_metric(await strategies.get_statistics("sma_crossover"))["sharpe_ratio"].mean == -1.0


@pytest.mark.parametrize("name", ["", "x" * (MAX_NAME_CHARS + 1), "a\0b"])
async def test_what_is_no_name_is_refused(strategies: Strategies, name: str) -> None:
    assert fields_of(await refusal(lambda: strategies.get_statistics(name))) == ["strategy"]
