import datetime

from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from tapedeck.v1 import run_pb2 as _run_pb2
from tapedeck.v1 import strategy_pb2 as _strategy_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExportFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXPORT_FORMAT_UNSPECIFIED: _ClassVar[ExportFormat]
    EXPORT_FORMAT_JSON: _ClassVar[ExportFormat]
    EXPORT_FORMAT_CSV: _ClassVar[ExportFormat]
    EXPORT_FORMAT_PARQUET: _ClassVar[ExportFormat]
EXPORT_FORMAT_UNSPECIFIED: ExportFormat
EXPORT_FORMAT_JSON: ExportFormat
EXPORT_FORMAT_CSV: ExportFormat
EXPORT_FORMAT_PARQUET: ExportFormat

class BatchCreateRunsRequest(_message.Message):
    __slots__ = ("runs",)
    RUNS_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[RunEntry]
    def __init__(self, runs: _Optional[_Iterable[_Union[RunEntry, _Mapping]]] = ...) -> None: ...

class RunEntry(_message.Message):
    __slots__ = ("create_time", "spec", "provenance", "strategy_type", "metrics", "sessions", "round_trips", "labels", "note", "request_id", "execution_seconds", "suggestions")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    PROVENANCE_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_TYPE_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    ROUND_TRIPS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_SECONDS_FIELD_NUMBER: _ClassVar[int]
    SUGGESTIONS_FIELD_NUMBER: _ClassVar[int]
    create_time: _timestamp_pb2.Timestamp
    spec: _run_pb2.RunSpec
    provenance: _run_pb2.Provenance
    strategy_type: str
    metrics: _run_pb2.Metrics
    sessions: _containers.RepeatedCompositeFieldContainer[_run_pb2.SessionBatch]
    round_trips: _containers.RepeatedCompositeFieldContainer[_run_pb2.RoundTrip]
    labels: _containers.ScalarMap[str, str]
    note: str
    request_id: str
    execution_seconds: float
    suggestions: _containers.RepeatedCompositeFieldContainer[_strategy_pb2.Suggestion]
    def __init__(self, create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., spec: _Optional[_Union[_run_pb2.RunSpec, _Mapping]] = ..., provenance: _Optional[_Union[_run_pb2.Provenance, _Mapping]] = ..., strategy_type: _Optional[str] = ..., metrics: _Optional[_Union[_run_pb2.Metrics, _Mapping]] = ..., sessions: _Optional[_Iterable[_Union[_run_pb2.SessionBatch, _Mapping]]] = ..., round_trips: _Optional[_Iterable[_Union[_run_pb2.RoundTrip, _Mapping]]] = ..., labels: _Optional[_Mapping[str, str]] = ..., note: _Optional[str] = ..., request_id: _Optional[str] = ..., execution_seconds: _Optional[float] = ..., suggestions: _Optional[_Iterable[_Union[_strategy_pb2.Suggestion, _Mapping]]] = ...) -> None: ...

class BatchCreateRunsResponse(_message.Message):
    __slots__ = ("runs",)
    RUNS_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[CreatedRun]
    def __init__(self, runs: _Optional[_Iterable[_Union[CreatedRun, _Mapping]]] = ...) -> None: ...

class CreatedRun(_message.Message):
    __slots__ = ("run_id", "created")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    created: bool
    def __init__(self, run_id: _Optional[str] = ..., created: _Optional[bool] = ...) -> None: ...

class CreateSweepRequest(_message.Message):
    __slots__ = ("create_time", "spec", "results", "rank_by", "provenance", "strategy_type", "labels", "request_id", "execution_seconds")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    RANK_BY_FIELD_NUMBER: _ClassVar[int]
    PROVENANCE_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_TYPE_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_SECONDS_FIELD_NUMBER: _ClassVar[int]
    create_time: _timestamp_pb2.Timestamp
    spec: _run_pb2.RunSpec
    results: _containers.RepeatedCompositeFieldContainer[SweepResultEntry]
    rank_by: str
    provenance: _run_pb2.Provenance
    strategy_type: str
    labels: _containers.ScalarMap[str, str]
    request_id: str
    execution_seconds: float
    def __init__(self, create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., spec: _Optional[_Union[_run_pb2.RunSpec, _Mapping]] = ..., results: _Optional[_Iterable[_Union[SweepResultEntry, _Mapping]]] = ..., rank_by: _Optional[str] = ..., provenance: _Optional[_Union[_run_pb2.Provenance, _Mapping]] = ..., strategy_type: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., request_id: _Optional[str] = ..., execution_seconds: _Optional[float] = ...) -> None: ...

