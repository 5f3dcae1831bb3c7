"""Why a run failed is said with a reason and a sentence, and nothing internal."""

from __future__ import annotations

import pytest

from engine_service.kernel.buffers import BEYOND_PRECISION, TOO_MANY_UNITS
from engine_service.ledger import Undefined
from engine_service.strategies import StrategyFailed
from engine_service.sweeps.compiled_runs import UNDEFINED_VALUE
from engine_service.sweeps.run_failures import failure, kernel_failure
from engine_service.sweeps.time_limit import TimeIsUp


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TimeIsUp(), "RUN_TIMEOUT"),
        (MemoryError(), "OUT_OF_MEMORY"),
        (StrategyFailed("no"), "STRATEGY_FAILED"),
        (Undefined("nan"), "STRATEGY_FAILED"),
        (ZeroDivisionError("ours"), "INTERNAL"),
    ],
)
def test_a_failure_says_why_and_nothing_internal(error: BaseException, reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = failure(error, 5, "2006-01-03")
    assert found.reason == reason
    assert "ours" not in found.message
    capsys.readouterr()


@pytest.mark.parametrize(
    ("status", "reason"), [(BEYOND_PRECISION, "OUTSIDE_KERNEL"), (UNDEFINED_VALUE, "STRATEGY_FAILED"), (TOO_MANY_UNITS, "STRATEGY_FAILED")]
)
def test_the_kernel_s_refusals_have_reasons(status: int, reason: str) -> None:
    assert kernel_failure(status, "2006-01-03").reason == reason
