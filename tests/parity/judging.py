"""What comes of a random run on both engines. A module of its own: other processes import it by its name."""

from __future__ import annotations

import logging
import multiprocessing
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.parity.cases import random_case
from tests.parity.comparison import Refused, difference, zipline_tells


def judge(folder: Path, seed: int) -> tuple[int, str, str]:
    """The seed, what came of it (equal, failed alike, refused, different), and the difference."""
    warnings.simplefilter("ignore")  # numpy's, about what overflows
    logging.disable()  # zipline's, about dividends without a price before
    case = random_case(seed, folder)
    expected = zipline_tells(case)
    try:
        found = difference(case, expected)
    except Refused as refused:
        return seed, "refused", str(refused)
    return seed, "different" if found else "failed alike" if expected.failure else "equal", found


def judge_all(folder: Path, seeds: range, processes: int) -> Iterator[tuple[int, str, str]]:
    """Judge every seed, in this process or in several."""
    if processes == 1:
        yield from map(partial(judge, folder), seeds)
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap_unordered(partial(judge, folder), seeds, chunksize=8)
