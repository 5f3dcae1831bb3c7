"""python -m bench [--short] [NAME ...]: measure, print, and exit with 1 when a bound is broken."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping

from bench.engine import measure_engine
from bench.momentum import measure_momentum
from bench.outcome import ROUGH, Outcome
from bench.reads import measure_reads
from bench.recording import measure_recording
from bench.scale import measure_scale
from bench.stage import set_stage
from bench.sweeps import measure_sweeps
from bench.transfers import measure_transfers
from tapedeck_rpc.logs import configure_logging

MEASUREMENTS: Mapping[str, Callable[..., list[Outcome]]] = {
    "recording": measure_recording,
    "reads": measure_reads,
    "scale": measure_scale,
    "transfers": measure_transfers,
    "engine": measure_engine,
    "sweeps": measure_sweeps,
    "momentum": measure_momentum,
}


def main() -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures against the same work done without the services.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"what to measure: {', '.join(MEASUREMENTS)}; all of it by default")
    parser.add_argument(
        "--short", action="store_true", help=f"measure less, and fail only when a ratio is {ROUGH:g} times beyond its bound"
    )
    arguments = parser.parse_args()
    unknown = set(arguments.names) - MEASUREMENTS.keys()
    if unknown:
        parser.error(f"no measurement is called {', '.join(sorted(unknown))}; there are: {', '.join(MEASUREMENTS)}")
    configure_logging("WARNING")
    before = time.monotonic()
    outcomes = []
    with set_stage() as stage:
        for name in arguments.names or MEASUREMENTS:
            for outcome in MEASUREMENTS[name](stage, short=arguments.short):
                print(outcome, flush=True)
                outcomes.append(outcome)
    broken = [outcome for outcome in outcomes if not outcome.holds(slack=ROUGH if arguments.short else 1.0)]
    print(f"{len(outcomes) - len(broken)} of {len(outcomes)} hold, after {time.monotonic() - before:.0f} s")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
