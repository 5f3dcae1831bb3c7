"""create-runs, create-sweep: what is sent, what is shown, what is refused before anything is sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tapedeck.v1.run_pb2 import Metrics, RunSpec
from tapedeck.v1.transfer_service_pb2 import CreateSweepResponse, RunEntry
from tapedeck_rpc import errors
from tests.tapedeck_client.conftest import Tapedeck
from tests.tapedeck_client.services import RUN_ID, Store
from tests.tapedeck_client.sweep_story import SWEEP_ID

ENTRY = '{"spec": {"strategy": "mine"}, "note": "one\u2028two"}'
RANKED = {
    "create_time": "2026-03-01T12:00:00Z",
    "spec": {"strategy": "rule_stack", "dataset": "wiki"},
    "results": [{"symbol": "GOOG", "parameters": {"entry": ["rsi_below(14,30)"]}, "metrics": {"win_rate": 0.6}, "edge_score": 0.7}],
}


def test_create_runs_sends_all_lines_at_once(tapedeck: Tapedeck, store: Store, tmp_path: Path) -> None:
    path = tmp_path / "entries.jsonl"
    path.write_text(f"{ENTRY}\n\n{ENTRY}\n{ENTRY}\n")
    assert tapedeck("create-runs", str(path)).stdout == "2 runs created, 1 were here already\n"
    (request,) = store.requests
    assert list(request.runs) == [RunEntry(spec=RunSpec(strategy="mine"), note="one\u2028two")] * 3


def test_create_runs_prints_the_ids_as_json(tapedeck: Tapedeck, store: Store) -> None:
    result = tapedeck("create-runs", "-", "--json", stdin=ENTRY)
    assert json.loads(result.stdout) == {"runs": [{"run_id": RUN_ID, "created": True}]}


def test_no_lines_are_no_error(tapedeck: Tapedeck, store: Store) -> None:
    assert tapedeck("create-runs", "-", stdin="").stdout == "0 runs created, 0 were here already\n"


def test_create_sweep_sends_the_request(tapedeck: Tapedeck, store: Store, tmp_path: Path) -> None:
    path = tmp_path / "ranked.json"
    path.write_text(json.dumps(RANKED))
    assert tapedeck("create-sweep", str(path)).stdout == f"sweep {SWEEP_ID} created: 1 result\n"
    store.created_sweep.created = False
    assert tapedeck("create-sweep", str(path)).stdout == f"sweep {SWEEP_ID} was here already: 1 result\n"
    (result,) = store.requests[0].results
    assert (result.symbol, result.metrics, result.edge_score) == ("GOOG", Metrics(win_rate=0.6), 0.7)
    assert list(result.parameters["entry"]) == ["rsi_below(14,30)"]


def test_create_sweep_prints_the_answer_as_json(tapedeck: Tapedeck, store: Store) -> None:
    result = tapedeck("create-sweep", "-", "--json", stdin=json.dumps(RANKED))
    assert json.loads(result.stdout) == {"sweep_id": SWEEP_ID, "created": True}


def test_a_sweep_without_results_is_none(tapedeck: Tapedeck, store: Store) -> None:
    store.created_sweep = CreateSweepResponse()
    assert tapedeck("create-sweep", "-", stdin="{}").stdout == "there are no results, so nothing was saved\n"


@pytest.mark.parametrize(
    ("command", "content", "words"),
    [
        ("create-runs", ENTRY.encode() + b'\n{"specs": 1}', "line 2 of"),
        ("create-runs", b"no", "is no RunEntry as JSON"),
        ("create-sweep", b"[1]", "is no CreateSweepRequest as JSON"),
        ("create-sweep", b"[" * 100_000, "is no CreateSweepRequest as JSON"),
        ("create-sweep", b"\xff", "is no text in UTF-8"),
    ],
)
def test_what_is_no_json_of_the_contract_is_refused_before_it_is_sent(
    tapedeck: Tapedeck, store: Store, tmp_path: Path, command: str, content: bytes, words: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    result = tapedeck(command, str(path))
    assert (result.exit_code, words in result.stderr, store.requests) == (2, True, []), result.stderr


def test_everything_that_the_store_refuses_is_listed(tapedeck: Tapedeck, store: Store) -> None:
    violations = [errors.Violation("results[0].metrics.win_rate", "is nan"), errors.Violation("spec.dataset", "must not be empty")]
    store.plans = [(0, errors.InvalidArgument(violations=violations))]
    result = tapedeck("create-sweep", "-", stdin=json.dumps(RANKED))
    assert result.exit_code == 1
    assert result.stderr.splitlines()[1:] == ["  results[0].metrics.win_rate: is nan", "  spec.dataset: must not be empty"]
