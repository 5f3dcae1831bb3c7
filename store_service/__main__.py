"""The store service's composition root: settings -> database -> stores -> servers.

python -m store_service [serve]              serve; without TAPEDECK_DATABASE_URL on an embedded PostgreSQL, migrated at start
python -m store_service migrate [--to REV]   bring the database to this version's schema, or to a revision
python -m store_service purge                remove all deleted runs for good now, without waiting for their purge_time
python -m store_service backup               and backups, restore, verify-backup: see backup/command.py

Exit code 1, with one line that says why: the database's URL is malformed, it refuses the credentials, or its schema is missing, older or
newer than this version's. A database that can't be reached is waited for: the service is alive and not ready.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Iterator
from datetime import timedelta
from types import ModuleType

import grpc
import pydantic
import structlog

from store_service.backup.command import COMMANDS as BACKUP_COMMANDS
from store_service.backup.command import add_commands, list_backups, run_command
from store_service.database import Database, Misconfigured, diagnosed, parse_url
from store_service.embedded import embedded_postgres
from store_service.migrations import migrate
from store_service.page_token import PageTokens, derive_key
from store_service.recording.servicer import RecordServicer
from store_service.recording.store import RecordingStore
from store_service.runs.engine import Engine
from store_service.runs.organizing import RunOrganizer
from store_service.runs.purging import purge, purging
from store_service.runs.records import RunRecords
from store_service.runs.replay import Replays
from store_service.runs.servicer import StoreServicer
from store_service.runs.store import RunStore
from store_service.settings import Settings
from store_service.strategies.servicer import StrategyServicer
from store_service.strategies.store import StrategyStore
from store_service.strategies.suggestions import SuggestionStore
from store_service.sweeps.promotion import Promotions
from store_service.sweeps.recording import SweepRecording
from store_service.sweeps.servicer import SweepServicer
from store_service.sweeps.store import SweepStore
from store_service.transfer.creating import RunCreation
from store_service.transfer.creating_sweeps import SweepCreation
from store_service.transfer.exporting import RunExports
from store_service.transfer.importing import RunImports
from store_service.transfer.servicer import TransferServicer
from tapedeck.v1 import (
    record_service_pb2,
    record_service_pb2_grpc,
    store_service_pb2,
    store_service_pb2_grpc,
    strategy_service_pb2,
    strategy_service_pb2_grpc,
    sweep_service_pb2,
    sweep_service_pb2_grpc,
    transfer_service_pb2,
    transfer_service_pb2_grpc,
)
from tapedeck_rpc import errors
from tapedeck_rpc.channel import open_aio_channel
from tapedeck_rpc.health import Health
from tapedeck_rpc.logs import configure_logging
from tapedeck_rpc.server import Service, build_health_server, build_server, serve_until_signal

_log = structlog.get_logger("store")


async def serve(settings: Settings, url: str) -> None:
    """Serve until a signal says stop.

    Raises:
        Misconfigured: the database can't be used until somebody changes something.
        OSError: an address can't be bound.
    """
    async with Database(url, settings) as database, open_aio_channel(settings.engine_target) as engine_channel:
        problem = await _problem(database)
        page_tokens, engine = PageTokens(derive_key(url)), Engine(engine_channel)
        runs, sweeps = RunStore(database, page_tokens), SweepStore(database, page_tokens)
        organizer = RunOrganizer(database, runs, purge_after=timedelta(days=settings.purge_after_days))
        store_servicer = StoreServicer(runs, RunRecords(database), Replays(runs, engine), organizer)
        sweep_servicer = SweepServicer(sweeps, Promotions(sweeps, runs, engine))
        sweep_recording = SweepRecording(database)
        sweep_creation = SweepCreation(sweep_recording)
        transfer_servicer = TransferServicer(RunCreation(database), sweep_creation, RunExports(database), RunImports(database))
        strategies = StrategyStore(database, page_tokens)
        strategy_servicer = StrategyServicer(strategies, SuggestionStore(database, page_tokens))
        recording = RecordingStore(database, lease_seconds=settings.lease_seconds)
        record_servicer = RecordServicer(recording, sweep_recording, strategies)

        def add_store(server: grpc.aio.Server) -> None:
            store_service_pb2_grpc.add_StoreServiceServicer_to_server(store_servicer, server)
            sweep_service_pb2_grpc.add_SweepServiceServicer_to_server(sweep_servicer, server)
            strategy_service_pb2_grpc.add_StrategyServiceServicer_to_server(strategy_servicer, server)
            transfer_service_pb2_grpc.add_TransferServiceServicer_to_server(transfer_servicer, server)

        def add_record(server: grpc.aio.Server) -> None:
            record_service_pb2_grpc.add_RecordServiceServicer_to_server(record_servicer, server)

        store_names = _service_names(store_service_pb2, strategy_service_pb2, sweep_service_pb2, transfer_service_pb2)
        record_names = _service_names(record_service_pb2)
        health = Health(database.check)
        store_server, store_port = build_server(Service(settings.store_address, add_store, store_names), health)
        record_server, record_port = build_server(Service(settings.record_address, add_record, record_names), health)
        health_server, health_port = build_health_server(settings.store_health_address, health)
        ports = {"store_port": store_port, "record_port": record_port, "health_port": health_port}
        if problem is None:
            _log.info("ready", **ports)
        else:
            _log.warning("not ready", problem=problem, **ports)
        try:
            async with purging(database):
                await serve_until_signal([store_server, record_server, health_server], health, cut_at_once=[record_server])
        finally:
            await recording.close()


def _service_names(*contracts: ModuleType) -> list[str]:
    return [service.full_name for contract in contracts for service in contract.DESCRIPTOR.services_by_name.values()]


async def _problem(database: Database) -> str | None:
    try:
        await database.verify()
    except errors.CallError as error:
        return error.message
    return None


async def _purge(settings: Settings, url: str) -> int:
    async with Database(url, settings) as database:
        await database.verify()
        return await purge(database, at_once=True)


@contextlib.contextmanager
def _database_url(settings: Settings) -> Iterator[str]:
    """The database's URL; an embedded one runs as long as it is needed."""
    if settings.database_url:
        yield settings.database_url
    else:
        with embedded_postgres(settings.data_dir) as url:
            yield url


