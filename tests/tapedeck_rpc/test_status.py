"""Exceptions to google.rpc.Status and back."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from hypothesis import given
from hypothesis import strategies as st

from tapedeck_rpc import errors
from tapedeck_rpc.status import CODES, ERRORS, MAX_MESSAGE_BYTES, from_rpc_error, from_status, to_status
from tests.tapedeck_rpc.kitchen import kitchen

TRAILERS_LIMIT_BYTES = 8 * 1024
"""What gRPC's own clients accept."""

ENTRY_BYTES = 32
"""What HTTP/2 counts for a header besides its name and value."""

words = st.text(max_size=30)
notes = st.text(max_size=10)
violations = st.lists(st.builds(errors.Violation, notes, notes), max_size=4)
"""Few and short: what finds no room is another test's concern."""

facts = {
    "message": words,
    "reason": words,
    "metadata": st.dictionaries(words, words, max_size=3),
    "retry_after_seconds": st.none() | st.integers(0, 10**6).map(lambda milliseconds: milliseconds / 1000),
}
plain_errors = st.sampled_from(sorted(CODES.keys() - {errors.InvalidArgument}, key=str)).flatmap(lambda kind: st.builds(kind, **facts))
any_errors = plain_errors | st.builds(errors.InvalidArgument, **facts, violations=violations)

spices = st.sampled_from(["too much salt. ", "zu süß ", "辛い", "🌶", "\r\n", "%", "\0"])
amounts = st.integers(0, 5_000)


def seen(error: errors.CallError) -> tuple[type[errors.CallError], dict[str, Any]]:
    return type(error), vars(error)


@given(error=any_errors)
def test_an_error_comes_back_from_its_status_as_it_was(error: errors.CallError) -> None:
    assert seen(from_status(to_status(error))) == seen(error)


def test_every_kind_of_error_has_a_code_of_its_own() -> None:
    assert set(CODES) == set(errors.CallError.__subclasses__())
    assert len(ERRORS) == len(CODES)


@given(spice=spices, amount=amounts, count=st.integers(1, 1_000), entries=st.integers(0, 20))
def test_whatever_an_error_has_to_say_its_trailers_are_small_enough(spice: str, amount: int, count: int, entries: int) -> None:
    text = spice * amount
    error = errors.InvalidArgument(
        text,
        violations=[errors.Violation(text, text)] * count,
        reason=text or "R",
        metadata={f"{place} {text}": text for place in range(entries)},
        retry_after_seconds=1.0,
    )
    for each in (error, errors.Internal(text, reason=text)):
        status = to_status(each)
        printable = "".join(chr(code) for code in range(ord(" "), ord("~") + 1) if chr(code) != "%")
        message = len(quote(status.message, safe=printable))
        details = len(base64.b64encode(status.SerializeToString()))
        names = len("grpc-status") + len("grpc-message") + len(rpc_status.GRPC_DETAILS_METADATA_KEY)
        assert message <= MAX_MESSAGE_BYTES
        assert message + details + names + 2 + 3 * ENTRY_BYTES <= TRAILERS_LIMIT_BYTES
        assert isinstance(from_status(status), type(each))


@pytest.mark.parametrize(("count", "description"), [(21, "short"), (5, "long " * 400)])
def test_violations_that_find_no_room_are_counted(count: int, description: str) -> None:
    error = from_status(to_status(errors.InvalidArgument(violations=[errors.Violation("pot", description)] * count)))
    assert isinstance(error, errors.InvalidArgument)
    assert 1 <= len(error.violations) < count
    assert error.message == f"{count} fields are wrong, the first {len(error.violations)} are listed"


def test_a_long_text_is_cut_where_its_room_ends() -> None:
    assert to_status(errors.Internal("x" * MAX_MESSAGE_BYTES, reason="R")).message == "x" * MAX_MESSAGE_BYTES
    assert to_status(errors.Internal("x" * (MAX_MESSAGE_BYTES + 1), reason="R")).message == "x" * (MAX_MESSAGE_BYTES - 9) + "…"


def test_half_a_character_is_replaced() -> None:
    assert to_status(errors.Internal("half \ud83c", reason="R")).message == "half ?"


def test_a_narrower_error_has_the_code_of_its_kind() -> None:
    class PotNotFound(errors.NotFound):
        pass

    class Unheard(errors.CallError):
        pass

    assert isinstance(from_status(to_status(PotNotFound("no such pot", reason="R"))), errors.NotFound)
    assert isinstance(from_status(to_status(Unheard("what", reason="R"))), errors.Internal)


def test_a_status_without_our_details_has_reason_unknown() -> None:
    error = from_status(status_pb2.Status(code=grpc.StatusCode.UNAVAILABLE.value[0], message="away"))
    assert seen(error) == seen(errors.Unavailable("away", reason="UNKNOWN"))


def test_a_code_that_is_none_of_ours_is_internal() -> None:
    assert isinstance(from_status(status_pb2.Status(code=grpc.StatusCode.UNAUTHENTICATED.value[0], message="who?")), errors.Internal)


def test_details_that_are_none_of_ours_are_skipped() -> None:
    status = to_status(errors.NotFound("no such recipe", reason="R"))
    status.details.add().Pack(error_details_pb2.Help())
    assert seen(from_status(status)) == seen(errors.NotFound("no such recipe", reason="R"))


async def test_other_trailers_are_no_details() -> None:
    async def cook(_request: bytes, context: Any) -> bytes:
        await context.abort(grpc.StatusCode.NOT_FOUND, "no such recipe", (("kitchen", "north"),))
        return b""

    async with kitchen(cook=cook) as guest:
        with pytest.raises(grpc.RpcError) as failed:
            await guest.cook(b"soup")
    assert seen(from_rpc_error(failed.value)) == seen(errors.NotFound("no such recipe", reason="UNKNOWN"))


async def test_a_call_that_gRPC_itself_ended_has_its_code_and_a_sentence() -> None:
    async with kitchen() as guest:
        with pytest.raises(grpc.RpcError) as failed:
            await guest.burn(b"soup")
    error = from_rpc_error(failed.value)
    assert isinstance(error, errors.Unimplemented)
    assert (error.reason, bool(error.message)) == ("UNKNOWN", True)
