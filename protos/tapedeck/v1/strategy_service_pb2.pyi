from google.protobuf import struct_pb2 as _struct_pb2
from tapedeck.v1 import run_pb2 as _run_pb2
from tapedeck.v1 import strategy_pb2 as _strategy_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateStrategyVersionRequest(_message.Message):
    __slots__ = ("name", "source_code", "parameters", "parent_version_id", "notes")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SOURCE_CODE_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    PARENT_VERSION_ID_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    name: str
    source_code: str
    parameters: _struct_pb2.Struct
    parent_version_id: str
    notes: str
    def __init__(self, name: _Optional[str] = ..., source_code: _Optional[str] = ..., parameters: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., parent_version_id: _Optional[str] = ..., notes: _Optional[str] = ...) -> None: ...

class CreateStrategyVersionResponse(_message.Message):
    __slots__ = ("version", "created")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    version: _strategy_pb2.StrategyVersion
    created: bool
    def __init__(self, version: _Optional[_Union[_strategy_pb2.StrategyVersion, _Mapping]] = ..., created: _Optional[bool] = ...) -> None: ...

class GetStrategyVersionRequest(_message.Message):
    __slots__ = ("version_id",)
    VERSION_ID_FIELD_NUMBER: _ClassVar[int]
    version_id: str
    def __init__(self, version_id: _Optional[str] = ...) -> None: ...

class GetStrategyVersionResponse(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: _strategy_pb2.StrategyVersion
    def __init__(self, version: _Optional[_Union[_strategy_pb2.StrategyVersion, _Mapping]] = ...) -> None: ...

class ListStrategyVersionsRequest(_message.Message):
    __slots__ = ("filter", "page_size", "page_token")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    filter: str
    page_size: int
    page_token: str
    def __init__(self, filter: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListStrategyVersionsResponse(_message.Message):
    __slots__ = ("versions", "next_page_token")
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    versions: _containers.RepeatedCompositeFieldContainer[_strategy_pb2.StrategyVersion]
    next_page_token: str
    def __init__(self, versions: _Optional[_Iterable[_Union[_strategy_pb2.StrategyVersion, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetStrategyLineageRequest(_message.Message):
    __slots__ = ("version_id",)
    VERSION_ID_FIELD_NUMBER: _ClassVar[int]
    version_id: str
    def __init__(self, version_id: _Optional[str] = ...) -> None: ...

class GetStrategyLineageResponse(_message.Message):
    __slots__ = ("versions", "truncated")
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    versions: _containers.RepeatedCompositeFieldContainer[_strategy_pb2.StrategyVersion]
    truncated: bool
    def __init__(self, versions: _Optional[_Iterable[_Union[_strategy_pb2.StrategyVersion, _Mapping]]] = ..., truncated: _Optional[bool] = ...) -> None: ...

class ListStrategyVersionRunsRequest(_message.Message):
    __slots__ = ("version_id", "page_size", "page_token")
    VERSION_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    version_id: str
    page_size: int
    page_token: str
    def __init__(self, version_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListStrategyVersionRunsResponse(_message.Message):
    __slots__ = ("runs", "next_page_token")
    RUNS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[_run_pb2.Run]
    next_page_token: str
    def __init__(self, runs: _Optional[_Iterable[_Union[_run_pb2.Run, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetStrategyStatisticsRequest(_message.Message):
    __slots__ = ("strategy",)
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    strategy: str
    def __init__(self, strategy: _Optional[str] = ...) -> None: ...

class GetStrategyStatisticsResponse(_message.Message):
    __slots__ = ("statistics",)
    STATISTICS_FIELD_NUMBER: _ClassVar[int]
    statistics: _strategy_pb2.StrategyStatistics
    def __init__(self, statistics: _Optional[_Union[_strategy_pb2.StrategyStatistics, _Mapping]] = ...) -> None: ...

class CreateSuggestionRequest(_message.Message):
    __slots__ = ("suggestion", "request_id")
    SUGGESTION_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    suggestion: _strategy_pb2.Suggestion
    request_id: str
    def __init__(self, suggestion: _Optional[_Union[_strategy_pb2.Suggestion, _Mapping]] = ..., request_id: _Optional[str] = ...) -> None: ...

class CreateSuggestionResponse(_message.Message):
    __slots__ = ("suggestion",)
    SUGGESTION_FIELD_NUMBER: _ClassVar[int]
    suggestion: _strategy_pb2.Suggestion
    def __init__(self, suggestion: _Optional[_Union[_strategy_pb2.Suggestion, _Mapping]] = ...) -> None: ...

class ListSuggestionsRequest(_message.Message):
    __slots__ = ("filter", "page_size", "page_token")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    filter: str
    page_size: int
    page_token: str
    def __init__(self, filter: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListSuggestionsResponse(_message.Message):
    __slots__ = ("suggestions", "next_page_token")
    SUGGESTIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    suggestions: _containers.RepeatedCompositeFieldContainer[_strategy_pb2.Suggestion]
    next_page_token: str
    def __init__(self, suggestions: _Optional[_Iterable[_Union[_strategy_pb2.Suggestion, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DeleteSuggestionRequest(_message.Message):
    __slots__ = ("suggestion_id",)
    SUGGESTION_ID_FIELD_NUMBER: _ClassVar[int]
    suggestion_id: str
    def __init__(self, suggestion_id: _Optional[str] = ...) -> None: ...

class DeleteSuggestionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
