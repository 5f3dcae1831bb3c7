"""What is searched for words: all of them as they are ('simple'), for names and code are no prose.

Signs that the parser would take for parts of paths, hosts and numbers become spaces. So does "_", which parts words anyway: of a text with
many of them the parser takes time that grows with the square. Constants are literal: an index serves no query that has parameters there.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func, text
from sqlalchemy.dialects.postgresql import TSVECTOR


def searched_words(name: ColumnElement[str], content: ColumnElement[str]) -> ColumnElement[Any]:
    """The words of a name and of what goes by it."""
    together = func.textcat(func.textcat(name, text("' '::text")), content)
    spaced = func.translate(together, text("'./@-+<&_'::text"), text("'        '::text"))
    return func.to_tsvector(text("'simple'::regconfig"), spaced, type_=TSVECTOR())
