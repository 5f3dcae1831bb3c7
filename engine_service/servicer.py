"""EngineService on the wire: decode, call, encode."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

import grpc
from google.protobuf import struct_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from engine_service.datasets import Catalogue
from engine_service.engine_choice import choose_engine
from engine_service.live_run import LiveRun
from engine_service.provenance import provenance
from engine_service.run_ids import new_run_id, run_id_of
from engine_service.run_spec import check_request, plan, spec_digest
from engine_service.runner import Runner
from engine_service.strategies import Strategy
from engine_service.sweeps.sweep_runner import SweepRunner, Wishes
from engine_service.sweeps.sweep_spec import plan_sweep, start
from tapedeck.v1 import engine_service_pb2, engine_service_pb2_grpc, run_pb2, store_service_pb2, store_service_pb2_grpc
from tapedeck_rpc import errors
from tapedeck_rpc.interceptors.wrapping import Context
from tapedeck_rpc.status import from_rpc_error


class EngineServicer(engine_service_pb2_grpc.EngineServiceServicer):  # type: ignore[misc]  # generated code has no types
    """The verbs of the engine. `store` is asked only for the events of recorded runs that answer a request."""

    def __init__(
        self,
        runner: Runner,
        strategies: Mapping[str, Strategy],
        catalogue: Catalogue,
        store: store_service_pb2_grpc.StoreServiceStub,
        sweeps: SweepRunner,
        *,
        run_timeout_seconds: int,
    ) -> None:
        self._sweeps = sweeps
        self._runner, self._strategies, self._catalogue, self._store = runner, strategies, catalogue, store
        self._run_timeout_seconds = run_timeout_seconds

    async def RunBacktest(
        self, request: engine_service_pb2.RunBacktestRequest, context: Context
    ) -> AsyncIterator[engine_service_pb2.RunBacktestResponse]:
        """Validate, admit, execute, stream."""
        # Reads files, so not on the event loop.
        started = await asyncio.to_thread(self._started, request)
        save = request.save if request.HasField("save") else True
        run = self._runner.start(
            LiveRun(started, save=save, if_store_unavailable=request.if_store_unavailable, duplicate_policy=request.duplicate_policy)
        )
        seen, recorded_run_id = 0, ""
        try:
            async with contextlib.aclosing(run.follow()) as events:
                async for event in events:
                    seen = event.sequence
                    yield engine_service_pb2.RunBacktestResponse(event=event, earlier_runs=run.earlier_runs if seen == 1 else ())
            recorded_run_id = run.existing_run_id
        except errors.FailedPrecondition as error:
            if error.reason != "WRITER_FENCED":
                raise
            recorded_run_id = run.run_id  # another engine has claimed it: there it goes on
        finally:
            if not save:
                run.cancel()
        if recorded_run_id:
            async with contextlib.aclosing(self._recorded_events(recorded_run_id)) as events:
                async for event in events:
                    if event.sequence > seen or event.HasField("finished"):
                        yield engine_service_pb2.RunBacktestResponse(
                            event=event, earlier_runs=run.earlier_runs if event.sequence == 1 else ()
                        )

    def _started(self, request: engine_service_pb2.RunBacktestRequest) -> run_pb2.RunStarted:
        check_request(request)
        ready = plan(request.spec, self._strategies, self._catalogue, run_timeout_seconds=self._run_timeout_seconds)
        now = Timestamp()
        now.GetCurrentTime()
        return run_pb2.RunStarted(
            run_id=new_run_id(),
            spec=ready.spec,
            provenance=provenance(ready.strategy, ready.dataset, ready.spec.seed, choose_engine(request.engine, ready)),
            spec_digest=spec_digest(ready),
            session_count=ready.session_count,
            labels=request.labels,
            request_id=request.request_id,
            replay=request.replay if request.HasField("replay") else None,
            create_time=now,
            strategy_type=ready.strategy.type,
            sweep=request.sweep if request.HasField("sweep") else None,
        )

    async def _recorded_events(self, run_id: str) -> AsyncGenerator[run_pb2.RunEvent, None]:
        call = self._store.WatchRun(store_service_pb2.WatchRunRequest(run_id=run_id))
        try:
            async for answer in call:
                yield answer.event
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None
        finally:
            call.cancel()

    async def RunSweep(
        self, request: engine_service_pb2.RunSweepRequest, context: Context
    ) -> AsyncIterator[engine_service_pb2.RunSweepResponse]:
        """Validate, admit, execute, stream."""
        ready = await asyncio.to_thread(
            plan_sweep, request, self._strategies, self._catalogue, run_timeout_seconds=self._run_timeout_seconds
        )
        save = request.save if request.HasField("save") else True
        wishes = Wishes(save=save, omit_batches=request.omit_batches, promote=self._promote)
        async with contextlib.aclosing(self._sweeps.run(ready, start(ready, request), wishes)) as answers:
            async for answer in answers:
                yield answer

    async def _promote(self, spec: run_pb2.RunSpec, engine: run_pb2.EngineChoice, link: run_pb2.SweepLink) -> str:
        """Make a full run of a sweep's result; returns its id when it has ended."""
        request = engine_service_pb2.RunBacktestRequest(spec=spec, engine=engine, sweep=link)
        run = self._runner.start(LiveRun(await asyncio.to_thread(self._started, request)))
        async with contextlib.aclosing(run.follow()) as events:
            async for _ in events:
                pass
        return run.run_id

    async def CancelRun(self, request: engine_service_pb2.CancelRunRequest, context: Context) -> engine_service_pb2.CancelRunResponse:
        """Cancel here or, through the store, in another replica."""
        run_id = run_id_of(request.run_id)
        await self._runner.cancel(run_id)
        return engine_service_pb2.CancelRunResponse(run_id=run_id)

    async def ListStrategies(
        self, request: engine_service_pb2.ListStrategiesRequest, context: Context
    ) -> engine_service_pb2.ListStrategiesResponse:
        """Describe the strategies."""
        known = sorted(self._strategies.values(), key=lambda strategy: strategy.name)
        return engine_service_pb2.ListStrategiesResponse(strategies=map(_strategy, known))

    async def ListDatasets(
        self, request: engine_service_pb2.ListDatasetsRequest, context: Context
    ) -> engine_service_pb2.ListDatasetsResponse:
        """Describe the datasets."""
        return await asyncio.to_thread(self._datasets)

    def _datasets(self) -> engine_service_pb2.ListDatasetsResponse:
        return engine_service_pb2.ListDatasetsResponse(
            datasets=[
                engine_service_pb2.Dataset(
                    name=name,
                    fingerprint=dataset.fingerprint,
                    calendar=dataset.calendar,
                    currency=dataset.currency,
                    intervals=dataset.intervals,
                    source=dataset.source,
                    licence=dataset.licence,
                    symbols=[
                        engine_service_pb2.SymbolCoverage(
                            symbol=covered.symbol,
                            start_date=covered.start_date,
                            end_date=covered.end_date,
                            auto_close_date=covered.auto_close_date,
                            bar_count=covered.bar_count,
                            split_count=covered.split_count,
                            dividend_count=covered.dividend_count,
                        )
                        for covered in dataset.symbols
                    ],
                    fingerprints=self._catalogue.fingerprints(name),
                )
                for name in self._catalogue.names()
                if (dataset := self._catalogue.latest(name))
            ]
        )


