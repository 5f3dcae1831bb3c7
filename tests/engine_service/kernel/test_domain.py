from __future__ import annotations

import subprocess
import sys

import pytest

from engine_service.datasets import Dataset
from engine_service.kernel.domain import MOST_SYMBOLS, refusal
from engine_service.strategies import Strategy, load_strategies
from tests.fix_datasets import MakeDataset
from tests.specs import NoParameters, complete_spec, fixed_basis_points

SIGNALS = load_strategies()["buy_and_hold"]


def test_strategies_of_signals_are_the_kernels(wiki: Dataset) -> None:
    spec = complete_spec(wiki, "buy_and_hold", ["GOOG"], "2006-01-03", "2006-12-29")
    assert [refusal(spec, strategy, wiki) for strategy in load_strategies().values()] == [None] * len(load_strategies())


def test_an_event_driven_strategy_is_ziplines(wiki: Dataset) -> None:
    class Nothing:
        def initialize(self, context: object) -> None: ...

        def handle_data(self, context: object, data: object) -> None: ...

    strategy = Strategy("events", "test", "Nothing.", NoParameters, algorithm=lambda _parameters: Nothing())
    spec = complete_spec(wiki, "events", ["GOOG"], "2006-01-03", "2006-12-29")
    assert refusal(spec, strategy, wiki) == (
        "strategy events is event-driven: it decides by what happens during the run, which only zipline simulates"
    )


def test_more_symbols_than_zipline_looks_up_at_once_are_refused(wiki: Dataset) -> None:
    spec = complete_spec(wiki, "buy_and_hold", ["GOOG"] * (MOST_SYMBOLS + 1), "2006-01-03", "2006-12-29")
    assert refusal(spec, SIGNALS, wiki) == "a run of more than 998 symbols is not reproduced, and this one has 999"
    del spec.symbols[-1]
    assert refusal(spec, SIGNALS, wiki) is None


@pytest.mark.parametrize(("limit", "refused"), [(1e300, True), (2.0, False)])
def test_a_volume_limit_that_overflows_is_refused(make_dataset: MakeDataset, limit: float, refused: bool) -> None:
    dataset = make_dataset({"AAA": [10.0, 11.0]}, volume=1e12)
    spec = complete_spec(dataset, "buy_and_hold", ["AAA"], "2020-01-02", "2020-01-03", slippage=fixed_basis_points(5.0, limit))
    assert (refusal(spec, SIGNALS, dataset) is not None) is refused


def test_asking_loads_neither_numba_nor_zipline() -> None:
    script = "import sys, engine_service.kernel.domain; print(*({'numba', 'zipline', 'pandas'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split() == []
