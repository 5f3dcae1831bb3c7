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

class RunView(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RUN_VIEW_UNSPECIFIED: _ClassVar[RunView]
    RUN_VIEW_BASIC: _ClassVar[RunView]
    RUN_VIEW_FULL: _ClassVar[RunView]

class RunPart(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RUN_PART_UNSPECIFIED: _ClassVar[RunPart]
    RUN_PART_EQUITY_CURVE: _ClassVar[RunPart]
    RUN_PART_FILLS: _ClassVar[RunPart]
    RUN_PART_ORDERS: _ClassVar[RunPart]
    RUN_PART_POSITIONS: _ClassVar[RunPart]
    RUN_PART_CORPORATE_ACTIONS: _ClassVar[RunPart]
    RUN_PART_ROUND_TRIPS: _ClassVar[RunPart]

class ReplayData(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REPLAY_DATA_UNSPECIFIED: _ClassVar[ReplayData]
    REPLAY_DATA_RECORDED: _ClassVar[ReplayData]
    REPLAY_DATA_LATEST: _ClassVar[ReplayData]
RUN_VIEW_UNSPECIFIED: RunView
RUN_VIEW_BASIC: RunView
RUN_VIEW_FULL: RunView
RUN_PART_UNSPECIFIED: RunPart
RUN_PART_EQUITY_CURVE: RunPart
RUN_PART_FILLS: RunPart
RUN_PART_ORDERS: RunPart
RUN_PART_POSITIONS: RunPart
RUN_PART_CORPORATE_ACTIONS: RunPart
RUN_PART_ROUND_TRIPS: RunPart
REPLAY_DATA_UNSPECIFIED: ReplayData
REPLAY_DATA_RECORDED: ReplayData
REPLAY_DATA_LATEST: ReplayData

class GetRunRequest(_message.Message):
    __slots__ = ("run_id", "view")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    view: RunView
    def __init__(self, run_id: _Optional[str] = ..., view: _Optional[_Union[RunView, str]] = ...) -> None: ...

class GetRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: _run_pb2.Run
    def __init__(self, run: _Optional[_Union[_run_pb2.Run, _Mapping]] = ...) -> None: ...

class ListRunsRequest(_message.Message):
    __slots__ = ("filter", "order_by", "page_size", "page_token", "view", "show_deleted")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    SHOW_DELETED_FIELD_NUMBER: _ClassVar[int]
    filter: str
    order_by: str
    page_size: int
    page_token: str
    view: RunView
    show_deleted: bool
    def __init__(self, filter: _Optional[str] = ..., order_by: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., view: _Optional[_Union[RunView, str]] = ..., show_deleted: _Optional[bool] = ...) -> None: ...

class ListRunsResponse(_message.Message):
    __slots__ = ("runs", "next_page_token")
    RUNS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[_run_pb2.Run]
    next_page_token: str
    def __init__(self, runs: _Optional[_Iterable[_Union[_run_pb2.Run, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CountRunsRequest(_message.Message):
    __slots__ = ("filter", "show_deleted")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    SHOW_DELETED_FIELD_NUMBER: _ClassVar[int]
    filter: str
    show_deleted: bool
    def __init__(self, filter: _Optional[str] = ..., show_deleted: _Optional[bool] = ...) -> None: ...

class CountRunsResponse(_message.Message):
    __slots__ = ("run_count",)
    RUN_COUNT_FIELD_NUMBER: _ClassVar[int]
    run_count: int
    def __init__(self, run_count: _Optional[int] = ...) -> None: ...

class SummarizeRunsRequest(_message.Message):
    __slots__ = ("filter", "group_by", "metrics")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    GROUP_BY_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    filter: str
    group_by: str
    metrics: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, filter: _Optional[str] = ..., group_by: _Optional[str] = ..., metrics: _Optional[_Iterable[str]] = ...) -> None: ...

class SummarizeRunsResponse(_message.Message):
    __slots__ = ("groups",)
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    groups: _containers.RepeatedCompositeFieldContainer[RunGroup]
    def __init__(self, groups: _Optional[_Iterable[_Union[RunGroup, _Mapping]]] = ...) -> None: ...

class RunGroup(_message.Message):
    __slots__ = ("value", "run_count", "metrics")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    RUN_COUNT_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    value: _struct_pb2.Value
    run_count: int
    metrics: _containers.RepeatedCompositeFieldContainer[MetricSummary]
    def __init__(self, value: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., run_count: _Optional[int] = ..., metrics: _Optional[_Iterable[_Union[MetricSummary, _Mapping]]] = ...) -> None: ...

class MetricSummary(_message.Message):
    __slots__ = ("metric", "count", "undefined_count", "mean", "median", "best", "worst", "quantiles")
    METRIC_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    UNDEFINED_COUNT_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    MEDIAN_FIELD_NUMBER: _ClassVar[int]
    BEST_FIELD_NUMBER: _ClassVar[int]
    WORST_FIELD_NUMBER: _ClassVar[int]
    QUANTILES_FIELD_NUMBER: _ClassVar[int]
    metric: str
    count: int
    undefined_count: int
    mean: float
    median: float
    best: float
    worst: float
    quantiles: _containers.RepeatedCompositeFieldContainer[Quantile]
    def __init__(self, metric: _Optional[str] = ..., count: _Optional[int] = ..., undefined_count: _Optional[int] = ..., mean: _Optional[float] = ..., median: _Optional[float] = ..., best: _Optional[float] = ..., worst: _Optional[float] = ..., quantiles: _Optional[_Iterable[_Union[Quantile, _Mapping]]] = ...) -> None: ...

class Quantile(_message.Message):
    __slots__ = ("probability", "value")
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    probability: float
    value: float
    def __init__(self, probability: _Optional[float] = ..., value: _Optional[float] = ...) -> None: ...

class CompareRunsRequest(_message.Message):
    __slots__ = ("run_ids", "include_curves", "include_sharpe")
    RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_CURVES_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_SHARPE_FIELD_NUMBER: _ClassVar[int]
    run_ids: _containers.RepeatedScalarFieldContainer[str]
    include_curves: bool
    include_sharpe: bool
    def __init__(self, run_ids: _Optional[_Iterable[str]] = ..., include_curves: _Optional[bool] = ..., include_sharpe: _Optional[bool] = ...) -> None: ...

class CompareRunsResponse(_message.Message):
    __slots__ = ("runs", "metrics", "differences", "curves", "missing_run_ids", "sharpe")
    RUNS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCES_FIELD_NUMBER: _ClassVar[int]
    CURVES_FIELD_NUMBER: _ClassVar[int]
    MISSING_RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    SHARPE_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[_run_pb2.Run]
    metrics: _containers.RepeatedCompositeFieldContainer[MetricComparison]
    differences: _containers.RepeatedCompositeFieldContainer[SpecDifference]
    curves: AlignedCurves
    missing_run_ids: _containers.RepeatedScalarFieldContainer[str]
    sharpe: SharpeComparison
    def __init__(self, runs: _Optional[_Iterable[_Union[_run_pb2.Run, _Mapping]]] = ..., metrics: _Optional[_Iterable[_Union[MetricComparison, _Mapping]]] = ..., differences: _Optional[_Iterable[_Union[SpecDifference, _Mapping]]] = ..., curves: _Optional[_Union[AlignedCurves, _Mapping]] = ..., missing_run_ids: _Optional[_Iterable[str]] = ..., sharpe: _Optional[_Union[SharpeComparison, _Mapping]] = ...) -> None: ...

class MetricComparison(_message.Message):
    __slots__ = ("metric", "values", "best_run_ids")
    METRIC_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    BEST_RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    metric: str
    values: _containers.RepeatedCompositeFieldContainer[MetricValue]
    best_run_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, metric: _Optional[str] = ..., values: _Optional[_Iterable[_Union[MetricValue, _Mapping]]] = ..., best_run_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class MetricValue(_message.Message):
    __slots__ = ("run_id", "value")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    value: float
    def __init__(self, run_id: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...

class SpecDifference(_message.Message):
    __slots__ = ("field", "values")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    field: str
    values: _containers.RepeatedCompositeFieldContainer[_struct_pb2.Value]
    def __init__(self, field: _Optional[str] = ..., values: _Optional[_Iterable[_Union[_struct_pb2.Value, _Mapping]]] = ...) -> None: ...

class AlignedCurves(_message.Message):
    __slots__ = ("session_dates", "curves", "note")
    SESSION_DATES_FIELD_NUMBER: _ClassVar[int]
    CURVES_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    session_dates: _containers.RepeatedScalarFieldContainer[int]
    curves: _containers.RepeatedCompositeFieldContainer[Curve]
    note: str
    def __init__(self, session_dates: _Optional[_Iterable[int]] = ..., curves: _Optional[_Iterable[_Union[Curve, _Mapping]]] = ..., note: _Optional[str] = ...) -> None: ...

class SharpeComparison(_message.Message):
    __slots__ = ("best_run_id", "differences", "return_count", "confidence", "resample_count", "mean_block_sessions", "note")
    BEST_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCES_FIELD_NUMBER: _ClassVar[int]
    RETURN_COUNT_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    RESAMPLE_COUNT_FIELD_NUMBER: _ClassVar[int]
    MEAN_BLOCK_SESSIONS_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    best_run_id: str
    differences: _containers.RepeatedCompositeFieldContainer[SharpeDifference]
    return_count: int
    confidence: float
    resample_count: int
    mean_block_sessions: int
    note: str
    def __init__(self, best_run_id: _Optional[str] = ..., differences: _Optional[_Iterable[_Union[SharpeDifference, _Mapping]]] = ..., return_count: _Optional[int] = ..., confidence: _Optional[float] = ..., resample_count: _Optional[int] = ..., mean_block_sessions: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class SharpeDifference(_message.Message):
    __slots__ = ("run_id", "difference", "lowest", "highest", "is_more_than_noise")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCE_FIELD_NUMBER: _ClassVar[int]
    LOWEST_FIELD_NUMBER: _ClassVar[int]
    HIGHEST_FIELD_NUMBER: _ClassVar[int]
    IS_MORE_THAN_NOISE_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    difference: float
    lowest: float
    highest: float
    is_more_than_noise: bool
    def __init__(self, run_id: _Optional[str] = ..., difference: _Optional[float] = ..., lowest: _Optional[float] = ..., highest: _Optional[float] = ..., is_more_than_noise: _Optional[bool] = ...) -> None: ...

class Curve(_message.Message):
    __slots__ = ("run_id", "portfolio_values")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PORTFOLIO_VALUES_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    portfolio_values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, run_id: _Optional[str] = ..., portfolio_values: _Optional[_Iterable[float]] = ...) -> None: ...

class FindSimilarRunsRequest(_message.Message):
    __slots__ = ("run_id", "spec", "page_size", "page_token")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    spec: _run_pb2.RunSpec
    page_size: int
    page_token: str
    def __init__(self, run_id: _Optional[str] = ..., spec: _Optional[_Union[_run_pb2.RunSpec, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class FindSimilarRunsResponse(_message.Message):
    __slots__ = ("runs", "next_page_token")
    RUNS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[SimilarRun]
    next_page_token: str
    def __init__(self, runs: _Optional[_Iterable[_Union[SimilarRun, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class SimilarRun(_message.Message):
    __slots__ = ("run", "same_digest", "differences")
    RUN_FIELD_NUMBER: _ClassVar[int]
    SAME_DIGEST_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCES_FIELD_NUMBER: _ClassVar[int]
    run: _run_pb2.Run
    same_digest: bool
    differences: _containers.RepeatedCompositeFieldContainer[SpecDifference]
    def __init__(self, run: _Optional[_Union[_run_pb2.Run, _Mapping]] = ..., same_digest: _Optional[bool] = ..., differences: _Optional[_Iterable[_Union[SpecDifference, _Mapping]]] = ...) -> None: ...

class WatchRunRequest(_message.Message):
    __slots__ = ("run_id", "from_sequence")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    from_sequence: int
    def __init__(self, run_id: _Optional[str] = ..., from_sequence: _Optional[int] = ...) -> None: ...

class WatchRunResponse(_message.Message):
    __slots__ = ("event",)
    EVENT_FIELD_NUMBER: _ClassVar[int]
    event: _run_pb2.RunEvent
    def __init__(self, event: _Optional[_Union[_run_pb2.RunEvent, _Mapping]] = ...) -> None: ...

class ReadRunRequest(_message.Message):
    __slots__ = ("run_id", "parts", "symbols", "start_date", "end_date", "after")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    parts: _containers.RepeatedScalarFieldContainer[RunPart]
    symbols: _containers.RepeatedScalarFieldContainer[str]
    start_date: str
    end_date: str
    after: RunPlace
    def __init__(self, run_id: _Optional[str] = ..., parts: _Optional[_Iterable[_Union[RunPart, str]]] = ..., symbols: _Optional[_Iterable[str]] = ..., start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., after: _Optional[_Union[RunPlace, _Mapping]] = ...) -> None: ...

class RunPlace(_message.Message):
    __slots__ = ("session_date", "round_trip")
    SESSION_DATE_FIELD_NUMBER: _ClassVar[int]
    ROUND_TRIP_FIELD_NUMBER: _ClassVar[int]
    session_date: int
    round_trip: int
    def __init__(self, session_date: _Optional[int] = ..., round_trip: _Optional[int] = ...) -> None: ...

class ReadRunResponse(_message.Message):
    __slots__ = ("sessions", "drawdowns", "round_trips", "place")
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    DRAWDOWNS_FIELD_NUMBER: _ClassVar[int]
    ROUND_TRIPS_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    sessions: _run_pb2.SessionBatch
    drawdowns: _containers.RepeatedScalarFieldContainer[float]
    round_trips: _containers.RepeatedCompositeFieldContainer[_run_pb2.RoundTrip]
    place: RunPlace
    def __init__(self, sessions: _Optional[_Union[_run_pb2.SessionBatch, _Mapping]] = ..., drawdowns: _Optional[_Iterable[float]] = ..., round_trips: _Optional[_Iterable[_Union[_run_pb2.RoundTrip, _Mapping]]] = ..., place: _Optional[_Union[RunPlace, _Mapping]] = ...) -> None: ...

class ReplayRunRequest(_message.Message):
    __slots__ = ("run_id", "overrides", "data", "request_id")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    OVERRIDES_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    overrides: RunOverrides
    data: ReplayData
    request_id: str
    def __init__(self, run_id: _Optional[str] = ..., overrides: _Optional[_Union[RunOverrides, _Mapping]] = ..., data: _Optional[_Union[ReplayData, str]] = ..., request_id: _Optional[str] = ...) -> None: ...

class RunOverrides(_message.Message):
    __slots__ = ("start_date", "end_date", "interval", "capital_base", "parameters", "symbols", "slippage", "commission")
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    CAPITAL_BASE_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    SLIPPAGE_FIELD_NUMBER: _ClassVar[int]
    COMMISSION_FIELD_NUMBER: _ClassVar[int]
    start_date: str
    end_date: str
    interval: str
    capital_base: float
    parameters: _struct_pb2.Struct
    symbols: _containers.RepeatedScalarFieldContainer[str]
    slippage: _run_pb2.Slippage
    commission: _run_pb2.Commission
    def __init__(self, start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., interval: _Optional[str] = ..., capital_base: _Optional[float] = ..., parameters: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., symbols: _Optional[_Iterable[str]] = ..., slippage: _Optional[_Union[_run_pb2.Slippage, _Mapping]] = ..., commission: _Optional[_Union[_run_pb2.Commission, _Mapping]] = ...) -> None: ...

class ReplayRunResponse(_message.Message):
    __slots__ = ("event", "verdict")
    EVENT_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    event: _run_pb2.RunEvent
    verdict: _run_pb2.ReplayVerdict
    def __init__(self, event: _Optional[_Union[_run_pb2.RunEvent, _Mapping]] = ..., verdict: _Optional[_Union[_run_pb2.ReplayVerdict, _Mapping]] = ...) -> None: ...

class UpdateRunRequest(_message.Message):
    __slots__ = ("run_id", "set_labels", "remove_labels", "note", "etag")
    class SetLabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SET_LABELS_FIELD_NUMBER: _ClassVar[int]
    REMOVE_LABELS_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    set_labels: _containers.ScalarMap[str, str]
    remove_labels: _containers.RepeatedScalarFieldContainer[str]
    note: str
    etag: str
    def __init__(self, run_id: _Optional[str] = ..., set_labels: _Optional[_Mapping[str, str]] = ..., remove_labels: _Optional[_Iterable[str]] = ..., note: _Optional[str] = ..., etag: _Optional[str] = ...) -> None: ...

class UpdateRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: _run_pb2.Run
    def __init__(self, run: _Optional[_Union[_run_pb2.Run, _Mapping]] = ...) -> None: ...

class DeleteRunRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class DeleteRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: _run_pb2.Run
    def __init__(self, run: _Optional[_Union[_run_pb2.Run, _Mapping]] = ...) -> None: ...

class UndeleteRunRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class UndeleteRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: _run_pb2.Run
    def __init__(self, run: _Optional[_Union[_run_pb2.Run, _Mapping]] = ...) -> None: ...

class BatchDeleteRunsRequest(_message.Message):
    __slots__ = ("run_ids", "filter", "validate_only")
    RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    run_ids: _containers.RepeatedScalarFieldContainer[str]
    filter: str
    validate_only: bool
    def __init__(self, run_ids: _Optional[_Iterable[str]] = ..., filter: _Optional[str] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class BatchDeleteRunsResponse(_message.Message):
    __slots__ = ("run_count", "run_ids", "purge_time")
    RUN_COUNT_FIELD_NUMBER: _ClassVar[int]
    RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    PURGE_TIME_FIELD_NUMBER: _ClassVar[int]
    run_count: int
    run_ids: _containers.RepeatedScalarFieldContainer[str]
    purge_time: _timestamp_pb2.Timestamp
    def __init__(self, run_count: _Optional[int] = ..., run_ids: _Optional[_Iterable[str]] = ..., purge_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
