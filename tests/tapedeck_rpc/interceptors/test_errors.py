"""The border: what a service raises is what its caller gets, and nothing of the inside with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from structlog.testing import capture_logs

from tapedeck_rpc import errors
from tapedeck_rpc.status import from_rpc_error
from tests.tapedeck_rpc.kitchen import kitchen

BURNT = errors.FailedPrecondition("the soup is burnt", reason="BURNT", metadata={"pot": "3"}, retry_after_seconds=1.5)


def facts(error: errors.CallError) -> dict[str, Any]:
    return {"kind": type(error), **vars(error)}


async def raising(_request: bytes, _context: object) -> bytes:
    raise BURNT


async def test_an_error_of_a_unary_call_arrives_as_it_was_raised() -> None:
    async with kitchen(cook=raising) as guest:
        with pytest.raises(grpc.RpcError) as failed:
            await guest.cook(b"soup")
    assert facts(from_rpc_error(failed.value)) == facts(BURNT)


async def test_an_error_in_the_middle_of_a_stream_arrives_after_the_answers_before_it() -> None:
    async def steps(_request: bytes, _context: object) -> AsyncIterator[bytes]:
        yield b"1"
        yield b"2"
        raise BURNT

    async with kitchen(steps=steps) as guest:
        call = guest.steps(b"soup")
        assert [await call.read(), await call.read()] == [b"1", b"2"]
        with pytest.raises(grpc.RpcError) as failed:
            await call.read()
    assert facts(from_rpc_error(failed.value)) == facts(BURNT)


async def test_an_error_of_a_call_that_streams_both_ways_arrives() -> None:
    async def talk(requests: AsyncIterator[bytes], _context: object) -> AsyncIterator[bytes]:
        async for request in requests:
            if request == b"burn":
                raise BURNT
            yield request

    async with kitchen(talk=talk) as guest:
        call = guest.talk()
        await call.write(b"stir")
        assert await call.read() == b"stir"
        await call.write(b"burn")
        with pytest.raises(grpc.RpcError) as failed:
            await call.read()
    assert facts(from_rpc_error(failed.value)) == facts(BURNT)


async def test_an_error_of_a_call_that_streams_requests_arrives() -> None:
    async def taste(_requests: AsyncIterator[bytes], _context: object) -> bytes:
        raise errors.InvalidArgument(violations=[errors.Violation("salt", "too much"), errors.Violation("pepper", "none")])

    async with kitchen(taste=taste) as guest:
        with pytest.raises(grpc.RpcError) as failed:
            await guest.taste(iter([b"a"]))
    refused = from_rpc_error(failed.value)
    assert isinstance(refused, errors.InvalidArgument)
    assert refused.violations == (errors.Violation("salt", "too much"), errors.Violation("pepper", "none"))
    assert refused.message == "salt: too much; pepper: none"


@pytest.mark.parametrize("kind", ["cook", "steps"])
async def test_an_unknown_exception_is_internal_and_only_the_log_knows_more(kind: str) -> None:
    async def cook(_request: bytes, _context: object) -> bytes:
        raise ValueError("secret ingredient")

    async def steps(_request: bytes, _context: object) -> AsyncIterator[bytes]:
        yield b"1"
        raise ValueError("secret ingredient")

    with capture_logs() as lines:
        async with kitchen(cook=cook, steps=steps) as guest:
            with pytest.raises(grpc.RpcError) as failed:
                await guest.cook(b"") if kind == "cook" else [step async for step in guest.steps(b"")]
    error = from_rpc_error(failed.value)
    assert isinstance(error, errors.Internal)
    assert error.reason == "INTERNAL"
    assert "secret" not in repr(failed.value)
    assert [line["log_level"] for line in lines if line["event"] == "call broke"] == ["error"]
    assert any(line.get("exc_info") for line in lines)


async def test_a_status_that_a_servicer_ends_the_call_with_itself_stands() -> None:
    async def cook(_request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        await context.abort(grpc.StatusCode.OUT_OF_RANGE, "too hot")

    async with kitchen(cook=cook) as guest:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await guest.cook(b"soup")
    assert (failed.value.code(), failed.value.details()) == (grpc.StatusCode.OUT_OF_RANGE, "too hot")


async def test_an_error_with_more_to_say_than_there_is_room_for_still_arrives() -> None:
    async def cook(request: bytes, _context: object) -> bytes:
        text = request.decode()
        violations = [errors.Violation(f"ingredients[{place}]", text) for place in range(1_000)]
        raise errors.InvalidArgument(violations=violations, metadata={text + str(place): text for place in range(50)})

    async with kitchen(cook=cook) as guest:
        for text in ("much too long. " * 500, "zu süß, viel zu süß. " * 500, "🌶" * 5_000, "\r\n%" * 3_000):
            with pytest.raises(grpc.RpcError) as failed:
                await guest.cook(text.encode())
            error = from_rpc_error(failed.value)
            assert isinstance(error, errors.InvalidArgument)
            assert error.reason == "INVALID_REQUEST"
            assert error.violations
            assert error.message == f"1000 fields are wrong, the first {len(error.violations)} are listed"
