"""How option values are written: KEY=VALUE pairs, and models such as per_share:cost=0.01."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from typing import TypeVar

import click
from google.protobuf.message import Message

Scalar = str | float | bool | None
M = TypeVar("M", bound=Message)


def parse_scalar(text: str) -> Scalar:
    """A JSON number, true, false, null or quoted text as such; anything else as the text it is."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, float) and not math.isfinite(value):
        return text
    return value if isinstance(value, str | int | float | bool | None) else text


def parse_parameter(text: str) -> Scalar | list[Scalar]:
    """A JSON list of scalars such as ["sma_above(10,30)", "rsi_below(14,70)"], or what `parse_scalar` takes it for."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(values, list) and all(isinstance(value, str | int | float | bool | None) for value in values):
        return values
    return parse_scalar(text)


def parse_pair(text: str) -> tuple[str, str]:
    """KEY=VALUE, split at the first equals sign.

    Raises:
        click.BadParameter: it is not written so.
    """
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise click.BadParameter(f"{text!r} is not written KEY=VALUE")
    return key, value


def parse_number_pair(text: str) -> tuple[str, float]:
    """KEY=NUMBER.

    Raises:
        click.BadParameter: it is not written so.
    """
    key, value = parse_pair(text)
    return key, _number(key, value)


def model_of(message_type: type[M]) -> Callable[[str], M]:
    """A parser of KIND or KIND:FIELD=NUMBER,... for a message that is a choice of models, such as Slippage.

    The message's descriptor knows the kinds and their fields; the parser raises click.BadParameter for others.
    """

    def parse(text: str) -> M:
        kind, _, written = text.partition(":")
        kind = _known(kind, "kind", message_type.DESCRIPTOR.fields_by_name)
        message = message_type()
        chosen: Message = getattr(message, kind)
        chosen.SetInParent()
        for pair in filter(None, (part.strip() for part in written.split(","))):
            field, _, value = pair.partition("=")
            setattr(chosen, _known(field, f"field of {kind}", chosen.DESCRIPTOR.fields_by_name), _number(field, value))
        return message

    return parse


def _known(name: str, what: str, known: Iterable[str]) -> str:
    found = name.strip().replace("-", "_")
    if found not in known:
        raise click.BadParameter(f"{name.strip()!r} is no {what}: {', '.join(known) or 'it has none'}")
    return found


def _number(field: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise click.BadParameter(f"{field.strip()} takes a number, not {text!r}") from None


def split_symbols(values: Iterable[str]) -> list[str]:
    """Symbols given one by one or separated by commas."""
    return [symbol.strip() for value in values for symbol in value.split(",") if symbol.strip()]
