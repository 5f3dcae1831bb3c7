"""What may be stored of a sweep: everything that is wrong with a part of it is found here, at once, before any of it is written."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from store_service.conversions import id_violations
from store_service.models import COUNT_METRICS, RESULT_METRICS
from store_service.recording.checks import Problems, check_names, check_spec, check_storable, is_instant
from tapedeck.v1 import sweep_pb2

MAX_RESULTS = 1_000_000
"""Results of a sweep: they are sorted when they are asked for, and as many take seconds of the store's statement timeout."""

MAX_RESULTS_PER_PART = 4_096
"""Results in one message: a few milliseconds of work, so that other calls are not held up."""

_INT32 = np.iinfo(np.int32)


def check_started(started: sweep_pb2.SweepStarted, problems: Problems, *, needs_dates: bool = True) -> None:
    """Check the first part; the dates of the spec may be empty unless they are needed."""
    check_storable(started, "started", problems)
    problems.violations += id_violations(started.sweep_id, "started.sweep_id", "sweep")
    if started.sweep_id != started.sweep_id.lower():
        problems.add("started.sweep_id", "must be in lower case")
    if not 0 <= started.result_count <= MAX_RESULTS:
        problems.add("started.result_count", f"must be from 0 to {MAX_RESULTS}")
    for field in ("skipped_count", "session_count"):
        if getattr(started, field) < 0:
            problems.add(f"started.{field}", "must not be negative")
    if not is_instant(started.create_time):
        problems.add("started.create_time", "must be an instant between the years 1970 and 9999")
    if started.sweep.symbol_grouping not in (sweep_pb2.SYMBOL_GROUPING_EACH, sweep_pb2.SYMBOL_GROUPING_TOGETHER):
        problems.add("started.sweep.symbol_grouping", "must be SYMBOL_GROUPING_EACH or SYMBOL_GROUPING_TOGETHER")
    check_names(started, "started", ("request_id", "strategy_type"), (), problems)
    check_spec(started.sweep.spec, "started.sweep.spec", problems, needs_dates=needs_dates)


def check_results(results: sweep_pb2.SweepResults, started: sweep_pb2.SweepStarted, first_number: int, problems: Problems) -> None:
    """Check results that are to follow each other from a number on."""
    count = len(results.numbers)
    if not 1 <= count <= MAX_RESULTS_PER_PART:
        problems.add("results.numbers", f"has {count} results, a message has 1 to {MAX_RESULTS_PER_PART}")
        return
    if not np.array_equal(np.array(results.numbers), np.arange(first_number, first_number + count)):
        problems.add("results.numbers", f"must be {first_number} to {first_number + count - 1}: results follow each other without a gap")
    if first_number + count - 1 > started.result_count:
        problems.add("results.numbers", f"goes beyond the sweep's result_count, {started.result_count}")
    _check_symbols(results, started.sweep, problems)
    _check_parameters(results, problems)
    _check_metrics(results, problems)


def check_finished(finished: sweep_pb2.SweepFinished, started: sweep_pb2.SweepStarted, received_count: int, problems: Problems) -> None:
    """Check the last part, after so many results."""
    check_storable(finished, "finished", problems)
    if finished.state not in (sweep_pb2.SWEEP_STATE_SUCCEEDED, sweep_pb2.SWEEP_STATE_FAILED, sweep_pb2.SWEEP_STATE_CANCELLED):
        problems.add("finished.state", "must be SWEEP_STATE_SUCCEEDED, SWEEP_STATE_FAILED or SWEEP_STATE_CANCELLED")
    if finished.result_count != received_count:
        problems.add("finished.result_count", f"must be {received_count}, the number of results sent")
    if finished.failed_count < 0:
        problems.add("finished.failed_count", "must not be negative")
    if finished.state == sweep_pb2.SWEEP_STATE_SUCCEEDED:
        if finished.result_count + finished.failed_count != started.result_count:
            problems.add("finished.failed_count", f"must make up started.result_count, {started.result_count}, together with result_count")
        if not finished.result_digest:
            problems.add("finished.result_digest", "must not be empty when the sweep succeeded")
    elif received_count or finished.result_digest:
        problems.add("finished.state", "only a sweep that succeeded has results")


def _check_symbols(results: sweep_pb2.SweepResults, sweep: sweep_pb2.SweepSpec, problems: Problems) -> None:
    if sweep.symbol_grouping == sweep_pb2.SYMBOL_GROUPING_TOGETHER:
        if results.symbols:
            problems.add("results.symbols", "must be empty: symbols are traded together")
        return
    if len(results.symbols) != len(results.numbers):
        problems.add("results.symbols", "must have one entry for each result")
    if unknown := set(results.symbols) - set(sweep.spec.symbols):
        problems.add("results.symbols", f"{min(unknown)!r} is not one of the spec's symbols")


def _check_parameters(results: sweep_pb2.SweepResults, problems: Problems) -> None:
    names = [column.name for column in results.parameters]
    if "" in names or len(set(names)) < len(names):
        problems.add("results.parameters", "must have names, none of them empty and none twice")
    for place, column in enumerate(results.parameters):
        path = f"results.parameters[{place}]"
        if not np.isfinite(np.array(column.numbers)).all():  # looked at closely only when one is wrong: there are thousands of them
            check_storable(column, path, problems)
        else:
            check_storable(sweep_pb2.ParameterColumn(name=column.name, values=column.values), path, problems)
        lengths = (len(column.numbers), len(column.values))
        if sum(lengths) != len(results.numbers) or all(lengths):
            problems.add(path, "must have one value for each result, either all of them numbers or all of them values")
        if any(value.WhichOneof("kind") is None for value in column.values):
            problems.add(f"{path}.values", "must be values: null_value stands for none")


def _check_metrics(results: sweep_pb2.SweepResults, problems: Problems) -> None:
    if tuple(column.metric for column in results.metrics) != RESULT_METRICS:
        problems.add("results.metrics", f"must be {', '.join(RESULT_METRICS)}, in this order")
        return
    count, known = len(results.numbers), {}
    for place, column in enumerate(results.metrics):
        path = f"results.metrics[{place}]"
        if len(column.values) != count:
            problems.add(f"{path}.values", "must have one entry for each result")
        elif column.undefined and not 0 <= min(column.undefined) <= max(column.undefined) < count:
            problems.add(f"{path}.undefined", f"must be places from 0 to {count - 1}")
        else:
            values = known[column.metric] = _defined(column)
            _check_values(column.metric, values, f"{path}.values", problems)
    won, lost, total = (known.get(name) for name in ("trades_won", "trades_lost", "trades_total"))
    if won is not None and lost is not None and total is not None and (won + lost > total).any():
        problems.add("results.metrics", "must have no trades_total that is less than trades_won + trades_lost")


def _defined(column: sweep_pb2.MetricColumn) -> NDArray[np.float64]:
    """The values, NaN where they are undefined; what is not finite although it is defined is infinite, to be told from those."""
    values = np.array(column.values)
    values[np.isnan(values)] = np.inf
    values[np.array(column.undefined, np.int64)] = np.nan
    return values


def _check_values(metric: str, values: NDArray[np.float64], path: str, problems: Problems) -> None:
    if np.isinf(values).any():
        problems.add_unstorable(path, "must be finite; what is undefined is listed in undefined")
    elif metric in COUNT_METRICS and not ((values == np.rint(values)) & (np.abs(values) <= _INT32.max) | np.isnan(values)).all():
        problems.add(path, "must be whole numbers of 32 bits")
    elif metric == "max_drawdown" and (values > 0).any():
        problems.add(path, "must not be above 0")
