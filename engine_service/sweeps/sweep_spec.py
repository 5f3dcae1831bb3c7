"""RunSweep requests -> plans. Pure: everything that can be wrong is found here, all of it at once, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import pydantic
from google.protobuf.timestamp_pb2 import Timestamp

from engine_service.datasets import Catalogue
from engine_service.engine_choice import choose_engine
from engine_service.job import KERNEL, ZIPLINE
from engine_service.provenance import provenance
from engine_service.run_ids import new_run_id
from engine_service.run_spec import MAX_REQUEST_BYTES, MAX_REQUEST_ID_CHARS, Plan, plan
from engine_service.spec_checks import Problems, check_labels, nul_fields
from engine_service.strategies import Strategy
from engine_service.sweeps import edge_score, ranking
from engine_service.sweeps.parameters import Candidates, Choice
from engine_service.sweeps.shard import Shard
from tapedeck.v1 import engine_service_pb2, run_pb2, sweep_pb2
from tapedeck_rpc import errors

MAX_RUNS = 1_000_000
"""Runs of one sweep: under a minute of kernel runs on one core, and 250 MiB of results that the engine holds until they are recorded."""

RESULT_BYTES = 256
"""What a result takes besides its parameters: 26 columns of 8 bytes, its number and its symbol."""

MAX_SWEEP_BYTES = 512 * 1024 * 1024
"""What the results of one sweep may take in the engine's memory; only parameters that are long texts or lists reach it before MAX_RUNS."""

MAX_RANKED_BYTES = 12 * 1024 * 1024
"""What the ranked results may take: they are one message (tapedeck_rpc.channel.MAX_MESSAGE_BYTES)."""

DEFAULT_TOP, MAX_TOP = 20, 1_000
"""Ranked results at the end of the stream."""

DEFAULT_VERIFIED, MAX_VERIFIED = 3, 50
"""Results, besides the best one, that zipline executes again: each takes a second or so."""

MAX_PROMOTED = 20
"""Results that become full runs on request; more can be promoted one by one."""

CELLS_PER_SHARD = 1 << 19
"""Sessions times symbols times runs that a kernel shard computes: some 240 runs of 2,148 sessions, 5 to 7 ms. Handing one over costs half a
millisecond; the store takes results in while others are computed; a cancelled sweep waits for those that have begun."""

MAX_RUNS_PER_SHARD = 4_096
"""A shard's results are one message to the store, which takes no more."""

FEW_SHARDS = 8
"""Kernel shards that are over in a moment, some 50 ms: it pays to have the store listen from the start, and not to look for look-ahead
before the work, as the best result is looked at after it in any case."""

RUNS_PER_ZIPLINE_SHARD = 1
"""A run of zipline takes a second: nothing is gained by handing over several at once, and progress is seen."""


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """A sweep that can be executed, and what executes it."""

    sweep: sweep_pb2.SweepSpec
    """Every default filled in."""
    choice: Choice
    strategy: Strategy
    ready: Plan
    """What all runs share; the parameters of its spec are those that do not vary."""
    engine_kind: str
    """job.KERNEL or job.ZIPLINE."""
    groups: tuple[tuple[str, ...], ...]
    """The symbols of each run: one by one, or all together."""
    top: int
    verified_count: int
    """How many results are executed again on zipline, besides the best one; -1 for none at all."""
    promoted_count: int

    @property
    def is_each(self) -> bool:
        """Whether every symbol is traded by runs of its own."""
        return self.sweep.symbol_grouping == sweep_pb2.SYMBOL_GROUPING_EACH

    @property
    def result_count(self) -> int:
        """Number of runs."""
        return len(self.choice.places) * len(self.groups)

    @property
    def is_short(self) -> bool:
        """Whether the sweep is over in a moment."""
        return self.engine_kind == KERNEL and self.result_count <= FEW_SHARDS * self.runs_per_shard

    @property
    def runs_per_shard(self) -> int:
        """The same whatever executes the shards, so that their bytes are too."""
        if self.engine_kind == ZIPLINE:
            return RUNS_PER_ZIPLINE_SHARD
        runs = CELLS_PER_SHARD // (self.ready.session_count * len(self.groups[0]))
        return min(max(runs, 1), MAX_RUNS_PER_SHARD)

    def shards(self, data_dir: Path, plugins: frozenset[str]) -> Iterator[Shard]:
        """The whole sweep in parts, in the order of the results' numbers."""
        spec, score = run_pb2.RunSpec(), self.sweep.edge_score.SerializeToString(deterministic=True)
        spec.CopyFrom(self.sweep.spec)
        for symbols in self.groups:
            spec.symbols[:] = symbols
            chosen, begin = self.choice.chosen(), 0
            while combinations := list(islice(chosen, self.runs_per_shard)):
                yield Shard(
                    spec=spec.SerializeToString(deterministic=True),
                    edge_score=score,
                    engine_kind=self.engine_kind,
                    falls_back=self.sweep.engine != run_pb2.ENGINE_CHOICE_KERNEL,
                    symbol=symbols[0] if self.is_each else "",
                    names=self.choice.names,
                    combinations=combinations,
                    rank_by=self.sweep.rank_by,
                    top=self.top,
                    checks_look_ahead=begin == 0 and not self.is_short,
                    data_dir=data_dir,
                    plugins=plugins,
                )
                begin += len(combinations)


