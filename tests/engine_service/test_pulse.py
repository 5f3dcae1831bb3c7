"""Pulse: waiting for something that happens again and again."""

from __future__ import annotations

import asyncio

from engine_service.pulse import Pulse


async def test_a_condition_that_holds_already_is_not_waited_for() -> None:
    assert await Pulse().wait_for(lambda: True)


async def test_everybody_who_waits_looks_again_at_every_beat() -> None:
    pulse, count = Pulse(), 0
    waiting = [asyncio.create_task(pulse.wait_for(lambda: count >= 3)) for _ in range(2)]
    for _ in range(3):
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        count += 1
        pulse.beat()
    assert await asyncio.gather(*waiting) == [True, True]


async def test_when_the_time_is_up_the_condition_decides() -> None:
    pulse, state = Pulse(), {"done": False}
    assert not await pulse.wait_for(lambda: state["done"], 0.01)
    state["done"] = True  # nobody beats
    assert await pulse.wait_for(lambda: state["done"], 0.01)
