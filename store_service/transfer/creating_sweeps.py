"""Saving ranked results that were found elsewhere: a request as a sweep, all of it or nothing."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from google.protobuf.json_format import MessageToDict

from store_service.models import RESULT_METRICS
from store_service.recording.checks import Problems, check_metrics, check_storable
from store_service.sweeps.checks import check_started
from store_service.sweeps.recording import SweepRecording
from store_service.sweeps.result_columns import ResultColumns
from store_service.transfer.creating import DEFAULT_CAPITAL_BASE, DEFAULT_INTERVAL
from store_service.transfer.whole_run import check_labels_and_note, derived_id
from store_service.violations import refuse
from tapedeck.v1 import run_pb2, sweep_pb2, transfer_service_pb2
from tapedeck_rpc import errors

MAX_RESULTS = 10_000
"""Results of one request: the best of a search, which are checked and written in a second. An engine's sweep keeps all of its results."""

MAX_REQUEST_BYTES = 8 * 1024 * 1024
"""Size of a request: half of the largest message, as for BatchCreateRuns, and all metrics of twice as many results as there may be."""

Request = transfer_service_pb2.CreateSweepRequest


@dataclass(frozen=True, slots=True)
class WholeSweep:
    """A sweep that has ended."""

    started: sweep_pb2.SweepStarted
    results: ResultColumns
    finished: sweep_pb2.SweepFinished


class SweepCreation:
    """Creates sweeps of results from elsewhere."""

    def __init__(self, recording: SweepRecording) -> None:
        self._recording = recording

    async def create_sweep(self, request: Request) -> tuple[str, bool]:
        """Save results: the id of their sweep, and whether it is new; no id when there are no results, which changes nothing.

        Raises:
            InvalidArgument: everything that is wrong with the request (INVALID_REQUEST, UNSTORABLE_VALUE); or its request_id made another
                sweep (REQUEST_ID_REUSED).
        """
        if not request.results:
            return "", False
        if len(request.results) > MAX_RESULTS:
            raise refuse("results", f"has {len(request.results):,} results, a request has at most {MAX_RESULTS:,}")
        if (size := request.ByteSize()) > MAX_REQUEST_BYTES:
            raise refuse("results", f"has {size:,} bytes with the rest of the request, which has at most {MAX_REQUEST_BYTES:,}")
        made = await asyncio.to_thread(_whole_sweep, request)
        is_new = await self._recording.create(made.started, made.results, made.finished)
        return made.started.sweep_id, is_new


def _whole_sweep(request: Request) -> WholeSweep:
    """The sweep of a request.

    Raises:
        InvalidArgument: everything that is wrong with it.
    """
    started = _started(request)
    _check(request, started)
    results = _columns(request.results)
    finished = sweep_pb2.SweepFinished(
        state=sweep_pb2.SWEEP_STATE_SUCCEEDED,
        result_count=len(request.results),
        result_digest=hashlib.sha256(results.metrics.tobytes()).hexdigest(),
        recorded=True,
        execution_seconds=request.execution_seconds,
    )
    return WholeSweep(started, results, finished)


def _started(request: Request) -> sweep_pb2.SweepStarted:
    """What a sweep of an engine says first, under an id that follows from the content."""
    spec = run_pb2.RunSpec()
    spec.CopyFrom(request.spec)
    spec.interval = spec.interval or DEFAULT_INTERVAL
    if not spec.HasField("capital_base"):
        spec.capital_base = DEFAULT_CAPITAL_BASE
    is_each = any(result.symbol for result in request.results)
    if is_each and not spec.symbols:
        spec.symbols.extend(dict.fromkeys(result.symbol for result in request.results if result.symbol))
    grouping = sweep_pb2.SYMBOL_GROUPING_EACH if is_each else sweep_pb2.SYMBOL_GROUPING_TOGETHER
    started = sweep_pb2.SweepStarted(
        sweep=sweep_pb2.SweepSpec(spec=spec, symbol_grouping=grouping, rank_by=request.rank_by),
        provenance=request.provenance,
        result_count=len(request.results),
        labels=request.labels,
        request_id=request.request_id,
        create_time=request.create_time,
        strategy_type=request.strategy_type,
    )
    content = hashlib.sha256(started.SerializeToString(deterministic=True))
    content.update(Request(results=request.results, execution_seconds=request.execution_seconds).SerializeToString(deterministic=True))
    milliseconds = request.create_time.seconds * 1_000 + request.create_time.nanos // 1_000_000
    started.sweep_id = str(derived_id(milliseconds, content.digest()))
    return started


def _check(request: Request, started: sweep_pb2.SweepStarted) -> None:
    """Check a request by the rules of an engine's sweep.

    Raises:
        InvalidArgument: everything that is wrong with it, named by its own fields.
    """
    problems = Problems()
    check_started(started, problems, needs_dates=False)
    check_storable(sweep_pb2.SweepFinished(execution_seconds=request.execution_seconds), "finished", problems)
    problems.violations = [errors.Violation(_place(each.field), each.description) for each in problems.violations]
    check_labels_and_note(request.labels, "", "", problems)
    if not request.HasField("create_time"):
        problems.add("create_time", "must say when the results were made")
    if request.rank_by and request.rank_by not in RESULT_METRICS:
        problems.add("rank_by", f"{request.rank_by[:60]!r} is no metric; there are: {', '.join(RESULT_METRICS)}")
    is_each, symbols = started.sweep.symbol_grouping == sweep_pb2.SYMBOL_GROUPING_EACH, set(started.sweep.spec.symbols)
    for place, result in enumerate(request.results):
        path = f"results[{place}]"
        if is_each and not result.symbol:
            problems.add(f"{path}.symbol", "must be there: other results have one")
        elif is_each and result.symbol not in symbols:
            problems.add(f"{path}.symbol", f"{result.symbol[:60]!r} is not one of the spec's symbols")
        check_storable(result, path, problems)
        check_metrics(result.metrics, f"{path}.metrics", problems)
    problems.raise_any()


def _place(path: str) -> str:
    """Where something is in the request: started.sweep.spec of a sweep is its spec."""
    return path.removeprefix("started.").removeprefix("finished.").removeprefix("sweep.")


def _columns(results: Sequence[transfer_service_pb2.SweepResultEntry]) -> ResultColumns:
    """The results as they are written, numbered in their order."""
    metrics = np.full((len(results), len(RESULT_METRICS)), np.nan)
    for place, result in enumerate(results):
        values = {field.name: value for field, value in result.metrics.ListFields()}
        values["edge_score"] = result.edge_score if result.HasField("edge_score") else np.nan
        metrics[place] = [values.get(name, np.nan) for name in RESULT_METRICS]
    return ResultColumns(
        numbers=np.arange(1, len(results) + 1, dtype=np.int32),
        symbols=[result.symbol for result in results],
        parameters=[json.dumps(MessageToDict(result.parameters)) for result in results],
        metrics=metrics,
    )
