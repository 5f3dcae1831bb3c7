from google.protobuf import struct_pb2 as _struct_pb2
from tapedeck.v1 import run_pb2 as _run_pb2
from tapedeck.v1 import sweep_pb2 as _sweep_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class IfStoreUnavailable(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    IF_STORE_UNAVAILABLE_UNSPECIFIED: _ClassVar[IfStoreUnavailable]
    IF_STORE_UNAVAILABLE_WAIT: _ClassVar[IfStoreUnavailable]
    IF_STORE_UNAVAILABLE_CONTINUE: _ClassVar[IfStoreUnavailable]
    IF_STORE_UNAVAILABLE_FAIL: _ClassVar[IfStoreUnavailable]
IF_STORE_UNAVAILABLE_UNSPECIFIED: IfStoreUnavailable
IF_STORE_UNAVAILABLE_WAIT: IfStoreUnavailable
IF_STORE_UNAVAILABLE_CONTINUE: IfStoreUnavailable
IF_STORE_UNAVAILABLE_FAIL: IfStoreUnavailable

class RunBacktestRequest(_message.Message):
    __slots__ = ("spec", "request_id", "save", "labels", "if_store_unavailable", "replay", "engine", "sweep", "duplicate_policy")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SPEC_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SAVE_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    IF_STORE_UNAVAILABLE_FIELD_NUMBER: _ClassVar[int]
    REPLAY_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    SWEEP_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_POLICY_FIELD_NUMBER: _ClassVar[int]
    spec: _run_pb2.RunSpec
    request_id: str
    save: bool
    labels: _containers.ScalarMap[str, str]
    if_store_unavailable: IfStoreUnavailable
    replay: _run_pb2.ReplayLink
    engine: _run_pb2.EngineChoice
    sweep: _run_pb2.SweepLink
    duplicate_policy: _run_pb2.DuplicatePolicy
    def __init__(self, spec: _Optional[_Union[_run_pb2.RunSpec, _Mapping]] = ..., request_id: _Optional[str] = ..., save: _Optional[bool] = ..., labels: _Optional[_Mapping[str, str]] = ..., if_store_unavailable: _Optional[_Union[IfStoreUnavailable, str]] = ..., replay: _Optional[_Union[_run_pb2.ReplayLink, _Mapping]] = ..., engine: _Optional[_Union[_run_pb2.EngineChoice, str]] = ..., sweep: _Optional[_Union[_run_pb2.SweepLink, _Mapping]] = ..., duplicate_policy: _Optional[_Union[_run_pb2.DuplicatePolicy, str]] = ...) -> None: ...

class RunBacktestResponse(_message.Message):
    __slots__ = ("event", "earlier_runs")
    EVENT_FIELD_NUMBER: _ClassVar[int]
    EARLIER_RUNS_FIELD_NUMBER: _ClassVar[int]
    event: _run_pb2.RunEvent
    earlier_runs: _containers.RepeatedCompositeFieldContainer[_run_pb2.EarlierRun]
    def __init__(self, event: _Optional[_Union[_run_pb2.RunEvent, _Mapping]] = ..., earlier_runs: _Optional[_Iterable[_Union[_run_pb2.EarlierRun, _Mapping]]] = ...) -> None: ...

class CancelRunRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class CancelRunResponse(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class RunSweepRequest(_message.Message):
    __slots__ = ("spec", "grid", "list", "sample", "symbol_grouping", "rank_by", "edge_score", "engine", "top", "verify", "verify_sample_count", "promote_top", "save", "labels", "request_id", "omit_batches")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SPEC_FIELD_NUMBER: _ClassVar[int]
    GRID_FIELD_NUMBER: _ClassVar[int]
    LIST_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_GROUPING_FIELD_NUMBER: _ClassVar[int]
    RANK_BY_FIELD_NUMBER: _ClassVar[int]
    EDGE_SCORE_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    TOP_FIELD_NUMBER: _ClassVar[int]
    VERIFY_FIELD_NUMBER: _ClassVar[int]
    VERIFY_SAMPLE_COUNT_FIELD_NUMBER: _ClassVar[int]
    PROMOTE_TOP_FIELD_NUMBER: _ClassVar[int]
    SAVE_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    OMIT_BATCHES_FIELD_NUMBER: _ClassVar[int]
    spec: _run_pb2.RunSpec
    grid: _struct_pb2.Struct
    list: _sweep_pb2.ParameterList
    sample: _sweep_pb2.ParameterSample
    symbol_grouping: _sweep_pb2.SymbolGrouping
    rank_by: str
    edge_score: _sweep_pb2.EdgeScore
    engine: _run_pb2.EngineChoice
    top: int
    verify: bool
    verify_sample_count: int
    promote_top: int
    save: bool
    labels: _containers.ScalarMap[str, str]
    request_id: str
    omit_batches: bool
    def __init__(self, spec: _Optional[_Union[_run_pb2.RunSpec, _Mapping]] = ..., grid: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., list: _Optional[_Union[_sweep_pb2.ParameterList, _Mapping]] = ..., sample: _Optional[_Union[_sweep_pb2.ParameterSample, _Mapping]] = ..., symbol_grouping: _Optional[_Union[_sweep_pb2.SymbolGrouping, str]] = ..., rank_by: _Optional[str] = ..., edge_score: _Optional[_Union[_sweep_pb2.EdgeScore, _Mapping]] = ..., engine: _Optional[_Union[_run_pb2.EngineChoice, str]] = ..., top: _Optional[int] = ..., verify: _Optional[bool] = ..., verify_sample_count: _Optional[int] = ..., promote_top: _Optional[int] = ..., save: _Optional[bool] = ..., labels: _Optional[_Mapping[str, str]] = ..., request_id: _Optional[str] = ..., omit_batches: _Optional[bool] = ...) -> None: ...

class RunSweepResponse(_message.Message):
    __slots__ = ("started", "batch", "ranked", "finished", "promotion", "verification")
    STARTED_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    RANKED_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    PROMOTION_FIELD_NUMBER: _ClassVar[int]
    VERIFICATION_FIELD_NUMBER: _ClassVar[int]
    started: _sweep_pb2.SweepStarted
    batch: SweepBatch
    ranked: _sweep_pb2.SweepResults
    finished: _sweep_pb2.SweepFinished
    promotion: SweepPromotion
    verification: SweepVerification
    def __init__(self, started: _Optional[_Union[_sweep_pb2.SweepStarted, _Mapping]] = ..., batch: _Optional[_Union[SweepBatch, _Mapping]] = ..., ranked: _Optional[_Union[_sweep_pb2.SweepResults, _Mapping]] = ..., finished: _Optional[_Union[_sweep_pb2.SweepFinished, _Mapping]] = ..., promotion: _Optional[_Union[SweepPromotion, _Mapping]] = ..., verification: _Optional[_Union[SweepVerification, _Mapping]] = ...) -> None: ...

class SweepBatch(_message.Message):
    __slots__ = ("completed_count", "results")
    COMPLETED_COUNT_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    completed_count: int
    results: _sweep_pb2.SweepResults
    def __init__(self, completed_count: _Optional[int] = ..., results: _Optional[_Union[_sweep_pb2.SweepResults, _Mapping]] = ...) -> None: ...

class SweepPromotion(_message.Message):
    __slots__ = ("number", "run_id", "error")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    number: int
    run_id: str
    error: _run_pb2.RunError
    def __init__(self, number: _Optional[int] = ..., run_id: _Optional[str] = ..., error: _Optional[_Union[_run_pb2.RunError, _Mapping]] = ...) -> None: ...

class SweepVerification(_message.Message):
    __slots__ = ("outcome", "numbers", "first_difference", "summary")
    class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        OUTCOME_UNSPECIFIED: _ClassVar[SweepVerification.Outcome]
        OUTCOME_IDENTICAL: _ClassVar[SweepVerification.Outcome]
        OUTCOME_DIVERGED: _ClassVar[SweepVerification.Outcome]
    OUTCOME_UNSPECIFIED: SweepVerification.Outcome
    OUTCOME_IDENTICAL: SweepVerification.Outcome
    OUTCOME_DIVERGED: SweepVerification.Outcome
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    NUMBERS_FIELD_NUMBER: _ClassVar[int]
    FIRST_DIFFERENCE_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    outcome: SweepVerification.Outcome
    numbers: _containers.RepeatedScalarFieldContainer[int]
    first_difference: SweepDifference
    summary: str
    def __init__(self, outcome: _Optional[_Union[SweepVerification.Outcome, str]] = ..., numbers: _Optional[_Iterable[int]] = ..., first_difference: _Optional[_Union[SweepDifference, _Mapping]] = ..., summary: _Optional[str] = ...) -> None: ...

class SweepDifference(_message.Message):
    __slots__ = ("number", "metric", "sweep_value", "zipline_value")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    SWEEP_VALUE_FIELD_NUMBER: _ClassVar[int]
    ZIPLINE_VALUE_FIELD_NUMBER: _ClassVar[int]
    number: int
    metric: str
    sweep_value: str
    zipline_value: str
    def __init__(self, number: _Optional[int] = ..., metric: _Optional[str] = ..., sweep_value: _Optional[str] = ..., zipline_value: _Optional[str] = ...) -> None: ...

class ListStrategiesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListStrategiesResponse(_message.Message):
    __slots__ = ("strategies",)
    STRATEGIES_FIELD_NUMBER: _ClassVar[int]
    strategies: _containers.RepeatedCompositeFieldContainer[Strategy]
    def __init__(self, strategies: _Optional[_Iterable[_Union[Strategy, _Mapping]]] = ...) -> None: ...

class Strategy(_message.Message):
    __slots__ = ("name", "type", "doc", "parameters", "import_path", "version", "source_digest", "minimum_symbols")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DOC_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    IMPORT_PATH_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    doc: str
    parameters: _containers.RepeatedCompositeFieldContainer[Parameter]
    import_path: str
    version: str
    source_digest: str
    minimum_symbols: int
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., doc: _Optional[str] = ..., parameters: _Optional[_Iterable[_Union[Parameter, _Mapping]]] = ..., import_path: _Optional[str] = ..., version: _Optional[str] = ..., source_digest: _Optional[str] = ..., minimum_symbols: _Optional[int] = ...) -> None: ...

class Parameter(_message.Message):
    __slots__ = ("name", "type", "default_value", "minimum", "maximum", "exclusive_minimum", "exclusive_maximum", "doc")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_VALUE_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_FIELD_NUMBER: _ClassVar[int]
    EXCLUSIVE_MINIMUM_FIELD_NUMBER: _ClassVar[int]
    EXCLUSIVE_MAXIMUM_FIELD_NUMBER: _ClassVar[int]
    DOC_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    default_value: _struct_pb2.Value
    minimum: float
    maximum: float
    exclusive_minimum: bool
    exclusive_maximum: bool
    doc: str
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., default_value: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., minimum: _Optional[float] = ..., maximum: _Optional[float] = ..., exclusive_minimum: _Optional[bool] = ..., exclusive_maximum: _Optional[bool] = ..., doc: _Optional[str] = ...) -> None: ...

class ListDatasetsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListDatasetsResponse(_message.Message):
    __slots__ = ("datasets",)
    DATASETS_FIELD_NUMBER: _ClassVar[int]
    datasets: _containers.RepeatedCompositeFieldContainer[Dataset]
    def __init__(self, datasets: _Optional[_Iterable[_Union[Dataset, _Mapping]]] = ...) -> None: ...

class Dataset(_message.Message):
    __slots__ = ("name", "fingerprint", "calendar", "currency", "intervals", "source", "licence", "symbols", "fingerprints")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    CALENDAR_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    INTERVALS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    LICENCE_FIELD_NUMBER: _ClassVar[int]
    SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    fingerprint: str
    calendar: str
    currency: str
    intervals: _containers.RepeatedScalarFieldContainer[str]
    source: str
    licence: str
    symbols: _containers.RepeatedCompositeFieldContainer[SymbolCoverage]
    fingerprints: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., fingerprint: _Optional[str] = ..., calendar: _Optional[str] = ..., currency: _Optional[str] = ..., intervals: _Optional[_Iterable[str]] = ..., source: _Optional[str] = ..., licence: _Optional[str] = ..., symbols: _Optional[_Iterable[_Union[SymbolCoverage, _Mapping]]] = ..., fingerprints: _Optional[_Iterable[str]] = ...) -> None: ...

class SymbolCoverage(_message.Message):
    __slots__ = ("symbol", "start_date", "end_date", "auto_close_date", "bar_count", "split_count", "dividend_count")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    AUTO_CLOSE_DATE_FIELD_NUMBER: _ClassVar[int]
    BAR_COUNT_FIELD_NUMBER: _ClassVar[int]
    SPLIT_COUNT_FIELD_NUMBER: _ClassVar[int]
    DIVIDEND_COUNT_FIELD_NUMBER: _ClassVar[int]
    symbol: str
    start_date: str
    end_date: str
    auto_close_date: str
    bar_count: int
    split_count: int
    dividend_count: int
    def __init__(self, symbol: _Optional[str] = ..., start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., auto_close_date: _Optional[str] = ..., bar_count: _Optional[int] = ..., split_count: _Optional[int] = ..., dividend_count: _Optional[int] = ...) -> None: ...
