import datetime

from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SuggestionPriority(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SUGGESTION_PRIORITY_UNSPECIFIED: _ClassVar[SuggestionPriority]
    SUGGESTION_PRIORITY_HIGH: _ClassVar[SuggestionPriority]
    SUGGESTION_PRIORITY_MEDIUM: _ClassVar[SuggestionPriority]
    SUGGESTION_PRIORITY_LOW: _ClassVar[SuggestionPriority]
SUGGESTION_PRIORITY_UNSPECIFIED: SuggestionPriority
SUGGESTION_PRIORITY_HIGH: SuggestionPriority
SUGGESTION_PRIORITY_MEDIUM: SuggestionPriority
SUGGESTION_PRIORITY_LOW: SuggestionPriority

class StrategyVersion(_message.Message):
    __slots__ = ("version_id", "name", "source_digest", "source_code", "parameters", "parent_version_id", "notes", "create_time", "iteration_count")
    VERSION_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SOURCE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    SOURCE_CODE_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    PARENT_VERSION_ID_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    ITERATION_COUNT_FIELD_NUMBER: _ClassVar[int]
    version_id: str
    name: str
    source_digest: str
    source_code: str
    parameters: _struct_pb2.Struct
    parent_version_id: str
    notes: str
    create_time: _timestamp_pb2.Timestamp
    iteration_count: int
    def __init__(self, version_id: _Optional[str] = ..., name: _Optional[str] = ..., source_digest: _Optional[str] = ..., source_code: _Optional[str] = ..., parameters: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., parent_version_id: _Optional[str] = ..., notes: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., iteration_count: _Optional[int] = ...) -> None: ...

class StrategyStatistics(_message.Message):
    __slots__ = ("strategy", "run_count", "newest_create_time", "metrics")
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    RUN_COUNT_FIELD_NUMBER: _ClassVar[int]
    NEWEST_CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    strategy: str
    run_count: int
    newest_create_time: _timestamp_pb2.Timestamp
    metrics: _containers.RepeatedCompositeFieldContainer[MetricStatistics]
    def __init__(self, strategy: _Optional[str] = ..., run_count: _Optional[int] = ..., newest_create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., metrics: _Optional[_Iterable[_Union[MetricStatistics, _Mapping]]] = ...) -> None: ...

class MetricStatistics(_message.Message):
    __slots__ = ("metric", "count", "undefined_count", "mean", "lowest", "highest", "best", "worst")
    METRIC_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    UNDEFINED_COUNT_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    LOWEST_FIELD_NUMBER: _ClassVar[int]
    HIGHEST_FIELD_NUMBER: _ClassVar[int]
    BEST_FIELD_NUMBER: _ClassVar[int]
    WORST_FIELD_NUMBER: _ClassVar[int]
    metric: str
    count: int
    undefined_count: int
    mean: float
    lowest: float
    highest: float
    best: float
    worst: float
    def __init__(self, metric: _Optional[str] = ..., count: _Optional[int] = ..., undefined_count: _Optional[int] = ..., mean: _Optional[float] = ..., lowest: _Optional[float] = ..., highest: _Optional[float] = ..., best: _Optional[float] = ..., worst: _Optional[float] = ...) -> None: ...

class Suggestion(_message.Message):
    __slots__ = ("suggestion_id", "run_id", "strategy", "priority", "description", "specific_changes", "expected_impact", "rationale", "references", "create_time")
    SUGGESTION_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    SPECIFIC_CHANGES_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_IMPACT_FIELD_NUMBER: _ClassVar[int]
    RATIONALE_FIELD_NUMBER: _ClassVar[int]
    REFERENCES_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    suggestion_id: str
    run_id: str
    strategy: str
    priority: SuggestionPriority
    description: str
    specific_changes: _containers.RepeatedScalarFieldContainer[str]
    expected_impact: str
    rationale: str
    references: _containers.RepeatedScalarFieldContainer[str]
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, suggestion_id: _Optional[str] = ..., run_id: _Optional[str] = ..., strategy: _Optional[str] = ..., priority: _Optional[_Union[SuggestionPriority, str]] = ..., description: _Optional[str] = ..., specific_changes: _Optional[_Iterable[str]] = ..., expected_impact: _Optional[str] = ..., rationale: _Optional[str] = ..., references: _Optional[_Iterable[str]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
