"""The run that is measured as zipline itself does it: its own clock, default metrics and frame of results; nothing of ours but the data.

The bars come from the dataset's arrays, which are faster than a bundle: what is compared is the simulation, not the disk.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from zipline.algorithm import TradingAlgorithm
from zipline.finance.trading import SimulationParameters

from engine_service import simulation
from engine_service.run_spec import Plan
from engine_service.zipline_market import open_market


def execute_alone(ready: Plan) -> float:
    """Execute the run; signals are computed and bars opened here too, as in ours.

    Returns:
        The last portfolio value.
    """
    spec, rows = ready.spec, iter(simulation.target_weights(ready.spec, ready.strategy, ready.dataset))

    def handle_data(context: Any, _data: Any) -> None:
        for asset, weight in zip(context.assets, next(rows), strict=True):
            if not np.isnan(weight):
                context.order_target_percent(asset, float(weight))

    def initialize(context: Any) -> None:
        context.assets = market.assets

    with open_market(ready.dataset, list(spec.symbols)) as market, warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # its statistics of the first sessions
        parameters = SimulationParameters(
            pd.Timestamp(spec.start_date), pd.Timestamp(spec.end_date), market.calendar, capital_base=spec.capital_base
        )
        algorithm = TradingAlgorithm(
            parameters,
            data_portal=market.portal,
            benchmark_returns=pd.Series(0.0, index=parameters.sessions),
            initialize=initialize,
            handle_data=handle_data,
        )
        return float(algorithm.run()["portfolio_value"].iloc[-1])
