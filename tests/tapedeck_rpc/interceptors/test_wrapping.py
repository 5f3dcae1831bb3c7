"""What an interceptor of ours wraps around a call, of whatever kind, and however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from tapedeck_rpc.interceptors.wrapping import AroundInterceptor
from tests.tapedeck_rpc.kitchen import NAME, kitchen, until

LARGE = bytes(1 << 20)
"""More than fits into the buffers of a connection whose other end does not read."""


class Diary:
    """An interceptor's notes: what it entered and left, and in which task."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.tasks: set[asyncio.Task[Any] | None] = set()

    def interceptor(self, name: str = "") -> AroundInterceptor:
        @asynccontextmanager
        async def around(method: str, _context: object) -> AsyncIterator[None]:
            self.note(f"{name}> {method.removeprefix(f'/{NAME}/')}")
            try:
                yield
            except BaseException as error:
                self.note(f"{name}! {type(error).__name__}")
                raise
            finally:
                self.note(f"{name}<")

        return AroundInterceptor(around)

    def note(self, text: str) -> None:
        self.notes.append(text)
        self.tasks.add(asyncio.current_task())


async def test_calls_of_every_kind_are_entered_once_and_left_once() -> None:
    diary = Diary()
    async with kitchen(interceptors=[diary.interceptor()]) as guest:
        assert await guest.cook(b"soup") == b"soup"
        assert [step async for step in guest.steps(b"step ")] == [b"step 1", b"step 2", b"step 3"]
        assert await guest.taste(iter([b"a", b"b"])) == b"ab"
        assert [answer async for answer in guest.talk(iter([b"a", b"b"]))] == [b"a", b"b"]
    assert diary.notes == ["> Cook", "<", "> Steps", "<", "> Taste", "<", "> Talk", "<"]


@pytest.mark.parametrize("call", ["cook", "steps"])
async def test_the_first_interceptor_is_the_outermost(call: str) -> None:
    diary = Diary()
    async with kitchen(interceptors=[diary.interceptor("outer"), diary.interceptor("inner")]) as guest:
        answer = getattr(guest, call)(b"soup")
        await answer if call == "cook" else [step async for step in answer]
    assert [note.split()[0] for note in diary.notes] == ["outer>", "inner>", "inner<", "outer<"]


@pytest.mark.parametrize("interceptors", [1, 3])
async def test_a_stream_cancelled_between_two_answers_is_left_at_once_in_its_own_task(interceptors: int) -> None:
    diary = Diary()

    async def endless(_request: bytes, _context: object) -> AsyncIterator[bytes]:
        try:
            while True:
                yield LARGE
        finally:
            diary.note("put away")

    async with kitchen(interceptors=[diary.interceptor() for _ in range(interceptors)], steps=endless) as guest:
        call = guest.steps(b"")
        await call.read()
        call.cancel()
        await until(lambda: diary.notes.count("<") == interceptors)
    assert diary.notes == ["> Steps"] * interceptors + ["put away"] + ["! CancelledError", "<"] * interceptors
    assert len(diary.tasks) == 1


async def test_a_unary_call_that_is_cancelled_is_left_with_cancelled_error() -> None:
    diary = Diary()

    async def never(_request: bytes, _context: object) -> bytes:
        diary.note("waiting")
        await asyncio.Event().wait()
        return b""

    async with kitchen(interceptors=[diary.interceptor()], cook=never) as guest:
        call = guest.cook(b"")
        await until(lambda: "waiting" in diary.notes)
        call.cancel()
        await until(lambda: "<" in diary.notes)
    assert diary.notes == ["> Cook", "waiting", "! CancelledError", "<"]


async def test_a_method_that_does_not_exist_is_not_entered() -> None:
    diary = Diary()
    async with kitchen(interceptors=[diary.interceptor()]) as guest:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await guest.burn(b"soup")
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert diary.notes == []
