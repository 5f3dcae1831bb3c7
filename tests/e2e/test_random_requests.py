"""Whatever is sent to the engine and to the record service, they answer, or say what is wrong with it (for the store see its own test)."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.local import Pair
from tapedeck.v1 import engine_service_pb2, engine_service_pb2_grpc, record_service_pb2, record_service_pb2_grpc
from tapedeck_client import TapedeckClient
from tapedeck_rpc.channel import open_channel
from tests.random_messages import RANDOM_REQUESTS, messages

NEVER = {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL}
SECONDS = 10.0
"""Deadline of a call; a random request that is a valid run ends long before."""

SUGGESTIONS: dict[str, list[Any]] = {
    "strategy": ["sma_crossover", "buy_and_hold"],
    "dataset": ["wiki"],
    "symbols": ["GOOG", "IBM"],
    "start_date": ["2006-01-03"],
    "end_date": ["2006-12-29", "2013-03-01"],
    "interval": ["1d"],
    "save": [False],
}


def code_of(call: Any) -> grpc.StatusCode:
    try:
        for _ in call:
            pass
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


@pytest.mark.parametrize("method", ["RunBacktest", "CancelRun", "ListStrategies", "ListDatasets"])
@settings(max_examples=RANDOM_REQUESTS, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_request_breaks_the_engine(pair: Pair, client: TapedeckClient, method: str, data: st.DataObject) -> None:
    request = data.draw(messages(getattr(engine_service_pb2, f"{method}Request"), SUGGESTIONS))
    with open_channel(pair.engine_address) as channel:
        call = getattr(engine_service_pb2_grpc.EngineServiceStub(channel), method)
        if method == "RunBacktest":
            assert code_of(call(request, timeout=SECONDS)) not in NEVER
        else:
            assert code_of(_unary(call, request)) not in NEVER


@pytest.mark.parametrize("method", ["RecordRuns", "ClaimStaleRun", "RequestCancel"])
@settings(max_examples=RANDOM_REQUESTS, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_request_breaks_the_record_service(pair: Pair, method: str, data: st.DataObject) -> None:
    request = messages(getattr(record_service_pb2, f"{method}Request"))
    with open_channel(pair.record_address) as channel:
        call = getattr(record_service_pb2_grpc.RecordServiceStub(channel), method)
        if method == "RecordRuns":
            requests = data.draw(st.lists(request, max_size=4))
            answers = list(call(iter(requests), timeout=SECONDS))
            assert len(answers) == len(requests)
            assert not {answer.error.code for answer in answers} & {code.value[0] for code in NEVER}
        else:
            assert code_of(_unary(call, data.draw(request))) not in NEVER


def _unary(call: Any, request: Any) -> Any:
    yield call(request, timeout=SECONDS)
