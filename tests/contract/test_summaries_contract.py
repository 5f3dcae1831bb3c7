"""What SummarizeRuns promises, asked of the store itself and through gRPC: the wire changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from google.protobuf import json_format

from store_service.models import SORTABLE_METRICS
from store_service.runs import summary
from store_service.runs.organizing import RunOrganizer
from tapedeck.v1 import run_pb2, store_service_pb2
from tapedeck_rpc import errors
from tests.fix_replays import Runs, fields_of, refusal
from tests.fix_runs import Record, make_events, make_started, whole_run


def of(sharpe_ratio: float | None = 1.0, *, volatility: float = 0.2, trades: int = 5, **spec: Any) -> list[run_pb2.RunEvent]:
    metrics = {"sharpe_ratio": sharpe_ratio, "annual_volatility": volatility, "trades_total": trades}
    return whole_run(finished={"metrics": metrics}, **spec)


def counts(groups: list[store_service_pb2.RunGroup]) -> list[tuple[Any, int]]:
    """Per group: its value and its number of runs."""
    return [(json_format.MessageToDict(group.value), group.run_count) for group in groups]


async def test_all_runs_are_one_group_with_the_statistics_of_every_metric(runs: Runs, record: Record) -> None:
    ratios: list[float] = [0.3, -1.25, 2.0, 0.7, 1e-9, 1.1, 5.5]
    for place, ratio in enumerate(ratios):
        await record(of(ratio, volatility=0.1 + place, trades=place))
    (group,) = await runs.summarize_runs()
    assert (group.HasField("value"), group.run_count) == (False, 7)
    assert [each.metric for each in group.metrics] == list(SORTABLE_METRICS)
    found = {each.metric: each for each in group.metrics}
    expected = {"sharpe_ratio": ratios, "annual_volatility": [0.1 + n for n in range(7)], "trades_total": [float(n) for n in range(7)]}
    for name, values in expected.items():
        each = found[name]
        assert (each.count, each.undefined_count) == (7, 0)
        assert each.mean == pytest.approx(np.mean(values), rel=1e-12)
        assert each.median == np.median(values)
        assert [quantile.probability for quantile in each.quantiles] == [0.0, 0.05, 0.25, 0.75, 0.95, 1.0]
        for quantile in each.quantiles:
            assert quantile.value == pytest.approx(np.quantile(values, quantile.probability), rel=1e-12)
    assert (found["sharpe_ratio"].best, found["sharpe_ratio"].worst) == (5.5, -1.25)
    assert (found["annual_volatility"].best, found["annual_volatility"].worst) == (0.1, 6.1)
    assert not any(found["trades_total"].HasField(field) for field in ("best", "worst"))


async def test_undefined_metrics_are_left_out_and_counted(runs: Runs, record: Record) -> None:
    for ratio in (None, 2.0, None):
        await record(of(ratio))
    (group,) = await runs.summarize_runs(metrics=["alpha", "sharpe_ratio"])
    alpha, sharpe = group.metrics
    assert alpha == store_service_pb2.MetricSummary(metric="alpha", undefined_count=3)
    assert (sharpe.count, sharpe.undefined_count, sharpe.mean, sharpe.median, sharpe.best) == (1, 2, 2.0, 2.0, 2.0)


async def test_only_runs_that_succeeded_and_are_kept_count(runs: Runs, record: Record, run_organizer: RunOrganizer) -> None:
    kept = await record()
    await record(whole_run(state=run_pb2.RUN_STATE_FAILED))
    await record(make_events(make_started()))
    await run_organizer.delete_run(await record())
    for text in ("", f"run_id = {kept}"):
        assert counts(await runs.summarize_runs(text)) == [(None, 1)]
    for text in ("state = FAILED", "delete_time:*"):
        assert counts(await runs.summarize_runs(text)) == [(None, 0)]
        assert await runs.summarize_runs(text, group_by="strategy") == []


async def test_runs_are_grouped_by_strategy_and_a_filter_narrows_them(runs: Runs, record: Record) -> None:
    for strategy, ratio in (("momentum", 1.0), ("sma_crossover", 2.0), ("momentum", 4.0), ("Aroon", 0.5)):
        await record(of(ratio, strategy=strategy))
    groups = await runs.summarize_runs(group_by="strategy", metrics=["sharpe_ratio"])
    assert sorted(counts(groups)) == [("Aroon", 1), ("momentum", 2), ("sma_crossover", 1)]
    assert {group.value.string_value: group.metrics[0].mean for group in groups}["momentum"] == 2.5
    assert counts(await runs.summarize_runs("sharpe_ratio > 1 AND search:momentum", group_by="strategy")) == [("momentum", 1)]


async def test_a_run_is_in_the_group_of_each_of_its_symbols(runs: Runs, record: Record) -> None:
    await record(of(1.0, symbols=["GOOG"]))
    await record(of(3.0, symbols=["IBM", "GOOG"]))
    groups = await runs.summarize_runs("symbols:G*", group_by="symbol", metrics=["sharpe_ratio"])
    assert counts(groups) == [("GOOG", 2), ("IBM", 1)]
    assert [group.metrics[0].mean for group in groups] == [2.0, 3.0]


async def test_runs_are_grouped_by_a_parameter_in_the_order_of_its_values(runs: Runs, record: Record) -> None:
    settings: list[dict[str, Any]] = [{"n": 20}, {"n": 5}, {"n": 5.0}, {"n": "x"}, {"n": True}, {"n": None}, {}, {"n": [1]}]
    for parameters in settings:
        await record(of(parameters=parameters))
    expected = [("x", 1), (5, 2), (20, 1), (True, 1), ([1], 1), (None, 2)]
    found = counts(await runs.summarize_runs(group_by="parameters.n", metrics=["sharpe_ratio"]))
    assert sorted(found, key=str) == sorted(expected, key=str)
    assert [value for value, _ in found if type(value) is float] == [5, 20]
    assert found[-1] == (None, 2)


async def test_a_parameter_may_be_inside_another_and_have_any_name(runs: Runs, record: Record) -> None:
    await record(of(parameters={"stop rule": {"at": 0.1}}))
    assert counts(await runs.summarize_runs(group_by='parameters."stop rule".at')) == [(0.1, 1)]
    assert counts(await runs.summarize_runs(group_by="parameters.stop.at")) == [(None, 1)]


@pytest.mark.parametrize(
    "group_by", ["symbols", "parameters", "strategy.x", "parameters.", "a b", "parameters" + ".a" * 40, "parameters.\x00"]
)
async def test_what_can_not_be_grouped_by_is_refused(runs: Runs, group_by: str) -> None:
    error = await refusal(lambda: runs.summarize_runs(group_by=group_by))
    assert fields_of(error) == ["group_by"]
    assert 'is "strategy", "symbol" or a parameter such as "parameters.fast"' in error.message


async def test_everything_wrong_is_said_at_once(runs: Runs) -> None:
    metrics = ["sharpe", "alpha", "alpha", "max_drawdown_peak_date", "?"]
    error = await refusal(lambda: runs.summarize_runs("foo = 1", group_by="foo", metrics=metrics))
    assert fields_of(error) == ["filter", "group_by", "metrics[0]", "metrics[2]", "metrics[3]", "metrics[4]"]
    assert isinstance(error, errors.InvalidArgument)
    said = [violation.description for violation in error.violations[2:]]
    assert said[:3] == [
        'is not a metric: "sharpe"; did you mean sharpe_ratio?',
        "repeats metrics[1]",
        'is not a metric: "max_drawdown_peak_date"; did you mean max_drawdown?',
    ]
    assert said[3].startswith('is not a metric: "?"; there are total_return, ')


async def test_more_metrics_than_there_are_are_refused_unread(runs: Runs) -> None:
    assert fields_of(await refusal(lambda: runs.summarize_runs(metrics=["x"] * 100_000))) == ["metrics"]


async def test_too_many_runs_are_refused_with_what_would_narrow_them(runs: Runs, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "MAX_SUMMARIZED_RUNS", 3)
    for _ in range(2):
        await record(of())
    assert counts(await runs.summarize_runs(group_by="strategy")) == [("sma_crossover", 2)]
    error = await refusal(lambda: runs.summarize_runs(group_by="symbol"))
    assert fields_of(error) == ["filter"]
    assert "matches more than 3 runs, counted once for each of their symbols" in error.message
    for _ in range(2):
        await record(of())
    assert "narrow it, such as by create_time" in (await refusal(runs.summarize_runs)).message


async def test_too_many_groups_are_refused(runs: Runs, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "MAX_GROUPS", 2)
    for fast in (1, 2):
        await record(of(parameters={"fast": fast}))
    assert len(await runs.summarize_runs(group_by="parameters.fast")) == 2
    await record(of(parameters={"fast": 3}))
    error = await refusal(lambda: runs.summarize_runs(group_by="parameters.fast"))
    assert (fields_of(error), "more than 2 groups" in error.message) == (["group_by"], True)


async def test_values_that_are_too_long_for_a_message_are_refused(runs: Runs, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "MAX_PAGE_BYTES", 20_000)
    await record(of(parameters={"text": "x" * 10_000, "fast": 1}))
    assert len(await runs.summarize_runs(group_by="parameters.text")) == 1
    await record(of(parameters={"text": "y" * 10_000, "fast": 1}))
    assert "too long" in (await refusal(lambda: runs.summarize_runs(group_by="parameters.text"))).message
