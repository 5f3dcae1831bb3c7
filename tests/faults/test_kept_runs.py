"""The store is away while somebody runs a strategy: what the command line kept is brought into the store when it is back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import json_format

from deploy.local import Pair
from tapedeck.v1.engine_service_pb2 import RunBacktestResponse
from tapedeck.v1.transfer_service_pb2 import ImportRunsResponse
from tests.fix_pair import client_of

WHAT = ("sma_crossover", "-s", "GOOG", "--start", "2006-01-03", "--end", "2007-12-31", "--label", "team=alpha")


@pytest.mark.faults
def test_a_run_that_was_kept_while_the_store_was_away_is_imported_once(own_pair: Pair, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "tapedeck_client",
        "--engine-target",
        own_pair.engine_address,
        "--store-target",
        own_pair.store_address,
    ]

    def tapedeck(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *arguments, "--json"], capture_output=True, text=True, check=True, timeout=60, cwd=tmp_path)

    own_pair.store.stop()
    shown = tapedeck("run", *WHAT, "--if-store-unavailable", "continue")
    events = [json_format.Parse(line, RunBacktestResponse()).event for line in shown.stdout.splitlines()]
    started, finished = events[0].started, events[-1].finished
    name = f"tapedeck-{started.run_id}.json"
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert f"not recorded: {finished.not_recorded_reason}. `tapedeck import {name}` records what is kept in that file" in shown.stderr

    own_pair.store.start()
    answers = [json.loads(tapedeck("import", name).stdout) for _ in range(2)]
    (first, again) = [json_format.ParseDict(answer, ImportRunsResponse()).runs[0] for answer in answers]
    assert (first.original_run_id, first.added, again.run_id, again.added) == (started.run_id, True, first.run_id, False)
    with client_of(own_pair) as client:
        run = client.get(first.run_id)
        assert (run.spec, run.metrics, dict(run.labels), run.provenance) == (
            *(started.spec, finished.metrics, {"team": "alpha"}),
            started.provenance,
        )
        assert (run.state, run.result_digest, run.create_time) == (finished.state, finished.result_digest, started.create_time)
        watched = [message.event for message in client.watch(first.run_id)]
        assert (watched[1:-1], watched[-1].finished.recorded) == (events[1:-1], True)
        assert list(watched[-1].finished.round_trips) == list(finished.round_trips)
        assert client.count() == 1
