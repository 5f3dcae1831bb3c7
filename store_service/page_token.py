"""Page tokens: where the next page starts, sealed so that nobody reads or writes them but the store.

A token holds the place of the last run of a page. It is bound to the filter and order_by it was made for and gives no right to anything:
whoever holds one can see only what the same call without it shows. Sealing is deterministic authenticated encryption from the standard
library: the tag is a keyed hash of the place and its context, and the tag in turn seeds the key stream, so no random number is needed and
equal places give equal tokens.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence

from tapedeck_rpc import errors

TAG_BYTES = 16
"""Length of the tag: guessing one takes 2^128 tries."""

MAX_TOKEN_CHARS = 1_000
"""A token holds two short values, about 100 characters; whatever is longer is not one of ours and is not worth decoding."""

JsonScalar = str | int | float | bool | None


def derive_key(secret: str) -> bytes:
    """A key for page tokens out of a secret that all replicas of a store share, such as the database's URL."""
    return hashlib.blake2b(secret.encode(), digest_size=32, person=b"tapedeck-pages").digest()


class PageTokens:
    """Seals places into tokens and opens them again, under one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, place: Sequence[JsonScalar], *context: str) -> str:
        """A token for the place, valid with the same context only."""
        text = json.dumps(list(place), separators=(",", ":")).encode()
        tag = self._tag(text, context)
        return base64.urlsafe_b64encode(tag + self._masked(text, tag)).decode().rstrip("=")

    def open(self, token: str, *context: str) -> list[JsonScalar]:
        """The place that a token holds.

        Raises:
            InvalidArgument: the token is damaged, or was made by another store or for another context (INVALID_PAGE_TOKEN).
        """
        sealed = _decoded(token)
        tag, text = sealed[:TAG_BYTES], self._masked(sealed[TAG_BYTES:], sealed[:TAG_BYTES])
        if not hmac.compare_digest(tag, self._tag(text, context)):
            raise errors.InvalidArgument(
                reason="INVALID_PAGE_TOKEN",
                violations=[
                    errors.Violation(
                        "page_token",
                        "is not a token of this list: send next_page_token of the page before unchanged, with the same filter and order_by",
                    )
                ],
            )
        place: list[JsonScalar] = json.loads(text)
        return place

    def _tag(self, text: bytes, context: Sequence[str]) -> bytes:
        bound = json.dumps([text.decode("latin-1"), *context]).encode()
        return hmac.digest(self._key, bound, hashlib.sha256)[:TAG_BYTES]

    def _masked(self, text: bytes, tag: bytes) -> bytes:
        stream = hashlib.shake_256(self._key + tag).digest(len(text))
        return bytes(a ^ b for a, b in zip(text, stream, strict=True))


def _decoded(token: str) -> bytes:
    """The bytes behind a token; none when it can't be one, which then fails the check of the tag like any other damage."""
    if len(token) > MAX_TOKEN_CHARS:
        return b""
    try:
        sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        return b""
    # Other spellings of the same bytes (characters that base64 skips, spare bits) are damage too.
    return sealed if base64.urlsafe_b64encode(sealed).decode().rstrip("=") == token else b""