def plan_sweep(
    request: engine_service_pb2.RunSweepRequest, strategies: Mapping[str, Strategy], catalogue: Catalogue, *, run_timeout_seconds: int
) -> SweepPlan:
    """Check a request and fill its defaults in.

    Args:
        request: As it came.
        strategies: What may run, by name.
        catalogue: The datasets on disk.
        run_timeout_seconds: Limit of a run that names none, and the most it may ask for.

    Raises:
        InvalidArgument: with every violation; its reason is TOO_MANY_RUNS when there are too many.
        FailedPrecondition: the kernel is asked for and does not take the runs (OUTSIDE_KERNEL).
    """
    problems = Problems(prefix="")
    _check_request(request, problems)
    strategy = strategies.get(request.spec.strategy)
    score = edge_score.complete(request.edge_score, problems)
    grouping = _grouping(request, strategy, problems)
    is_each = grouping == sweep_pb2.SYMBOL_GROUPING_EACH
    group_count = len(request.spec.symbols) if is_each else 1
    candidates = Candidates(request, strategy, problems) if strategy else None
    too_many = candidates is not None and candidates.count * max(group_count, 1) > MAX_RUNS
    choice = None
    if candidates is not None and too_many:
        many = f"{candidates.count:,} combinations for each of {group_count:,} symbols" if is_each else f"{candidates.count:,} combinations"
        problems.add(str(request.WhichOneof("combinations")), f"{many} are more runs than a sweep may have, {MAX_RUNS:,}")
    elif candidates is not None and not problems:
        choice = candidates.choose()
        _check_sizes(request, choice, max(group_count, 1), problems)
    ready = _plan(request.spec, strategies, catalogue, run_timeout_seconds, choice.warm_up if choice else 0, problems)
    problems.raise_if_any(reason="TOO_MANY_RUNS" if too_many else "INVALID_REQUEST")
    assert strategy is not None
    assert choice is not None
    assert ready is not None
    sweep = _complete(request, ready, choice, grouping, score)
    symbols = tuple(ready.spec.symbols)
    return SweepPlan(
        sweep=sweep,
        choice=choice,
        strategy=strategy,
        ready=ready,
        engine_kind=choose_engine(sweep.engine, ready),
        groups=tuple((symbol,) for symbol in symbols) if is_each else (symbols,),
        top=request.top or DEFAULT_TOP,
        verified_count=_verified_count(request),
        promoted_count=request.promote_top,
    )


def _complete(
    request: engine_service_pb2.RunSweepRequest,
    ready: Plan,
    choice: Choice,
    grouping: sweep_pb2.SymbolGrouping,
    score: sweep_pb2.EdgeScore,
) -> sweep_pb2.SweepSpec:
    """What is swept, with every default filled in."""
    ready.spec.parameters.Clear()
    ready.spec.parameters.update(choice.fixed)
    sweep = sweep_pb2.SweepSpec(
        spec=ready.spec,
        symbol_grouping=grouping,
        rank_by=request.rank_by or ranking.DEFAULT_METRIC,
        edge_score=score,
        engine=request.engine or run_pb2.ENGINE_CHOICE_AUTO,
    )
    kind = str(request.WhichOneof("combinations"))
    getattr(sweep, kind).CopyFrom(getattr(request, kind))
    return sweep


def start(plan: SweepPlan, request: engine_service_pb2.RunSweepRequest) -> sweep_pb2.SweepStarted:
    """The first event of a sweep that is admitted now."""
    now = Timestamp()
    now.GetCurrentTime()
    ready = plan.ready
    return sweep_pb2.SweepStarted(
        sweep_id=new_run_id(),
        sweep=plan.sweep,
        provenance=provenance(ready.strategy, ready.dataset, ready.spec.seed, plan.engine_kind),
        result_count=plan.result_count,
        skipped_count=plan.choice.skipped_count,
        session_count=ready.session_count,
        labels=request.labels,
        request_id=request.request_id,
        create_time=now,
        strategy_type=ready.strategy.type,
    )


