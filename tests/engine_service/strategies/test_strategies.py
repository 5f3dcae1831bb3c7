"""What holds for every built-in strategy."""

from __future__ import annotations

import ast
import hashlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_service import strategies
from engine_service.datasets import Dataset
from engine_service.simulation import bars_until
from engine_service.strategies import Strategy, StrategyFailed, load_strategies
from engine_service.strategies.look_ahead import compute_signals, first_peek
from tests.bars import make_bars

BUILT_IN = sorted(load_strategies())
FORBIDDEN = {
    "LazyFrame",
    "lazy",
    "scan_csv",
    "scan_parquet",
    "dot",
    "matmul",
    "exp",
    "log",
    "log2",
    "log10",
    "log1p",
    "expm1",
    "power",
    "pow",
}
"""Their last bit changes with the CPU, the BLAS, the number of threads or with what follows in the array."""


@pytest.fixture(params=BUILT_IN)
def strategy(request: pytest.FixtureRequest) -> Strategy:
    return load_strategies()[request.param]


def signals(strategy: Strategy, wiki: Dataset, symbols: tuple[str, ...], session_count: int, **parameters: Any) -> np.ndarray:
    return compute_signals(strategy, bars_until(wiki, symbols, session_count), strategy.parameters(**parameters))


def test_the_built_in_strategies_are_those_the_project_promises() -> None:
    assert set(BUILT_IN) == {
        "buy_and_hold",
        "sma_crossover",
        "rsi_mean_reversion",
        "momentum",
        "bollinger_bands",
        "cross_sectional_momentum",
        "rule_stack",
    }


def test_it_says_what_it_is(strategy: Strategy) -> None:
    assert strategy.doc.endswith(".")
    assert strategy.type in {"passive", "trend", "mean_reversion", "cross_section", "rules"}
    assert strategy.version


def sources_of(path: Path) -> set[Path]:
    """A strategy's source, those beside it that it imports, those that these import, and so on."""
    imported = {str(node.module) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)}
    beside = {name.removeprefix("engine_service.strategies.") for name in imported if name.startswith("engine_service.strategies.")}
    return {path}.union(*(sources_of(path.with_name(f"{name}.py")) for name in beside))


def test_the_source_digest_covers_the_module_and_those_beside_it_that_it_uses(strategy: Strategy) -> None:
    sources = sources_of(Path(str(sys.modules[strategy.import_path].__file__)))
    assert strategy.source_digest == hashlib.sha256(b"".join(path.read_bytes() for path in sorted(sources))).hexdigest()


def test_the_source_digest_of_rules_covers_what_computes_their_indicators() -> None:
    module = Path(str(sys.modules[load_strategies()["rule_stack"].import_path].__file__))
    assert {path.stem for path in sources_of(module)} == {"rule_stack", "rules", "indicators", "memory", "decisions"}


def test_every_parameter_has_a_default_bounds_and_a_description(strategy: Strategy) -> None:
    for described in strategy.parameters.model_json_schema()["properties"].values():
        assert {"default", "description", "type"} <= described.keys()
        assert {"minimum", "exclusiveMinimum", "minItems"} & described.keys()
        assert {"maximum", "exclusiveMaximum", "maxItems"} & described.keys()


def test_unknown_parameters_and_no_numbers_are_refused(strategy: Strategy) -> None:
    with pytest.raises(pydantic.ValidationError, match="Extra inputs are not permitted"):
        strategy.parameters(speed=3)
    with pytest.raises(pydantic.ValidationError):
        strategy.parameters(weight=float("nan"))


def test_it_does_not_look_ahead(strategy: Strategy, wiki: Dataset) -> None:
    assert first_peek(strategy, bars_until(wiki, ("AAPL", "GOOG", "IBM"), len(wiki.sessions)), strategy.parameters()) is None


def test_a_cut_end_changes_no_bit(strategy: Strategy, wiki: Dataset) -> None:
    whole = signals(strategy, wiki, ("AAPL", "GOOG", "IBM"), len(wiki.sessions))
    for count in range(700, len(wiki.sessions), 97):
        np.testing.assert_array_equal(signals(strategy, wiki, ("AAPL", "GOOG", "IBM"), count), whole[:count], strict=True)


