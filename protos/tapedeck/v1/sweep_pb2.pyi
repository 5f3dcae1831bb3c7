import datetime

from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from tapedeck.v1 import run_pb2 as _run_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SymbolGrouping(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SYMBOL_GROUPING_UNSPECIFIED: _ClassVar[SymbolGrouping]
    SYMBOL_GROUPING_EACH: _ClassVar[SymbolGrouping]
    SYMBOL_GROUPING_TOGETHER: _ClassVar[SymbolGrouping]

class SweepState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SWEEP_STATE_UNSPECIFIED: _ClassVar[SweepState]
    SWEEP_STATE_SUCCEEDED: _ClassVar[SweepState]
    SWEEP_STATE_FAILED: _ClassVar[SweepState]
    SWEEP_STATE_CANCELLED: _ClassVar[SweepState]

class SweepSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SWEEP_SOURCE_UNSPECIFIED: _ClassVar[SweepSource]
    SWEEP_SOURCE_ENGINE: _ClassVar[SweepSource]
    SWEEP_SOURCE_EXTERNAL: _ClassVar[SweepSource]
SYMBOL_GROUPING_UNSPECIFIED: SymbolGrouping
SYMBOL_GROUPING_EACH: SymbolGrouping
SYMBOL_GROUPING_TOGETHER: SymbolGrouping
SWEEP_STATE_UNSPECIFIED: SweepState
SWEEP_STATE_SUCCEEDED: SweepState
SWEEP_STATE_FAILED: SweepState
SWEEP_STATE_CANCELLED: SweepState
SWEEP_SOURCE_UNSPECIFIED: SweepSource
SWEEP_SOURCE_ENGINE: SweepSource
SWEEP_SOURCE_EXTERNAL: SweepSource

class SweepSpec(_message.Message):
    __slots__ = ("spec", "grid", "list", "sample", "symbol_grouping", "rank_by", "edge_score", "engine")
    SPEC_FIELD_NUMBER: _ClassVar[int]
    GRID_FIELD_NUMBER: _ClassVar[int]
    LIST_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_GROUPING_FIELD_NUMBER: _ClassVar[int]
    RANK_BY_FIELD_NUMBER: _ClassVar[int]
    EDGE_SCORE_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    spec: _run_pb2.RunSpec
    grid: _struct_pb2.Struct
    list: ParameterList
    sample: ParameterSample
    symbol_grouping: SymbolGrouping
    rank_by: str
    edge_score: EdgeScore
    engine: _run_pb2.EngineChoice
    def __init__(self, spec: _Optional[_Union[_run_pb2.RunSpec, _Mapping]] = ..., grid: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., list: _Optional[_Union[ParameterList, _Mapping]] = ..., sample: _Optional[_Union[ParameterSample, _Mapping]] = ..., symbol_grouping: _Optional[_Union[SymbolGrouping, str]] = ..., rank_by: _Optional[str] = ..., edge_score: _Optional[_Union[EdgeScore, _Mapping]] = ..., engine: _Optional[_Union[_run_pb2.EngineChoice, str]] = ...) -> None: ...

class ParameterList(_message.Message):
    __slots__ = ("combinations",)
    COMBINATIONS_FIELD_NUMBER: _ClassVar[int]
    combinations: _containers.RepeatedCompositeFieldContainer[_struct_pb2.Struct]
    def __init__(self, combinations: _Optional[_Iterable[_Union[_struct_pb2.Struct, _Mapping]]] = ...) -> None: ...

class ParameterSample(_message.Message):
    __slots__ = ("ranges", "count", "seed")
    class RangesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: ParameterRange
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[ParameterRange, _Mapping]] = ...) -> None: ...
    RANGES_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    ranges: _containers.MessageMap[str, ParameterRange]
    count: int
    seed: int
    def __init__(self, ranges: _Optional[_Mapping[str, ParameterRange]] = ..., count: _Optional[int] = ..., seed: _Optional[int] = ...) -> None: ...

