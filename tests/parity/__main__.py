"""`python -m tests.parity --cases 5000 --seed 1`: random runs on both engines; says which differ, and exits with 1 if any does."""

from __future__ import annotations

import argparse
import collections
import sys
import tempfile
import time
from pathlib import Path

from tests.parity.judging import judge_all

REPORT_EVERY = 500
"""Cases between two lines of progress."""


def say(text: str) -> None:
    """Tell whoever waits, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Run the campaign; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.parity", description=__doc__)
    parser.add_argument("--cases", type=int, default=5_000, help="how many random runs (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first case; each one's is the next (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=2, help="processes to share them (default: %(default)s)")
    options = parser.parse_args(arguments)
    counts: collections.Counter[str] = collections.Counter()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        seeds = range(options.seed, options.seed + options.cases)
        for done, (seed, verdict, found) in enumerate(judge_all(Path(folder), seeds, options.processes), 1):
            counts[verdict] += 1
            if found:
                say(f"seed {seed} ({verdict}): {found[:600]}")
            if done % REPORT_EVERY == 0:
                say(f"{done} cases, {counts['different']} differences, {time.monotonic() - began:.0f} s")
    told = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
    say(f"{options.cases} cases: {told}; {counts['different']} differences")
    return 1 if counts["different"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
