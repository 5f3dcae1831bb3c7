"""Executing results of a sweep again: which, as what, and whether they are the same. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from google.protobuf import json_format

from engine_service.sweeps.results import metric_at, parameters_at
from engine_service.sweeps.shard import Shard, ShardResults
from engine_service.sweeps.sweep_spec import SweepPlan
from tapedeck.v1 import engine_service_pb2, run_pb2, sweep_pb2

Verification = engine_service_pb2.SweepVerification


def choose(best: Sequence[int], result_count: int, sample_count: int, seed: int) -> list[int]:
    """Numbers of the results to execute again: the best ones, then others drawn at random, the same ones for the same seed."""
    source = random.Random(seed)  # noqa: S311 - must be repeatable, nothing secret
    drawn = source.sample(range(1, result_count + 1), min(result_count, sample_count + len(best)))
    return [*best, *[number for number in drawn if number not in best][:sample_count]]


def run_spec(plan: SweepPlan, results: sweep_pb2.SweepResults, place: int) -> run_pb2.RunSpec:
    """The spec of the run that made a result."""
    spec = run_pb2.RunSpec()
    spec.CopyFrom(plan.sweep.spec)
    if results.symbols:
        spec.symbols[:] = [results.symbols[place]]
    for name, value in parameters_at(results, place).items():
        spec.parameters.fields[name].CopyFrom(value)
    return spec


def shards(plan: SweepPlan, results: sweep_pb2.SweepResults, engine_kind: str, data_dir: Path, plugins: frozenset[str]) -> Iterator[Shard]:
    """One shard for each of some results."""
    for place in range(len(results.numbers)):
        values = parameters_at(results, place)
        yield Shard(
            spec=run_spec(plan, results, place).SerializeToString(deterministic=True),
            edge_score=plan.sweep.edge_score.SerializeToString(deterministic=True),
            engine_kind=engine_kind,
            falls_back=True,
            symbol=results.symbols[place] if results.symbols else "",
            names=plan.choice.names,
            combinations=[{name: json_format.MessageToDict(value) for name, value in values.items()}],
            rank_by=plan.sweep.rank_by,
            top=1,
            checks_look_ahead=True,
            data_dir=data_dir,
            plugins=plugins,
        )


def compare(results: sweep_pb2.SweepResults, again: Sequence[ShardResults]) -> Verification:
    """Whether results are the same when they are executed again, one by one, to the last bit.

    Args:
        results: What the sweep has.
        again: What zipline says, of each.
    """
    found = Verification(outcome=Verification.OUTCOME_IDENTICAL, numbers=results.numbers)
    for place, came in enumerate(again):
        difference = _difference(results, place, came)
        if difference is not None:
            found.outcome = Verification.OUTCOME_DIVERGED
            found.first_difference.CopyFrom(difference)
            found.summary = (
                f"DIVERGED: {difference.metric} of result {difference.number} is {difference.sweep_value or 'undefined'} "
                f"in the sweep and {difference.zipline_value or 'undefined'} on zipline"
            )
            return found
    found.summary = f"IDENTICAL: zipline executed {len(again)} results again, and every metric is the same to the last bit"
    return found


def broken(results: sweep_pb2.SweepResults, error: run_pb2.RunError) -> Verification:
    """What is said when results can't be executed again."""
    summary = f"DIVERGED: zipline could not execute the results again: {error.message}"
    return Verification(outcome=Verification.OUTCOME_DIVERGED, numbers=results.numbers, summary=summary)


def _difference(results: sweep_pb2.SweepResults, place: int, came: ShardResults) -> engine_service_pb2.SweepDifference | None:
    number = results.numbers[place]
    if not came.count:
        why = run_pb2.RunError.FromString(came.first_failure).message
        return engine_service_pb2.SweepDifference(number=number, metric="state", sweep_value="SUCCEEDED", zipline_value=f"FAILED: {why}")
    zipline = sweep_pb2.SweepResults.FromString(came.results)
    for ours, theirs in zip(results.metrics, zipline.metrics, strict=True):
        values = _text(metric_at(ours, place)), _text(metric_at(theirs, 0))
        if values[0] != values[1]:
            return engine_service_pb2.SweepDifference(number=number, metric=ours.metric, sweep_value=values[0], zipline_value=values[1])
    return None


def _text(value: float | None) -> str:
    """The shortest text that is read as the same number, so that equal texts are equal bits."""
    return "" if value is None else repr(value)
