"""The message of metrics: which fields are there, and which dates they name."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_service import metrics
from tapedeck.v1 import run_pb2

DATES = np.array([20100104, 20100105, 20100106, 20101231], dtype=np.int32)
FLAT = {"round_trips": (), "traded_value": 0.0, "sessions_with_position": 0, "open_positions": 0}


def compute(values: list[float], **changes: object) -> run_pb2.Metrics:
    arguments = {"capital_base": 100.0, **FLAT, **changes}
    return metrics.compute(DATES[: len(values)], np.array(values), **arguments)  # type: ignore[arg-type]


def present(message: run_pb2.Metrics) -> set[str]:
    return {field.name for field, _ in message.ListFields()}


def trips(*pnls: float) -> list[run_pb2.RoundTrip]:
    return [run_pb2.RoundTrip(pnl=pnl, return_on_cost=pnl / 100) for pnl in pnls]


def test_a_run_that_defines_every_metric_has_every_metric() -> None:
    found = compute(
        [110.0, 99.0, 120.0, 130.0],
        round_trips=trips(5.0, -2.0, 0.0),
        traded_value=400.0,
        sessions_with_position=3,
        open_positions=2,
        benchmark_closes=np.array([10.0, 11.0, 10.0, 12.0, 11.0]),
    )
    assert present(found) == set(run_pb2.Metrics.DESCRIPTOR.fields_by_name)
    assert found.total_return == pytest.approx(0.3)
    assert (found.pnl, found.final_portfolio_value) == (30.0, 130.0)
    assert (found.trades_total, found.trades_won, found.trades_lost, found.open_positions) == (3, 1, 1, 2)
    assert (found.expectancy, found.profit_factor, found.exposure) == (1.0, 2.5, 0.75)
    assert found.average_trade_return == pytest.approx((0.05 - 0.02 + 0.0) / 3)
    assert (found.best_session_date, found.worst_session_date) == ("2010-01-06", "2010-01-05")
    assert found.max_drawdown_peak_date == "2010-01-04"
    assert found.max_drawdown_valley_date == "2010-01-05"
    assert found.max_drawdown_recovery_date == "2010-01-06"


def test_undefined_metrics_are_absent() -> None:
    found = compute([100.0])
    assert set(run_pb2.Metrics.DESCRIPTOR.fields_by_name) - present(found) == {
        *("annual_volatility", "sharpe_ratio", "sortino_ratio", "calmar_ratio", "alpha", "beta"),
        *("max_drawdown_peak_date", "max_drawdown_valley_date", "max_drawdown_recovery_date"),
        *("win_rate", "profit_factor", "expectancy", "average_win", "average_loss", "average_trade_return"),
    }
    assert found.max_drawdown == 0.0


def test_the_peak_date_is_empty_when_the_capital_was_the_highest() -> None:
    found = compute([90.0, 95.0])
    assert found.HasField("max_drawdown_peak_date")
    assert found.max_drawdown_peak_date == ""
    assert found.max_drawdown_valley_date == "2010-01-04"
    assert not found.HasField("max_drawdown_recovery_date")


def test_sessions_without_returns_have_no_best_and_no_worst() -> None:
    assert {"best_session_date", "worst_session_date", "best_session_return"} & present(compute([100.0, 0.0, 50.0])) == set()


def test_what_overflows_is_absent() -> None:
    found = compute([1e308, 1e308], capital_base=1e-300)
    assert "total_return" not in present(found)
    assert "annual_return" not in present(found)


@given(
    values=st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=4),
    pnls=st.lists(st.floats(-1e9, 1e9), max_size=5),
    benchmark=st.lists(st.floats(1e-3, 1e6) | st.just(math.nan), min_size=5, max_size=5),
)
def test_no_metric_is_ever_nan_or_infinite(values: list[float], pnls: list[float], benchmark: list[float]) -> None:
    found = compute(values, round_trips=trips(*pnls), traded_value=1e6, benchmark_closes=np.array(benchmark[: len(values) + 1]))
    assert [field.name for field, value in found.ListFields() if isinstance(value, float) and not math.isfinite(value)] == []
    assert found.max_drawdown <= 0.0
    assert found.trades_won + found.trades_lost <= found.trades_total


def test_arrays_that_are_read_only_or_strided_will_do() -> None:
    values = np.repeat([110.0, 99.0, 120.0, 130.0], 2)
    values.flags.writeable = False
    arguments = {"capital_base": 100.0, **FLAT}
    assert metrics.compute(DATES, values[::2], **arguments) == compute([110.0, 99.0, 120.0, 130.0])  # type: ignore[arg-type]


@pytest.mark.parametrize(("dates", "values", "closes"), [(0, 0, None), (2, 3, None), (2, 2, 2)])
def test_arrays_that_do_not_fit_are_refused(dates: int, values: int, closes: int | None) -> None:
    benchmark = None if closes is None else np.ones(closes)
    with pytest.raises(ValueError, match="don't fit"):
        metrics.compute(
            DATES[:dates],
            np.ones(values),
            capital_base=1.0,
            round_trips=(),
            traded_value=0.0,
            sessions_with_position=0,
            open_positions=0,
            benchmark_closes=benchmark,
        )


def test_a_process_that_is_warm_compiles_nothing_more() -> None:
    from engine_service.measures import measure

    metrics.warm()
    signatures = list(measure.signatures)  # type: ignore[attr-defined]
    compute([1.0, 2.0], round_trips=trips(1.0), benchmark_closes=np.ones(3))
    assert list(measure.signatures) == signatures  # type: ignore[attr-defined]
