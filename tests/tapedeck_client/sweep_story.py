"""A sweep of four combinations on two symbols as the engine tells it, and as the store keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from tapedeck.v1.engine_service_pb2 import RunSweepResponse, SweepBatch, SweepPromotion, SweepVerification
from tapedeck.v1.run_pb2 import Metrics, Provenance, RunError, RunSpec
from tapedeck.v1.sweep_pb2 import (
    MetricColumn,
    ParameterColumn,
    Sweep,
    SweepFinished,
    SweepResult,
    SweepResults,
    SweepSource,
    SweepSpec,
    SweepStarted,
    SweepState,
    SymbolGrouping,
)

SWEEP_ID = "019ab000-0000-7000-8000-5555aaaa0001"
CANCELLED_SWEEP_ID = "019ab000-0000-7000-8000-5555bbbb0002"

GRID = {"fast": [5, 10], "slow": [50, 100]}
COMBINATIONS = [(fast, slow) for fast in GRID["fast"] for slow in GRID["slow"]]
SHARPE = [0.5, 0.25, None, 0.75]
"""Of the combinations in order: the third is undefined, the fourth is best."""


def sweep_spec(*symbols: str, **fields: Any) -> SweepSpec:
    shared = RunSpec(strategy="sma_crossover", dataset="wiki", symbols=symbols or ["GOOG"], start_date="2005-01-03", end_date="2012-12-31")
    asked: dict[str, Any] = {"grid": GRID, "symbol_grouping": SymbolGrouping.SYMBOL_GROUPING_EACH, "rank_by": "sharpe_ratio", **fields}
    return SweepSpec(spec=shared, **asked)


def columns(places: Sequence[int], *, symbols: Sequence[str] = ()) -> SweepResults:
    """Results of the combinations at these places, counted from 0."""
    sharpe = [SHARPE[i] for i in places]
    return SweepResults(
        numbers=[i + 1 for i in places],
        symbols=symbols,
        parameters=[
            ParameterColumn(name="fast", numbers=[COMBINATIONS[i][0] for i in places]),
            ParameterColumn(name="slow", numbers=[COMBINATIONS[i][1] for i in places]),
        ],
        metrics=[
            MetricColumn(metric="total_return", values=[0.1 * i for i in places]),
            MetricColumn(
                metric="sharpe_ratio", values=[value or 0 for value in sharpe], undefined=[i for i, v in enumerate(sharpe) if v is None]
            ),
            MetricColumn(metric="trades_total", values=[i + 10 for i in places]),
            MetricColumn(metric="edge_score", values=[0.5 for _ in places]),
        ],
    )


def identical() -> SweepVerification:
    return SweepVerification(outcome=SweepVerification.OUTCOME_IDENTICAL, numbers=[4, 1], summary="All metrics are equal.")


def sweep_story(
    spec: SweepSpec | None = None,
    *,
    finished: SweepFinished | None = None,
    promotions: Sequence[SweepPromotion] = (),
    verification: SweepVerification | None = None,
) -> list[RunSweepResponse]:
    """A sweep on one symbol: started, two batches, the best, finished, promotions, verification."""
    told = spec or sweep_spec()
    started = SweepStarted(
        sweep_id=SWEEP_ID,
        sweep=told,
        provenance=Provenance(engine_kind="kernel"),
        result_count=4,
        skipped_count=2,
        session_count=2013,
        create_time=Timestamp(seconds=1_790_000_000),
    )
    symbol = [] if told.symbol_grouping == SymbolGrouping.SYMBOL_GROUPING_TOGETHER else ["GOOG"]
    return [
        RunSweepResponse(started=started),
        RunSweepResponse(batch=SweepBatch(completed_count=2, results=columns([0, 1], symbols=symbol * 2))),
        RunSweepResponse(batch=SweepBatch(completed_count=4, results=columns([2, 3], symbols=symbol * 2))),
        RunSweepResponse(ranked=columns([3, 0, 1], symbols=symbol * 3)),
        RunSweepResponse(finished=finished or succeeded()),
        *(RunSweepResponse(promotion=promotion) for promotion in promotions),
        *([RunSweepResponse(verification=verification)] if verification else []),
    ]


def succeeded(**fields: Any) -> SweepFinished:
    told: dict[str, Any] = {"state": SweepState.SWEEP_STATE_SUCCEEDED, "result_count": 4, "recorded": True, "execution_seconds": 1.5}
    return SweepFinished(**told | fields)


def recorded_sweeps() -> list[Sweep]:
    """One that succeeded, and one that was cancelled."""
    times: dict[str, Any] = {"create_time": Timestamp(seconds=1_790_000_000), "finish_time": Timestamp(seconds=1_790_000_002)}
    return [
        Sweep(
            sweep_id=SWEEP_ID,
            sweep=sweep_spec("GOOG", "IBM"),
            state=SweepState.SWEEP_STATE_SUCCEEDED,
            source=SweepSource.SWEEP_SOURCE_ENGINE,
            labels={"team": "alpha"},
            result_count=4,
            skipped_count=2,
            failed_count=1,
            provenance=Provenance(engine_kind="kernel"),
            execution_seconds=1.5,
            **times,
        ),
        Sweep(
            sweep_id=CANCELLED_SWEEP_ID,
            sweep=sweep_spec(),
            state=SweepState.SWEEP_STATE_CANCELLED,
            error=RunError(reason="SWEEP_CANCELLED", message="the caller left"),
            **times,
        ),
    ]


def recorded_results() -> list[SweepResult]:
    """Those of the first sweep, by number."""
    results = []
    for i, (fast, slow) in enumerate(COMBINATIONS):
        result = SweepResult(sweep_id=SWEEP_ID, number=i + 1, strategy="sma_crossover", symbol="GOOG" if i < 2 else "IBM")
        result.parameters.update({"fast": fast, "slow": slow})
        result.metrics.CopyFrom(Metrics(total_return=0.1 * i, sharpe_ratio=SHARPE[i], trades_total=i + 10))
        result.edge_score = 0.5
        results.append(result)
    return results