class ParameterRange(_message.Message):
    __slots__ = ("values", "minimum", "maximum", "step")
    VALUES_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[_struct_pb2.Value]
    minimum: float
    maximum: float
    step: float
    def __init__(self, values: _Optional[_Iterable[_Union[_struct_pb2.Value, _Mapping]]] = ..., minimum: _Optional[float] = ..., maximum: _Optional[float] = ..., step: _Optional[float] = ...) -> None: ...

class EdgeScore(_message.Message):
    __slots__ = ("weights", "minimum_trades")
    class WeightsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_TRADES_FIELD_NUMBER: _ClassVar[int]
    weights: _containers.ScalarMap[str, float]
    minimum_trades: int
    def __init__(self, weights: _Optional[_Mapping[str, float]] = ..., minimum_trades: _Optional[int] = ...) -> None: ...

class SweepResults(_message.Message):
    __slots__ = ("numbers", "symbols", "parameters", "metrics")
    NUMBERS_FIELD_NUMBER: _ClassVar[int]
    SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    numbers: _containers.RepeatedScalarFieldContainer[int]
    symbols: _containers.RepeatedScalarFieldContainer[str]
    parameters: _containers.RepeatedCompositeFieldContainer[ParameterColumn]
    metrics: _containers.RepeatedCompositeFieldContainer[MetricColumn]
    def __init__(self, numbers: _Optional[_Iterable[int]] = ..., symbols: _Optional[_Iterable[str]] = ..., parameters: _Optional[_Iterable[_Union[ParameterColumn, _Mapping]]] = ..., metrics: _Optional[_Iterable[_Union[MetricColumn, _Mapping]]] = ...) -> None: ...

class ParameterColumn(_message.Message):
    __slots__ = ("name", "numbers", "values")
    NAME_FIELD_NUMBER: _ClassVar[int]
    NUMBERS_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    name: str
    numbers: _containers.RepeatedScalarFieldContainer[float]
    values: _containers.RepeatedCompositeFieldContainer[_struct_pb2.Value]
    def __init__(self, name: _Optional[str] = ..., numbers: _Optional[_Iterable[float]] = ..., values: _Optional[_Iterable[_Union[_struct_pb2.Value, _Mapping]]] = ...) -> None: ...

class MetricColumn(_message.Message):
    __slots__ = ("metric", "values", "undefined")
    METRIC_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    UNDEFINED_FIELD_NUMBER: _ClassVar[int]
    metric: str
    values: _containers.RepeatedScalarFieldContainer[float]
    undefined: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, metric: _Optional[str] = ..., values: _Optional[_Iterable[float]] = ..., undefined: _Optional[_Iterable[int]] = ...) -> None: ...

class SweepStarted(_message.Message):
    __slots__ = ("sweep_id", "sweep", "provenance", "result_count", "skipped_count", "session_count", "labels", "request_id", "create_time", "strategy_type")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SWEEP_ID_FIELD_NUMBER: _ClassVar[int]
    SWEEP_FIELD_NUMBER: _ClassVar[int]
    PROVENANCE_FIELD_NUMBER: _ClassVar[int]
    RESULT_COUNT_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_COUNT_FIELD_NUMBER: _ClassVar[int]
    SESSION_COUNT_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_TYPE_FIELD_NUMBER: _ClassVar[int]
    sweep_id: str
    sweep: SweepSpec
    provenance: _run_pb2.Provenance
    result_count: int
    skipped_count: int
    session_count: int
    labels: _containers.ScalarMap[str, str]
    request_id: str
    create_time: _timestamp_pb2.Timestamp
    strategy_type: str
    def __init__(self, sweep_id: _Optional[str] = ..., sweep: _Optional[_Union[SweepSpec, _Mapping]] = ..., provenance: _Optional[_Union[_run_pb2.Provenance, _Mapping]] = ..., result_count: _Optional[int] = ..., skipped_count: _Optional[int] = ..., session_count: _Optional[int] = ..., labels: _Optional[_Mapping[str, str]] = ..., request_id: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., strategy_type: _Optional[str] = ...) -> None: ...

