"""The same spec gives the same bits: whatever else runs, in whichever process, with whichever hash seed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from engine_service.datasets import Catalogue, Dataset
from engine_service.simulation import SessionFacts, simulate
from engine_service.strategies import load_strategies
from tapedeck.v1 import run_pb2
from tests.specs import complete_spec

RUNS = (
    ("sma_crossover", ("GOOG", "AAPL"), "2005-01-03", "2006-12-29"),
    ("rsi_mean_reversion", ("MSFT", "IBM", "AAPL"), "2003-01-02", "2005-06-30"),
    ("cross_sectional_momentum", ("AAPL", "IBM", "MSFT"), "2001-01-02", "2003-12-31"),
)

CHILD = "import sys; from tests.engine_service.test_simulation_determinism import *; print(digest_of(sys.argv[1], int(sys.argv[2])))"

WARM_THEN_FORK = """
import os, sys
from engine_service import simulation
from tests.engine_service.test_simulation_determinism import *
simulation.warm(Catalogue(Path(sys.argv[1])).latest("wiki"))
reader, writer = os.pipe()
if os.fork() == 0:
    os.write(writer, digest_of(sys.argv[1], 1).encode())
    os._exit(0)
os.close(writer)
print(os.read(reader, 100).decode())
"""


def digest_of(data_dir: str, number: int) -> str:
    """SHA-256 of all facts of one of the runs."""
    strategy, symbols, start, end = RUNS[number]
    dataset = Catalogue(Path(data_dir)).latest("wiki")
    assert dataset is not None
    return digest(simulate(complete_spec(dataset, strategy, symbols, start, end), load_strategies()[strategy], dataset))


def digest(sessions: Iterable[SessionFacts]) -> str:
    batch = run_pb2.SessionBatch()
    for facts in sessions:
        batch.session_dates.append(facts.session_date)
        batch.portfolio_values.append(facts.portfolio_value)
        batch.cash.append(facts.cash)
        batch.mark_prices.extend(facts.mark_prices)
        batch.fills.extend(facts.fills)
        batch.orders.extend(facts.orders)
        batch.positions.extend(facts.positions)
        batch.corporate_actions.extend(facts.corporate_actions)
    return hashlib.sha256(batch.SerializeToString(deterministic=True)).hexdigest()


def start(script: str, arguments: Sequence[str], hash_seed: int) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": os.pathsep.join([*sys.path, str(Path.cwd())])}
    return subprocess.Popen([sys.executable, "-c", script, *arguments], env=environment, stdout=subprocess.PIPE, text=True)


def test_three_runs_at_once_in_processes_of_their_own_equal_the_same_three_in_turn(data_dir: Path) -> None:
    at_once = [start(CHILD, [str(data_dir), str(number)], hash_seed=number + 1) for number in range(len(RUNS))]
    digests = [process.communicate()[0].strip() for process in at_once]
    assert digests == [digest_of(str(data_dir), number) for number in range(len(RUNS))]
    assert len(set(digests)) == len(RUNS)


def test_a_fork_of_a_warm_process_computes_the_same_with_polars(data_dir: Path) -> None:
    """polars used before the fork would hang its children; the time limit of tests would end this one."""
    forked = start(WARM_THEN_FORK, [str(data_dir)], hash_seed=0)
    assert forked.communicate()[0].strip() == digest_of(str(data_dir), 1)


def test_a_later_start_trades_the_same_decisions(wiki: Dataset) -> None:
    strategy = load_strategies()["sma_crossover"]
    early, late = (
        list(simulate(complete_spec(wiki, "sma_crossover", ["IBM"], start_date, "2006-12-29"), strategy, wiki))
        for start_date in ("2004-01-02", "2005-07-01")
    )
    decided = [
        {(order.session_date, order.target_weight) for one in facts for order in one.orders if not order.filled} for facts in (early, late)
    ]
    assert {order for order in decided[0] if order[0] > 20050701} == {order for order in decided[1] if order[0] > 20050701}


def test_a_cut_end_is_the_beginning_of_the_whole(wiki: Dataset) -> None:
    strategy = load_strategies()["bollinger_bands"]
    whole, cut = (
        list(simulate(complete_spec(wiki, "bollinger_bands", ["AAPL", "MSFT"], "2004-01-02", end_date), strategy, wiki))
        for end_date in ("2005-12-30", "2005-03-31")
    )
    assert whole[: len(cut)] == cut
