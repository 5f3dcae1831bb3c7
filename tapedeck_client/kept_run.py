"""A run that the store has not recorded, as a file that `ImportRuns` takes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from tapedeck.v1.run_pb2 import RunEvent
from tapedeck.v1.transfer_service_pb2 import ExportedRun, ExportHeader

FORMAT_VERSION = 1
"""Version of what the lines hold."""


def kept_run(events: Sequence[RunEvent], finish_time: datetime) -> bytes:
    """An export in JSON of one run, as `TapedeckClient.run` yields it with CONTINUE while the store is away.

    `TapedeckClient.import_runs` brings it into the store when that is back. Numbers keep all of their bits.

    Args:
        events: All events of the run, from `started` to `finished`.
        finish_time: When it ended.

    Raises:
        ValueError: events are missing.
    """
    in_order = [event.sequence for event in events] == list(range(1, len(events) + 1))
    if not in_order or not events or not events[0].HasField("started") or not events[-1].HasField("finished"):
        raise ValueError("only a whole run can be kept: its events must begin with started, follow without a gap and end with finished")
    header = ExportHeader(format_version=FORMAT_VERSION, export_time=finish_time, run_count=1)
    exported = ExportedRun(events=events, finish_time=finish_time, labels=events[0].started.labels)
    return _line(header) + _line(exported)


def _line(message: Message) -> bytes:
    fields = MessageToDict(message, preserving_proto_field_name=True)
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
