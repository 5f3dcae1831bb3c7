"""Wrapping the behaviour of a handler.

An interceptor that wraps `continuation` sees no exception: handlers run later. So the function that handles the call is wrapped instead.

An async generator that streams answers is run in here, as a coroutine that writes them. Left to gRPC, a generator whose call is cancelled
between two answers is closed some time later by the garbage collector, in another task: its log line would say the wrong thing, and what
it holds would be held for longer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import TYPE_CHECKING, Any

import grpc

if TYPE_CHECKING:  # these are generic for type checkers only
    Handler = grpc.RpcMethodHandler[Any, Any]
    Context = grpc.aio.ServicerContext[Any, Any]
else:
    Handler, Context = grpc.RpcMethodHandler, grpc.aio.ServicerContext
Around = Callable[[str, Context], AbstractAsyncContextManager[None]]
"""Given the method's full name and the call's context: what to enter before the call and to leave after it, however it ends."""


class AroundInterceptor(grpc.aio.ServerInterceptor):
    """Runs an async context manager around every call, unary or streaming; a call that its caller gave up ends with CancelledError."""

    def __init__(self, around: Around) -> None:
        self._around = around

    async def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]], handler_call_details: grpc.HandlerCallDetails
    ) -> Handler | None:
        """Wrap what will handle the call."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return handler  # no such method: gRPC itself answers UNIMPLEMENTED
        method: str = handler_call_details.method
        if handler.response_streaming:
            behaviour = handler.stream_stream if handler.request_streaming else handler.unary_stream
            make = grpc.stream_stream_rpc_method_handler if handler.request_streaming else grpc.unary_stream_rpc_method_handler
            wrapped: Any = self._streaming(method, behaviour)
        else:
            behaviour = handler.stream_unary if handler.request_streaming else handler.unary_unary
            make = grpc.stream_unary_rpc_method_handler if handler.request_streaming else grpc.unary_unary_rpc_method_handler
            wrapped = self._unary(method, behaviour)
        return make(wrapped, request_deserializer=handler.request_deserializer, response_serializer=handler.response_serializer)

    def _unary(self, method: str, behaviour: Any) -> Callable[[Any, Context], Awaitable[Any]]:
        async def call(request: Any, context: Context) -> Any:
            async with self._around(method, context):
                return await behaviour(request, context)

        return call

    def _streaming(self, method: str, behaviour: Any) -> Callable[[Any, Context], Awaitable[None]]:
        async def call(request: Any, context: Context) -> None:
            async with self._around(method, context):
                answers = behaviour(request, context)
                if not isinstance(answers, AsyncGenerator):
                    await answers  # it writes for itself, as this function does: the next interceptor's
                    return
                async with aclosing(answers):
                    async for answer in answers:
                        await _write(context, answer)

        return call


async def _write(context: Context, answer: Any) -> None:
    try:
        await context.write(answer)
    except (grpc.aio.InternalError, grpc.aio.UsageError) as error:
        # What gRPC says when the call is over: the caller cancelled it, its deadline passed, or its connection broke.
        raise asyncio.CancelledError from error