def _run(arguments: argparse.Namespace, settings: Settings) -> None:
    if arguments.command == "backups":
        list_backups(settings)
        return
    with _database_url(settings) as url:
        if arguments.command in BACKUP_COMMANDS:
            run_command(arguments, settings, parse_url(url))
            return
        if arguments.command == "migrate" or not settings.database_url:
            with diagnosed():
                revision = migrate(parse_url(url), arguments.to)
            _log.info("migrated", revision=revision)
        if arguments.command == "serve":
            asyncio.run(serve(settings, url))
        if arguments.command == "purge":
            _log.info("purged", run_count=asyncio.run(_purge(settings, url)))


def main() -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m store_service", description="Records backtest runs and serves them back.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("serve", help="serve (the default)")
    migration = commands.add_parser("migrate", help="bring the database to this version's schema")
    migration.add_argument("--to", default="head", metavar="REVISION", help="a revision, or base; an older one undoes newer ones")
    commands.add_parser("purge", help="remove all deleted runs for good now")
    add_commands(commands)
    # Not set_defaults: the subparsers' own default, None, wins over it.
    arguments = parser.parse_args(namespace=argparse.Namespace(command="serve", to="head"))
    try:
        settings = Settings()
        configure_logging(settings.log_level)
        logging.getLogger("alembic").setLevel(logging.WARNING)  # "migrated" says it all
    except pydantic.ValidationError as error:
        for problem in error.errors(include_url=False):
            print(f"TAPEDECK_{'_'.join(map(str, problem['loc'])).upper()}: {problem['msg']}", file=sys.stderr)  # noqa: T201
        return 2
    # Until the servers have their own handler: leave through every `with`, so that nothing is left running.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        _run(arguments, settings)
    except (Misconfigured, errors.CallError, ValueError, OSError, RuntimeError) as error:
        _log.error("can't start" if arguments.command == "serve" else f"can't {arguments.command}", why=str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