def _strategy(strategy: Strategy) -> engine_service_pb2.Strategy:
    properties = strategy.parameters.model_json_schema()["properties"]
    return engine_service_pb2.Strategy(
        name=strategy.name,
        type=strategy.type,
        doc=strategy.doc,
        parameters=[_parameter(name, schema) for name, schema in properties.items()],
        import_path=strategy.import_path,
        version=strategy.version,
        source_digest=strategy.source_digest,
        minimum_symbols=strategy.minimum_symbols,
    )


def _parameter(name: str, schema: Mapping[str, Any]) -> engine_service_pb2.Parameter:
    default = struct_pb2.Value()
    if "default" in schema:
        struct = struct_pb2.Struct()
        struct.update({"default": schema["default"]})
        default = struct.fields["default"]
    return engine_service_pb2.Parameter(
        name=name,
        type=schema.get("type", ""),
        default_value=default if "default" in schema else None,
        minimum=_bound(schema, "minimum", "exclusiveMinimum", "minItems"),
        maximum=_bound(schema, "maximum", "exclusiveMaximum", "maxItems"),
        exclusive_minimum="exclusiveMinimum" in schema,
        exclusive_maximum="exclusiveMaximum" in schema,
        doc=schema.get("description", ""),
    )


def _bound(schema: Mapping[str, Any], *names: str) -> float | None:
    return next((schema[name] for name in names if name in schema), None)
