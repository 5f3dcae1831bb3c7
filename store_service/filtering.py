r"""A filter string of AIP-160 -> a condition in SQL.

    strategy = "sma_crossover" AND sharpe_ratio > 1 AND (symbols:GOOG OR symbols:AAPL) AND NOT labels.team = beta

What counts, where AIP-160 leaves a choice or surprises:
- OR binds tighter than AND, and conditions side by side are joined by AND.
- A comparison with a field that is not there never matches, whatever the operator. NOT matches exactly what its condition does not:
  `labels.team != beta` wants a team, `NOT labels.team = beta` also finds runs without one.
- `*` in a text compared with `=`, `!=` or `:` stands for any characters; `\*` in a quoted text is the character itself.
- `:` is "has": of symbols and lists it asks for an element, of labels and parameters for a key, of a note for words that stand in it so, in
  capitals or not; `field:*` asks whether the field is there. `search:"..."` asks for words of a run's strategy and note, in any order.
- Dates are ISO dates, times RFC 3339; texts and values need quotes only when they hold spaces or any of ()"'<>=!,
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from importlib.resources import files

from lark import Lark, Token, Tree, UnexpectedInput, UnexpectedToken
from sqlalchemy import ColumnElement, and_, false, func, not_, or_, true

from store_service.filter_fields import Condition, Fields, Value
from tapedeck_rpc import errors

MAX_FILTER_CHARS = 4_000
"""Longest filter: room for a hundred comparisons; a request that lists more wants another rpc."""

MAX_COMPARISONS = 100
"""Most comparisons in a filter: each is evaluated for every row that no index rules out."""

MAX_DEPTH = 32
"""Deepest nesting: conditions are compiled recursively, and nobody reads more."""

SHOWN_CHARS = 40
"""How much of a filter an error quotes."""

_PARSER = Lark(files("store_service").joinpath("filter.lark").read_text(encoding="utf-8"), parser="lalr", start=["start", "field"])
_Node = Tree[Token]


def condition(text: str, fields: Fields) -> Condition:
    """What a filter matches, as a condition on the columns of the fields; an empty filter matches all.

    Raises:
        InvalidArgument: the filter can't be read, or it names unknown fields or values of the wrong type; all of them (INVALID_FILTER).
    """
    expression = _parse(text)
    if not expression.children:
        return true()
    problems: list[str] = []
    translated = _translate(expression.children[0], fields, problems)
    if problems:
        raise _invalid(*problems, known=fields.by_name)
    return translated


def _invalid(*problems: str, known: Iterable[str] = ()) -> errors.InvalidArgument:
    message = "; ".join(f"filter: {problem}" for problem in problems)
    if any("is not a field" in problem for problem in problems):
        message += f". Fields are {', '.join(sorted(known))}"
    violations = [errors.Violation("filter", problem) for problem in problems]
    return errors.InvalidArgument(message, reason="INVALID_FILTER", violations=violations)


def _parse(text: str) -> _Node:
    if len(text) > MAX_FILTER_CHARS:
        raise _invalid(f"has {len(text)} characters, {MAX_FILTER_CHARS} are allowed")
    if "\x00" in text:
        raise _invalid("holds the character U+0000, which no stored text can hold")
    try:
        tree = _PARSER.parse(text, start="start")
    except UnexpectedInput as unexpected:
        raise _invalid(_syntax_problem(text, unexpected)) from None
    depths: dict[int, int] = {}
    for node in tree.iter_subtrees():  # from the leaves up
        below = max((depths[id(child)] for child in node.children if isinstance(child, Tree)), default=0)
        depths[id(node)] = below + (len(node.children) if node.data == "field" else 1)
    if max(depths.values()) > MAX_DEPTH:
        raise _invalid(f"is nested deeper than {MAX_DEPTH} levels")
    comparison_count = sum(1 for _ in tree.find_data("comparison"))
    if comparison_count > MAX_COMPARISONS:
        raise _invalid(f"has {comparison_count} comparisons, {MAX_COMPARISONS} are allowed")
    return tree


def _syntax_problem(text: str, unexpected: UnexpectedInput) -> str:
    if isinstance(unexpected, UnexpectedToken) and unexpected.token.type == "$END":
        return f"ends too early, after {text[-SHOWN_CHARS:]!r}: what began there is not complete"
    at = unexpected.pos_in_stream or 0
    return f"can't be read at character {at + 1}, {text[at : at + SHOWN_CHARS]!r}: conditions look like sharpe_ratio > 1 AND symbols:GOOG"


def _translate(node: _Node | Token, fields: Fields, problems: list[str]) -> ColumnElement[bool]:
    """The condition of a node; what is wrong in it goes to `problems`, so that one answer names everything."""
    assert isinstance(node, Tree)
    if node.data == "comparison":
        return _comparison(node, fields, problems)
    parts = [_translate(child, fields, problems) for child in node.children]
    if node.data == "negation":
        return not_(func.coalesce(parts[0], false()))
    return or_(*parts) if node.data == "disjunction" else and_(*parts)


def _comparison(node: _Node, fields: Fields, problems: list[str]) -> ColumnElement[bool]:
    field, op, value = node.children
    assert isinstance(field, Tree)
    assert isinstance(value, Token)
    name, *path = _names(field)
    shown = ".".join([name, *path])
    if name not in fields.by_name:
        near = difflib.get_close_matches(name, fields.by_name, n=1)
        problems.append(f"{shown[:SHOWN_CHARS]!r} is not a field of {fields.noun}" + (f": did you mean {near[0]}?" if near else ""))
        return false()
    try:
        return fields.by_name[name](path, str(op), _unquoted(value))
    except ValueError as wrong:
        problems.append(f"{shown} {wrong}")
        return false()


def parse_field(text: str) -> list[str]:
    """The names in a field that is written as in a filter: "parameters" and "a b" in `parameters."a b"`.

    Raises:
        ValueError: it is no field.
    """
    try:
        names = _names(_PARSER.parse(text, start="field"))
    except UnexpectedInput:
        raise ValueError("it can't be read") from None
    if len(names) > MAX_DEPTH or "\x00" in text:
        raise ValueError("nothing that is stored has such a name")
    return names


def _names(field: _Node) -> list[str]:
    return [_unquoted(part).text for part in field.children if isinstance(part, Token)]


def _unquoted(token: Token) -> Value:
    """A token's value: quoted, a backslash takes the character after it as it is; unquoted, everything but `*` is."""
    if token.type != "STRING":
        return Value(tuple(token.split("*")), quoted=False)
    pieces = [""]
    for escaped, wildcard, plain in re.findall(r"\\(.)|(\*)|([^\\*]+)", token[1:-1], re.DOTALL):
        if wildcard:
            pieces.append("")
        else:
            pieces[-1] += escaped or plain
    return Value(tuple(pieces), quoted=True)
