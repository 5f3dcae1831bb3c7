from google.protobuf import struct_pb2 as _struct_pb2
from google.rpc import status_pb2 as _status_pb2
from tapedeck.v1 import run_pb2 as _run_pb2
from tapedeck.v1 import sweep_pb2 as _sweep_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RecordRunsRequest(_message.Message):
    __slots__ = ("run_id", "writer_epoch", "first_sequence", "events", "duplicate_policy", "look_only")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WRITER_EPOCH_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_POLICY_FIELD_NUMBER: _ClassVar[int]
    LOOK_ONLY_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    writer_epoch: int
    first_sequence: int
    events: _containers.RepeatedCompositeFieldContainer[_run_pb2.RunEvent]
    duplicate_policy: _run_pb2.DuplicatePolicy
    look_only: bool
    def __init__(self, run_id: _Optional[str] = ..., writer_epoch: _Optional[int] = ..., first_sequence: _Optional[int] = ..., events: _Optional[_Iterable[_Union[_run_pb2.RunEvent, _Mapping]]] = ..., duplicate_policy: _Optional[_Union[_run_pb2.DuplicatePolicy, str]] = ..., look_only: _Optional[bool] = ...) -> None: ...

class RecordRunsResponse(_message.Message):
    __slots__ = ("run_id", "next_sequence", "cancel_requested", "error", "earlier_runs", "existing_run_id")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    NEXT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CANCEL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    EARLIER_RUNS_FIELD_NUMBER: _ClassVar[int]
    EXISTING_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    next_sequence: int
    cancel_requested: bool
    error: _status_pb2.Status
    earlier_runs: _containers.RepeatedCompositeFieldContainer[_run_pb2.EarlierRun]
    existing_run_id: str
    def __init__(self, run_id: _Optional[str] = ..., next_sequence: _Optional[int] = ..., cancel_requested: _Optional[bool] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ..., earlier_runs: _Optional[_Iterable[_Union[_run_pb2.EarlierRun, _Mapping]]] = ..., existing_run_id: _Optional[str] = ...) -> None: ...

class ClaimStaleRunRequest(_message.Message):
    __slots__ = ("engine_id",)
    ENGINE_ID_FIELD_NUMBER: _ClassVar[int]
    engine_id: str
    def __init__(self, engine_id: _Optional[str] = ...) -> None: ...

class ClaimStaleRunResponse(_message.Message):
    __slots__ = ("run_id", "writer_epoch", "started", "next_sequence")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WRITER_EPOCH_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    NEXT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    writer_epoch: int
    started: _run_pb2.RunStarted
    next_sequence: int
    def __init__(self, run_id: _Optional[str] = ..., writer_epoch: _Optional[int] = ..., started: _Optional[_Union[_run_pb2.RunStarted, _Mapping]] = ..., next_sequence: _Optional[int] = ...) -> None: ...

class RequestCancelRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class RequestCancelResponse(_message.Message):
    __slots__ = ("state",)
    STATE_FIELD_NUMBER: _ClassVar[int]
    state: _run_pb2.RunState
    def __init__(self, state: _Optional[_Union[_run_pb2.RunState, str]] = ...) -> None: ...

class RecordSweepRequest(_message.Message):
    __slots__ = ("started", "results", "finished")
    STARTED_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    started: _sweep_pb2.SweepStarted
    results: _sweep_pb2.SweepResults
    finished: _sweep_pb2.SweepFinished
    def __init__(self, started: _Optional[_Union[_sweep_pb2.SweepStarted, _Mapping]] = ..., results: _Optional[_Union[_sweep_pb2.SweepResults, _Mapping]] = ..., finished: _Optional[_Union[_sweep_pb2.SweepFinished, _Mapping]] = ...) -> None: ...

class RecordSweepResponse(_message.Message):
    __slots__ = ("sweep_id", "existing_sweep_id", "recorded")
    SWEEP_ID_FIELD_NUMBER: _ClassVar[int]
    EXISTING_SWEEP_ID_FIELD_NUMBER: _ClassVar[int]
    RECORDED_FIELD_NUMBER: _ClassVar[int]
    sweep_id: str
    existing_sweep_id: str
    recorded: bool
    def __init__(self, sweep_id: _Optional[str] = ..., existing_sweep_id: _Optional[str] = ..., recorded: _Optional[bool] = ...) -> None: ...

class RegisterStrategyRequest(_message.Message):
    __slots__ = ("name", "source_code", "parameters")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SOURCE_CODE_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    name: str
    source_code: str
    parameters: _struct_pb2.Struct
    def __init__(self, name: _Optional[str] = ..., source_code: _Optional[str] = ..., parameters: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class RegisterStrategyResponse(_message.Message):
    __slots__ = ("version_id",)
    VERSION_ID_FIELD_NUMBER: _ClassVar[int]
    version_id: str
    def __init__(self, version_id: _Optional[str] = ...) -> None: ...
