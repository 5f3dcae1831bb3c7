"""What happens around every call of a server, one concern a file, outermost first: request id, access log, errors."""

from __future__ import annotations

import grpc

from tapedeck_rpc.interceptors.access_log import AccessLogInterceptor
from tapedeck_rpc.interceptors.errors import ErrorInterceptor
from tapedeck_rpc.interceptors.request_id import RequestIdInterceptor


def server_interceptors() -> list[grpc.aio.ServerInterceptor]:
    """The interceptors of every server, in order."""
    return [RequestIdInterceptor(), AccessLogInterceptor(), ErrorInterceptor()]
