"""The request id: the caller's own or a new one, in every log line of the call and back to the caller."""

from __future__ import annotations

import asyncio

import pytest
import structlog
from structlog.testing import capture_logs

from tapedeck_rpc.interceptors.request_id import MAX_CHARS, METADATA_KEY
from tests.tapedeck_rpc.kitchen import Guest, kitchen


async def answered_id(guest: Guest, *given: tuple[str, str]) -> str:
    call = guest.cook(b"soup", metadata=given)
    await call
    return str(dict(await call.initial_metadata())[METADATA_KEY])


async def test_the_callers_id_comes_back() -> None:
    async with kitchen() as guest:
        assert await answered_id(guest, (METADATA_KEY, "order-17")) == "order-17"


async def test_a_stream_has_its_id_before_its_first_answer() -> None:
    async with kitchen() as guest:
        call = guest.steps(b"soup", metadata=((METADATA_KEY, "order-18"),))
        assert dict(await call.initial_metadata())[METADATA_KEY] == "order-18"
        assert len([step async for step in call]) == 3


async def test_a_call_without_an_id_gets_one_of_its_own() -> None:
    async with kitchen() as guest:
        first, second = await answered_id(guest), await answered_id(guest)
    assert len(first) == len(second) == 32
    assert first != second


async def test_a_long_id_is_cut() -> None:
    async with kitchen() as guest:
        assert await answered_id(guest, (METADATA_KEY, "x" * 500)) == "x" * MAX_CHARS


@pytest.mark.parametrize("given", ["", "  "])
async def test_an_empty_id_is_replaced(given: str) -> None:
    async with kitchen() as guest:
        assert len(await answered_id(guest, (METADATA_KEY, given))) == 32


async def test_every_log_line_of_a_call_carries_its_id_and_no_other() -> None:
    log = structlog.get_logger("test")
    both = asyncio.Barrier(2)

    async def cook(request: bytes, _context: object) -> bytes:
        await both.wait()
        log.info("cooking", request=request)
        return request

    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        async with kitchen(cook=cook) as guest:
            await asyncio.gather(*(guest.cook(name.encode(), metadata=((METADATA_KEY, name),)) for name in ("left", "right")))
    assert sorted((line["request"].decode(), line["request_id"]) for line in lines if line["event"] == "cooking") == [
        ("left", "left"),
        ("right", "right"),
    ]
    assert sorted(line["request_id"] for line in lines if line["event"] == "call") == ["left", "right"]
    assert "request_id" not in structlog.contextvars.get_contextvars()
