"""The result digest: one for a ledger however it is cut into batches, another one for every other ledger."""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from engine_service.result_digest import FIELDS, NUMBERS, ResultDigest
from engine_service.session_facts import SessionFacts
from tapedeck.v1 import run_pb2

numbers = st.floats(width=64)
dates = st.integers(19000101, 20991231)
texts = st.text(max_size=5)
counts = st.integers(0, 2**31 - 1)
optional = st.none() | numbers
quantities = {"session_date": dates, "symbol": texts, "quantity": numbers}

sessions = st.builds(
    SessionFacts,
    session_date=dates,
    portfolio_value=numbers,
    cash=numbers,
    fills=st.lists(st.builds(run_pb2.Fill, **quantities, price=numbers, commission=numbers, order_number=counts), max_size=2),
    orders=st.lists(
        st.builds(run_pb2.Order, **quantities, target_weight=optional, filled=numbers, order_number=counts, cancelled=st.booleans()),
        max_size=2,
    ),
    positions=st.lists(st.builds(run_pb2.Position, **quantities, cost_basis=numbers), max_size=2),
    corporate_actions=st.lists(
        st.builds(
            run_pb2.CorporateAction,
            **quantities,
            kind=st.sampled_from(run_pb2.CorporateAction.Kind.values()),
            cash=numbers,
            split_ratio=optional,
            dividend_per_share=optional,
            pay_date=st.none() | dates,
            price=optional,
        ),
        max_size=2,
    ),
    mark_prices=st.lists(numbers, max_size=2),
)
runs = st.lists(sessions, max_size=6)

FULL = SessionFacts(
    session_date=20100104,
    portfolio_value=1e5,
    cash=5e4,
    fills=[run_pb2.Fill(session_date=20100104, symbol="A", quantity=1, price=2, commission=3, order_number=4)],
    orders=[
        run_pb2.Order(session_date=20100104, symbol="A", target_weight=1, quantity=2, filled=3, order_number=4, cancelled=True),
    ],
    positions=[run_pb2.Position(session_date=20100104, symbol="A", quantity=1, cost_basis=2)],
    corporate_actions=[
        run_pb2.CorporateAction(
            session_date=20100104,
            symbol="A",
            kind="KIND_SPLIT",
            quantity=1,
            cash=2,
            split_ratio=3,
            dividend_per_share=4,
            pay_date=5,
            price=6,
        )
    ],
    mark_prices=[10.0],
)
MESSAGE_FIELDS = [(column, name) for column, names in FIELDS.items() for name in names]


def digest(*run: SessionFacts) -> str:
    found = ResultDigest()
    for session in run:
        found.add(session)
    return found.hexdigest()


def but(**changes: Any) -> SessionFacts:
    """FULL with some of its columns changed."""
    return replace(FULL, **changes)


def batch_of(*run: SessionFacts) -> run_pb2.SessionBatch:
    """The sessions as they are sent and recorded, through the wire."""
    batch = run_pb2.SessionBatch()
    for session in run:
        batch.session_dates.append(session.session_date)
        batch.portfolio_values.append(session.portfolio_value)
        batch.cash.append(session.cash)
        for column in ("mark_prices", *FIELDS):
            getattr(batch, column).extend(getattr(session, column))
    return run_pb2.SessionBatch.FromString(batch.SerializeToString())


def changed(column: str, change: Callable[[Message], None]) -> SessionFacts:
    """FULL with its row of a column changed."""
    row = type(getattr(FULL, column)[0])()
    row.CopyFrom(getattr(FULL, column)[0])
    change(row)
    return but(**{column: [row]})


@given(run=runs, cuts=st.sets(st.integers(0, 6)))
def test_the_digest_does_not_depend_on_how_sessions_are_batched(run: list[SessionFacts], cuts: set[int]) -> None:
    found = ResultDigest()
    edges = [0, *sorted(cut for cut in cuts if cut < len(run)), len(run)]
    for start, end in pairwise(edges):
        found.add_batch(batch_of(*run[start:end]))
    assert found.hexdigest() == digest(*run)


@given(left=runs, right=runs)
def test_two_ledgers_have_one_digest_only_when_they_are_equal_bit_for_bit(left: list[SessionFacts], right: list[SessionFacts]) -> None:
    same = batch_of(*left).SerializeToString(deterministic=True) == batch_of(*right).SerializeToString(deterministic=True)
    assert (digest(*left) == digest(*right)) is same


