"""One run of zipline: a spec and something that trades in, the facts of each session out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from zipline.algorithm import TradingAlgorithm
from zipline.assets import Asset
from zipline.finance import commission, slippage
from zipline.finance.trading import SimulationParameters
from zipline.gens.sim_engine import BAR, SESSION_END, SESSION_START

from engine_service.datasets import Dataset
from engine_service.session_facts import SessionFacts
from engine_service.strategies import Algorithm, StrategyFailed
from engine_service.zipline_market import Market, open_market
from engine_service.zipline_record import FACTS, NumberedBlotter, SessionRecorder
from tapedeck.v1 import run_pb2


class TargetPlayer:
    """Plays target weights: at each session's close, an order for each symbol that has a target, in the order of the symbols."""

    def __init__(self, targets: NDArray[np.float64]) -> None:
        """Takes targets [simulated sessions x symbols]; NaN orders nothing."""
        self._rows = iter(targets)

    def initialize(self, context: Any) -> None:
        """Nothing to prepare."""

    def handle_data(self, context: Any, _data: Any) -> None:
        """Order what the session's row says."""
        row = next(self._rows)
        for column in np.flatnonzero(~np.isnan(row)):
            # Open orders are not taken into account: that is zipline's rule.
            context.order_target_percent(context.assets[column], float(row[column]))


def simulate_sessions(spec: run_pb2.RunSpec, dataset: Dataset, algorithm: Algorithm) -> Iterator[SessionFacts]:
    """Run the algorithm on the dataset; closing the iterator cleans up.

    Args:
        spec: Complete: every default is filled in.
        dataset: The version that the spec names.
        algorithm: What trades.

    Raises:
        StrategyFailed: the algorithm raised something; names the session.
    """
    with open_market(dataset, list(spec.symbols)) as market:
        blotter = NumberedBlotter(_slippage(spec.slippage), _commission(spec.commission))
        packets = _Simulation(spec, market, algorithm, blotter).get_generator()
        try:
            for packet in packets:
                if FACTS in packet:
                    yield packet[FACTS]
        finally:
            packets.close()


class _Simulation(TradingAlgorithm):  # type: ignore[misc]  # zipline has no types
    """zipline's algorithm, with our symbols as `assets`, our record, and a clock without minutes."""

    def __init__(self, spec: run_pb2.RunSpec, market: Market, algorithm: Algorithm, blotter: NumberedBlotter) -> None:
        parameters = SimulationParameters(
            pd.Timestamp(spec.start_date), pd.Timestamp(spec.end_date), market.calendar, capital_base=spec.capital_base
        )
        super().__init__(
            parameters,
            data_portal=market.portal,
            blotter=blotter,
            metrics_set=[SessionRecorder(blotter)],
            # zipline insists on a benchmark; ours is measured by engine_service.metrics.
            benchmark_returns=pd.Series(0.0, index=parameters.sessions),
            initialize=_first(algorithm),
            handle_data=_each(algorithm),
        )
        self.assets: Sequence[Asset] = market.assets

    def order_target_percent(self, asset: Asset, target: float, *arguments: Any, **options: Any) -> str | None:
        order_id: str | None = super().order_target_percent(asset, target, *arguments, **options)
        self.blotter.note_target(order_id, target)
        return order_id

    def set_slippage(self, *_models: Any, **_more: Any) -> None:
        """Refuse: a run costs what its spec says."""
        raise ValueError("slippage is part of a run's spec: a strategy can't change it")

    def set_commission(self, *_models: Any, **_more: Any) -> None:
        """Refuse: a run costs what its spec says."""
        raise ValueError("commission is part of a run's spec: a strategy can't change it")

    def _create_clock(self) -> Iterable[tuple[pd.Timestamp, int]]:
        """Zipline's daily clock, without the minutes of every session, which it lists but does not use in daily mode.

        It leaves out only before_trading_start, which no strategy here has.
        """
        sessions = self.sim_params.sessions
        closes = pd.to_datetime(self.trading_calendar.schedule.loc[sessions, "close"].to_numpy(), utc=True)
        for session, close in zip(sessions.tz_localize("UTC"), closes, strict=True):
            yield session, SESSION_START
            yield close, BAR
            yield close, SESSION_END


def _first(algorithm: Algorithm) -> Any:
    def initialize(context: Any) -> None:
        try:
            algorithm.initialize(context)
        except Exception as error:
            raise StrategyFailed.of(error) from error

    return initialize


def _each(algorithm: Algorithm) -> Any:
    def handle_data(context: Any, data: Any) -> None:
        try:
            algorithm.handle_data(context, data)
        except Exception as error:
            session = context.trading_calendar.minute_to_session(context.get_datetime())
            raise StrategyFailed.of(error, session.date().isoformat()) from error

    return handle_data


def _slippage(model: run_pb2.Slippage) -> Any:
    chosen = model.WhichOneof("model")
    if chosen == "none":
        return slippage.NoSlippage()
    if chosen == "volume_share":
        return slippage.VolumeShareSlippage(model.volume_share.volume_limit, model.volume_share.price_impact)
    return slippage.FixedBasisPointsSlippage(model.fixed_basis_points.basis_points, model.fixed_basis_points.volume_limit)


def _commission(model: run_pb2.Commission) -> Any:
    chosen = model.WhichOneof("model")
    if chosen == "per_trade":
        return commission.PerTrade(model.per_trade.cost)
    if chosen == "per_dollar":
        return commission.PerDollar(model.per_dollar.cost)
    return commission.PerShare(model.per_share.cost, model.per_share.minimum_cost)
