"""Overrides change what they name and nothing else."""

from __future__ import annotations

import pytest

from store_service.runs.overrides import with_overrides
from tapedeck.v1 import run_pb2, store_service_pb2
from tests.fix_runs import make_spec

Overrides = store_service_pb2.RunOverrides
POINTS = run_pb2.Slippage(fixed_basis_points=run_pb2.FixedBasisPointsSlippage(basis_points=5.0, volume_limit=0.1))
FREE = run_pb2.Slippage(none=run_pb2.NoSlippage())


@pytest.mark.parametrize(
    ("overrides", "changed", "fields"),
    [
        (Overrides(), {}, []),
        (Overrides(start_date="2010-02-01"), {"start_date": "2010-02-01"}, ["start_date"]),
        (Overrides(end_date="2010-02-01"), {"end_date": "2010-02-01"}, ["end_date"]),
        (Overrides(interval="1m"), {"interval": "1m"}, ["interval"]),
        (Overrides(capital_base=0.0), {"capital_base": 0.0}, ["capital_base"]),
        (Overrides(symbols=["IBM"]), {"symbols": ["IBM"]}, ["symbols"]),
        (Overrides(slippage=FREE), {"slippage": FREE}, ["slippage"]),
        (
            Overrides(commission=run_pb2.Commission(per_trade=run_pb2.PerTradeCommission())),
            {"commission": run_pb2.Commission(per_trade=run_pb2.PerTradeCommission())},
            ["commission"],
        ),
        (
            Overrides(parameters={"slow": 50, "new": "x"}),
            {"parameters": {"fast": 10, "slow": 50, "new": "x"}},
            ["parameters.new", "parameters.slow"],
        ),
        (Overrides(start_date="2010-01-04", symbols=["GOOG", "AAPL"], slippage=POINTS, parameters={"fast": 10}), {}, []),
    ],
)
def test_what_is_named_is_changed(overrides: store_service_pb2.RunOverrides, changed: dict[str, object], fields: list[str]) -> None:
    recorded = make_spec(slippage=POINTS)
    assert with_overrides(recorded, overrides) == (make_spec(**{"slippage": POINTS, **changed}), fields)
    assert recorded == make_spec(slippage=POINTS)
