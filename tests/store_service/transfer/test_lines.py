"""Lines of an export: what is written is read back to the bit, however the file was cut."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from store_service.transfer import lines
from tapedeck.v1 import run_pb2, transfer_service_pb2
from tapedeck_rpc import errors
from tests.fix_runs import make_events, make_finished, make_started, whole_run


async def split(*parts: bytes) -> list[bytes]:
    async def come() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    return [line async for line in lines.split_lines(come())]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((), []),
        ((b"",), []),
        ((b"a\nb\n",), [b"a", b"b"]),
        ((b"a", b"", b"b\n", b"\n", b"c"), [b"ab", b"", b"c"]),
        ((b"\n\n", b"a\n"), [b"", b"", b"a"]),
    ],
)
async def test_lines_are_the_same_wherever_the_parts_end(parts: tuple[bytes, ...], expected: list[bytes]) -> None:
    assert await split(*parts) == expected


async def test_a_line_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 3)
    assert await split(b"abc\n", b"abc") == [b"abc", b"abc"]
    with pytest.raises(errors.InvalidArgument, match="line 2 is longer than 3 bytes") as raised:
        await split(b"abc\nab", b"cd", b"\n")
    assert raised.value.metadata == {"line": "2"}


def test_a_run_is_read_as_it_was_written_to_the_bit() -> None:
    odd = [5e-324, -0.0, 0.1 + 0.2, 1e22, 1.7976931348623157e308, 1.0]
    dates = list(range(20100104, 20100110))
    batches = [run_pb2.SessionBatch(session_dates=dates, portfolio_values=odd, cash=odd[::-1]), whole_run()[1].sessions]
    events = make_events(make_started(), *batches, make_finished())
    exported = transfer_service_pb2.ExportedRun(events=events, labels={"é": '"\n'}, note="one\ntwo\u2028")
    exported.verdict.summary = "same"
    written = lines.write_run(transfer_service_pb2.ExportedRun.FromString(exported.SerializeToString()))
    assert (written.count(b"\n"), written[-1:]) == (1, b"\n")
    read = lines.parse_run(written, 2)
    assert read.SerializeToString(deterministic=True) == exported.SerializeToString(deterministic=True)


def test_a_batch_of_columns_alone_stays_a_batch() -> None:
    events = [run_pb2.RunEvent(sequence=2, sessions=run_pb2.SessionBatch(session_dates=[20100104])), run_pb2.RunEvent(sequence=3)]
    exported = transfer_service_pb2.ExportedRun(events=events)
    assert list(lines.parse_run(lines.write_run(exported), 2).events) == events
