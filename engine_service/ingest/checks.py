"""What a draft must obey to become a dataset. All problems are found at once, each named by symbol and date.

zipline ignores some bad data silently: a split or a dividend whose date is no session, a split between the last bar and the automatic close
(it doubles units at the old price), rows out of order (a wrong price). So they are refused here, before any engine sees them.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Collection, Iterator

import polars as pl

from engine_service.datasets import NAME
from engine_service.ingest.draft import Draft

SYMBOL = re.compile(r"[A-Za-z0-9][A-Za-z0-9.^=_/-]{0,31}")
"""Printable, no spaces, fits into any table."""

CURRENCY = re.compile(r"[A-Z]{3}")

PRICES = ("open", "high", "low", "close")


def problems(draft: Draft, sessions: Collection[dt.date]) -> list[str]:
    """Everything that is wrong with a draft.

    Args:
        draft: What the source gave.
        sessions: Sessions of the draft's calendar, at least from its first bar to its last date.
    """
    return [
        *_header_problems(draft),
        *_symbol_problems(draft.bars),
        *_bar_problems(draft.bars, pl.Series("sessions", sorted(sessions), dtype=pl.Date)),
        *_split_problems(draft, set(sessions)),
        *_dividend_problems(draft, set(sessions)),
    ]


def _header_problems(draft: Draft) -> Iterator[str]:
    if not NAME.fullmatch(draft.name):
        yield f"the name {draft.name!r} must be 1 to 63 lower-case letters, digits, _ or -, the first no sign"
    if not CURRENCY.fullmatch(draft.currency):
        yield f"the currency {draft.currency!r} must be an ISO code such as USD"
    for what, text in (("source", draft.source), ("licence", draft.licence)):
        if not text.isprintable():
            yield f"the {what} must be one line of printable text"
    if draft.bars.is_empty():
        yield "there are no bars"


def _symbol_problems(bars: pl.DataFrame) -> Iterator[str]:
    alike = defaultdict(list)
    for symbol in bars["symbol"].unique(maintain_order=True).to_list():
        if symbol is None or not SYMBOL.fullmatch(symbol):
            yield f"{symbol!r} is no symbol: it must match {SYMBOL.pattern}"
        else:
            # zipline looks symbols up in capitals and without signs.
            alike[re.sub(r"[^A-Z0-9]", "", symbol.upper())].append(symbol)
    for symbols in alike.values():
        if len(symbols) > 1:
            yield f"the symbols {', '.join(symbols)} are the same to zipline: rename them"


def _bar_problems(bars: pl.DataFrame, sessions: pl.Series) -> Iterator[str]:
    def each(condition: pl.Expr, what: str) -> Iterator[str]:
        for symbol, date in bars.filter(condition.fill_null(value=True)).select("symbol", "date").iter_rows():
            yield f"{symbol} {date}: {what}"

    yield from each(
        pl.struct("symbol", "date").is_duplicated() & ~pl.struct("symbol", "date").is_first_distinct(), "there is a bar already"
    )
    yield from each(~pl.col("date").is_in(sessions.implode()), "is no session of the calendar")
    yield from each((pl.col("date").diff().over("symbol") < pl.duration()).fill_null(value=False), "comes after a later date")
    for price in PRICES:
        yield from each(~(pl.col(price).is_finite() & (pl.col(price) > 0)), f"{price} must be a number above 0")
    yield from each((pl.col("high") < pl.col("low")).fill_null(value=False), "high is below low")
    yield from each(~(pl.col("volume").is_finite() & (pl.col("volume") >= 0)), "volume must be a number, 0 or more")


def _split_problems(draft: Draft, sessions: Collection[dt.date]) -> Iterator[str]:
    yield from _event_problems(draft, draft.splits, "split", sessions)
    for symbol, ex_date, ratio in draft.splits.iter_rows():
        if ratio is None or not 0 < ratio < float("inf") or ratio == 1:
            yield f"{symbol} {ex_date}: the ratio of a split must be above 0 and not 1, not {ratio}"
    for symbol, ex_date in _repeated(draft.splits, ["symbol", "ex_date"]):
        yield f"{symbol} {ex_date}: there are two splits"


def _dividend_problems(draft: Draft, sessions: Collection[dt.date]) -> Iterator[str]:
    yield from _event_problems(draft, draft.dividends, "dividend", sessions)
    closes = {symbol: frame for (symbol,), frame in draft.bars.select("symbol", "date", "close").group_by("symbol")}
    for symbol, ex_date, pay_date, amount in draft.dividends.iter_rows():
        if amount is None or not 0 < amount < float("inf"):
            yield f"{symbol} {ex_date}: the amount of a dividend must be above 0, not {amount}"
        elif symbol in closes and ex_date is not None:
            before = closes[symbol].filter(pl.col("date") < ex_date)["close"]
            if len(before) and amount >= before[-1]:
                yield f"{symbol} {ex_date}: a dividend of {amount} is not below the last close before it, {before[-1]}"
        if pay_date is not None and ex_date is not None and pay_date < ex_date:
            yield f"{symbol} {ex_date}: the dividend would be paid before its ex-date, on {pay_date}"
    for symbol, ex_date in _repeated(draft.dividends, ["symbol", "ex_date", "pay_date", "amount"]):
        yield f"{symbol} {ex_date}: there are two equal dividends"


def _event_problems(draft: Draft, events: pl.DataFrame, what: str, sessions: Collection[dt.date]) -> Iterator[str]:
    spans = {
        symbol: (first, last)
        for symbol, first, last in draft.bars.group_by("symbol")
        .agg(pl.col("date").min().alias("first"), pl.col("date").max().alias("last"))
        .iter_rows()
    }
    for symbol, ex_date in events.select("symbol", "ex_date").iter_rows():
        if symbol not in spans:
            yield f"{symbol} {ex_date}: there is a {what} but no bar"
        elif ex_date not in sessions:
            yield f"{symbol} {ex_date}: the ex-date of a {what} must be a session of the calendar"
        elif not spans[symbol][0] <= ex_date <= spans[symbol][1]:
            yield f"{symbol} {ex_date}: the ex-date of a {what} must lie within the bars, {spans[symbol][0]} to {spans[symbol][1]}"


def _repeated(events: pl.DataFrame, key: list[str]) -> list[tuple[str, dt.date]]:
    return events.filter(pl.struct(key).is_duplicated() & ~pl.struct(key).is_first_distinct()).select("symbol", "ex_date").rows()
