"""Runs for the kernel's tests, with what zipline says about them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.parity.cases import Case, random_case
from tests.parity.comparison import Told, zipline_tells
from tests.parity.corners import corners

CORPUS = (4, 5, 10, 11, 14, 19, 24, 28, 33, 45, 78, 158, 178, 216, 275, 300)
"""Seeds of random cases; with the corners, each rule of the kernel decides about one of them."""


@pytest.fixture(scope="session")
def parity_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the datasets of parity cases are kept."""
    return tmp_path_factory.mktemp("parity")


@pytest.fixture
def quiet() -> Iterator[None]:
    """zipline logs what it can't do with a dividend, numpy warns when numbers overflow: both are meant to happen."""
    logging.disable()
    with np.errstate(all="ignore"):
        yield
    logging.disable(logging.NOTSET)


class Corpus:
    """The cases, and zipline's answers, each computed once."""

    def __init__(self, folder: Path) -> None:
        self.cases: dict[str, Case] = {**corners(folder), **{f"seed {seed}": random_case(seed, folder) for seed in CORPUS}}
        self._told: dict[str, Told] = {}

    def told(self, name: str) -> Told:
        """What zipline says about a case."""
        if name not in self._told:
            self._told[name] = zipline_tells(self.cases[name])
        return self._told[name]


@pytest.fixture(scope="session")
def corpus(parity_folder: Path) -> Corpus:
    """The fixed corpus."""
    return Corpus(parity_folder)
