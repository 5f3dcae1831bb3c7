"""Rows of `run_batches` in the binary format of COPY: bytes that go to the server as they are.

The file is a signature, rows and a trailer. A row is the number of its fields and, for each, its length and its bytes; NULL has length -1.
Written by hand because a run has hundreds of fields, most of them slices of arrays that are on hand as a whole.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Sequence

from store_service.arrays import copy_fields
from store_service.recording.columns import COLUMNS, BatchColumns

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = struct.pack("!h", -1)
_KEY = struct.Struct("!hi16siqi32s")
"""Number of fields, then run_id, sequence and digest, each with its length before it."""


def joined(copies: Sequence[bytes]) -> bytes:
    """The rows of several copies as one; nothing when there are none."""
    if len(copies) < 2:
        return b"".join(copies)
    return b"".join([SIGNATURE, *(copy[len(SIGNATURE) : -len(TRAILER)] for copy in copies), TRAILER])


def batch_rows(run_id: uuid.UUID, sequences: Sequence[int], digests: Sequence[bytes], columns: BatchColumns) -> bytes:
    """All rows of a message.

    Args:
        run_id: The run.
        sequences: One per batch.
        digests: One per batch, 32 bytes each.
        columns: The batches.
    """
    fields = [copy_fields(array, columns.bounds[name]) for name, array in columns.arrays.items()]
    parts = [SIGNATURE]
    for sequence, digest, *row in zip(sequences, digests, *fields, strict=True):
        parts.append(_KEY.pack(3 + len(COLUMNS), 16, run_id.bytes, 8, sequence, 32, digest))
        parts += row
    parts.append(TRAILER)
    return b"".join(parts)
