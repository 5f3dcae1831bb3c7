"""What the store has of a run equals the same strategy run by zipline directly, to the last bit: nothing is lost or rounded on the way."""

from __future__ import annotations

import datetime as dt

import numpy as np

from engine_service.datasets import Dataset
from tapedeck.v1 import run_pb2
from tapedeck_client import TapedeckClient
from tests.direct_zipline import run_directly

FAST, SLOW, WEIGHT = 10, 30, 0.95
START, END = "2005-01-03", "2012-12-31"


def crossover_targets(dataset: Dataset) -> dict[str, dict[str, float]]:
    """A plain moving-average crossover: the weight whenever it changes, and on the first session whatever it is then."""
    dates = [dt.date.fromisoformat(f"{day // 10000}-{day // 100 % 100:02}-{day % 100:02}").isoformat() for day in dataset.sessions]
    closes = dataset.raw("close", "GOOG")
    listed = int(np.flatnonzero(~np.isnan(closes))[0])
    targets: dict[str, dict[str, float]] = {}
    held: float | None = None
    for row in range(listed + SLOW - 1, len(closes)):
        wanted = WEIGHT if closes[row - FAST + 1 : row + 1].mean() > closes[row - SLOW + 1 : row + 1].mean() else 0.0
        if wanted != held or dates[row] == START:
            targets[dates[row]] = {"GOOG": wanted}
        held = wanted
    return targets


def test_a_recorded_run_is_ziplines_own_to_the_last_bit(client: TapedeckClient, wiki: Dataset) -> None:
    spec = run_pb2.RunSpec(strategy="sma_crossover", dataset="wiki", symbols=["GOOG"], start_date=START, end_date=END)
    spec.parameters.update({"fast": FAST, "slow": SLOW, "weight": WEIGHT})
    run_id = next(iter(client.run(spec))).event.started.run_id
    recorded = [answer.event.sessions for answer in client.watch(run_id)]
    direct = run_directly(wiki, ["GOOG"], START, END, crossover_targets(wiki))
    assert [value for batch in recorded for value in batch.portfolio_values] == direct.portfolio_values.tolist()
    assert [value for batch in recorded for value in batch.cash] == direct.cash.tolist()
    fills = [(fill.quantity, fill.price) for batch in recorded for fill in batch.fills]
    assert fills == [(quantity, price) for _, _, quantity, price in direct.fills]
    assert len(fills) > 50