@pytest.mark.parametrize("name", [name for name in BUILT_IN if name != "cross_sectional_momentum"])
def test_another_symbol_changes_no_bit_but_for_its_share(name: str, wiki: Dataset) -> None:
    """Cross-sectional momentum compares symbols, so another one is meant to change it."""
    strategy = load_strategies()[name]
    alone = signals(strategy, wiki, ("MSFT",), len(wiki.sessions), weight=0.4)
    together = signals(strategy, wiki, ("IBM", "MSFT"), len(wiki.sessions), weight=0.8)
    np.testing.assert_array_equal(together[:, 1], alone[:, 0], strict=True)


def test_it_decides_on_real_prices_within_its_weight(strategy: Strategy, wiki: Dataset) -> None:
    symbols = ("AAPL", "IBM", "MSFT")
    decided = signals(strategy, wiki, symbols, len(wiki.sessions), weight=0.9)
    assert (~np.isnan(decided)).any(axis=0).all()
    assert np.nanmin(decided) >= 0.0
    assert np.nanmax(decided) <= 0.9


def test_the_warm_up_is_exactly_what_lies_before_the_first_possible_decision(strategy: Strategy) -> None:
    """On prices that rise and fall for a while, the first decision of all falls on the bar after the warm-up or later, never before."""
    generator = np.random.default_rng(11)
    earliest = []
    for _ in range(40):
        closes = {symbol: 100 * np.cumprod(1 + generator.normal(0, 0.05, 400)) for symbol in ("A", "B")}
        decided = compute_signals(strategy, make_bars(closes), strategy.parameters())
        earliest.append(int(np.flatnonzero(~np.isnan(decided).all(axis=1))[0]))
    warm_up = strategy.warm_up(strategy.parameters())
    assert min(earliest) >= warm_up
    if strategy.type not in {"cross_section", "mean_reversion"}:  # those wait for a new month or for an extreme
        assert min(earliest) == warm_up


@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_short_histories_and_missing_bars_are_no_trouble(count: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    closes = {symbol: np.where(generator.random(count) < 0.3, np.nan, generator.uniform(1, 9, count)) for symbol in ("A", "B")}
    for name in BUILT_IN:
        strategy = load_strategies()[name]
        assert compute_signals(strategy, make_bars(closes), strategy.parameters()).shape == (count, 2)


@pytest.mark.parametrize("path", sorted(Path(str(strategies.__file__)).parent.glob("*.py")), ids=lambda path: path.stem)
def test_no_source_uses_operations_whose_bits_are_not_reproducible(path: Path) -> None:
    used = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    used |= {name.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom) for name in node.names}
    operators = {type(node.op) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.BinOp)}
    assert used & FORBIDDEN == set()
    assert operators & {ast.Pow, ast.MatMult} == set()


def test_a_strategy_has_one_form_only(plugin_path: Path) -> None:
    known = load_strategies()["momentum"]
    with pytest.raises(ValueError, match="either signals or an algorithm"):
        replace(known, signals=None)
    with pytest.raises(ValueError, match="either signals or an algorithm"):
        replace(known, algorithm=load_strategies({"slow"})["slow"].algorithm)


@pytest.mark.parametrize(
    ("returned", "complaint"),
    [(np.zeros((2, 2)), r"shape \(3, 1\)"), (np.full((3, 1), np.inf), "finite"), ("text", "ValueError"), (None, r"shape \(3, 1\)")],
)
def test_what_is_no_signal_is_refused(returned: Any, complaint: str) -> None:
    strategy = Strategy("odd", "test", "Returns odd things.", strategies.Parameters, signals=lambda *_: returned)
    with pytest.raises(StrategyFailed, match=complaint):
        compute_signals(strategy, make_bars({"A": [1.0, 2.0, 3.0]}), None)


def test_allowed_plugins_are_loaded_with_the_version_of_their_distribution(plugin_path: Path) -> None:
    loaded = load_strategies({"peeks", "slow"})
    assert set(loaded) == {*BUILT_IN, "peeks", "slow"}
    assert (loaded["slow"].name, loaded["slow"].version, loaded["slow"].import_path) == ("slow", "1.0", "trouble_strategies")
    assert loaded["slow"].source_digest == hashlib.sha256((plugin_path / "trouble_strategies.py").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("missing", "no strategy plug-in is called missing; installed are: .*peeks"),
        ("no_module", "no_module can't be imported: ModuleNotFoundError"),
        ("no_strategy", "no_strategy is no Strategy but str"),
        ("buy_and_hold", "has the name of a built-in strategy"),
    ],
)
def test_a_plugin_that_can_not_run_is_refused_by_name(plugin_path: Path, name: str, complaint: str) -> None:
    with pytest.raises(RuntimeError, match=complaint):
        load_strategies({name})
