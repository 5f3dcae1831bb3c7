"""The engine service's composition root: settings -> channels -> recorders -> runners -> servers.

python -m engine_service                 serve
python -m engine_service ingest ...      make a dataset; see engine_service.ingest
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

import grpc
import pydantic
import structlog

from engine_service.datasets import Catalogue
from engine_service.recorder import Recorder
from engine_service.registration import register
from engine_service.runner import Limits, Runner
from engine_service.servicer import EngineServicer
from engine_service.settings import Settings
from engine_service.strategies import load_strategies
from engine_service.sweeps.executors import executor_of
from engine_service.sweeps.recording import SweepRecorder
from engine_service.sweeps.sweep_runner import SweepRunner
from engine_service.worker_process import start_fork_server
from tapedeck.v1 import engine_service_pb2, engine_service_pb2_grpc, store_service_pb2_grpc
from tapedeck_rpc.channel import open_aio_channel
from tapedeck_rpc.health import Health
from tapedeck_rpc.logs import configure_logging
from tapedeck_rpc.server import Service, build_health_server, build_server, serve_until_signal

_log = structlog.get_logger("engine")


async def serve(settings: Settings) -> None:
    """Serve until a signal says stop."""
    catalogue = Catalogue(settings.data_dir)
    strategies = load_strategies(settings.strategy_plugins)
    async with (
        open_aio_channel(settings.record_target) as record_channel,
        open_aio_channel(settings.store_target) as store_channel,
        contextlib.AsyncExitStack() as stack,
    ):
        recorder = Recorder(record_channel, heartbeat_seconds=settings.heartbeat_seconds)
        limits = Limits(settings.workers, settings.queue_limit, settings.worker_memory_mb << 20, settings.store_wait_seconds)
        runner = Runner(limits, settings.data_dir, settings.strategy_plugins, recorder)
        stack.push_async_callback(runner.close)
        executor = executor_of(settings.executor, settings.workers, limits.memory_bytes)
        stack.push_async_callback(executor.close)
        sweep_recorder = SweepRecorder(record_channel, store_channel, wait_seconds=settings.store_wait_seconds)
        sweeps = SweepRunner(executor, sweep_recorder, settings.data_dir, settings.strategy_plugins)
        stack.push_async_callback(sweeps.close)
        servicer = EngineServicer(
            runner,
            strategies,
            catalogue,
            store_service_pb2_grpc.StoreServiceStub(store_channel),
            sweeps,
            run_timeout_seconds=settings.run_timeout_seconds,
        )

        def add_to(server: grpc.aio.Server) -> None:
            engine_service_pb2_grpc.add_EngineServiceServicer_to_server(servicer, server)

        health = Health(_always_ready)
        names = [engine_service_pb2.DESCRIPTOR.services_by_name["EngineService"].full_name]
        server, port = build_server(Service(settings.engine_address, add_to, names), health)
        health_server, health_port = build_health_server(settings.engine_health_address, health)
        # Some seconds; the ports are bound before, so that a port in use is said at once.
        await start_fork_server(settings.data_dir)
        runner.prepare()
        await executor.open()
        for task in (recorder.run(), runner.claim_forever(settings.claim_seconds), register(strategies.values(), record_channel)):
            stack.callback(asyncio.create_task(task).cancel)
        _log.info("ready", engine_port=port, health_port=health_port, workers=settings.workers, datasets=catalogue.names())
        await serve_until_signal([server, health_server], health)


async def _always_ready() -> str | None:
    return None


def main() -> int:
    """Run the command; returns the exit code."""
    if sys.argv[1:2] == ["ingest"]:
        from engine_service.ingest import main as ingest

        return ingest(sys.argv[2:])
    try:
        settings = Settings()
    except pydantic.ValidationError as error:
        for problem in error.errors(include_url=False):
            print(f"TAPEDECK_{'_'.join(map(str, problem['loc'])).upper()}: {problem['msg']}", file=sys.stderr)  # noqa: T201
        return 2
    configure_logging(settings.log_level)
    try:
        asyncio.run(serve(settings))
    except (OSError, RuntimeError) as error:
        _log.error("can't start", why=str(error))
        return 1
    except KeyboardInterrupt:  # before the servers have a handler of their own
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
