"""The plumbing would make sense in a service about recipes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import tapedeck_rpc

SOURCES = sorted(Path(next(iter(tapedeck_rpc.__path__))).rglob("*.py"))
DOMAIN_WORDS = re.compile(r"strateg|backtest|run_id|zipline|\bsql|symbol|portfolio|\btrade|postgres", re.IGNORECASE)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_a_file_of_the_plumbing_has_no_domain_word(source: Path) -> None:
    assert DOMAIN_WORDS.findall(source.read_text(encoding="utf-8")) == []
