"""The wire's other side: an engine and a store that play prepared runs and break when they are told to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from typing import Any, NoReturn

import grpc
from google.protobuf import struct_pb2
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_status import rpc_status

from tapedeck.v1 import engine_service_pb2, store_service_pb2, strategy_service_pb2, sweep_service_pb2, transfer_service_pb2
from tapedeck.v1.engine_service_pb2_grpc import EngineServiceServicer, add_EngineServiceServicer_to_server
from tapedeck.v1.run_pb2 import (
    EarlierRun,
    Metrics,
    Provenance,
    ReplayLink,
    ReplayVerdict,
    Run,
    RunError,
    RunEvent,
    RunFinished,
    RunSpec,
    RunStarted,
    RunState,
    SessionBatch,
)
from tapedeck.v1.store_service_pb2_grpc import StoreServiceServicer, add_StoreServiceServicer_to_server
from tapedeck.v1.strategy_service_pb2_grpc import StrategyServiceServicer, add_StrategyServiceServicer_to_server
from tapedeck.v1.sweep_service_pb2_grpc import SweepServiceServicer, add_SweepServiceServicer_to_server
from tapedeck.v1.transfer_service_pb2_grpc import TransferServiceServicer, add_TransferServiceServicer_to_server
from tapedeck_rpc import errors
from tapedeck_rpc.status import to_status
from tests.tapedeck_client.records_story import read_story
from tests.tapedeck_client.strategy_story import recorded_statistics, recorded_suggestions, recorded_versions
from tests.tapedeck_client.sweep_story import SWEEP_ID, recorded_results, recorded_sweeps, sweep_story

RUN_ID = "019ab000-0000-7000-8000-0000aaaa0001"
OTHER_ID = "019ab000-0000-7000-8000-0000bbbb0002"
FAILED_ID = "019ab000-0000-7000-8000-0000cccc0003"
UNKNOWN_ID = "019ab000-0000-7000-8000-0000dddd0004"

METRICS = Metrics(
    total_return=0.5,
    annual_return=-0.0512,
    sharpe_ratio=1.25,
    max_drawdown=-0.3,
    max_drawdown_peak_date="2005-01-04",
    max_drawdown_valley_date="2005-01-05",
    final_portfolio_value=150_000.5,
    pnl=50_000.5,
    trades_total=12,
)
ERROR = RunError(reason="STRATEGY_FAILED", message="ValueError: bad bar", session_date="2005-01-05")


def away() -> errors.Unavailable:
    return errors.Unavailable("the service stops", reason="STOPPING")


def spec(**fields: Any) -> RunSpec:
    made = RunSpec(strategy="sma_crossover", dataset="wiki", symbols=["GOOG"], start_date="2005-01-03", end_date="2005-01-07")
    made.parameters.update({"fast": 10, "slow": 30})
    made.MergeFrom(RunSpec(**fields))
    return made


def story(run_id: str = RUN_ID, *, error: RunError | None = None, recorded: bool = True, asked: RunSpec | None = None) -> list[RunEvent]:
    """The five events of a run of six sessions."""
    batches = [
        SessionBatch(session_dates=[20050103 + 2 * i, 20050104 + 2 * i], portfolio_values=[100_000, 101_000 + i], cash=[0, 0])
        for i in range(3)
    ]
    finished = RunFinished(
        state=RunState.RUN_STATE_FAILED if error else RunState.RUN_STATE_SUCCEEDED,
        metrics=None if error else METRICS,
        error=error,
        recorded=recorded,
        not_recorded_reason="" if recorded else "the store was away",
        execution_seconds=1.5,
        session_count=6,
    )
    started = RunStarted(run_id=run_id, spec=asked or spec(), session_count=6, create_time=Timestamp(seconds=1_790_000_000))
    return [
        RunEvent(sequence=1, started=started),
        *(RunEvent(sequence=2 + i, sessions=batch) for i, batch in enumerate(batches)),
        RunEvent(sequence=5, finished=finished),
    ]


def recorded_runs() -> list[Run]:
    """One run that succeeded, another of it, and one that failed."""
    times = {"create_time": Timestamp(seconds=1_790_000_000), "finish_time": Timestamp(seconds=1_790_000_002)}
    shared: dict[str, Any] = {"execution_seconds": 1.5, "session_count": 6, "sessions_recorded": 6, **times}
    provenance = Provenance(engine_kind="zipline", engine_version="3.1.1", versions={"numpy": "2.1.0"}, dataset_fingerprint="abc")
    link = ReplayLink(original_run_id=RUN_ID, overridden_fields=["parameters.fast"])
    done = RunState.RUN_STATE_SUCCEEDED
    other = spec()
    other.parameters.update({"fast": 20})
    return [
        Run(run_id=RUN_ID, spec=spec(), state=done, metrics=METRICS, labels={"team": "alpha"}, provenance=provenance, **shared),
        Run(run_id=OTHER_ID, spec=other, state=done, metrics=Metrics(total_return=-0.1), replay=link, **shared),
        Run(run_id=FAILED_ID, spec=spec(symbols=["AAPL", "IBM"]), state=RunState.RUN_STATE_FAILED, error=ERROR, **shared),
    ]


def verdict(outcome: ReplayVerdict.Outcome, **fields: Any) -> ReplayVerdict:
    return ReplayVerdict(outcome=outcome, original_run_id=RUN_ID, run_id=OTHER_ID, summary="One sentence.", **fields)


class Cuts:
    """Keeps what was asked, and breaks calls: one plan per call, an error after so many messages; no plan: no break."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.plans: list[tuple[int, errors.CallError]] = []
        self.asked = threading.Event()
        """Set when the first call has come."""
        self.cancelled = threading.Event()
        """Set when a streaming call is over, also when its caller gave up."""
        self.open = threading.Event()
        """Unary calls wait for it: clear it and they don't answer."""
        self.open.set()

    def play(self, messages: Sequence[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        """The messages, up to where the plan breaks the call."""
        context.add_callback(self.cancelled.set)
        after, error = self.plans.pop(0) if self.plans else (len(messages) + 1, None)
        for i, message in enumerate(messages):
            if error is not None and i == after:
                fail(context, error)
            yield message
        if error is not None and after == len(messages):
            fail(context, error)

    def answer(self, response: Any, context: grpc.ServicerContext) -> Any:
        """The response, unless the plan has an error for this call."""
        self.asked.set()
        self.open.wait()
        if self.plans:
            fail(context, self.plans.pop(0)[1])
        return response


def fail(context: grpc.ServicerContext, error: errors.CallError) -> NoReturn:
    """End the call as the services do."""
    context.abort_with_status(rpc_status.to_status(to_status(error)))
    raise AssertionError("abort_with_status raises")


class Engine(Cuts, EngineServiceServicer):  # type: ignore[misc] # generated without types
    """Plays one story."""

    def __init__(self) -> None:
        super().__init__()
        self.events = story()
        self.earlier_runs: list[EarlierRun] = []
        self.hold = threading.Event()
        self.hold_after = 0
        """After how many events a run waits for `hold`; 0 means never."""
        self.hold_before_start = False
        self.sweep = sweep_story()

    def RunBacktest(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        self.requests.append(request)
        self.asked.set()
        if self.hold_before_start:
            self.hold.wait()
        messages = [engine_service_pb2.RunBacktestResponse(event=event) for event in self.events]
        messages[0].earlier_runs.extend(self.earlier_runs)
        for i, message in enumerate(self.play(messages, context), start=1):
            yield message
            if i == self.hold_after:
                self.hold.wait()

    def RunSweep(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        self.requests.append(request)
        self.asked.set()
        for i, message in enumerate(self.play(self.sweep, context), start=1):
            yield message
            if i == self.hold_after:
                self.hold.wait()

    def CancelRun(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        return self.answer(engine_service_pb2.CancelRunResponse(run_id=request.run_id), context)

    def ListStrategies(self, request: Any, context: grpc.ServicerContext) -> Any:
        parameter = engine_service_pb2.Parameter(
            name="fast",
            type="integer",
            default_value=struct_pb2.Value(number_value=10),
            minimum=0,
            maximum=500,
            exclusive_minimum=True,
            doc="Sessions of the fast average.",
        )
        required = engine_service_pb2.Parameter(name="slow", type="integer")
        strategy = engine_service_pb2.Strategy(
            name="sma_crossover",
            type="trend",
            doc="Holds while the fast average is above the slow one.",
            parameters=[parameter, required],
            import_path="strategies.sma_crossover",
            version="0.1.0",
            minimum_symbols=1,
        )
        bare = engine_service_pb2.Strategy(name="buy_and_hold", type="passive", doc="Buys once.", minimum_symbols=2)
        return self.answer(engine_service_pb2.ListStrategiesResponse(strategies=[bare, strategy]), context)

    def ListDatasets(self, request: Any, context: grpc.ServicerContext) -> Any:
        coverage = engine_service_pb2.SymbolCoverage(
            symbol="GOOG", start_date="2004-08-19", end_date="2012-12-31", auto_close_date="2013-01-02", bar_count=2106, dividend_count=3
        )
        dataset = engine_service_pb2.Dataset(
            name="wiki", fingerprint="f" * 64, calendar="XNYS", currency="USD", intervals=["1d"], source="Quandl", symbols=[coverage]
        )
        return self.answer(engine_service_pb2.ListDatasetsResponse(datasets=[dataset]), context)


class Store(Cuts, StoreServiceServicer, SweepServiceServicer, StrategyServiceServicer, TransferServiceServicer):  # type: ignore[misc] # generated without types
    """Serves recorded runs and sweeps."""

    def __init__(self) -> None:
        super().__init__()
        self.runs = recorded_runs()
        self.events = story()
        self.records: Callable[[Any], list[Any]] = read_story
        self.page_size = 1000
        self.verdict = verdict(ReplayVerdict.OUTCOME_IDENTICAL)
        self.replay_events = story(OTHER_ID)
        self.comparison: Message | None = None
        values = [struct_pb2.Value(number_value=value) for value in (10, 20)]
        differences = [store_service_pb2.SpecDifference(field="parameters.fast", values=values)]
        self.similar = store_service_pb2.FindSimilarRunsResponse(
            runs=[store_service_pb2.SimilarRun(run=self.runs[1], differences=differences)]
        )
        quantiles = [store_service_pb2.Quantile(probability=p, value=0.5 + 1.5 * p) for p in (0, 0.05, 0.25, 0.75, 0.95, 1)]
        ratio = store_service_pb2.MetricSummary(
            metric="sharpe_ratio", count=2, undefined_count=1, mean=1.25, median=1.25, best=2, worst=0.5, quantiles=quantiles
        )
        self.summary = store_service_pb2.SummarizeRunsResponse(groups=[store_service_pb2.RunGroup(run_count=3, metrics=[ratio])])
        self.deleted = store_service_pb2.BatchDeleteRunsResponse(
            run_count=12, run_ids=[RUN_ID, OTHER_ID], purge_time=Timestamp(seconds=1_790_000_000)
        )
        self.sweeps = recorded_sweeps()
        self.results = recorded_results()
        self.versions = recorded_versions()
        self.statistics = recorded_statistics()
        self.suggestions = recorded_suggestions(RUN_ID)
        self.created_sweep = transfer_service_pb2.CreateSweepResponse(sweep_id=SWEEP_ID, created=True)
        self.file = [b"one\n", b"two\n"]
        self.imported = b""

    def GetRun(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        for run in self.runs:
            if run.run_id == request.run_id:
                return self.answer(store_service_pb2.GetRunResponse(run=run), context)
        fail(context, errors.NotFound(f"there is no run {request.run_id}", reason="RUN_NOT_FOUND"))

    def ListRuns(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        tail = _tail_asked_for(request.filter, "run_id")
        page, token = self.page([run for run in self.runs if run.run_id.endswith(tail)], request)
        return self.answer(store_service_pb2.ListRunsResponse(runs=page, next_page_token=token), context)

    def page(self, found: list[Any], request: Any) -> tuple[list[Any], str]:
        """A page of what was found, and the token of the next one."""
        start = int(request.page_token or 0)
        stop = start + min(request.page_size or 20, self.page_size)
        return found[start:stop], str(stop) if stop < len(found) else ""

    def CountRuns(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        return self.answer(store_service_pb2.CountRunsResponse(run_count=len(self.runs)), context)

    def CompareRuns(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        return self.answer(self.comparison or store_service_pb2.CompareRunsResponse(runs=self.runs[:2]), context)

    def SummarizeRuns(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        return self.answer(self.summary, context)

    def GetStrategyStatistics(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        return self.answer(strategy_service_pb2.GetStrategyStatisticsResponse(statistics=self.statistics), context)

    def FindSimilarRuns(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        return self.answer(self.similar, context)

    def WatchRun(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        self.requests.append(request)
        wanted = [event for event in self.events if event.sequence >= request.from_sequence]
        yield from self.play([store_service_pb2.WatchRunResponse(event=event) for event in wanted], context)

    def ReadRun(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        self.requests.append(request)
        yield from self.play(self.records(request), context)

    def ReplayRun(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        self.requests.append(request)
        messages = [store_service_pb2.ReplayRunResponse(event=event) for event in self.replay_events]
        messages.append(store_service_pb2.ReplayRunResponse(verdict=self.verdict))
        yield from self.play(messages, context)

    def UpdateRun(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        (run,) = [run for run in self.runs if run.run_id == request.run_id]
        run.labels.update(request.set_labels)
        for key in request.remove_labels:
            run.labels.pop(key, None)
        run.note = request.note if request.HasField("note") else run.note
        return self.answer(store_service_pb2.UpdateRunResponse(run=run), context)

    def UndeleteRun(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        return self.answer(store_service_pb2.UndeleteRunResponse(run=Run(run_id=request.run_id)), context)

    def BatchDeleteRuns(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        return self.answer(self.deleted, context)

    def GetSweep(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        for sweep in self.sweeps:
            if sweep.sweep_id == request.sweep_id:
                return self.answer(sweep_service_pb2.GetSweepResponse(sweep=sweep), context)
        fail(context, errors.NotFound(f"there is no sweep {request.sweep_id}", reason="SWEEP_NOT_FOUND"))

    def ListSweeps(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        tail = _tail_asked_for(request.filter, "sweep_id")
        page, token = self.page([sweep for sweep in self.sweeps if sweep.sweep_id.endswith(tail)], request)
        return self.answer(sweep_service_pb2.ListSweepsResponse(sweeps=page, next_page_token=token), context)

    def ListSweepResults(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        page, token = self.page([result for result in self.results if result.sweep_id == request.sweep_id], request)
        return self.answer(sweep_service_pb2.ListSweepResultsResponse(results=page, next_page_token=token), context)

    def PromoteSweepResult(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        self.requests.append(request)
        yield from self.play([sweep_service_pb2.PromoteSweepResultResponse(event=event) for event in self.replay_events], context)

    def BatchCreateRuns(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        runs = [transfer_service_pb2.CreatedRun(run_id=RUN_ID, created=place != 1) for place in range(len(request.runs))]
        return self.answer(transfer_service_pb2.BatchCreateRunsResponse(runs=runs), context)

    def CreateSweep(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        return self.answer(self.created_sweep, context)

    def ExportRuns(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        self.requests.append(request)
        yield from self.play([transfer_service_pb2.ExportRunsResponse(chunk=part) for part in self.file], context)

    def ImportRuns(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        self.imported = b"".join(request.chunk for request in requests)
        runs = [
            transfer_service_pb2.ImportedRun(original_run_id=run_id, run_id=UNKNOWN_ID, added=run_id == RUN_ID)
            for run_id in (RUN_ID, OTHER_ID)
        ]
        answers = [
            transfer_service_pb2.ImportRunsResponse(runs=runs[:1]),
            transfer_service_pb2.ImportRunsResponse(runs=runs[1:], committed=True),
        ]
        yield from self.play(answers, context)

    def GetStrategyVersion(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        (version,) = [version for version in self.versions if version.version_id == request.version_id]
        return self.answer(strategy_service_pb2.GetStrategyVersionResponse(version=version), context)

    def ListStrategyVersions(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        tail = _tail_asked_for(request.filter, "version_id")
        page, token = self.page([version for version in self.versions if version.version_id.endswith(tail)], request)
        return self.answer(strategy_service_pb2.ListStrategyVersionsResponse(versions=page, next_page_token=token), context)

    def GetStrategyLineage(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        return self.answer(strategy_service_pb2.GetStrategyLineageResponse(versions=self.versions), context)

    def ListStrategyVersionRuns(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        page, token = self.page(self.runs, request)
        return self.answer(strategy_service_pb2.ListStrategyVersionRunsResponse(runs=page, next_page_token=token), context)

    def CreateSuggestion(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        return self.answer(strategy_service_pb2.CreateSuggestionResponse(suggestion=request.suggestion), context)

    def ListSuggestions(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        page, token = self.page(self.suggestions, request)
        return self.answer(strategy_service_pb2.ListSuggestionsResponse(suggestions=page, next_page_token=token), context)


def _tail_asked_for(filter_text: str, field: str) -> str:
    """The end of an id that a filter such as run_id = "*aaaa0001" asks for; empty when it asks for something else."""
    beginning = f'{field} = "*'
    return filter_text[len(beginning) : -1] if filter_text.startswith(beginning) else ""


def serve(engine: Engine | None, store: Store | None, address: str = "127.0.0.1:0") -> tuple[grpc.Server, str]:
    """A started server and its address; the caller stops it."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8), options=[("grpc.so_reuseport", 0)])
    if engine:
        add_EngineServiceServicer_to_server(engine, server)
    if store:
        add_StoreServiceServicer_to_server(store, server)
        add_SweepServiceServicer_to_server(store, server)
        add_StrategyServiceServicer_to_server(store, server)
        add_TransferServiceServicer_to_server(store, server)
    port = server.add_insecure_port(address)
    server.start()
    return server, f"127.0.0.1:{port}"
