"""Requests -> complete, checked specs. Pure: everything that can be wrong is found here, all of it at once, before anything runs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785
from google.protobuf import json_format

from engine_service.datasets import Catalogue, Dataset
from engine_service.spec_checks import (
    Problems,
    check_costs,
    check_dates,
    check_labels,
    check_numbers,
    check_parameters,
    check_symbols,
    nul_fields,
)
from engine_service.strategies import Strategy
from tapedeck.v1 import engine_service_pb2, run_pb2

DEFAULT_CAPITAL_BASE = 100_000.0
DEFAULT_INTERVAL = "1d"

COST_DEFAULTS: Mapping[str, Mapping[str, float]] = {
    "none": {},
    "fixed_basis_points": {"basis_points": 5.0, "volume_limit": 0.1},
    "volume_share": {"volume_limit": 0.025, "price_impact": 0.1},
    "per_share": {"cost": 0.001, "minimum_cost": 0.0},
    "per_trade": {"cost": 0.0},
    "per_dollar": {"cost": 0.0015},
}
"""zipline's defaults (zipline/finance/slippage.py, commission.py), by the name of the model in Slippage and Commission."""

MAX_REQUEST_ID_CHARS = 128
"""Room for any kind of key that people use, and small enough for an index."""

MAX_REQUEST_BYTES = 1024 * 1024
"""A spec is stored with its run and shown in lists: 100 KB of parameters must work, megabytes need not."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A spec that can be executed, and what executes it."""

    spec: run_pb2.RunSpec
    """Every default filled in."""
    strategy: Strategy
    dataset: Dataset
    session_count: int


def plan(asked: run_pb2.RunSpec, strategies: Mapping[str, Strategy], catalogue: Catalogue, *, run_timeout_seconds: int) -> Plan:
    """Check a spec and fill its defaults in.

    Args:
        asked: The spec as it came.
        strategies: What may run, by name.
        catalogue: The datasets on disk.
        run_timeout_seconds: Limit of a run that names none, and the most it may ask for.

    Raises:
        InvalidArgument: with every violation.
    """
    problems = Problems()
    spec = run_pb2.RunSpec()
    spec.CopyFrom(asked)
    strategy = strategies.get(spec.strategy)
    if strategy is None:
        problems.add("strategy", f"no strategy is called {spec.strategy!r}; there are: {', '.join(sorted(strategies))}")
    dataset = _dataset(spec, catalogue, problems)
    _fill_defaults(spec, run_timeout_seconds)
    check_numbers(spec, run_timeout_seconds, problems)
    check_costs(spec, problems)
    parameters = check_parameters(spec, strategy, problems) if strategy else None
    session_count = 0
    if dataset is not None:
        spec.dataset_fingerprint = dataset.fingerprint
        if spec.interval not in dataset.intervals:
            problems.add("interval", f"{dataset.name} has no bars of {spec.interval!r}; its intervals are: {', '.join(dataset.intervals)}")
        symbols_are_fine = check_symbols(spec, strategy, dataset, problems)
        warm_up = strategy.warm_up(parameters) if strategy and parameters is not None else 0
        session_count = check_dates(spec, dataset, warm_up, problems, symbols_are_fine=symbols_are_fine)
    problems.raise_if_any()
    assert strategy is not None
    assert dataset is not None
    return Plan(spec, strategy, dataset, session_count)


def _dataset(spec: run_pb2.RunSpec, catalogue: Catalogue, problems: Problems) -> Dataset | None:
    if not (latest := catalogue.latest(spec.dataset)):
        problems.add("dataset", f"no dataset is called {spec.dataset!r}; there are: {', '.join(catalogue.names()) or 'none'}")
        return None
    if not spec.dataset_fingerprint:
        return latest
    if not (pinned := catalogue.version(spec.dataset, spec.dataset_fingerprint)):
        problems.add(
            "dataset_fingerprint", f"{spec.dataset} has no version {spec.dataset_fingerprint!r}; the latest is {latest.fingerprint}"
        )
    return pinned


def _fill_defaults(spec: run_pb2.RunSpec, run_timeout_seconds: int) -> None:
    spec.interval = spec.interval or DEFAULT_INTERVAL
    if not spec.HasField("capital_base"):
        spec.capital_base = DEFAULT_CAPITAL_BASE
    spec.seed = spec.seed  # makes the default explicit: presence is part of the message
    spec.timeout_seconds = spec.timeout_seconds or run_timeout_seconds
    if spec.slippage.WhichOneof("model") is None:
        spec.slippage.fixed_basis_points.SetInParent()
    if spec.commission.WhichOneof("model") is None:
        spec.commission.per_share.SetInParent()
    for model in (spec.slippage, spec.commission):
        chosen = str(model.WhichOneof("model"))
        costs = getattr(model, chosen)
        for name, value in COST_DEFAULTS[chosen].items():
            if not costs.HasField(name):
                setattr(costs, name, value)


def spec_digest(ready: Plan) -> str:
    """SHA-256 over everything that determines the result: the complete spec without its time limit, and the strategy's source.

    The dataset counts by its fingerprint, which the spec names. Canonical JSON (RFC 8785) makes it independent of field order.
    """
    content: dict[str, Any] = json_format.MessageToDict(ready.spec, preserving_proto_field_name=True)
    content.pop("timeout_seconds", None)
    content["strategy_source_digest"] = ready.strategy.source_digest
    return hashlib.sha256(rfc8785.dumps(content)).hexdigest()


def check_request(request: engine_service_pb2.RunBacktestRequest) -> None:
    """Check what surrounds the spec.

    Raises:
        InvalidArgument: with every violation.
    """
    problems = Problems(prefix="")
    if not request.HasField("spec"):
        problems.add("spec", "must be given")
    if len(request.request_id) > MAX_REQUEST_ID_CHARS:
        problems.add("request_id", f"must have at most {MAX_REQUEST_ID_CHARS} characters")
    if request.if_store_unavailable not in engine_service_pb2.IfStoreUnavailable.values():
        problems.add("if_store_unavailable", f"{request.if_store_unavailable} is no known value")
    if request.engine not in run_pb2.EngineChoice.values():
        problems.add("engine", f"{request.engine} is no known value")
    if request.duplicate_policy not in run_pb2.DuplicatePolicy.values():
        problems.add("duplicate_policy", f"{request.duplicate_policy} is no known value")
    check_labels(request.labels, problems)
    for name in nul_fields(request):
        problems.add(name, "must not contain the character U+0000")
    if request.ByteSize() > MAX_REQUEST_BYTES:
        problems.add("spec", f"the request has more than {MAX_REQUEST_BYTES >> 10} KiB")
    problems.raise_if_any()
