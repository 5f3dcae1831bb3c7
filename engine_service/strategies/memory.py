"""Values that one run has computed and the next one of a sweep needs again."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar, TypeVarTuple

import numpy as np
from numpy.typing import NDArray

MAX_REMEMBERED_BYTES = 128 * 1024 * 1024
"""What a memory may hold: the moving averages of 100 windows over 33 years of 19 symbols, or those of 7,800 windows over 2,148 sessions.
More would not fit a worker's memory beside a run; the oldest go first."""

Values = NDArray[np.float64]
_Subject = TypeVar("_Subject")
_Arguments = TypeVarTuple("_Arguments")


class Memory:
    """Values by what they were computed from. For one thread at a time."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[object, Values]] = {}
        self._bytes = 0

    def get(self, key: Hashable) -> Values | None:
        """The values that were kept under a key, or None."""
        known = self._kept.get(key)
        return None if known is None else known[1]

    def keep(self, key: Hashable, subject: object, values: Values) -> Values:
        """Keep values, read-only from now on, and the subject with them: as long as it exists, no other object has its id."""
        values.flags.writeable = False
        self._kept[key] = subject, values
        self._bytes += values.nbytes
        while self._bytes > MAX_REMEMBERED_BYTES:
            _, oldest = self._kept.pop(next(iter(self._kept)))
            self._bytes -= oldest.nbytes
        return values


_memory: ContextVar[Memory | None] = ContextVar("_memory", default=None)


@contextmanager
def remembered(memory: Memory | None = None) -> Iterator[None]:
    """Within this block, what `remembers` marks is computed once for the same subject and arguments. Outside of it nothing is kept.

    Args:
        memory: One that outlives the block, such as that of a worker which executes part after part of a sweep; else one for the block.
    """
    token = _memory.set(Memory() if memory is None else memory)
    try:
        yield
    finally:
        _memory.reset(token)


def remembers(
    function: Callable[[_Subject, *_Arguments], Values],
) -> Callable[[_Subject, *_Arguments], Values]:
    """Mark a pure function as worth remembering.

    Its first argument is told apart by identity, as comparing bars would cost more than computing from them, and must never change; the
    others are told apart by equality.
    """

    @functools.wraps(function)
    def recall(subject: _Subject, *arguments: *_Arguments) -> Values:
        memory = _memory.get()
        if memory is None:
            return function(subject, *arguments)
        key = function, id(subject), arguments
        known = memory.get(key)
        return memory.keep(key, subject, function(subject, *arguments)) if known is None else known

    return recall
