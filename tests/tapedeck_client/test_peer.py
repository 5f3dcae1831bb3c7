"""What the client says when gRPC itself failed."""

from __future__ import annotations

import grpc
import pytest

from tapedeck_client import TapedeckClient
from tapedeck_client.peer import Peer
from tapedeck_rpc import errors
from tests.tapedeck_client.services import RUN_ID, Store, serve

NOBODY = "127.0.0.1:1"


def test_a_service_that_is_away_is_named_with_its_address() -> None:
    with TapedeckClient(NOBODY, NOBODY) as client:
        with pytest.raises(errors.Unavailable, match=r"the store at 127\.0\.0\.1:1 can't be reached") as store_away:
            client.get(RUN_ID)
        with pytest.raises(errors.Unavailable, match="the engine at") as engine_away:
            client.strategies()
    assert (store_away.value.reason, engine_away.value.reason) == ("STORE_UNAVAILABLE", "ENGINE_UNAVAILABLE")


def test_a_deadline_that_passes_is_told_as_such(client: TapedeckClient, store: Store) -> None:
    store.open.clear()
    with pytest.raises(errors.DeadlineExceeded, match="did not answer in time") as raised:
        client.get(RUN_ID, timeout_seconds=0.1)
    assert raised.value.reason == "DEADLINE_EXCEEDED"


def test_the_wrong_service_at_an_address_is_told_as_such() -> None:
    server, address = serve(None, Store())
    with TapedeckClient(address, address) as client, pytest.raises(errors.Unimplemented, match="is not the engine"):
        client.strategies()
    server.stop(0).wait()


def test_what_a_service_says_itself_is_passed_on_as_it_is(client: TapedeckClient, store: Store) -> None:
    violations = [errors.Violation("page_size", "is negative"), errors.Violation("filter", "is too long")]
    store.plans = [(0, errors.InvalidArgument(violations=violations))]
    with pytest.raises(errors.InvalidArgument) as raised:
        client.list(page_size=-1)
    assert raised.value.violations == tuple(violations)


def test_another_failure_of_grpc_keeps_its_words() -> None:
    class Broken(grpc.RpcError):
        def code(self) -> grpc.StatusCode:
            return grpc.StatusCode.INTERNAL

        def details(self) -> str:
            return "frame too large"

        def trailing_metadata(self) -> tuple[()]:
            return ()

    error = Peer("store", NOBODY).translate(Broken())
    assert (type(error), error.message) == (errors.Internal, "frame too large")
