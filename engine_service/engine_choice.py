"""Which engine executes a run."""

from __future__ import annotations

from engine_service.job import KERNEL, ZIPLINE
from engine_service.kernel.domain import refusal
from engine_service.run_spec import Plan
from tapedeck.v1 import run_pb2
from tapedeck_rpc import errors


def choose_engine(choice: run_pb2.EngineChoice, ready: Plan) -> str:
    """The engine that a caller's choice means for a plan: KERNEL or ZIPLINE.

    Raises:
        FailedPrecondition: the caller wants the kernel, and it does not take the run (OUTSIDE_KERNEL).
    """
    if choice == run_pb2.ENGINE_CHOICE_ZIPLINE:
        return ZIPLINE
    reason = refusal(ready.spec, ready.strategy, ready.dataset)
    if reason is None:
        return KERNEL
    if choice == run_pb2.ENGINE_CHOICE_KERNEL:
        raise errors.FailedPrecondition(f"the kernel does not take this run: {reason}; engine AUTO executes it", reason="OUTSIDE_KERNEL")
    return ZIPLINE
