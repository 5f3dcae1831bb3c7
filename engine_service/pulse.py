"""Something that many wait for and that happens again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Pulse:
    """`beat` lets everybody who waits look again. Unlike asyncio.Condition it needs no lock, so state may change in plain functions."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def beat(self) -> None:
        """Wake everybody."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait_for(self, condition: Callable[[], bool], seconds: float | None = None) -> bool:
        """Wait until the condition holds, looking after every beat.

        Args:
            condition: What is waited for.
            seconds: Longest wait; None means without end.

        Returns:
            Whether the condition holds.
        """
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    await self._event.wait()
        except TimeoutError:
            return condition()
        return True
