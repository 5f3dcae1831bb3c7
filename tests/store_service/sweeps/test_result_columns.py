"""Whatever the results of a sweep are, they come back from the database as they were sent."""

from __future__ import annotations

import struct
from typing import Any

from google.protobuf import struct_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store_service.database import Database
from store_service.models import COUNT_METRICS, RESULT_METRICS
from store_service.page_token import PageTokens, derive_key
from store_service.sweeps.recording import SweepRecording
from store_service.sweeps.store import SweepStore
from tapedeck.v1 import sweep_pb2
from tests.fix_sweeps import make_parts, make_results, make_sweep_spec, make_sweep_started, sent

FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
PLAIN = st.recursive(
    st.none() | st.booleans() | FINITE | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)


def values_of(metric: str) -> st.SearchStrategy[float | None]:
    if metric == "trades_total":
        return st.just(2.0**31 - 1)
    if metric in {"trades_won", "trades_lost"}:
        return st.none() | st.integers(0, 2**30 - 1).map(float)
    if metric in COUNT_METRICS:
        return st.none() | st.integers(-(2**31) + 1, 2**31 - 1).map(float)
    return st.none() | (FINITE.map(lambda value: -abs(value)) if metric == "max_drawdown" else FINITE)


def bits(value: float | None) -> bytes | None:
    return None if value is None else struct.pack("<d", value)


def as_value(plain: Any) -> struct_pb2.Value:
    held = struct_pb2.ListValue()
    held.extend([plain])
    return held.values[0]


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_results_come_back_to_the_last_bit(module_database: Database, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 4))

    def column(of: st.SearchStrategy[Any]) -> list[Any]:
        return data.draw(st.lists(of, min_size=count, max_size=count))

    metrics = {name: column(values_of(name)) for name in RESULT_METRICS}
    results = make_results(range(1, count + 1), metrics=metrics)
    del results.parameters[:]
    numbers, plain = data.draw(st.dictionaries(TEXTS.filter(bool), st.booleans(), max_size=3)), {}
    for name, is_number in numbers.items():
        if is_number:
            plain[name] = [as_value(value) for value in column(FINITE)]
            results.parameters.add(name=name, numbers=[value.number_value for value in plain[name]])
        else:
            plain[name] = [as_value(value) for value in column(PLAIN)]
            results.parameters.add(name=name, values=plain[name])
    together = make_sweep_spec(symbol_grouping=sweep_pb2.SYMBOL_GROUPING_TOGETHER)
    started = make_sweep_started(result_count=count, sweep=together)
    await sent(SweepRecording(module_database), make_parts(started, [results]))

    listed, _ = await SweepStore(module_database, PageTokens(derive_key("tests"))).list_sweep_results(started.sweep_id)
    for place, result in enumerate(listed):
        for name in RESULT_METRICS:
            holder: Any = result if name == "edge_score" else result.metrics
            assert bits(getattr(holder, name) if holder.HasField(name) else None) == bits(metrics[name][place])
        kept = {name: values[place] for name, values in plain.items()}
        assert {name: as_json(value) for name, value in result.parameters.fields.items()} == {name: as_json(v) for name, v in kept.items()}


def as_json(value: struct_pb2.Value) -> Any:
    """The value as Python compares it: JSON knows one zero."""
    kind = value.WhichOneof("kind")
    if kind == "list_value":
        return [as_json(entry) for entry in value.list_value.values]
    if kind == "struct_value":
        return {key: as_json(entry) for key, entry in value.struct_value.fields.items()}
    return None if kind == "null_value" else (kind, getattr(value, str(kind)))
