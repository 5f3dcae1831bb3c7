"""Having a run executed by an engine and recorded, and giving its events."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from store_service.runs.engine import Engine
from store_service.runs.store import RunStore
from store_service.violations import refuse
from tapedeck.v1 import engine_service_pb2, run_pb2, store_service_pb2
from tapedeck_rpc import errors

MAX_REQUEST_ID_CHARS = 128
"""Longest idempotency key, as for RunBacktest."""


def check_request_id(request_id: str) -> None:
    """Check an idempotency key.

    Raises:
        InvalidArgument: it is too long.
    """
    if len(request_id) > MAX_REQUEST_ID_CHARS:
        raise refuse("request_id", f"has at most {MAX_REQUEST_ID_CHARS} characters, not {len(request_id)}")


def check_installed(strategy: str, provenance: run_pb2.Provenance, strategies: Sequence[engine_service_pb2.Strategy]) -> None:
    """Check that a strategy can be executed again.

    Raises:
        FailedPrecondition: it is not installed any more (STRATEGY_NOT_INSTALLED).
    """
    if strategy in [installed.name for installed in strategies]:
        return
    path, version = provenance.strategy_import_path, provenance.strategy_version
    was = f" any more: it was {path}, version {version}" if path else ""
    raise errors.FailedPrecondition(
        f"strategy {strategy} is not installed{was}",
        reason="STRATEGY_NOT_INSTALLED",
        metadata={"strategy": strategy, "import_path": path, "version": version},
    )


def choose_fingerprint(spec: run_pb2.RunSpec, datasets: Sequence[engine_service_pb2.Dataset], data: int) -> str:
    """The version of the data to read: the recorded one while it is there or when `data`, a ReplayData, asks for it, else the latest.

    Raises:
        FailedPrecondition: it is gone (DATASET_GONE).
    """
    dataset = next((dataset for dataset in datasets if dataset.name == spec.dataset), None)
    if dataset is None:
        raise _gone(spec, f"dataset {spec.dataset} is gone")
    if data != store_service_pb2.REPLAY_DATA_LATEST and spec.dataset_fingerprint in dataset.fingerprints:
        return spec.dataset_fingerprint
    if data == store_service_pb2.REPLAY_DATA_RECORDED:
        raise _gone(spec, f"the recorded version of dataset {spec.dataset} is gone")
    return dataset.fingerprint


async def execute(engine: Engine, runs: RunStore, request: engine_service_pb2.RunBacktestRequest) -> AsyncGenerator[run_pb2.RunEvent]:
    """The events of a new run, from the engine as long as it is there, then as they are recorded.

    The engine goes on with the run when the caller leaves. When the engine vanishes, the run is claimed by another one and goes on here.

    Raises:
        InvalidArgument: the engine refuses the run, or the request_id made a run that is linked otherwise (REQUEST_ID_REUSED).
        Unavailable: no engine answers; nothing was started (ENGINE_UNAVAILABLE).
    """
    # A key also when the caller has none: the channel tries a call again whose answer was lost, and that must not make a second run.
    request.request_id = request.request_id or uuid.uuid4().hex
    run_id, sequence = "", 0
    try:
        async with aclosing(engine.run(request)) as events:
            async for event in events:
                if event.HasField("started"):
                    run_id = event.started.run_id
                    _check_link(request, event.started)
                sequence = event.sequence
                yield event
    except errors.Unavailable:
        if not run_id:
            raise
    async with aclosing(runs.watch_run(run_id, sequence + 1)) as events:
        async for event in events:
            yield event


def _check_link(request: engine_service_pb2.RunBacktestRequest, started: run_pb2.RunStarted) -> None:
    original, sweep = request.replay.original_run_id, request.sweep
    if started.replay.original_run_id == original and started.sweep == sweep:
        return
    what = f"replay run {original}" if original else f"come from result {sweep.number} of sweep {sweep.sweep_id}"
    problem = f"was used before, for run {started.run_id}, which does not {what}"
    raise errors.InvalidArgument(reason="REQUEST_ID_REUSED", violations=[errors.Violation("request_id", problem)])


def _gone(spec: run_pb2.RunSpec, message: str) -> errors.FailedPrecondition:
    metadata = {"dataset": spec.dataset, "dataset_fingerprint": spec.dataset_fingerprint}
    return errors.FailedPrecondition(message, reason="DATASET_GONE", metadata=metadata)
