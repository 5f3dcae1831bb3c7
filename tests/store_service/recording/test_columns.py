"""Sessions become columns and sessions again, to the bit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given

from store_service.models import run_batches
from store_service.recording.columns import COLUMNS, UNKNOWN_SYMBOL, BatchColumns, from_columns, symbol_places
from tapedeck.v1 import run_pb2
from tests.random_batches import SYMBOLS, rows_of, session_batches


def made_again(batches: Sequence[run_pb2.SessionBatch]) -> list[run_pb2.SessionBatch]:
    return [from_columns(row, SYMBOLS) for row in rows_of(BatchColumns(batches, symbol_places(SYMBOLS)))]


@given(session_batches())
def test_batches_come_back_to_the_bit(batches: list[run_pb2.SessionBatch]) -> None:
    assert [batch.SerializeToString() for batch in made_again(batches)] == [batch.SerializeToString() for batch in batches]


def test_what_is_absent_stays_absent_and_zero_stays_zero() -> None:
    batch = run_pb2.SessionBatch(session_dates=[20100104], portfolio_values=[0.0], cash=[-0.0])
    batch.orders.add(session_date=20100104, symbol="GOOG", target_weight=0.0)
    batch.orders.add(session_date=20100104, symbol="GOOG")
    batch.corporate_actions.add(session_date=20100104, kind=run_pb2.CorporateAction.KIND_DIVIDEND_PAID, cash=-0.0)
    (back,) = made_again([batch])
    assert back.SerializeToString() == batch.SerializeToString()
    assert [order.HasField("target_weight") for order in back.orders] == [True, False]
    assert np.signbit(back.cash[0])
    assert np.signbit(back.corporate_actions[0].cash)


def test_columns_without_values_are_null() -> None:
    (row,) = rows_of(BatchColumns([run_pb2.SessionBatch(session_dates=[20100104], portfolio_values=[1], cash=[1])], {}))
    assert [name for name, array in row.items() if array is not None] == ["session_dates", "portfolio_values", "cash"]
    assert tuple(row) == COLUMNS


def test_a_symbol_that_the_spec_does_not_name_is_marked() -> None:
    batch = run_pb2.SessionBatch(fills=[run_pb2.Fill(symbol="IBM"), run_pb2.Fill(symbol="GOOG"), run_pb2.Fill()])
    assert BatchColumns([batch], symbol_places(["GOOG"])).arrays["fill_symbol"].tolist() == [UNKNOWN_SYMBOL, 1, 0]


def test_the_table_has_the_columns_that_the_contract_asks_for() -> None:
    assert tuple(column.name for column in run_batches.columns) == ("run_id", "sequence", "digest", *COLUMNS)
