"""The main job on real prices, as a person would do it: `python -m deploy.demo`.

Starts the pair on loopback with an embedded PostgreSQL, runs strategies, looks at what was recorded, replays a run, and stops everything.
The runs stay in `.tapedeck/`: `make up` serves them again.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys

from deploy.local import Pair, default_data_dir, interrupt_when_terminated, running

RUNS = (
    "buy_and_hold --symbols IBM --start 2005-01-03 --end 2012-12-31",
    "sma_crossover --symbols GOOG --start 2005-01-03 --end 2012-12-31 -p fast=10 -p slow=30 --label team=alpha",
    "rsi_mean_reversion --symbols MSFT --start 2005-01-03 --end 2012-12-31 --benchmark IBM",
    "bollinger_bands --symbols AAPL --start 2005-01-03 --end 2012-12-31",
    "cross_sectional_momentum --symbols AAPL,GOOG,IBM,MSFT --start 2006-01-03 --end 2012-12-31 --label team=alpha",
)

SPEC = {
    "strategy": "sma_crossover",
    "parameters": {"fast": 10, "slow": 30},
    "dataset": "wiki",
    "symbols": ["GOOG"],
    "start_date": "2005-01-03",
    "end_date": "2012-12-31",
}


def tapedeck(pair: Pair, command: str, *, quiet: bool = False) -> str:
    """Run one command of the CLI, shown with what it prints; raises CalledProcessError when it fails."""
    environment = {**os.environ, "TAPEDECK_ENGINE_TARGET": pair.engine_address, "TAPEDECK_STORE_TARGET": pair.store_address}
    arguments = [sys.executable, "-m", "tapedeck_client", *shlex.split(command)]
    if quiet:
        return subprocess.run(arguments, check=True, env=environment, stdout=subprocess.PIPE, text=True).stdout
    print(f"\n\033[1m$ tapedeck {command}\033[0m" if sys.stdout.isatty() else f"\n$ tapedeck {command}", flush=True)
    subprocess.run(arguments, check=True, env=environment)
    return ""


def demo(pair: Pair) -> None:
    """The tour."""
    for run in RUNS:
        tapedeck(pair, f"run {run} --force")  # the runs of the demo before are kept
    tapedeck(pair, "history --limit 10 --sort sharpe")
    listed = json.loads(tapedeck(pair, f"history --limit {len(RUNS)} --json", quiet=True))
    newest = [run["run_id"] for run in listed["runs"]]
    crossover = next(run["run_id"] for run in listed["runs"] if run["spec"]["strategy"] == "sma_crossover")
    tapedeck(pair, f"show {crossover}")
    tapedeck(pair, f"compare {' '.join(newest[:4])}")
    tapedeck(pair, f"replay {crossover}")
    verdict = json.loads(tapedeck(pair, "history --limit 1 --json", quiet=True))["runs"][0]["verdict"]["outcome"]
    if verdict != "OUTCOME_IDENTICAL":
        raise RuntimeError(f"the replay came back {verdict}")
    print("\nThe runs are kept. `make up` serves them; then try, in another terminal:\n")
    grpcurl = ".venv/bin/grpcurl -plaintext"
    print(f"  {grpcurl} -d '{json.dumps({'spec': SPEC})}' {pair.engine_address} tapedeck.v1.EngineService/RunBacktest")
    print(f"  {grpcurl} -d '{json.dumps({'run_id': crossover})}' {pair.store_address} tapedeck.v1.StoreService/GetRun")
    order = {"filter": 'symbols:"GOOG"', "order_by": "sharpe_ratio desc", "page_size": 3}
    print(f"  {grpcurl} -d '{json.dumps(order)}' {pair.store_address} tapedeck.v1.StoreService/ListRuns")
    print(f"  {grpcurl} {pair.store_address} list\n")


def main() -> int:
    """Run the demo; returns the exit code."""
    interrupt_when_terminated()
    pair = Pair(default_data_dir())
    print("starting the pair: an embedded PostgreSQL, the store service, the engine service …", flush=True)
    try:
        with running(pair):
            demo(pair)
    except (RuntimeError, subprocess.CalledProcessError) as error:
        print(f"the demo failed: {error}; logs are in {pair.data_dir / 'logs'}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print("everything that was started is stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
