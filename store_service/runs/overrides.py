"""Changing the spec of a run that is replayed. Pure."""

from __future__ import annotations

from google.protobuf import struct_pb2

from tapedeck.v1 import run_pb2, store_service_pb2


def with_overrides(spec: run_pb2.RunSpec, overrides: store_service_pb2.RunOverrides) -> tuple[run_pb2.RunSpec, list[str]]:
    """A copy of the spec with the overrides applied, and the fields that this changed; an override by the same value changes nothing.

    Parameters are changed one by one, symbols and costs as a whole. Whether the new values make sense is for the engine to say.
    """
    changed = run_pb2.RunSpec()
    changed.CopyFrom(spec)
    if overrides.start_date:
        changed.start_date = overrides.start_date
    if overrides.end_date:
        changed.end_date = overrides.end_date
    if overrides.interval:
        changed.interval = overrides.interval
    if overrides.HasField("capital_base"):
        changed.capital_base = overrides.capital_base
    if overrides.symbols:
        changed.symbols[:] = overrides.symbols
    if overrides.HasField("slippage"):
        changed.slippage.CopyFrom(overrides.slippage)
    if overrides.HasField("commission"):
        changed.commission.CopyFrom(overrides.commission)
    for name, value in overrides.parameters.fields.items():
        changed.parameters.fields[name].CopyFrom(value)
    return changed, _changed_fields(spec, changed)


def _changed_fields(before: run_pb2.RunSpec, after: run_pb2.RunSpec) -> list[str]:
    names = [field.name for field in run_pb2.RunSpec.DESCRIPTOR.fields if field.name != "parameters"]
    fields = [name for name in names if _value(before, name) != _value(after, name)]
    absent = struct_pb2.Value()
    return fields + [
        f"parameters.{name}"
        for name, value in sorted(after.parameters.fields.items())
        if before.parameters.fields.get(name, absent) != value
    ]


def _value(spec: run_pb2.RunSpec, name: str) -> object:
    value = getattr(spec, name)
    return list(value) if name == "symbols" else value
