"""A limit on what a piece of work may take, kept inside the process that does it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

KILL_GRACE_SECONDS = 3.0
"""How long work that is out of time may go on before its process is ended: a C-level loop never obeys."""

ACCURACY = 0.01
"""A piece of work may have this share of its limit less than all of it."""


class TimeIsUp(BaseException):
    """The limit is reached; no Exception, so that strategies don't swallow it by accident."""


@contextmanager
def time_limit(seconds: float) -> Iterator[Callable[[], None]]:
    """Raise TimeIsUp in this block when it takes longer; end the process when it does not obey.

    Python delivers signals to the main thread only: in any other one, such as that of a Dask worker, there is no limit.

    Args:
        seconds: The limit.

    Yields:
        What to call when the next piece of work begins, which has the whole limit again, but for ACCURACY.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    is_armed, armed_at = False, 0.0

    def time_is_up(_number: int, _frame: FrameType | None) -> None:
        nonlocal is_armed
        is_armed = False
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, KILL_GRACE_SECONDS)
        raise TimeIsUp

    def begin() -> None:
        nonlocal is_armed, armed_at
        if is_armed and time.monotonic() - armed_at < ACCURACY * seconds:
            return  # so short a time ago that setting the timers again would cost more than it tells
        armed_at = time.monotonic()
        if not is_armed:
            signal.signal(signal.SIGALRM, time_is_up)
            is_armed = True
        signal.setitimer(signal.ITIMER_REAL, seconds)
        # By processor time and without Python: a loop in C lets no handler run.
        signal.setitimer(signal.ITIMER_PROF, seconds + KILL_GRACE_SECONDS)

    begin()
    try:
        yield begin
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