@pytest.mark.parametrize(("column", "name"), MESSAGE_FIELDS)
def test_every_field_of_every_row_changes_the_digest(column: str, name: str) -> None:
    def change(row: Message) -> None:
        before = getattr(row, name)
        setattr(
            row, name, before + "b" if isinstance(before, str) else math.nextafter(before, 9.0) if type(before) is float else before + 1
        )

    def clear(row: Message) -> None:
        row.ClearField(name)

    if name != "cancelled":  # a bool has no third value
        assert digest(changed(column, change)) != digest(FULL)
    assert digest(changed(column, clear)) != digest(FULL)


@pytest.mark.parametrize("column", ["session_date", "portfolio_value", "cash"])
def test_every_number_of_a_session_changes_the_digest(column: str) -> None:
    before = getattr(FULL, column)
    assert digest(but(**{column: before + 1 if column == "session_date" else math.nextafter(before, 0.0)})) != digest(FULL)


@pytest.mark.parametrize("column", ["mark_prices", *FIELDS])
def test_a_missing_row_changes_the_digest(column: str) -> None:
    assert digest(but(**{column: []})) != digest(FULL)


def test_minus_zero_is_not_zero() -> None:
    assert digest(but(cash=-0.0)) != digest(but(cash=0.0))
    assert digest(but(mark_prices=[-0.0])) != digest(but(mark_prices=[0.0]))
    minus, zero = (run_pb2.Fill(session_date=20100104, commission=commission) for commission in (-0.0, 0.0))
    assert digest(but(fills=[minus])) != digest(but(fills=[zero]))


@pytest.mark.parametrize(("column", "name"), [(column, name) for column, name in MESSAGE_FIELDS if column == "corporate_actions"])
def test_an_absent_field_is_not_one_of_zero(column: str, name: str) -> None:
    def clear(row: Message) -> None:
        row.ClearField(name)

    def zero(row: Message) -> None:
        setattr(row, name, type(getattr(row, name))())

    has_presence = run_pb2.CorporateAction.DESCRIPTOR.fields_by_name[name].has_presence
    assert (digest(changed(column, clear)) != digest(changed(column, zero))) is has_presence


def test_the_order_of_rows_matters() -> None:
    assert digest(but(mark_prices=[1.0, 2.0])) != digest(but(mark_prices=[2.0, 1.0]))


def test_the_digest_can_be_asked_for_again_and_the_run_can_go_on() -> None:
    found = ResultDigest()
    found.add(FULL)
    assert found.hexdigest() == found.hexdigest() == digest(FULL)
    found.add(FULL)
    assert found.hexdigest() == digest(FULL, FULL)


def test_every_field_of_the_contract_is_hashed_in_the_order_of_its_number() -> None:
    fields = run_pb2.SessionBatch.DESCRIPTOR.fields_by_name
    assert {*NUMBERS, *FIELDS} == set(fields)
    for column, names in FIELDS.items():
        row = fields[column].message_type
        assert row is not None
        assert list(names) == [row.fields_by_number[number].name for number in sorted(row.fields_by_number)]


def test_the_layout_is_the_one_that_is_documented() -> None:
    fill = run_pb2.Fill(session_date=20100104, symbol="Ä", quantity=1, price=-0.0, commission=3, order_number=4)
    order = run_pb2.Order(session_date=20100104, cancelled=True)
    session = but(fills=[fill], orders=[order], positions=[], corporate_actions=[], mark_prices=[])
    columns = [
        (b"session_dates", 1, struct.pack("<i", 20100104)),
        (b"portfolio_values", 1, struct.pack("<d", 1e5)),
        (b"cash", 1, struct.pack("<d", 5e4)),
        (b"mark_prices", 0, b""),
        (b"fills", 1, struct.pack("<BBqBBI2sBBdBBdBBdBBq", 1, 1, 20100104, 2, 1, 2, b"\xc3\x84", 3, 1, 1, 4, 1, -0.0, 5, 1, 3, 6, 1, 4)),
        (b"orders", 1, struct.pack("<BBqBBIBBBBdBBdBBqBBq", 1, 1, 20100104, 2, 1, 0, 3, 0, 4, 1, 0, 5, 1, 0, 6, 1, 0, 7, 1, 1)),
        (b"positions", 0, b""),
        (b"corporate_actions", 0, b""),
    ]
    expected = hashlib.sha256(b"tapedeck ledger 1\n")
    for name, count, content in columns:
        expected.update(struct.pack("<I", len(name)) + name + struct.pack("<Q", count) + hashlib.sha256(content).digest())
    assert digest(session) == expected.hexdigest()
