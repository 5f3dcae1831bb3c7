from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from exchange_calendars import get_calendar
from numpy.typing import NDArray
from zipline.finance import commission as commissions
from zipline.finance import slippage as slippages

from engine_service.datasets import Dataset
from engine_service.ingest import ingest
from engine_service.simulation import SessionFacts, simulate
from tapedeck.v1 import run_pb2
from tests.direct_zipline import DirectRun, run_directly
from tests.fix_datasets import MakeDataset, synthetic_draft, xnys_sessions
from tests.rebuilding import Kind, check_rebuilds, iso
from tests.specs import complete_spec, fixed_basis_points, per_share, scripted

NONE = run_pb2.Slippage(none=run_pb2.NoSlippage())
VOLUME_SHARE = run_pb2.Slippage(volume_share=run_pb2.VolumeShareSlippage(volume_limit=0.025, price_impact=0.1))
BASIS_POINTS = fixed_basis_points(2.5, 0.01)
PER_TRADE = run_pb2.Commission(per_trade=run_pb2.PerTradeCommission(cost=7.5))
PER_DOLLAR = run_pb2.Commission(per_dollar=run_pb2.PerDollarCommission(cost=0.0015))


def random_decisions(dataset: Dataset, symbols: Sequence[str], start_date: str, end_date: str, seed: int) -> NDArray[np.float64]:
    """Long and short, about one decision in ten sessions, from the start on."""
    generator = np.random.default_rng(seed)
    dates = [iso(session) for session in dataset.sessions]
    decisions = np.where(
        generator.random((len(dates), len(symbols))) < 0.1, generator.uniform(-0.6, 0.9, (len(dates), len(symbols))).round(3), np.nan
    )
    decisions[: dates.index(start_date)] = np.nan
    for column, symbol in enumerate(symbols):
        decisions[np.isnan(dataset.raw("close", symbol)), column] = np.nan
    decisions[dates.index(end_date) + 1 :] = np.nan
    return decisions


def as_targets(dataset: Dataset, symbols: Sequence[str], decisions: NDArray[np.float64]) -> dict[str, dict[str, float]]:
    targets: dict[str, dict[str, float]] = {}
    for row, column in np.argwhere(~np.isnan(decisions)):
        targets.setdefault(iso(dataset.sessions[row]), {})[symbols[column]] = float(decisions[row, column])
    return targets


def check_equal(facts: Sequence[SessionFacts], direct: DirectRun) -> None:
    """Every value of zipline's own result, to the last bit."""
    assert [one.portfolio_value for one in facts] == direct.portfolio_values.tolist()
    assert [one.cash for one in facts] == direct.cash.tolist()
    fills = [fill for one in facts for fill in one.fills]
    assert [(iso(fill.session_date), fill.symbol, fill.quantity, fill.price) for fill in fills] == direct.fills
    actions = [action for one in facts for action in one.corporate_actions if action.kind == Kind.KIND_AUTOMATIC_CLOSE]
    assert [(iso(close.session_date), close.symbol, -close.quantity, close.price) for close in actions] == direct.automatic_closes
    for one, positions in zip(facts, direct.positions, strict=True):
        assert one.mark_prices == [price for _, _, price in positions.values()]
    held: dict[str, tuple[float, float]] = {}
    for one, positions in zip(facts, direct.positions, strict=True):
        held |= {position.symbol: (position.quantity, position.cost_basis) for position in one.positions}
        held = {symbol: state for symbol, state in held.items() if state[0]}
        assert held == {symbol: (quantity, basis) for symbol, (quantity, basis, _) in positions.items()}
    for number, total in direct.commissions.items():
        assert math.isclose(sum(fill.commission for fill in fills if fill.order_number == number), total, abs_tol=1e-9)


