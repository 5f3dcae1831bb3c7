"""Options that narrow a list down, as one text in the filter language."""

from __future__ import annotations

import re
from collections.abc import Sequence

_BARE_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def filter_text(
    expression: str | None, asked: Sequence[tuple[str, str | None]], labels: Sequence[tuple[str, str]] = (), *, only: Sequence[str] = ()
) -> str:
    """All conditions joined by AND; empty when there is none.

    Args:
        expression: A filter of the user's own.
        asked: Beginnings of conditions such as "strategy = ", each with the value that follows; None or empty: not asked for.
        labels: Keys and values of labels.
        only: Conditions of our own.
    """
    terms = [f"({expression})"] if expression and expression.strip() else []
    terms += [f"{beginning}{_quoted(value)}" for beginning, value in asked if value]
    terms += [f"labels.{key if _BARE_KEY.fullmatch(key) else _quoted(key)} = {_quoted(value)}" for key, value in labels]
    return " AND ".join([*terms, *only])


def _quoted(text: str) -> str:
    """A text as the filter language writes it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
