"""The pair on this machine, on loopback: `python -m deploy.local up` serves until Ctrl-C.

Data, the embedded PostgreSQL and logs live in `.tapedeck/` of the current folder, or in TAPEDECK_DATA_DIR.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

READY_SECONDS = 180.0
"""The engine loads zipline and the store may have to create its database first: some 5 s; the first start ever compiles for most of
a minute, longer on a busy machine."""

STOP_SECONDS = 25.0
"""Longer than the grace that the services give to calls in flight."""


@dataclass
class Service:
    """One service as a child process; its log says which ports it got."""

    module: str
    environment: Mapping[str, str]
    log: Path
    ready: dict[str, object] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it says that it is ready.

        Raises:
            RuntimeError: it ended instead, or took too long; the text ends with its last line.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            offset = log.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module], stderr=log, stdout=log, env={**os.environ, **self.environment}, start_new_session=True
            )
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            lines = self._lines(offset)
            for line in lines:
                if line.get("event") == "ready" and "health_port" in line:
                    self.ready = line
                    return
            if self._process.poll() is not None:
                raise RuntimeError(f"{self.module} ended at once: {lines[-1].get('why', lines[-1]) if lines else 'it said nothing'}")
            time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"{self.module} was not ready after {READY_SECONDS:g} s: see {self.log}")

    def _lines(self, offset: int) -> list[dict[str, object]]:
        with self.log.open("rb") as log:
            log.seek(offset)
            texts = log.read().decode(errors="replace").splitlines()
        return [json.loads(text) if text.startswith("{") and text.endswith("}") else {"why": text} for text in texts]

    @property
    def pid(self) -> int:
        """Process id of the running service."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """End it as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it as Kubernetes would: SIGTERM first."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@dataclass
class Pair:
    """Both services. The store comes first, because the engine records into it."""

    data_dir: Path
    engine_address: str = "127.0.0.1:50051"
    store_address: str = "127.0.0.1:50052"
    record_address: str = "127.0.0.1:50053"
    engine_health_address: str = "127.0.0.1:50061"
    store_health_address: str = "127.0.0.1:50062"
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        settings = {
            "TAPEDECK_DATA_DIR": str(self.data_dir),
            "TAPEDECK_ENGINE_ADDRESS": self.engine_address,
            "TAPEDECK_STORE_ADDRESS": self.store_address,
            "TAPEDECK_RECORD_ADDRESS": self.record_address,
            "TAPEDECK_ENGINE_HEALTH_ADDRESS": self.engine_health_address,
            "TAPEDECK_STORE_HEALTH_ADDRESS": self.store_health_address,
            "TAPEDECK_ENGINE_TARGET": self.engine_address,
            "TAPEDECK_STORE_TARGET": self.store_address,
            "TAPEDECK_RECORD_TARGET": self.record_address,
            **self.environment,
        }
        self.store = Service("store_service", settings, self.data_dir / "logs" / "store.log")
        self.engine = Service("engine_service", settings, self.data_dir / "logs" / "engine.log")

    def ingest_sample(self) -> None:
        """Make the `wiki` dataset, unless it is there."""
        if not (self.data_dir / "datasets" / "wiki").exists():
            environment = {**os.environ, "TAPEDECK_DATA_DIR": str(self.data_dir)}
            subprocess.run([sys.executable, "-m", "engine_service", "ingest", "wiki"], check=True, env=environment)


@contextlib.contextmanager
def running(pair: Pair) -> Iterator[Pair]:
    """The pair, running; stopped on the way out, whatever happens."""
    pair.ingest_sample()
    with contextlib.ExitStack() as stack:  # goes on to the store when somebody interrupts the stopping of the engine
        stack.callback(pair.store.stop)
        pair.store.start()
        stack.callback(pair.engine.stop)
        pair.engine.start()
        yield pair


def interrupt_when_terminated() -> None:
    """Let SIGTERM and a closed terminal do what Ctrl-C does: stop what was started."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup wants it
            signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))


def default_data_dir() -> Path:
    """Where `make up` and `make demo` keep everything."""
    return Path(os.environ.get("TAPEDECK_DATA_DIR", ".tapedeck")).absolute()


def up() -> int:
    """Serve until Ctrl-C or SIGTERM."""
    interrupt_when_terminated()
    try:
        with running(Pair(default_data_dir())) as pair:
            print(f"engine  {pair.engine_address}   EngineService")
            print(f"store   {pair.store_address}   StoreService")
            print(f"record  {pair.record_address}   RecordService (engines only)")
            print(f"logs    {pair.data_dir / 'logs'}")
            print("Ctrl-C stops the pair.", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        print("stopped")
    except (RuntimeError, subprocess.CalledProcessError) as error:
        print(f"can't start: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    if sys.argv[1:] != ["up"]:
        sys.exit("usage: python -m deploy.local up")
    sys.exit(up())
