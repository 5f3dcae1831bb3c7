"""Full text search as a field of a filter: `search:"mean reversion"` finds runs whose strategy's name and note have both words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Text, func, literal, text

from store_service.filter_fields import Comparison, Condition, Value

_CUT = "[./@+<&-]"
"""Between words, as in the expression that is searched (`models.run_words`)."""

_CUT_OR_NOT = r"[./@+<&]|(?<=\S)-"
"""The same outside of quotes, where a "-" before a word means NOT."""


def search_field(words: ColumnElement[Any]) -> Comparison:
    """Words, joined by AND unless they say otherwise: "in quotes" means side by side, `or` between two is OR, `-` before one is NOT."""

    def compare(path: Sequence[str], op: str, value: Value) -> Condition:
        if path or op != ":":
            raise ValueError('is written search:"some words"')
        if value.has_wildcard:
            raise ValueError('looks for whole words: it takes no "*"')
        if not any(map(str.isalnum, value.text)):
            raise ValueError(f'needs a word to look for, not "{value.text}"')
        wanted = func.websearch_to_tsquery(text("'simple'::regconfig"), literal(_as_indexed(value.text), Text))
        return words.bool_op("@@")(wanted)

    return compare


def _as_indexed(wanted: str) -> str:
    """What is wanted, its words cut as the indexed ones are."""
    parts = wanted.split('"')
    parts[::2] = [re.sub(_CUT_OR_NOT, " ", part) for part in parts[::2]]
    parts[1::2] = [re.sub(_CUT, " ", quoted) for quoted in parts[1::2]]
    return '"'.join(parts)
