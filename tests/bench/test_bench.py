from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 100


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
    )


@pytest.mark.system
@pytest.mark.parametrize(("name", "count"), [("recording", 1), ("reads", 5), ("scale", 27), ("transfers", 4), ("engine", 5)])
def test_a_short_measurement_prints_every_ratio_and_finds_none_far_beyond_its_bound(name: str, count: int) -> None:
    done = bench("--short", name)
    *outcomes, summary = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(outcomes) == count
    assert all(outcome.endswith(("PASS", "FAIL")) and " ratio " in outcome for outcome in outcomes)
    assert summary.startswith(f"{count} of {count} hold")


def test_a_measurement_that_does_not_exist_is_refused_and_the_known_ones_are_named() -> None:
    done = bench("writes")
    assert done.returncode == 2
    assert "writes" in done.stderr
    assert "recording, reads, scale, transfers, engine" in done.stderr
