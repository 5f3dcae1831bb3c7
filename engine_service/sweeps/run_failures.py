"""Why single runs of a sweep fail, as callers are told."""

from __future__ import annotations

import sys

from engine_service.kernel.buffers import BEYOND_PRECISION
from engine_service.kernel.simulation import REFUSALS
from engine_service.ledger import Undefined
from engine_service.strategies import StrategyFailed
from engine_service.sweeps.compiled_runs import UNDEFINED_VALUE
from engine_service.sweeps.time_limit import TimeIsUp
from tapedeck.v1 import run_pb2


def kernel_failure(status: int, session_date: str) -> run_pb2.RunError:
    """What a run that the kernel did not bring to its end failed with; its status and the session it ended on."""
    if status == BEYOND_PRECISION:
        text = "the run trades more units at once than the kernel counts: engine AUTO has it executed by zipline"
        return run_pb2.RunError(reason="OUTSIDE_KERNEL", message=text, session_date=session_date)
    if status == UNDEFINED_VALUE:
        text = f"the portfolio's value is no number any more on {session_date}: the run trades more than numbers can hold"
        return run_pb2.RunError(reason="STRATEGY_FAILED", message=text, session_date=session_date)
    return run_pb2.RunError(reason="STRATEGY_FAILED", message=StrategyFailed.of(REFUSALS[status]).message, session_date=session_date)


def failure(error: BaseException, timeout_seconds: float, session_date: str = "") -> run_pb2.RunError:
    """What a run failed with that ended with an exception, in that session or outside any."""
    match error:
        case TimeIsUp():
            reason, message = "RUN_TIMEOUT", f"the run took longer than its limit of {timeout_seconds:g} s (timeout_seconds)"
        case MemoryError() | StrategyFailed(__cause__=MemoryError()):
            reason, message = "OUT_OF_MEMORY", "the run needed more memory than a worker may use (TAPEDECK_WORKER_MEMORY_MB)"
        case StrategyFailed():
            reason, message, session_date = "STRATEGY_FAILED", str(error), error.session_date
        case Undefined():
            reason, message = "STRATEGY_FAILED", str(error)
        case _:
            sys.excepthook(type(error), error, error.__traceback__)
            reason, message = "INTERNAL", "the simulation broke; the engine's log has the details"
    return run_pb2.RunError(reason=reason, message=message, session_date=session_date)