@pytest.mark.parametrize(
    ("slippage", "commission", "direct", "capital_base"),
    [
        (None, None, {}, 100_000.0),
        (NONE, per_share(0.005, 1.0), {"slippage": slippages.NoSlippage(), "commission": commissions.PerShare(0.005, 1.0)}, 1e5),
        (VOLUME_SHARE, PER_TRADE, {"slippage": slippages.VolumeShareSlippage(), "commission": commissions.PerTrade(7.5)}, 5e8),
        (
            fixed_basis_points(2.5, 0.01),
            PER_DOLLAR,
            {"slippage": slippages.FixedBasisPointsSlippage(2.5, 0.01), "commission": commissions.PerDollar()},
            2e9,
        ),
    ],
    ids=["defaults", "none_per_share", "volume_share_per_trade", "basis_points_per_dollar"],
)
def test_a_run_equals_the_same_zipline_run_done_directly_and_is_rebuilt_from_its_record(
    wiki: Dataset, slippage: run_pb2.Slippage, commission: run_pb2.Commission, direct: Mapping[str, Any], capital_base: float
) -> None:
    """Two splits, forty dividends, long and short, with so much capital in two cases that orders fill over many sessions."""
    symbols, start, end = ["IBM", "MSFT", "AAPL"], "2003-01-02", "2005-06-30"
    decisions = random_decisions(wiki, symbols, start, end, seed=7)
    spec = complete_spec(wiki, "scripted", symbols, start, end, slippage=slippage, commission=commission, capital_base=capital_base)
    facts = list(simulate(spec, scripted(decisions), wiki))
    check_equal(facts, run_directly(wiki, symbols, start, end, as_targets(wiki, symbols, decisions), capital_base=capital_base, **direct))
    check_rebuilds(facts, capital_base)
    kinds = [action.kind for one in facts for action in one.corporate_actions]
    assert kinds.count(Kind.KIND_SPLIT) == 2
    assert kinds.count(Kind.KIND_DIVIDEND_PAID) > 10


def test_a_run_on_a_market_of_troubles_equals_zipline(make_dataset: MakeDataset) -> None:
    """Missing bars, no volume, fractional splits, dividends paid later than earned, a symbol that ends."""
    generator, count = np.random.default_rng(3), 120
    closes = {symbol: (50 * np.cumprod(1 + generator.normal(0, 0.02, count))).round(2) for symbol in ("AAA", "BBB", "CCC")}
    closes["AAA"][20:24] = np.nan
    volumes = {symbol: generator.integers(200, 5_000, count).astype(float) for symbol in closes}
    volumes["BBB"][30:33] = 0.0
    dates = xnys_sessions("2020-01-02", count)
    dataset = make_dataset(
        {**closes, "CCC": closes["CCC"][:70]},
        volumes=volumes,
        splits=[("AAA", dates[40], 1 / 3), ("BBB", dates[50], 2.0), ("CCC", dates[33], 2 / 3)],
        dividends=[("AAA", dates[25], dates[31], 0.4), ("AAA", dates[60], dates[62], 0.3), ("CCC", dates[68], dates[75], 0.5)],
    )
    symbols = ["CCC", "AAA", "BBB"]
    decisions = random_decisions(dataset, symbols, dates[5], dates[-1], seed=5)
    spec = complete_spec(dataset, "scripted", symbols, dates[5], dates[-1], commission=per_share(0.01, 2.0))
    facts = list(simulate(spec, scripted(decisions), dataset))
    direct = run_directly(
        dataset, symbols, dates[5], dates[-1], as_targets(dataset, symbols, decisions), commission=commissions.PerShare(0.01, 2.0)
    )
    check_equal(facts, direct)
    check_rebuilds(facts, 100_000.0)
    assert [close.symbol for one in facts for close in one.corporate_actions if close.kind == Kind.KIND_AUTOMATIC_CLOSE] == ["CCC"]


@pytest.mark.parametrize("calendar", ["XLON", "XTKS", "XHKG", "24/7", "CMES", "us_futures"])
def test_other_calendars_give_what_zipline_gives(tmp_path: Path, calendar: str) -> None:
    sessions = get_calendar(calendar, start="2020-01-01", end="2020-12-31", side="right").sessions[1:61]
    closes = (100 * np.cumprod(1 + np.random.default_rng(2).normal(0, 0.02, len(sessions)))).round(2)
    bars = synthetic_draft({"AAA": closes.tolist()}).bars.with_columns(pl.Series("date", sessions.to_numpy()).cast(pl.Date))
    dates = [session.date().isoformat() for session in sessions]
    split = synthetic_draft({"AAA": [1.0]}, splits=[("AAA", dates[30], 0.5)]).splits
    dataset = ingest(replace(synthetic_draft({"AAA": [1.0]}), bars=bars, splits=split, calendar=calendar), tmp_path)
    decisions = random_decisions(dataset, ["AAA"], dates[0], dates[-1], seed=1)
    facts = list(simulate(complete_spec(dataset, "scripted", ["AAA"], dates[0], dates[-1]), scripted(decisions), dataset))
    check_equal(facts, run_directly(dataset, ["AAA"], dates[0], dates[-1], as_targets(dataset, ["AAA"], decisions)))
    assert sum(len(one.fills) for one in facts) > 3
