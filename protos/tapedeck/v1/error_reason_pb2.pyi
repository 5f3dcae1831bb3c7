from google.rpc import error_details_pb2 as _error_details_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ErrorReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERROR_REASON_UNSPECIFIED: _ClassVar[ErrorReason]
    ERROR_REASON_INVALID_REQUEST: _ClassVar[ErrorReason]
    ERROR_REASON_INVALID_FILTER: _ClassVar[ErrorReason]
    ERROR_REASON_INVALID_PAGE_TOKEN: _ClassVar[ErrorReason]
    ERROR_REASON_RUN_NOT_FOUND: _ClassVar[ErrorReason]
    ERROR_REASON_REQUEST_ID_REUSED: _ClassVar[ErrorReason]
    ERROR_REASON_RUN_TERMINAL: _ClassVar[ErrorReason]
    ERROR_REASON_QUEUE_FULL: _ClassVar[ErrorReason]
    ERROR_REASON_STORE_UNAVAILABLE: _ClassVar[ErrorReason]
    ERROR_REASON_ENGINE_UNAVAILABLE: _ClassVar[ErrorReason]
    ERROR_REASON_STRATEGY_NOT_INSTALLED: _ClassVar[ErrorReason]
    ERROR_REASON_DATASET_GONE: _ClassVar[ErrorReason]
    ERROR_REASON_STRATEGY_FAILED: _ClassVar[ErrorReason]
    ERROR_REASON_LOOK_AHEAD: _ClassVar[ErrorReason]
    ERROR_REASON_RUN_TIMEOUT: _ClassVar[ErrorReason]
    ERROR_REASON_OUT_OF_MEMORY: _ClassVar[ErrorReason]
    ERROR_REASON_WORKER_LOST: _ClassVar[ErrorReason]
    ERROR_REASON_ENGINE_LOST: _ClassVar[ErrorReason]
    ERROR_REASON_ENGINE_STOPPED: _ClassVar[ErrorReason]
    ERROR_REASON_NONDETERMINISTIC_RESULT: _ClassVar[ErrorReason]
    ERROR_REASON_SEQUENCE_GAP: _ClassVar[ErrorReason]
    ERROR_REASON_WRITER_FENCED: _ClassVar[ErrorReason]
    ERROR_REASON_RESULT_TOO_LARGE: _ClassVar[ErrorReason]
    ERROR_REASON_INTERNAL: _ClassVar[ErrorReason]
    ERROR_REASON_OVERLOADED: _ClassVar[ErrorReason]
    ERROR_REASON_DEADLINE_EXCEEDED: _ClassVar[ErrorReason]
    ERROR_REASON_UNSTORABLE_VALUE: _ClassVar[ErrorReason]
    ERROR_REASON_RUN_CANCELLED: _ClassVar[ErrorReason]
    ERROR_REASON_RUN_NOT_FINISHED: _ClassVar[ErrorReason]
    ERROR_REASON_SWEEP_NOT_FOUND: _ClassVar[ErrorReason]
    ERROR_REASON_OUTSIDE_KERNEL: _ClassVar[ErrorReason]
    ERROR_REASON_TOO_MANY_RUNS: _ClassVar[ErrorReason]
    ERROR_REASON_SWEEP_CANCELLED: _ClassVar[ErrorReason]
    ERROR_REASON_ETAG_MISMATCH: _ClassVar[ErrorReason]
    ERROR_REASON_RUN_DELETED: _ClassVar[ErrorReason]
    ERROR_REASON_DUPLICATE_RUN: _ClassVar[ErrorReason]
    ERROR_REASON_STRATEGY_VERSION_NOT_FOUND: _ClassVar[ErrorReason]
    ERROR_REASON_SUGGESTION_NOT_FOUND: _ClassVar[ErrorReason]
    ERROR_REASON_SPEC_INCOMPLETE: _ClassVar[ErrorReason]
    ERROR_REASON_TOO_MANY_SUGGESTIONS: _ClassVar[ErrorReason]
ERROR_REASON_UNSPECIFIED: ErrorReason
ERROR_REASON_INVALID_REQUEST: ErrorReason
ERROR_REASON_INVALID_FILTER: ErrorReason
ERROR_REASON_INVALID_PAGE_TOKEN: ErrorReason
ERROR_REASON_RUN_NOT_FOUND: ErrorReason
ERROR_REASON_REQUEST_ID_REUSED: ErrorReason
ERROR_REASON_RUN_TERMINAL: ErrorReason
ERROR_REASON_QUEUE_FULL: ErrorReason
ERROR_REASON_STORE_UNAVAILABLE: ErrorReason
ERROR_REASON_ENGINE_UNAVAILABLE: ErrorReason
ERROR_REASON_STRATEGY_NOT_INSTALLED: ErrorReason
ERROR_REASON_DATASET_GONE: ErrorReason
ERROR_REASON_STRATEGY_FAILED: ErrorReason
ERROR_REASON_LOOK_AHEAD: ErrorReason
ERROR_REASON_RUN_TIMEOUT: ErrorReason
ERROR_REASON_OUT_OF_MEMORY: ErrorReason
ERROR_REASON_WORKER_LOST: ErrorReason
ERROR_REASON_ENGINE_LOST: ErrorReason
ERROR_REASON_ENGINE_STOPPED: ErrorReason
ERROR_REASON_NONDETERMINISTIC_RESULT: ErrorReason
ERROR_REASON_SEQUENCE_GAP: ErrorReason
ERROR_REASON_WRITER_FENCED: ErrorReason
ERROR_REASON_RESULT_TOO_LARGE: ErrorReason
ERROR_REASON_INTERNAL: ErrorReason
ERROR_REASON_OVERLOADED: ErrorReason
ERROR_REASON_DEADLINE_EXCEEDED: ErrorReason
ERROR_REASON_UNSTORABLE_VALUE: ErrorReason
ERROR_REASON_RUN_CANCELLED: ErrorReason
ERROR_REASON_RUN_NOT_FINISHED: ErrorReason
ERROR_REASON_SWEEP_NOT_FOUND: ErrorReason
ERROR_REASON_OUTSIDE_KERNEL: ErrorReason
ERROR_REASON_TOO_MANY_RUNS: ErrorReason
ERROR_REASON_SWEEP_CANCELLED: ErrorReason
ERROR_REASON_ETAG_MISMATCH: ErrorReason
ERROR_REASON_RUN_DELETED: ErrorReason
ERROR_REASON_DUPLICATE_RUN: ErrorReason
ERROR_REASON_STRATEGY_VERSION_NOT_FOUND: ErrorReason
ERROR_REASON_SUGGESTION_NOT_FOUND: ErrorReason
ERROR_REASON_SPEC_INCOMPLETE: ErrorReason
ERROR_REASON_TOO_MANY_SUGGESTIONS: ErrorReason

class ErrorDetails(_message.Message):
    __slots__ = ("error_info", "bad_request", "retry_info")
    ERROR_INFO_FIELD_NUMBER: _ClassVar[int]
    BAD_REQUEST_FIELD_NUMBER: _ClassVar[int]
    RETRY_INFO_FIELD_NUMBER: _ClassVar[int]
    error_info: _error_details_pb2.ErrorInfo
    bad_request: _error_details_pb2.BadRequest
    retry_info: _error_details_pb2.RetryInfo
    def __init__(self, error_info: _Optional[_Union[_error_details_pb2.ErrorInfo, _Mapping]] = ..., bad_request: _Optional[_Union[_error_details_pb2.BadRequest, _Mapping]] = ..., retry_info: _Optional[_Union[_error_details_pb2.RetryInfo, _Mapping]] = ...) -> None: ...
