"""An engine for replays: a real EngineService on loopback that invents ledgers and records them through the real recording store."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest

from store_service.recording.store import RecordingStore
from store_service.runs.engine import Engine
from store_service.runs.organizing import RunOrganizer
from store_service.runs.records import RunRecords
from store_service.runs.replay import Replays
from store_service.runs.servicer import StoreServicer
from store_service.runs.store import RunStore
from tapedeck.v1 import engine_service_pb2, engine_service_pb2_grpc, run_pb2, store_service_pb2, store_service_pb2_grpc
from tapedeck_rpc import errors
from tapedeck_rpc.channel import open_aio_channel
from tapedeck_rpc.interceptors import server_interceptors
from tapedeck_rpc.status import from_rpc_error
from tests.fix_runs import FINGERPRINT, make_events, make_finished, make_provenance, make_sessions, make_started, session_dates

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass
class LedgerEngine(engine_service_pb2_grpc.EngineServiceServicer):  # type: ignore[misc] # generated without types
    """Makes a ledger of three sessions out of a spec; equal specs give equal ledgers until `bias` is changed.

    As in a real engine, a saved run goes on when the caller leaves, and a request_id that is known is answered with the run it made.
    """

    recording: RecordingStore
    runs: RunStore
    strategies: list[str] = field(default_factory=lambda: ["sma_crossover"])
    fingerprints: list[str] = field(default_factory=lambda: [FINGERPRINT])
    numpy_version: str = "2.4.6"
    bias: float = 0.0
    state: run_pb2.RunState = run_pb2.RUN_STATE_SUCCEEDED
    may_go_on: asyncio.Event = field(default_factory=asyncio.Event)
    requests: list[engine_service_pb2.RunBacktestRequest] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def ListStrategies(self, request: Any, context: Context) -> engine_service_pb2.ListStrategiesResponse:
        named = [engine_service_pb2.Strategy(name=name) for name in self.strategies]
        return engine_service_pb2.ListStrategiesResponse(strategies=named)

    async def ListDatasets(self, request: Any, context: Context) -> engine_service_pb2.ListDatasetsResponse:
        named = [engine_service_pb2.Dataset(name="wiki", fingerprint=self.fingerprints[0], fingerprints=self.fingerprints)]
        return engine_service_pb2.ListDatasetsResponse(datasets=named if self.fingerprints[0] else [])

    async def RunBacktest(
        self, request: engine_service_pb2.RunBacktestRequest, context: Context
    ) -> AsyncIterator[engine_service_pb2.RunBacktestResponse]:
        self.requests.append(request)
        events = self.events_of(request)
        run_id = events[0].started.run_id
        ack = await self.recording.append(run_id, 1, 1, events[:1])
        if not ack.existing_run_id:
            task = asyncio.create_task(self._execute(run_id, events[1:]))
            self.tasks.add(task)
        async for event in self.runs.watch_run(ack.existing_run_id or run_id):
            yield engine_service_pb2.RunBacktestResponse(event=event)

    def events_of(self, request: engine_service_pb2.RunBacktestRequest) -> list[run_pb2.RunEvent]:
        """The events of a run, as they will be recorded."""
        spec = request.spec
        if spec.start_date > spec.end_date or spec.capital_base <= 0 or not 1 <= len(spec.symbols) < 4:
            raise errors.InvalidArgument(violations=[errors.Violation("spec", "is nothing that can be executed")])
        days = session_dates("2010-01-04", 3)
        values = [spec.capital_base + spec.parameters.fields["fast"].number_value, spec.capital_base + 2.0, spec.capital_base + self.bias]
        sessions = make_sessions(days, values, spec.symbols[0])
        digest = hashlib.sha256(sessions.SerializeToString(deterministic=True)).hexdigest()
        started = make_started(
            spec=spec,
            labels=request.labels,
            request_id=request.request_id,
            spec_digest=hashlib.sha256(spec.SerializeToString(deterministic=True)).hexdigest(),
            replay=request.replay if request.HasField("replay") else None,
            sweep=request.sweep if request.HasField("sweep") else None,
            provenance=make_provenance(dataset_fingerprint=spec.dataset_fingerprint, versions={"numpy": self.numpy_version}),
        )
        finished = make_finished(self.state, **({"result_digest": digest} if self.state == run_pb2.RUN_STATE_SUCCEEDED else {}))
        return make_events(started, sessions, finished)

    async def _execute(self, run_id: str, events: list[run_pb2.RunEvent]) -> None:
        for event in events:
            await self.may_go_on.wait()
            await self.recording.append(run_id, 1, event.sequence, [event])


@asynccontextmanager
async def served(add: Any, servicer: Any) -> AsyncIterator[str]:
    """A servicer on loopback, behind the interceptors of every server; gives the target."""
    server = grpc.aio.server(interceptors=server_interceptors())
    add(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@pytest.fixture
async def ledger_engine(recording_store: RecordingStore, run_store: RunStore) -> AsyncIterator[LedgerEngine]:
    """The engine as an object, to be told how to behave."""
    engine = LedgerEngine(recording_store, run_store)
    engine.may_go_on.set()
    yield engine
    for task in engine.tasks:
        task.cancel()
    await asyncio.gather(*engine.tasks, return_exceptions=True)


@pytest.fixture
async def engine_target(ledger_engine: LedgerEngine) -> AsyncIterator[str]:
    """The engine on loopback."""
    async with served(engine_service_pb2_grpc.add_EngineServiceServicer_to_server, ledger_engine) as target:
        yield target


@pytest.fixture
async def replays(run_store: RunStore, engine_target: str) -> AsyncIterator[Replays]:
    """Replays on that engine."""
    async with open_aio_channel(engine_target) as channel:
        yield Replays(run_store, Engine(channel))


@pytest.fixture
async def store_stub(
    run_store: RunStore, run_records: RunRecords, replays: Replays, run_organizer: RunOrganizer
) -> AsyncIterator[store_service_pb2_grpc.StoreServiceStub]:
    """A client of the whole StoreService, with an engine behind it."""
    servicer = StoreServicer(run_store, run_records, replays, run_organizer)
    async with (
        served(store_service_pb2_grpc.add_StoreServiceServicer_to_server, servicer) as target,
        open_aio_channel(target) as channel,
    ):
        yield store_service_pb2_grpc.StoreServiceStub(channel)


@contextmanager
def as_raised() -> Iterator[None]:
    """Errors of the wire as the store raises them."""
    try:
        yield
    except grpc.RpcError as error:
        raise from_rpc_error(error) from error


class ThroughGrpc:
    """The verbs of RunStore, on the wire."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub

    async def get_run(self, run_id: str, view: int = store_service_pb2.RUN_VIEW_UNSPECIFIED) -> run_pb2.Run:
        with as_raised():
            answer = await self._stub.GetRun(store_service_pb2.GetRunRequest(run_id=run_id, view=view))  # type: ignore[arg-type]
        return answer.run  # type: ignore[no-any-return]

    async def list_runs(self, *, filter_text: str = "", **how: Any) -> tuple[list[run_pb2.Run], str]:
        with as_raised():
            answer = await self._stub.ListRuns(store_service_pb2.ListRunsRequest(filter=filter_text, **how))
        return list(answer.runs), answer.next_page_token

    async def count_runs(self, filter_text: str = "", *, show_deleted: bool = False) -> int:
        request = store_service_pb2.CountRunsRequest(filter=filter_text, show_deleted=show_deleted)
        with as_raised():
            return (await self._stub.CountRuns(request)).run_count  # type: ignore[no-any-return]

    async def summarize_runs(
        self, filter_text: str = "", *, group_by: str = "", metrics: Sequence[str] = ()
    ) -> list[store_service_pb2.RunGroup]:
        request = store_service_pb2.SummarizeRunsRequest(filter=filter_text, group_by=group_by, metrics=metrics)
        with as_raised():
            return list((await self._stub.SummarizeRuns(request)).groups)

    async def compare_runs(
        self, run_ids: Sequence[str], *, include_curves: bool = False, include_sharpe: bool = False
    ) -> store_service_pb2.CompareRunsResponse:
        with as_raised():
            request = store_service_pb2.CompareRunsRequest(run_ids=run_ids, include_curves=include_curves, include_sharpe=include_sharpe)
            return await self._stub.CompareRuns(request)  # type: ignore[no-any-return]

    async def find_similar_runs(self, **asked: Any) -> store_service_pb2.FindSimilarRunsResponse:
        with as_raised():
            return await self._stub.FindSimilarRuns(store_service_pb2.FindSimilarRunsRequest(**asked))  # type: ignore[no-any-return]

    async def watch_run(self, run_id: str, from_sequence: int = 0) -> AsyncIterator[run_pb2.RunEvent]:
        with as_raised():
            async for answer in self._stub.WatchRun(store_service_pb2.WatchRunRequest(run_id=run_id, from_sequence=from_sequence)):
                yield answer.event

    async def read_run(self, request: store_service_pb2.ReadRunRequest) -> AsyncIterator[store_service_pb2.ReadRunResponse]:
        with as_raised():
            async for answer in self._stub.ReadRun(request):
                yield answer


Runs = RunStore | ThroughGrpc


@pytest.fixture(params=["store", "grpc"])
def runs(request: pytest.FixtureRequest, run_store: RunStore) -> Runs:
    """The store, asked directly and through gRPC."""
    return run_store if request.param == "store" else ThroughGrpc(request.getfixturevalue("store_stub"))


@pytest.fixture(params=["store", "grpc"])
def records(request: pytest.FixtureRequest, run_records: RunRecords) -> RunRecords | ThroughGrpc:
    """What runs have recorded, asked for directly and through gRPC."""
    return run_records if request.param == "store" else ThroughGrpc(request.getfixturevalue("store_stub"))


async def refusal(call: Callable[[], Any]) -> errors.CallError:
    """What a call is refused with."""
    with pytest.raises(errors.CallError) as raised:
        await call()
    return raised.value


def fields_of(error: errors.CallError) -> list[str]:
    assert isinstance(error, errors.InvalidArgument)
    return [violation.field for violation in error.violations]
