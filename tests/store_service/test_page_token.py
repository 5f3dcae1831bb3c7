"""Page tokens: opaque, bound to their list, and nothing but INVALID_PAGE_TOKEN when they are damaged."""

from __future__ import annotations

import base64

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from store_service.page_token import MAX_TOKEN_CHARS, JsonScalar, PageTokens, derive_key
from tapedeck_rpc import errors

TOKENS = PageTokens(derive_key("postgresql://store:secret@database/tapedeck"))
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
places = st.lists(scalars, max_size=4)


@given(places, st.text(), st.text())
def test_what_is_sealed_is_what_is_opened(place: list[JsonScalar], filter_text: str, order_by: str) -> None:
    token = TOKENS.seal(place, filter_text, order_by)
    if len(token) <= MAX_TOKEN_CHARS:
        assert TOKENS.open(token, filter_text, order_by) == place


def test_equal_places_give_equal_tokens_and_no_two_places_share_one() -> None:
    assert TOKENS.seal([1.5, "a"], "f") == TOKENS.seal([1.5, "a"], "f")
    assert TOKENS.seal([1.5, "a"], "f") != TOKENS.seal([1.5, "b"], "f")


def test_a_token_shows_nothing_of_what_it_holds() -> None:
    token = TOKENS.seal(["sma_crossover", 1.25], "strategy = sma_crossover")
    assert b"sma" not in base64.urlsafe_b64decode(token + "==")


def _assert_refused(tokens: PageTokens, token: str, *context: str) -> None:
    with pytest.raises(errors.InvalidArgument) as refused:
        tokens.open(token, *context)
    assert refused.value.reason == "INVALID_PAGE_TOKEN"
    assert [violation.field for violation in refused.value.violations] == ["page_token"]


@given(places, st.lists(st.text(), max_size=3), st.lists(st.text(), max_size=3))
def test_a_token_of_another_list_is_refused(place: list[JsonScalar], made_for: list[str], sent_with: list[str]) -> None:
    assume(made_for != sent_with)
    _assert_refused(TOKENS, TOKENS.seal(place, *made_for), *sent_with)


def test_a_token_of_another_store_is_refused() -> None:
    _assert_refused(PageTokens(derive_key("postgresql://elsewhere")), TOKENS.seal([1], "f"), "f")


@given(place=places, data=st.data())
def test_a_damaged_token_is_refused(place: list[JsonScalar], data: st.DataObject) -> None:
    token = TOKENS.seal(place, "f")
    at = data.draw(st.integers(0, len(token) - 1))
    replacement = data.draw(st.characters())
    assume(replacement != token[at])
    _assert_refused(TOKENS, token[:at] + replacement + token[at + 1 :], "f")


@given(st.text(min_size=1))
def test_whatever_is_no_token_is_refused(text: str) -> None:
    _assert_refused(TOKENS, text, "f")


@pytest.mark.parametrize("token", ["A" * (MAX_TOKEN_CHARS + 1), "AAAA\n", "=", "AAAAA", "%%%%"])
def test_odd_spellings_are_refused(token: str) -> None:
    _assert_refused(TOKENS, token, "f")
