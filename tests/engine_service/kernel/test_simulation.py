from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine_service.datasets import Dataset
from engine_service.kernel import simulation as kernel
from engine_service.kernel.domain import BeyondKernel
from engine_service.strategies import StrategyFailed
from tapedeck.v1 import run_pb2
from tests.fix_datasets import MakeDataset, xnys_sessions
from tests.fix_parity import Corpus
from tests.parity.__main__ import main
from tests.parity.cases import Case, mask, random_case
from tests.parity.comparison import Refused, difference, kernel_tells, zipline_tells
from tests.specs import complete_spec, fixed_basis_points, per_share

NONE = run_pb2.Slippage(none=run_pb2.NoSlippage())

pytestmark = pytest.mark.usefixtures("quiet")


def test_the_corpus_is_equal_to_the_last_bit(corpus: Corpus) -> None:
    assert {name: found for name, case in corpus.cases.items() if (found := difference(case, corpus.told(name)))} == {}


@given(seed=st.integers(0, 2**40))
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_runs_are_equal_to_the_last_bit(parity_folder: Path, seed: int) -> None:
    case = random_case(seed, parity_folder)
    with contextlib.suppress(Refused):
        assert difference(case, zipline_tells(case)) == ""


@pytest.mark.parametrize("capital_base", [1e5, 5e8])
def test_years_of_all_symbols_with_their_splits_and_dividends_are_equal(wiki: Dataset, capital_base: float) -> None:
    symbols = ["MSFT", "GOOG", "AAPL", "FB", "IBM"]
    spec = complete_spec(wiki, "random", symbols, "2010-01-04", "2013-03-01", capital_base=capital_base)
    first, last = np.searchsorted(wiki.sessions, [20100104, 20130301])
    targets = np.full((last - first + 1, len(symbols)), np.nan)
    targets[::21] = np.random.default_rng(1).uniform(-0.3, 0.5, targets[::21].shape)
    case = Case(spec, mask(targets, spec, wiki), wiki)
    assert difference(case, zipline_tells(case)) == ""


@pytest.mark.parametrize(
    ("capital_base", "weights", "message"),
    [
        (1e15, [0.5, -0.5], "OverflowError: Can't order more than 100000000000 shares"),
        (1e15, [1.7e308, np.nan], "OverflowError: cannot convert float infinity to integer"),
        (1e15, [float("inf"), np.nan], "OverflowError: cannot convert float infinity to integer"),
    ],
)
def test_an_order_that_zipline_refuses_fails_the_run_with_its_words_on_its_session(
    make_dataset: MakeDataset, capital_base: float, weights: list[float], message: str
) -> None:
    dates = xnys_sessions("2020-01-02", 5)
    dataset = make_dataset({"AAA": [10.0] * 5, "BBB": [20.0] * 5})
    spec = complete_spec(dataset, "x", ["AAA", "BBB"], dates[0], dates[-1], slippage=NONE, capital_base=capital_base)
    targets = np.full((5, 2), np.nan)
    targets[2] = weights
    case = Case(spec, targets, dataset)
    assert difference(case, zipline_tells(case)) == ""
    assert kernel_tells(case).failure == f"{dates[2]}: {message}"
    assert len(kernel_tells(case).facts) == 2


def test_a_value_that_is_no_number_any_more_is_so_on_the_same_session(make_dataset: MakeDataset) -> None:
    dates = xnys_sessions("2020-01-02", 5)
    dataset = make_dataset({"AAA": [10.0] * 5})
    spec = complete_spec(dataset, "x", ["AAA"], dates[0], dates[-1], slippage=fixed_basis_points(1.7e308, 1.0))
    case = Case(spec, np.array([[0.5], [np.nan], [np.nan], [np.nan], [np.nan]]), dataset)
    told = kernel_tells(case)
    assert told == zipline_tells(case)
    assert told.failure == f"undefined on {dates[1].replace('-', '')}"


def test_more_units_than_are_counted_exactly_are_left_to_zipline_before_the_first_session(make_dataset: MakeDataset) -> None:
    dates = xnys_sessions("2020-01-02", 3)
    dataset = make_dataset({"AAA": [0.01] * 3})
    spec = complete_spec(dataset, "x", ["AAA"], dates[0], dates[-1], slippage=NONE, capital_base=1e15)
    with pytest.raises(BeyondKernel, match="trades more than 9007199254740992 units at once"):
        next(iter(kernel.simulate(spec, np.array([[np.nan], [-1.0], [np.nan]]), dataset)))


def test_a_failure_comes_after_the_sessions_before_it(make_dataset: MakeDataset) -> None:
    dates = xnys_sessions("2020-01-02", 3)
    dataset = make_dataset({"AAA": [1.0] * 3})
    spec = complete_spec(dataset, "x", ["AAA"], dates[0], dates[-1], commission=per_share(), capital_base=1e15)
    sessions = kernel.simulate(spec, np.array([[np.nan], [0.9], [np.nan]]), dataset)
    assert next(sessions).portfolio_value == 1e15
    with pytest.raises(StrategyFailed) as failed:
        next(sessions)
    assert failed.value.session_date == dates[1]


def test_warming_compiles_all_that_runs_need() -> None:
    kernel.warm()
    compiled = {name: function for name, function in vars(kernel).items() if hasattr(function, "signatures")}
    assert compiled.keys() == {"gather", "grown", "measure_run", "play"}
    assert {name: len(function.signatures) for name, function in compiled.items()} == dict.fromkeys(compiled, 1)


def test_the_campaign_counts_and_names_what_differs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--cases", "2", "--seed", "12", "--processes", "1"]
    assert main(arguments) == 0
    assert capsys.readouterr().out == "2 cases: 2 equal; 0 differences\n"
    monkeypatch.setattr("tests.parity.judging.difference", lambda case, _told: f"bad {case.spec.symbols[0]}")
    assert main(arguments) == 1
    assert "seed 13 (different): bad" in capsys.readouterr().out
