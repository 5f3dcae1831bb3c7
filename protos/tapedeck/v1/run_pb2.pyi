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

class EngineChoice(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENGINE_CHOICE_UNSPECIFIED: _ClassVar[EngineChoice]
    ENGINE_CHOICE_AUTO: _ClassVar[EngineChoice]
    ENGINE_CHOICE_ZIPLINE: _ClassVar[EngineChoice]
    ENGINE_CHOICE_KERNEL: _ClassVar[EngineChoice]

class DuplicatePolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DUPLICATE_POLICY_UNSPECIFIED: _ClassVar[DuplicatePolicy]
    DUPLICATE_POLICY_RUN: _ClassVar[DuplicatePolicy]
    DUPLICATE_POLICY_REUSE: _ClassVar[DuplicatePolicy]
    DUPLICATE_POLICY_REFUSE: _ClassVar[DuplicatePolicy]
    DUPLICATE_POLICY_IGNORE: _ClassVar[DuplicatePolicy]

class RunState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RUN_STATE_UNSPECIFIED: _ClassVar[RunState]
    RUN_STATE_QUEUED: _ClassVar[RunState]
    RUN_STATE_RUNNING: _ClassVar[RunState]
    RUN_STATE_SUCCEEDED: _ClassVar[RunState]
    RUN_STATE_FAILED: _ClassVar[RunState]
    RUN_STATE_CANCELLED: _ClassVar[RunState]
    RUN_STATE_STALE: _ClassVar[RunState]
ENGINE_CHOICE_UNSPECIFIED: EngineChoice
ENGINE_CHOICE_AUTO: EngineChoice
ENGINE_CHOICE_ZIPLINE: EngineChoice
ENGINE_CHOICE_KERNEL: EngineChoice
DUPLICATE_POLICY_UNSPECIFIED: DuplicatePolicy
DUPLICATE_POLICY_RUN: DuplicatePolicy
DUPLICATE_POLICY_REUSE: DuplicatePolicy
DUPLICATE_POLICY_REFUSE: DuplicatePolicy
DUPLICATE_POLICY_IGNORE: DuplicatePolicy
RUN_STATE_UNSPECIFIED: RunState
RUN_STATE_QUEUED: RunState
RUN_STATE_RUNNING: RunState
RUN_STATE_SUCCEEDED: RunState
RUN_STATE_FAILED: RunState
RUN_STATE_CANCELLED: RunState
RUN_STATE_STALE: RunState

class RunSpec(_message.Message):
    __slots__ = ("strategy", "parameters", "dataset", "dataset_fingerprint", "symbols", "start_date", "end_date", "interval", "capital_base", "slippage", "commission", "benchmark_symbol", "seed", "timeout_seconds")
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    DATASET_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    CAPITAL_BASE_FIELD_NUMBER: _ClassVar[int]
    SLIPPAGE_FIELD_NUMBER: _ClassVar[int]
    COMMISSION_FIELD_NUMBER: _ClassVar[int]
    BENCHMARK_SYMBOL_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    strategy: str
    parameters: _struct_pb2.Struct
    dataset: str
    dataset_fingerprint: str
    symbols: _containers.RepeatedScalarFieldContainer[str]
    start_date: str
    end_date: str
    interval: str
    capital_base: float
    slippage: Slippage
    commission: Commission
    benchmark_symbol: str
    seed: int
    timeout_seconds: int
    def __init__(self, strategy: _Optional[str] = ..., parameters: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., dataset: _Optional[str] = ..., dataset_fingerprint: _Optional[str] = ..., symbols: _Optional[_Iterable[str]] = ..., start_date: _Optional[str] = ..., end_date: _Optional[str] = ..., interval: _Optional[str] = ..., capital_base: _Optional[float] = ..., slippage: _Optional[_Union[Slippage, _Mapping]] = ..., commission: _Optional[_Union[Commission, _Mapping]] = ..., benchmark_symbol: _Optional[str] = ..., seed: _Optional[int] = ..., timeout_seconds: _Optional[int] = ...) -> None: ...

class Slippage(_message.Message):
    __slots__ = ("none", "fixed_basis_points", "volume_share")
    NONE_FIELD_NUMBER: _ClassVar[int]
    FIXED_BASIS_POINTS_FIELD_NUMBER: _ClassVar[int]
    VOLUME_SHARE_FIELD_NUMBER: _ClassVar[int]
    none: NoSlippage
    fixed_basis_points: FixedBasisPointsSlippage
    volume_share: VolumeShareSlippage
    def __init__(self, none: _Optional[_Union[NoSlippage, _Mapping]] = ..., fixed_basis_points: _Optional[_Union[FixedBasisPointsSlippage, _Mapping]] = ..., volume_share: _Optional[_Union[VolumeShareSlippage, _Mapping]] = ...) -> None: ...

class NoSlippage(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class FixedBasisPointsSlippage(_message.Message):
    __slots__ = ("basis_points", "volume_limit")
    BASIS_POINTS_FIELD_NUMBER: _ClassVar[int]
    VOLUME_LIMIT_FIELD_NUMBER: _ClassVar[int]
    basis_points: float
    volume_limit: float
    def __init__(self, basis_points: _Optional[float] = ..., volume_limit: _Optional[float] = ...) -> None: ...

class VolumeShareSlippage(_message.Message):
    __slots__ = ("volume_limit", "price_impact")
    VOLUME_LIMIT_FIELD_NUMBER: _ClassVar[int]
    PRICE_IMPACT_FIELD_NUMBER: _ClassVar[int]
    volume_limit: float
    price_impact: float
    def __init__(self, volume_limit: _Optional[float] = ..., price_impact: _Optional[float] = ...) -> None: ...

class Commission(_message.Message):
    __slots__ = ("per_share", "per_trade", "per_dollar")
    PER_SHARE_FIELD_NUMBER: _ClassVar[int]
    PER_TRADE_FIELD_NUMBER: _ClassVar[int]
    PER_DOLLAR_FIELD_NUMBER: _ClassVar[int]
    per_share: PerShareCommission
    per_trade: PerTradeCommission
    per_dollar: PerDollarCommission
    def __init__(self, per_share: _Optional[_Union[PerShareCommission, _Mapping]] = ..., per_trade: _Optional[_Union[PerTradeCommission, _Mapping]] = ..., per_dollar: _Optional[_Union[PerDollarCommission, _Mapping]] = ...) -> None: ...

class PerShareCommission(_message.Message):
    __slots__ = ("cost", "minimum_cost")
    COST_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_COST_FIELD_NUMBER: _ClassVar[int]
    cost: float
    minimum_cost: float
    def __init__(self, cost: _Optional[float] = ..., minimum_cost: _Optional[float] = ...) -> None: ...

class PerTradeCommission(_message.Message):
    __slots__ = ("cost",)
    COST_FIELD_NUMBER: _ClassVar[int]
    cost: float
    def __init__(self, cost: _Optional[float] = ...) -> None: ...

class PerDollarCommission(_message.Message):
    __slots__ = ("cost",)
    COST_FIELD_NUMBER: _ClassVar[int]
    cost: float
    def __init__(self, cost: _Optional[float] = ...) -> None: ...

class Provenance(_message.Message):
    __slots__ = ("strategy_import_path", "strategy_version", "strategy_source_digest", "dataset_fingerprint", "calendar", "calendar_start_date", "calendar_end_date", "engine_kind", "engine_version", "versions", "platform", "seed")
    class VersionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    STRATEGY_IMPORT_PATH_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_VERSION_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_SOURCE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    DATASET_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    CALENDAR_FIELD_NUMBER: _ClassVar[int]
    CALENDAR_START_DATE_FIELD_NUMBER: _ClassVar[int]
    CALENDAR_END_DATE_FIELD_NUMBER: _ClassVar[int]
    ENGINE_KIND_FIELD_NUMBER: _ClassVar[int]
    ENGINE_VERSION_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    strategy_import_path: str
    strategy_version: str
    strategy_source_digest: str
    dataset_fingerprint: str
    calendar: str
    calendar_start_date: str
    calendar_end_date: str
    engine_kind: str
    engine_version: str
    versions: _containers.ScalarMap[str, str]
    platform: str
    seed: int
    def __init__(self, strategy_import_path: _Optional[str] = ..., strategy_version: _Optional[str] = ..., strategy_source_digest: _Optional[str] = ..., dataset_fingerprint: _Optional[str] = ..., calendar: _Optional[str] = ..., calendar_start_date: _Optional[str] = ..., calendar_end_date: _Optional[str] = ..., engine_kind: _Optional[str] = ..., engine_version: _Optional[str] = ..., versions: _Optional[_Mapping[str, str]] = ..., platform: _Optional[str] = ..., seed: _Optional[int] = ...) -> None: ...

class RunEvent(_message.Message):
    __slots__ = ("sequence", "started", "sessions", "finished")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    started: RunStarted
    sessions: SessionBatch
    finished: RunFinished
    def __init__(self, sequence: _Optional[int] = ..., started: _Optional[_Union[RunStarted, _Mapping]] = ..., sessions: _Optional[_Union[SessionBatch, _Mapping]] = ..., finished: _Optional[_Union[RunFinished, _Mapping]] = ...) -> None: ...

class RunStarted(_message.Message):
    __slots__ = ("run_id", "spec", "provenance", "spec_digest", "session_count", "labels", "request_id", "replay", "create_time", "strategy_type", "sweep")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    PROVENANCE_FIELD_NUMBER: _ClassVar[int]
    SPEC_DIGEST_FIELD_NUMBER: _ClassVar[int]
    SESSION_COUNT_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    REPLAY_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_TYPE_FIELD_NUMBER: _ClassVar[int]
    SWEEP_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    spec: RunSpec
    provenance: Provenance
    spec_digest: str
    session_count: int
    labels: _containers.ScalarMap[str, str]
    request_id: str
    replay: ReplayLink
    create_time: _timestamp_pb2.Timestamp
    strategy_type: str
    sweep: SweepLink
    def __init__(self, run_id: _Optional[str] = ..., spec: _Optional[_Union[RunSpec, _Mapping]] = ..., provenance: _Optional[_Union[Provenance, _Mapping]] = ..., spec_digest: _Optional[str] = ..., session_count: _Optional[int] = ..., labels: _Optional[_Mapping[str, str]] = ..., request_id: _Optional[str] = ..., replay: _Optional[_Union[ReplayLink, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., strategy_type: _Optional[str] = ..., sweep: _Optional[_Union[SweepLink, _Mapping]] = ...) -> None: ...

class SweepLink(_message.Message):
    __slots__ = ("sweep_id", "number")
    SWEEP_ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    sweep_id: str
    number: int
    def __init__(self, sweep_id: _Optional[str] = ..., number: _Optional[int] = ...) -> None: ...

class ReplayLink(_message.Message):
    __slots__ = ("original_run_id", "overridden_fields")
    ORIGINAL_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    OVERRIDDEN_FIELDS_FIELD_NUMBER: _ClassVar[int]
    original_run_id: str
    overridden_fields: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, original_run_id: _Optional[str] = ..., overridden_fields: _Optional[_Iterable[str]] = ...) -> None: ...

class SessionBatch(_message.Message):
    __slots__ = ("session_dates", "portfolio_values", "cash", "fills", "orders", "positions", "corporate_actions", "mark_prices")
    SESSION_DATES_FIELD_NUMBER: _ClassVar[int]
    PORTFOLIO_VALUES_FIELD_NUMBER: _ClassVar[int]
    CASH_FIELD_NUMBER: _ClassVar[int]
    FILLS_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    CORPORATE_ACTIONS_FIELD_NUMBER: _ClassVar[int]
    MARK_PRICES_FIELD_NUMBER: _ClassVar[int]
    session_dates: _containers.RepeatedScalarFieldContainer[int]
    portfolio_values: _containers.RepeatedScalarFieldContainer[float]
    cash: _containers.RepeatedScalarFieldContainer[float]
    fills: _containers.RepeatedCompositeFieldContainer[Fill]
    orders: _containers.RepeatedCompositeFieldContainer[Order]
    positions: _containers.RepeatedCompositeFieldContainer[Position]
    corporate_actions: _containers.RepeatedCompositeFieldContainer[CorporateAction]
    mark_prices: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, session_dates: _Optional[_Iterable[int]] = ..., portfolio_values: _Optional[_Iterable[float]] = ..., cash: _Optional[_Iterable[float]] = ..., fills: _Optional[_Iterable[_Union[Fill, _Mapping]]] = ..., orders: _Optional[_Iterable[_Union[Order, _Mapping]]] = ..., positions: _Optional[_Iterable[_Union[Position, _Mapping]]] = ..., corporate_actions: _Optional[_Iterable[_Union[CorporateAction, _Mapping]]] = ..., mark_prices: _Optional[_Iterable[float]] = ...) -> None: ...

class Fill(_message.Message):
    __slots__ = ("session_date", "symbol", "quantity", "price", "commission", "order_number")
    SESSION_DATE_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    COMMISSION_FIELD_NUMBER: _ClassVar[int]
    ORDER_NUMBER_FIELD_NUMBER: _ClassVar[int]
    session_date: int
    symbol: str
    quantity: float
    price: float
    commission: float
    order_number: int
    def __init__(self, session_date: _Optional[int] = ..., symbol: _Optional[str] = ..., quantity: _Optional[float] = ..., price: _Optional[float] = ..., commission: _Optional[float] = ..., order_number: _Optional[int] = ...) -> None: ...

class Order(_message.Message):
    __slots__ = ("session_date", "symbol", "target_weight", "quantity", "filled", "order_number", "cancelled")
    SESSION_DATE_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    TARGET_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    FILLED_FIELD_NUMBER: _ClassVar[int]
    ORDER_NUMBER_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    session_date: int
    symbol: str
    target_weight: float
    quantity: float
    filled: float
    order_number: int
    cancelled: bool
    def __init__(self, session_date: _Optional[int] = ..., symbol: _Optional[str] = ..., target_weight: _Optional[float] = ..., quantity: _Optional[float] = ..., filled: _Optional[float] = ..., order_number: _Optional[int] = ..., cancelled: _Optional[bool] = ...) -> None: ...

class Position(_message.Message):
    __slots__ = ("session_date", "symbol", "quantity", "cost_basis")
    SESSION_DATE_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    COST_BASIS_FIELD_NUMBER: _ClassVar[int]
    session_date: int
    symbol: str
    quantity: float
    cost_basis: float
    def __init__(self, session_date: _Optional[int] = ..., symbol: _Optional[str] = ..., quantity: _Optional[float] = ..., cost_basis: _Optional[float] = ...) -> None: ...

class CorporateAction(_message.Message):
    __slots__ = ("session_date", "symbol", "kind", "quantity", "cash", "split_ratio", "dividend_per_share", "pay_date", "price")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[CorporateAction.Kind]
        KIND_SPLIT: _ClassVar[CorporateAction.Kind]
        KIND_DIVIDEND_EARNED: _ClassVar[CorporateAction.Kind]
        KIND_DIVIDEND_PAID: _ClassVar[CorporateAction.Kind]
        KIND_AUTOMATIC_CLOSE: _ClassVar[CorporateAction.Kind]
    KIND_UNSPECIFIED: CorporateAction.Kind
    KIND_SPLIT: CorporateAction.Kind
    KIND_DIVIDEND_EARNED: CorporateAction.Kind
    KIND_DIVIDEND_PAID: CorporateAction.Kind
    KIND_AUTOMATIC_CLOSE: CorporateAction.Kind
    SESSION_DATE_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    CASH_FIELD_NUMBER: _ClassVar[int]
    SPLIT_RATIO_FIELD_NUMBER: _ClassVar[int]
    DIVIDEND_PER_SHARE_FIELD_NUMBER: _ClassVar[int]
    PAY_DATE_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    session_date: int
    symbol: str
    kind: CorporateAction.Kind
    quantity: float
    cash: float
    split_ratio: float
    dividend_per_share: float
    pay_date: int
    price: float
    def __init__(self, session_date: _Optional[int] = ..., symbol: _Optional[str] = ..., kind: _Optional[_Union[CorporateAction.Kind, str]] = ..., quantity: _Optional[float] = ..., cash: _Optional[float] = ..., split_ratio: _Optional[float] = ..., dividend_per_share: _Optional[float] = ..., pay_date: _Optional[int] = ..., price: _Optional[float] = ...) -> None: ...

class RunFinished(_message.Message):
    __slots__ = ("state", "metrics", "round_trips", "result_digest", "error", "recorded", "not_recorded_reason", "execution_seconds", "session_count", "engine_kind")
    STATE_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    ROUND_TRIPS_FIELD_NUMBER: _ClassVar[int]
    RESULT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    RECORDED_FIELD_NUMBER: _ClassVar[int]
    NOT_RECORDED_REASON_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_SECONDS_FIELD_NUMBER: _ClassVar[int]
    SESSION_COUNT_FIELD_NUMBER: _ClassVar[int]
    ENGINE_KIND_FIELD_NUMBER: _ClassVar[int]
    state: RunState
    metrics: Metrics
    round_trips: _containers.RepeatedCompositeFieldContainer[RoundTrip]
    result_digest: str
    error: RunError
    recorded: bool
    not_recorded_reason: str
    execution_seconds: float
    session_count: int
    engine_kind: str
    def __init__(self, state: _Optional[_Union[RunState, str]] = ..., metrics: _Optional[_Union[Metrics, _Mapping]] = ..., round_trips: _Optional[_Iterable[_Union[RoundTrip, _Mapping]]] = ..., result_digest: _Optional[str] = ..., error: _Optional[_Union[RunError, _Mapping]] = ..., recorded: _Optional[bool] = ..., not_recorded_reason: _Optional[str] = ..., execution_seconds: _Optional[float] = ..., session_count: _Optional[int] = ..., engine_kind: _Optional[str] = ...) -> None: ...

class RunError(_message.Message):
    __slots__ = ("reason", "message", "session_date")
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    SESSION_DATE_FIELD_NUMBER: _ClassVar[int]
    reason: str
    message: str
    session_date: str
    def __init__(self, reason: _Optional[str] = ..., message: _Optional[str] = ..., session_date: _Optional[str] = ...) -> None: ...

class RoundTrip(_message.Message):
    __slots__ = ("symbol", "entry_date", "exit_date", "quantity", "entry_price", "exit_price", "commission", "pnl", "return_on_cost")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    ENTRY_DATE_FIELD_NUMBER: _ClassVar[int]
    EXIT_DATE_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    ENTRY_PRICE_FIELD_NUMBER: _ClassVar[int]
    EXIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    COMMISSION_FIELD_NUMBER: _ClassVar[int]
    PNL_FIELD_NUMBER: _ClassVar[int]
    RETURN_ON_COST_FIELD_NUMBER: _ClassVar[int]
    symbol: str
    entry_date: str
    exit_date: str
    quantity: float
    entry_price: float
    exit_price: float
    commission: float
    pnl: float
    return_on_cost: float
    def __init__(self, symbol: _Optional[str] = ..., entry_date: _Optional[str] = ..., exit_date: _Optional[str] = ..., quantity: _Optional[float] = ..., entry_price: _Optional[float] = ..., exit_price: _Optional[float] = ..., commission: _Optional[float] = ..., pnl: _Optional[float] = ..., return_on_cost: _Optional[float] = ...) -> None: ...

class Metrics(_message.Message):
    __slots__ = ("total_return", "annual_return", "annual_volatility", "sharpe_ratio", "sortino_ratio", "calmar_ratio", "max_drawdown", "max_drawdown_peak_date", "max_drawdown_valley_date", "max_drawdown_recovery_date", "final_portfolio_value", "pnl", "trades_total", "trades_won", "trades_lost", "win_rate", "profit_factor", "expectancy", "average_win", "average_loss", "best_session_return", "best_session_date", "worst_session_return", "worst_session_date", "exposure", "turnover", "alpha", "beta", "open_positions", "average_trade_return")
    TOTAL_RETURN_FIELD_NUMBER: _ClassVar[int]
    ANNUAL_RETURN_FIELD_NUMBER: _ClassVar[int]
    ANNUAL_VOLATILITY_FIELD_NUMBER: _ClassVar[int]
    SHARPE_RATIO_FIELD_NUMBER: _ClassVar[int]
    SORTINO_RATIO_FIELD_NUMBER: _ClassVar[int]
    CALMAR_RATIO_FIELD_NUMBER: _ClassVar[int]
    MAX_DRAWDOWN_FIELD_NUMBER: _ClassVar[int]
    MAX_DRAWDOWN_PEAK_DATE_FIELD_NUMBER: _ClassVar[int]
    MAX_DRAWDOWN_VALLEY_DATE_FIELD_NUMBER: _ClassVar[int]
    MAX_DRAWDOWN_RECOVERY_DATE_FIELD_NUMBER: _ClassVar[int]
    FINAL_PORTFOLIO_VALUE_FIELD_NUMBER: _ClassVar[int]
    PNL_FIELD_NUMBER: _ClassVar[int]
    TRADES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    TRADES_WON_FIELD_NUMBER: _ClassVar[int]
    TRADES_LOST_FIELD_NUMBER: _ClassVar[int]
    WIN_RATE_FIELD_NUMBER: _ClassVar[int]
    PROFIT_FACTOR_FIELD_NUMBER: _ClassVar[int]
    EXPECTANCY_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_WIN_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_LOSS_FIELD_NUMBER: _ClassVar[int]
    BEST_SESSION_RETURN_FIELD_NUMBER: _ClassVar[int]
    BEST_SESSION_DATE_FIELD_NUMBER: _ClassVar[int]
    WORST_SESSION_RETURN_FIELD_NUMBER: _ClassVar[int]
    WORST_SESSION_DATE_FIELD_NUMBER: _ClassVar[int]
    EXPOSURE_FIELD_NUMBER: _ClassVar[int]
    TURNOVER_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    BETA_FIELD_NUMBER: _ClassVar[int]
    OPEN_POSITIONS_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_TRADE_RETURN_FIELD_NUMBER: _ClassVar[int]
    total_return: float
    annual_return: float
    annual_volatility: float
    sharpe_ratio: float
    sortino_ratio: float
    calmar_ratio: float
    max_drawdown: float
    max_drawdown_peak_date: str
    max_drawdown_valley_date: str
    max_drawdown_recovery_date: str
    final_portfolio_value: float
    pnl: float
    trades_total: int
    trades_won: int
    trades_lost: int
    win_rate: float
    profit_factor: float
    expectancy: float
    average_win: float
    average_loss: float
    best_session_return: float
    best_session_date: str
    worst_session_return: float
    worst_session_date: str
    exposure: float
    turnover: float
    alpha: float
    beta: float
    open_positions: int
    average_trade_return: float
    def __init__(self, total_return: _Optional[float] = ..., annual_return: _Optional[float] = ..., annual_volatility: _Optional[float] = ..., sharpe_ratio: _Optional[float] = ..., sortino_ratio: _Optional[float] = ..., calmar_ratio: _Optional[float] = ..., max_drawdown: _Optional[float] = ..., max_drawdown_peak_date: _Optional[str] = ..., max_drawdown_valley_date: _Optional[str] = ..., max_drawdown_recovery_date: _Optional[str] = ..., final_portfolio_value: _Optional[float] = ..., pnl: _Optional[float] = ..., trades_total: _Optional[int] = ..., trades_won: _Optional[int] = ..., trades_lost: _Optional[int] = ..., win_rate: _Optional[float] = ..., profit_factor: _Optional[float] = ..., expectancy: _Optional[float] = ..., average_win: _Optional[float] = ..., average_loss: _Optional[float] = ..., best_session_return: _Optional[float] = ..., best_session_date: _Optional[str] = ..., worst_session_return: _Optional[float] = ..., worst_session_date: _Optional[str] = ..., exposure: _Optional[float] = ..., turnover: _Optional[float] = ..., alpha: _Optional[float] = ..., beta: _Optional[float] = ..., open_positions: _Optional[int] = ..., average_trade_return: _Optional[float] = ...) -> None: ...

class Run(_message.Message):
    __slots__ = ("run_id", "spec", "state", "metrics", "error", "labels", "create_time", "finish_time", "execution_seconds", "session_count", "sessions_recorded", "strategy_type", "spec_digest", "result_digest", "replay", "verdict", "provenance", "request_id", "next_sequence", "sweep", "engine_kind", "note", "etag", "delete_time", "purge_time", "strategy_version", "iteration", "flags")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    FINISH_TIME_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_SECONDS_FIELD_NUMBER: _ClassVar[int]
    SESSION_COUNT_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_RECORDED_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_TYPE_FIELD_NUMBER: _ClassVar[int]
    SPEC_DIGEST_FIELD_NUMBER: _ClassVar[int]
    RESULT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    REPLAY_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    PROVENANCE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    NEXT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SWEEP_FIELD_NUMBER: _ClassVar[int]
    ENGINE_KIND_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    DELETE_TIME_FIELD_NUMBER: _ClassVar[int]
    PURGE_TIME_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_VERSION_FIELD_NUMBER: _ClassVar[int]
    ITERATION_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    spec: RunSpec
    state: RunState
    metrics: Metrics
    error: RunError
    labels: _containers.ScalarMap[str, str]
    create_time: _timestamp_pb2.Timestamp
    finish_time: _timestamp_pb2.Timestamp
    execution_seconds: float
    session_count: int
    sessions_recorded: int
    strategy_type: str
    spec_digest: str
    result_digest: str
    replay: ReplayLink
    verdict: ReplayVerdict
    provenance: Provenance
    request_id: str
    next_sequence: int
    sweep: SweepLink
    engine_kind: str
    note: str
    etag: str
    delete_time: _timestamp_pb2.Timestamp
    purge_time: _timestamp_pb2.Timestamp
    strategy_version: str
    iteration: int
    flags: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, run_id: _Optional[str] = ..., spec: _Optional[_Union[RunSpec, _Mapping]] = ..., state: _Optional[_Union[RunState, str]] = ..., metrics: _Optional[_Union[Metrics, _Mapping]] = ..., error: _Optional[_Union[RunError, _Mapping]] = ..., labels: _Optional[_Mapping[str, str]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., finish_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., execution_seconds: _Optional[float] = ..., session_count: _Optional[int] = ..., sessions_recorded: _Optional[int] = ..., strategy_type: _Optional[str] = ..., spec_digest: _Optional[str] = ..., result_digest: _Optional[str] = ..., replay: _Optional[_Union[ReplayLink, _Mapping]] = ..., verdict: _Optional[_Union[ReplayVerdict, _Mapping]] = ..., provenance: _Optional[_Union[Provenance, _Mapping]] = ..., request_id: _Optional[str] = ..., next_sequence: _Optional[int] = ..., sweep: _Optional[_Union[SweepLink, _Mapping]] = ..., engine_kind: _Optional[str] = ..., note: _Optional[str] = ..., etag: _Optional[str] = ..., delete_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., purge_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., strategy_version: _Optional[str] = ..., iteration: _Optional[int] = ..., flags: _Optional[_Iterable[str]] = ...) -> None: ...

class ReplayVerdict(_message.Message):
    __slots__ = ("outcome", "original_run_id", "run_id", "first_difference", "provenance_differences", "overridden_fields", "summary")
    class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        OUTCOME_UNSPECIFIED: _ClassVar[ReplayVerdict.Outcome]
        OUTCOME_IDENTICAL: _ClassVar[ReplayVerdict.Outcome]
        OUTCOME_DIVERGED: _ClassVar[ReplayVerdict.Outcome]
        OUTCOME_OVERRIDDEN: _ClassVar[ReplayVerdict.Outcome]
        OUTCOME_INCOMPARABLE: _ClassVar[ReplayVerdict.Outcome]
    OUTCOME_UNSPECIFIED: ReplayVerdict.Outcome
    OUTCOME_IDENTICAL: ReplayVerdict.Outcome
    OUTCOME_DIVERGED: ReplayVerdict.Outcome
    OUTCOME_OVERRIDDEN: ReplayVerdict.Outcome
    OUTCOME_INCOMPARABLE: ReplayVerdict.Outcome
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_DIFFERENCE_FIELD_NUMBER: _ClassVar[int]
    PROVENANCE_DIFFERENCES_FIELD_NUMBER: _ClassVar[int]
    OVERRIDDEN_FIELDS_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    outcome: ReplayVerdict.Outcome
    original_run_id: str
    run_id: str
    first_difference: SessionDifference
    provenance_differences: _containers.RepeatedCompositeFieldContainer[ProvenanceDifference]
    overridden_fields: _containers.RepeatedScalarFieldContainer[str]
    summary: str
    def __init__(self, outcome: _Optional[_Union[ReplayVerdict.Outcome, str]] = ..., original_run_id: _Optional[str] = ..., run_id: _Optional[str] = ..., first_difference: _Optional[_Union[SessionDifference, _Mapping]] = ..., provenance_differences: _Optional[_Iterable[_Union[ProvenanceDifference, _Mapping]]] = ..., overridden_fields: _Optional[_Iterable[str]] = ..., summary: _Optional[str] = ...) -> None: ...

class SessionDifference(_message.Message):
    __slots__ = ("session_date", "field", "original_value", "replayed_value")
    SESSION_DATE_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_VALUE_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_VALUE_FIELD_NUMBER: _ClassVar[int]
    session_date: str
    field: str
    original_value: str
    replayed_value: str
    def __init__(self, session_date: _Optional[str] = ..., field: _Optional[str] = ..., original_value: _Optional[str] = ..., replayed_value: _Optional[str] = ...) -> None: ...

class ProvenanceDifference(_message.Message):
    __slots__ = ("kind", "field", "original_value", "replayed_value")
    KIND_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_VALUE_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_VALUE_FIELD_NUMBER: _ClassVar[int]
    kind: str
    field: str
    original_value: str
    replayed_value: str
    def __init__(self, kind: _Optional[str] = ..., field: _Optional[str] = ..., original_value: _Optional[str] = ..., replayed_value: _Optional[str] = ...) -> None: ...

class EarlierRun(_message.Message):
    __slots__ = ("run_id", "create_time", "state")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    create_time: _timestamp_pb2.Timestamp
    state: RunState
    def __init__(self, run_id: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., state: _Optional[_Union[RunState, str]] = ...) -> None: ...