class SweepFinished(_message.Message):
    __slots__ = ("state", "error", "result_count", "failed_count", "first_failure", "result_digest", "recorded", "not_recorded_reason", "execution_seconds")
    STATE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    RESULT_COUNT_FIELD_NUMBER: _ClassVar[int]
    FAILED_COUNT_FIELD_NUMBER: _ClassVar[int]
    FIRST_FAILURE_FIELD_NUMBER: _ClassVar[int]
    RESULT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    RECORDED_FIELD_NUMBER: _ClassVar[int]
    NOT_RECORDED_REASON_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_SECONDS_FIELD_NUMBER: _ClassVar[int]
    state: SweepState
    error: _run_pb2.RunError
    result_count: int
    failed_count: int
    first_failure: _run_pb2.RunError
    result_digest: str
    recorded: bool
    not_recorded_reason: str
    execution_seconds: float
    def __init__(self, state: _Optional[_Union[SweepState, str]] = ..., error: _Optional[_Union[_run_pb2.RunError, _Mapping]] = ..., result_count: _Optional[int] = ..., failed_count: _Optional[int] = ..., first_failure: _Optional[_Union[_run_pb2.RunError, _Mapping]] = ..., result_digest: _Optional[str] = ..., recorded: _Optional[bool] = ..., not_recorded_reason: _Optional[str] = ..., execution_seconds: _Optional[float] = ...) -> None: ...

class Sweep(_message.Message):
    __slots__ = ("sweep_id", "sweep", "state", "error", "source", "labels", "create_time", "finish_time", "result_count", "skipped_count", "failed_count", "session_count", "strategy_type", "provenance", "result_digest", "execution_seconds", "request_id")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SWEEP_ID_FIELD_NUMBER: _ClassVar[int]
    SWEEP_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    FINISH_TIME_FIELD_NUMBER: _ClassVar[int]
    RESULT_COUNT_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_COUNT_FIELD_NUMBER: _ClassVar[int]
    FAILED_COUNT_FIELD_NUMBER: _ClassVar[int]
    SESSION_COUNT_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_TYPE_FIELD_NUMBER: _ClassVar[int]
    PROVENANCE_FIELD_NUMBER: _ClassVar[int]
    RESULT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_SECONDS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    sweep_id: str
    sweep: SweepSpec
    state: SweepState
    error: _run_pb2.RunError
    source: SweepSource
    labels: _containers.ScalarMap[str, str]
    create_time: _timestamp_pb2.Timestamp
    finish_time: _timestamp_pb2.Timestamp
    result_count: int
    skipped_count: int
    failed_count: int
    session_count: int
    strategy_type: str
    provenance: _run_pb2.Provenance
    result_digest: str
    execution_seconds: float
    request_id: str
    def __init__(self, sweep_id: _Optional[str] = ..., sweep: _Optional[_Union[SweepSpec, _Mapping]] = ..., state: _Optional[_Union[SweepState, str]] = ..., error: _Optional[_Union[_run_pb2.RunError, _Mapping]] = ..., source: _Optional[_Union[SweepSource, str]] = ..., labels: _Optional[_Mapping[str, str]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., finish_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., result_count: _Optional[int] = ..., skipped_count: _Optional[int] = ..., failed_count: _Optional[int] = ..., session_count: _Optional[int] = ..., strategy_type: _Optional[str] = ..., provenance: _Optional[_Union[_run_pb2.Provenance, _Mapping]] = ..., result_digest: _Optional[str] = ..., execution_seconds: _Optional[float] = ..., request_id: _Optional[str] = ...) -> None: ...

class SweepResult(_message.Message):
    __slots__ = ("sweep_id", "number", "strategy", "symbol", "parameters", "metrics", "edge_score", "create_time", "promoted_run_id")
    SWEEP_ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    EDGE_SCORE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    PROMOTED_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    sweep_id: str
    number: int
    strategy: str
    symbol: str
    parameters: _struct_pb2.Struct
    metrics: _run_pb2.Metrics
    edge_score: float
    create_time: _timestamp_pb2.Timestamp
    promoted_run_id: str
    def __init__(self, sweep_id: _Optional[str] = ..., number: _Optional[int] = ..., strategy: _Optional[str] = ..., symbol: _Optional[str] = ..., parameters: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., metrics: _Optional[_Union[_run_pb2.Metrics, _Mapping]] = ..., edge_score: _Optional[float] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., promoted_run_id: _Optional[str] = ...) -> None: ...
