"""A sweep that is recorded already, told as if it happened now: what a known request_id is answered with.

Only sweeps that succeeded keep their request_id; one that failed or was cancelled may be asked for again with the same.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from engine_service.sweeps.ranking import LOWEST_IS_BEST
from engine_service.sweeps.recording import SweepRecorder
from engine_service.sweeps.results import recorded
from tapedeck.v1 import engine_service_pb2, sweep_pb2

Response = engine_service_pb2.RunSweepResponse


async def recorded_sweep(recorder: SweepRecorder, sweep_id: str, top: int, *, omit_batches: bool) -> AsyncGenerator[Response, None]:
    """Everything up to `finished`; promotions and verifications are not repeated.

    Raises:
        CallError: the store is away.
    """
    sweep = await recorder.sweep(sweep_id)
    names = varying(sweep.sweep)
    yield Response(started=_started(sweep))
    if omit_batches:
        yield Response(batch=engine_service_pb2.SweepBatch(completed_count=sweep.result_count + sweep.failed_count))
    else:
        completed = 0
        async with aclosing(recorder.results(sweep_id, count=sweep.result_count)) as pages:
            async for page in pages:
                completed += len(page)
                yield Response(batch=engine_service_pb2.SweepBatch(completed_count=completed, results=recorded(page, names)))
    yield Response(ranked=await _ranked(recorder, sweep, names, top))
    yield Response(finished=_finished(sweep))


def varying(sweep: sweep_pb2.SweepSpec) -> list[str]:
    """Parameters that vary, in the order of a sweep's columns."""
    kind = sweep.WhichOneof("combinations")
    if kind == "list":
        return sorted({name for each in sweep.list.combinations for name in each.fields})
    return sorted(sweep.grid.fields if kind == "grid" else sweep.sample.ranges)


async def _ranked(recorder: SweepRecorder, sweep: sweep_pb2.Sweep, names: list[str], top: int) -> sweep_pb2.SweepResults:
    is_each = sweep.sweep.symbol_grouping == sweep_pb2.SYMBOL_GROUPING_EACH
    metric = sweep.sweep.rank_by
    order_by = metric if metric in LOWEST_IS_BEST else f"{metric} desc"
    best: list[sweep_pb2.SweepResult] = []
    for symbol in sweep.sweep.spec.symbols if is_each else [""]:
        async with aclosing(recorder.results(sweep.sweep_id, symbol=symbol, order_by=order_by, count=top)) as pages:
            async for page in pages:
                best += [result for result in page if _has(result, metric)]
    return recorded(best, names)


def _has(result: sweep_pb2.SweepResult, metric: str) -> bool:
    return result.HasField("edge_score") if metric == "edge_score" else result.metrics.HasField(metric)


def _started(sweep: sweep_pb2.Sweep) -> sweep_pb2.SweepStarted:
    return sweep_pb2.SweepStarted(
        sweep_id=sweep.sweep_id,
        sweep=sweep.sweep,
        provenance=sweep.provenance,
        result_count=sweep.result_count + sweep.failed_count,
        skipped_count=sweep.skipped_count,
        session_count=sweep.session_count,
        labels=sweep.labels,
        request_id=sweep.request_id,
        create_time=sweep.create_time,
        strategy_type=sweep.strategy_type,
    )


def _finished(sweep: sweep_pb2.Sweep) -> sweep_pb2.SweepFinished:
    return sweep_pb2.SweepFinished(
        state=sweep.state,
        result_count=sweep.result_count,
        failed_count=sweep.failed_count,
        result_digest=sweep.result_digest,
        recorded=True,
        execution_seconds=sweep.execution_seconds,
    )