class _AnyParameters(pydantic.BaseModel):
    """Takes what the strategy's own model has taken before."""

    model_config = pydantic.ConfigDict(extra="allow")


def _plan(
    asked: run_pb2.RunSpec,
    strategies: Mapping[str, Strategy],
    catalogue: Catalogue,
    run_timeout_seconds: int,
    warm_up: int,
    problems: Problems,
) -> Plan | None:
    """Plan what all runs share: as a run whose parameters are fine, and whose strategy needs the longest warm-up of all."""
    known = {name: replace(each, parameters=_AnyParameters, warm_up=lambda _: warm_up) for name, each in strategies.items()}
    try:
        ready = plan(asked, known, catalogue, run_timeout_seconds=run_timeout_seconds)
    except errors.InvalidArgument as error:
        problems.extend(error)
        return None
    return replace(ready, strategy=strategies[asked.strategy])


def _check_request(request: engine_service_pb2.RunSweepRequest, problems: Problems) -> None:
    """What surrounds the spec."""
    if not request.HasField("spec"):
        problems.add("spec", "must be given")
    if request.rank_by and request.rank_by not in ranking.METRICS:
        problems.add("rank_by", f"{request.rank_by[:60]!r} is no metric; there are: {', '.join(ranking.METRICS)}")
    for name, known in (("symbol_grouping", sweep_pb2.SymbolGrouping.values()), ("engine", run_pb2.EngineChoice.values())):
        if getattr(request, name) not in known:
            problems.add(name, f"{getattr(request, name)} is no known value")
    for name, most in (("top", MAX_TOP), ("verify_sample_count", MAX_VERIFIED), ("promote_top", MAX_PROMOTED)):
        if not 0 <= getattr(request, name) <= most:
            problems.add(name, f"must be from 0 to {most}, not {getattr(request, name)}")
    if request.promote_top and request.HasField("save") and not request.save:
        problems.add("promote_top", "needs a sweep that is saved: a run is made of a recorded result")
    if len(request.request_id) > MAX_REQUEST_ID_CHARS:
        problems.add("request_id", f"must have at most {MAX_REQUEST_ID_CHARS} characters")
    check_labels(request.labels, problems)
    for name in nul_fields(request):
        problems.add(name, "must not contain the character U+0000")
    if request.ByteSize() > MAX_REQUEST_BYTES:
        problems.add(str(request.WhichOneof("combinations") or "spec"), f"the request has more than {MAX_REQUEST_BYTES >> 10} KiB")


def _grouping(request: engine_service_pb2.RunSweepRequest, strategy: Strategy | None, problems: Problems) -> sweep_pb2.SymbolGrouping:
    needed = strategy.minimum_symbols if strategy else 1
    if request.symbol_grouping == sweep_pb2.SYMBOL_GROUPING_EACH and needed > 1:
        problems.add("symbol_grouping", f"{request.spec.strategy} needs at least {needed} symbols in a run: TOGETHER")
    if request.symbol_grouping == sweep_pb2.SYMBOL_GROUPING_UNSPECIFIED:
        return sweep_pb2.SYMBOL_GROUPING_TOGETHER if needed > 1 else sweep_pb2.SYMBOL_GROUPING_EACH
    return request.symbol_grouping


def _check_sizes(request: engine_service_pb2.RunSweepRequest, choice: Choice, group_count: int, problems: Problems) -> None:
    """The results fit into the engine's memory and the ranked ones into a message."""
    kind, runs, result_bytes = str(request.WhichOneof("combinations")), len(choice.places), RESULT_BYTES + choice.largest_bytes
    if runs * group_count * result_bytes > MAX_SWEEP_BYTES:
        problems.add(kind, f"results of up to {result_bytes} bytes are too many: at most {MAX_SWEEP_BYTES // result_bytes:,} of them fit")
    top = min(request.top or DEFAULT_TOP, runs)
    if top * group_count * result_bytes > MAX_RANKED_BYTES:
        problems.add("top", f"the best of each of {group_count} symbols must be at most {MAX_RANKED_BYTES // result_bytes // group_count}")


def _verified_count(request: engine_service_pb2.RunSweepRequest) -> int:
    if not request.verify:
        return -1
    return request.verify_sample_count if request.HasField("verify_sample_count") else DEFAULT_VERIFIED
