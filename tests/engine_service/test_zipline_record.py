from __future__ import annotations

from typing import Any

import numpy as np

from engine_service.simulation import simulate
from engine_service.strategies import Strategy, load_strategies
from tests.fix_datasets import MakeDataset, xnys_sessions
from tests.rebuilding import Kind, check_rebuilds, iso
from tests.specs import NoParameters, complete_spec, scripted


def test_an_order_is_recorded_when_it_is_placed_and_whenever_it_changes(make_dataset: MakeDataset) -> None:
    dataset = make_dataset({"AAA": [10.0] * 6}, volumes={"AAA": [1_000.0] * 6})
    dates = xnys_sessions("2020-01-02", 6)
    decisions = np.full((6, 1), np.nan)
    decisions[0] = 0.025
    facts = list(simulate(complete_spec(dataset, "scripted", ["AAA"], dates[0], dates[-1]), scripted(decisions), dataset))
    orders = [(iso(order.session_date), order.quantity, order.filled, order.order_number) for one in facts for order in one.orders]
    assert orders == [(dates[0], 250, 0, 1), (dates[1], 250, 100, 1), (dates[2], 250, 200, 1), (dates[3], 250, 250, 1)]
    assert {order.target_weight for one in facts for order in one.orders} == {0.025}
    assert [fill.quantity for one in facts for fill in one.fills] == [100, 100, 50]


def test_open_orders_are_split_with_their_symbol(make_dataset: MakeDataset) -> None:
    dates = xnys_sessions("2020-01-02", 5)
    dataset = make_dataset(
        {"AAA": [10.0, 10.0, 5.0, 5.0, 5.0]}, volumes={"AAA": [1_000.0, 1_000.0, 0.0, 0.0, 0.0]}, splits=[("AAA", dates[2], 0.5)]
    )
    decisions = np.full((5, 1), np.nan)
    decisions[0] = 0.025
    facts = list(simulate(complete_spec(dataset, "scripted", ["AAA"], dates[0], dates[-1]), scripted(decisions), dataset))
    (order,) = facts[2].orders
    assert (order.quantity, order.filled) == (500, 200)
    (split,) = facts[2].corporate_actions
    assert (split.kind, split.quantity, split.split_ratio, split.cash) == (Kind.KIND_SPLIT, 200, 0.5, 0.0)


def test_a_symbol_that_ends_is_closed_at_its_last_price_and_its_orders_are_cancelled(make_dataset: MakeDataset) -> None:
    dates = xnys_sessions("2020-01-02", 6)
    dataset = make_dataset({"AAA": [10.0, 10.0, 12.0], "BBB": [1.0] * 6})
    decisions = np.full((6, 2), np.nan)
    decisions[0, 0], decisions[2, 0] = 0.5, 0.6
    facts = list(simulate(complete_spec(dataset, "scripted", ["AAA", "BBB"], dates[0], dates[-1]), scripted(decisions), dataset))
    (close,) = facts[3].corporate_actions
    assert (close.kind, close.symbol, close.price) == (Kind.KIND_AUTOMATIC_CLOSE, "AAA", 12.0)
    assert close.cash == close.quantity * close.price
    (order,) = facts[3].orders
    assert (order.cancelled, order.filled, order.target_weight) == (True, 0, 0.6)
    assert [(position.symbol, position.quantity, position.cost_basis) for position in facts[3].positions] == [("AAA", 0.0, 0.0)]
    assert facts[-1].cash == facts[-1].portfolio_value
    assert facts[-1].mark_prices == []


def test_a_dividend_is_earned_on_its_ex_date_and_paid_on_its_pay_date(make_dataset: MakeDataset) -> None:
    dates = xnys_sessions("2020-01-02", 6)
    dataset = make_dataset({"AAA": [10.0] * 6}, dividends=[("AAA", dates[2], dates[4], 0.25), ("AAA", dates[3], "2020-03-02", 0.5)])
    decisions = np.full((6, 1), np.nan)
    decisions[0] = 0.5
    facts = list(simulate(complete_spec(dataset, "scripted", ["AAA"], dates[0], dates[-1]), scripted(decisions), dataset))
    (earned,), (late,), (paid,) = facts[2].corporate_actions, facts[3].corporate_actions, facts[4].corporate_actions
    assert (earned.kind, earned.quantity, earned.dividend_per_share, earned.cash) == (Kind.KIND_DIVIDEND_EARNED, 5000, 0.25, 1250.0)
    assert iso(earned.pay_date) == dates[4]
    assert not late.HasField("pay_date"), "it lies after the run"
    assert (paid.kind, paid.symbol, paid.cash) == (Kind.KIND_DIVIDEND_PAID, "", 1250.0)


def test_symbols_are_recorded_as_the_dataset_writes_them(make_dataset: MakeDataset) -> None:
    dataset = make_dataset({"brk.b": [10.0] * 3})
    dates = xnys_sessions("2020-01-02", 3)
    spec = complete_spec(dataset, "buy_and_hold", ["brk.b"], dates[0], dates[-1])
    facts = list(simulate(spec, load_strategies()["buy_and_hold"], dataset))
    assert [order.symbol for order in facts[0].orders] == ["brk.b"]
    assert [fill.symbol for fill in facts[1].fills] == ["brk.b"]
    assert [position.symbol for position in facts[1].positions] == ["brk.b"]


def test_an_event_driven_strategy_orders_quantities_and_weights_and_cancels(make_dataset: MakeDataset) -> None:
    dates = xnys_sessions("2020-01-02", 5)
    dataset = make_dataset({"AAA": [10.0] * 5}, volumes={"AAA": [100.0] * 5})

    class Hand:
        def __init__(self, _parameters: NoParameters) -> None:
            self.day = 0

        def initialize(self, context: Any) -> None:
            context.mine = context.assets[0]

        def handle_data(self, context: Any, data: Any) -> None:
            if self.day == 0:
                self.order_id = context.order(context.mine, 50)
                context.order_target_percent(context.mine, 0.001)
            if self.day == 2:
                context.cancel_order(self.order_id)
            assert data.current(context.mine, "price") == 10.0
            assert context.symbol("AAA") == context.mine
            self.day += 1

    strategy = Strategy("hand", "test", "Orders by hand.", NoParameters, algorithm=Hand)
    facts = list(simulate(complete_spec(dataset, "hand", ["AAA"], dates[0], dates[-1]), strategy, dataset))
    by_quantity, by_weight = facts[0].orders
    assert not by_quantity.HasField("target_weight")
    assert by_weight.target_weight == 0.001
    cancelled = [order for order in facts[2].orders if order.cancelled]
    assert [(order.order_number, order.filled) for order in cancelled] == [(1, 20)]
    check_rebuilds(facts, 100_000.0)
