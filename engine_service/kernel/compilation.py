"""Compiles functions and keeps the machine code on disk, where an edited source never finds the code of an older one.

numba notices that the file of a function has changed, but not that one it calls lies in another file which has: it would go on running the
old code. So its cache is a folder named by a hash of all sources that are compiled and of the compiler's version.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.extending import register_jitable

ENGINE = Path(__file__).parents[1]

COMPILED_SOURCES = ("kernel/*.py", "measures.py", "round_trips.py", "strategies/decisions.py", "sweeps/compiled_runs.py")
"""Every file with compiled functions or with constants that they use, as patterns below engine_service: a change starts a new cache."""

_Function = TypeVar("_Function", bound=Callable[..., Any])

Declare = Callable[[Callable[..., Any]], Callable[..., Any]]
"""What `compiled` and its like are."""


def compiled(function: _Function, *, calls: Iterable[Callable[..., Any]] = ()) -> _Function:
    """Compile a function on its first call, or load what an earlier process compiled.

    Args:
        function: What to compile.
        calls: Functions that it calls and that are compiled with it only, so that their module needs no compiler when it is loaded.

    Raises:
        RuntimeError: the file of the function, or of one that it calls, is not among COMPILED_SOURCES.
    """
    for called in calls:
        _check_source(called)
        _make_callable(called)
    return _kept_on_disk(function, counts_references=True)


def uncounted(function: _Function) -> _Function:
    """`compiled`, for a function that neither makes nor returns arrays: references to arrays are not counted.

    Counting took 125 of the 130 us of a run of one symbol, as every array of a tuple is counted wherever the tuple is passed.
    """
    return _kept_on_disk(function, counts_references=False)


def inlined(function: _Function) -> _Function:
    """`uncounted`, for a function that is compiled into those that call it, so that arrays are not even passed."""
    _check_source(function)
    options = {"forceinline": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True, "error_model": "numpy", "_nrt": False}
    made: _Function = numba.njit(**options)(function)
    return made


@cache
def _make_callable(function: Callable[..., Any]) -> None:
    """Let compiled functions call one that is not."""
    register_jitable(function)


def _kept_on_disk(function: _Function, *, counts_references: bool) -> _Function:
    _check_source(function)
    # numba looks the folder up when a function is declared, not when it is compiled.
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(cache_folder())
    try:
        made: _Function = numba.njit(cache=True, error_model="numpy", _nrt=counts_references)(function)
    finally:
        numba.config.CACHE_DIR = before
    return made


@cache
def cache_folder() -> Path:
    """Where machine code of these sources is kept; made if need be.

    In NUMBA_CACHE_DIR when it is set, else beside the sources, else (when they can't be written to) in the data directory, else in a folder
    for temporary files that belongs to this user alone.
    """
    for folder in _candidates():
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError:
            continue
        # Machine code is executed: it must not come from anybody else.
        if folder.stat().st_uid == os.getuid():
            return folder
    return Path(tempfile.mkdtemp(prefix="tapedeck-kernel-"))


def _candidates() -> Iterator[Path]:
    name = f"kernel-{source_digest()}"
    if numba.config.CACHE_DIR:
        yield Path(numba.config.CACHE_DIR, name)
    yield ENGINE / "__pycache__" / name
    if data_dir := os.environ.get("TAPEDECK_DATA_DIR"):
        yield Path(data_dir, "compiled", name)
    yield Path(tempfile.gettempdir(), f"tapedeck-{os.getuid()}", name)


@cache
def source_digest() -> str:
    """A hash of all compiled sources and of the versions of numba and llvmlite."""
    digest = hashlib.sha256(f"{version('numba')} {version('llvmlite')}".encode())
    for path in _sources():
        digest.update(f"\0{path.relative_to(ENGINE)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:32]


@cache
def _sources() -> tuple[Path, ...]:
    return tuple(sorted(path for pattern in COMPILED_SOURCES for path in ENGINE.glob(pattern)))


def _check_source(function: Callable[..., Any]) -> None:
    source = Path(function.__code__.co_filename)
    if source not in _sources():
        raise RuntimeError(f"{source.name} holds compiled functions but is not listed in COMPILED_SOURCES")