class SweepResultEntry(_message.Message):
    __slots__ = ("symbol", "parameters", "metrics", "edge_score")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    EDGE_SCORE_FIELD_NUMBER: _ClassVar[int]
    symbol: str
    parameters: _struct_pb2.Struct
    metrics: _run_pb2.Metrics
    edge_score: float
    def __init__(self, symbol: _Optional[str] = ..., parameters: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., metrics: _Optional[_Union[_run_pb2.Metrics, _Mapping]] = ..., edge_score: _Optional[float] = ...) -> None: ...

class CreateSweepResponse(_message.Message):
    __slots__ = ("sweep_id", "created")
    SWEEP_ID_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    sweep_id: str
    created: bool
    def __init__(self, sweep_id: _Optional[str] = ..., created: _Optional[bool] = ...) -> None: ...

class ExportRunsRequest(_message.Message):
    __slots__ = ("filter", "format")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    filter: str
    format: ExportFormat
    def __init__(self, filter: _Optional[str] = ..., format: _Optional[_Union[ExportFormat, str]] = ...) -> None: ...

class ExportRunsResponse(_message.Message):
    __slots__ = ("chunk",)
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    chunk: bytes
    def __init__(self, chunk: _Optional[bytes] = ...) -> None: ...

class ExportHeader(_message.Message):
    __slots__ = ("format_version", "export_time", "run_count", "filter")
    FORMAT_VERSION_FIELD_NUMBER: _ClassVar[int]
    EXPORT_TIME_FIELD_NUMBER: _ClassVar[int]
    RUN_COUNT_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    format_version: int
    export_time: _timestamp_pb2.Timestamp
    run_count: int
    filter: str
    def __init__(self, format_version: _Optional[int] = ..., export_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., run_count: _Optional[int] = ..., filter: _Optional[str] = ...) -> None: ...

class ExportedRun(_message.Message):
    __slots__ = ("events", "finish_time", "labels", "note", "verdict", "suggestions", "strategy_versions")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    FINISH_TIME_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    SUGGESTIONS_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_run_pb2.RunEvent]
    finish_time: _timestamp_pb2.Timestamp
    labels: _containers.ScalarMap[str, str]
    note: str
    verdict: _run_pb2.ReplayVerdict
    suggestions: _containers.RepeatedCompositeFieldContainer[_strategy_pb2.Suggestion]
    strategy_versions: _containers.RepeatedCompositeFieldContainer[_strategy_pb2.StrategyVersion]
    def __init__(self, events: _Optional[_Iterable[_Union[_run_pb2.RunEvent, _Mapping]]] = ..., finish_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., labels: _Optional[_Mapping[str, str]] = ..., note: _Optional[str] = ..., verdict: _Optional[_Union[_run_pb2.ReplayVerdict, _Mapping]] = ..., suggestions: _Optional[_Iterable[_Union[_strategy_pb2.Suggestion, _Mapping]]] = ..., strategy_versions: _Optional[_Iterable[_Union[_strategy_pb2.StrategyVersion, _Mapping]]] = ...) -> None: ...

class ImportRunsRequest(_message.Message):
    __slots__ = ("chunk",)
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    chunk: bytes
    def __init__(self, chunk: _Optional[bytes] = ...) -> None: ...

class ImportRunsResponse(_message.Message):
    __slots__ = ("runs", "committed")
    RUNS_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[ImportedRun]
    committed: bool
    def __init__(self, runs: _Optional[_Iterable[_Union[ImportedRun, _Mapping]]] = ..., committed: _Optional[bool] = ...) -> None: ...

class ImportedRun(_message.Message):
    __slots__ = ("original_run_id", "run_id", "added")
    ORIGINAL_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    original_run_id: str
    run_id: str
    added: bool
    def __init__(self, original_run_id: _Optional[str] = ..., run_id: _Optional[str] = ..., added: _Optional[bool] = ...) -> None: ...
