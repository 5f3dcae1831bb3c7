"""The whole way: client -> engine -> worker -> store -> PostgreSQL and back, both services as real processes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from google.protobuf import json_format

from deploy.local import Pair
from tapedeck.v1 import run_pb2, store_service_pb2
from tapedeck_client import TapedeckClient
from tapedeck_client.cli import cli
from tapedeck_rpc import errors

GRPCURL = Path(sys.executable).parent / "grpcurl"


def spec(strategy: str = "sma_crossover", symbol: str = "GOOG", **parameters: float) -> run_pb2.RunSpec:
    made = run_pb2.RunSpec(strategy=strategy, dataset="wiki", symbols=[symbol], start_date="2006-01-03", end_date="2007-12-31")
    made.parameters.update(parameters)
    return made


def run(client: TapedeckClient, asked: run_pb2.RunSpec, **options: object) -> list[run_pb2.RunEvent]:
    return [answer.event for answer in client.run(asked, **options)]  # type: ignore[arg-type]


def grpcurl(address: str, method: str, request: dict[str, object]) -> tuple[int, str, str]:
    done = subprocess.run(
        [GRPCURL, "-plaintext", "-d", json.dumps(request), address, f"tapedeck.v1.{method}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_run_is_streamed_recorded_and_watched_as_the_same_events(client: TapedeckClient) -> None:
    live = run(client, spec(fast=10, slow=30), labels={"team": "alpha"})
    assert [event.sequence for event in live] == list(range(1, len(live) + 1))
    assert live[0].started.spec.parameters["fast"] == 10
    assert live[-1].finished.state == run_pb2.RUN_STATE_SUCCEEDED
    assert live[-1].finished.recorded
    run_id = live[0].started.run_id
    assert [answer.event for answer in client.watch(run_id)] == live
    assert [answer.event.sequence for answer in client.watch(run_id, 3)] == list(range(3, len(live) + 1))
    stored = client.get(run_id)
    assert stored.state == run_pb2.RUN_STATE_SUCCEEDED
    assert stored.metrics == live[-1].finished.metrics
    assert stored.labels == {"team": "alpha"}
    assert stored.sessions_recorded == stored.session_count == sum(len(event.sessions.session_dates) for event in live)


def test_the_parts_of_a_run_are_those_that_were_streamed_and_its_deepest_drawdown_is_the_metric(client: TapedeckClient, pair: Pair) -> None:
    live = run(client, spec(fast=10, slow=30))
    run_id, whole = live[0].started.run_id, run_pb2.SessionBatch()
    for event in live:
        whole.MergeFrom(event.sessions)
    whole.ClearField("mark_prices")
    messages = list(client.read(run_id))
    read = run_pb2.SessionBatch()
    for message in messages:
        read.MergeFrom(message.sessions)
    finished = live[-1].finished
    assert read == whole
    assert [trip for message in messages for trip in message.round_trips] == list(finished.round_trips)
    assert min(fall for message in messages for fall in message.drawdowns) == finished.metrics.max_drawdown
    request: dict[str, object] = {"run_id": run_id, "parts": ["RUN_PART_FILLS"], "end_date": "2006-12-29"}
    code, output, _ = grpcurl(pair.store_address, "StoreService/ReadRun", request)
    assert code == 0
    assert len(json.loads(output)["sessions"]["fills"]) == len([fill for fill in whole.fills if fill.session_date < 20070000])


def test_grpcurl_and_the_command_line_show_the_same_run(client: TapedeckClient, pair: Pair) -> None:
    run_id = run(client, spec("buy_and_hold"))[0].started.run_id
    code, output, _ = grpcurl(pair.store_address, "StoreService/GetRun", {"run_id": run_id})
    assert code == 0
    seen = json.loads(output)["run"]
    command = [sys.executable, "-m", "tapedeck_client", "--engine-target", pair.engine_address, "--store-target", pair.store_address]
    shown = subprocess.run([*command, "show", run_id, "--json"], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(shown.stdout) == seen
    assert seen["run_id"] == run_id
    human = subprocess.run([*command, "show", run_id], capture_output=True, text=True, check=True, timeout=60).stdout
    assert run_id in human
    assert "buy_and_hold" in human


def test_grpcurl_runs_a_backtest_and_prints_the_details_of_an_error(pair: Pair) -> None:
    request: dict[str, object] = {
        "strategy": "sma_crossover",
        "parameters": {"fast": 10, "slow": 30},
        "dataset": "wiki",
        "symbols": ["GOOG"],
        "start_date": "2006-01-03",
        "end_date": "2006-12-29",
    }
    code, output, _ = grpcurl(pair.engine_address, "EngineService/RunBacktest", {"spec": request})
    assert code == 0
    assert '"run_id"' in output
    assert "RUN_STATE_SUCCEEDED" in output
    code, _, problem = grpcurl(pair.engine_address, "EngineService/RunBacktest", {"spec": {**request, "dataset": "no", "interval": "5m"}})
    assert code != 0
    assert "InvalidArgument" in problem
    assert "spec.dataset" in problem
    assert "INVALID_REQUEST" in problem


def test_an_empty_body_lists_the_newest_runs(client: TapedeckClient, pair: Pair) -> None:
    run_id = run(client, spec("buy_and_hold"))[0].started.run_id
    code, output, _ = grpcurl(pair.store_address, "StoreService/ListRuns", {})
    assert code == 0
    assert json.loads(output)["runs"][0]["run_id"] == run_id


def test_a_repeated_request_id_is_answered_with_the_run_it_made(client: TapedeckClient) -> None:
    first = run(client, spec(fast=5, slow=20), request_id="the-same")
    again = run(client, spec(fast=5, slow=20), request_id="the-same")
    assert first == again
    assert client.count(f'run_id = "{first[0].started.run_id}"') == 1
    with pytest.raises(errors.InvalidArgument) as raised:
        run(client, spec(fast=6, slow=20), request_id="the-same")
    assert raised.value.reason == "REQUEST_ID_REUSED"


def test_the_first_answer_names_earlier_runs_of_the_same_spec(client: TapedeckClient) -> None:
    asked = spec(fast=7, slow=21)
    earlier = run(client, asked)[0].started.run_id
    answer = next(iter(client.run(asked)))
    assert [each.run_id for each in answer.earlier_runs] == [earlier]


def test_a_spec_that_has_succeeded_is_refused_reused_or_run_again_as_the_caller_wants(client: TapedeckClient, pair: Pair) -> None:
    asked = spec(fast=8, slow=22)
    first = run(client, asked, duplicate_policy=run_pb2.DUPLICATE_POLICY_REFUSE)
    run_id = first[0].started.run_id
    with pytest.raises(errors.AlreadyExists) as raised:
        run(client, asked, duplicate_policy=run_pb2.DUPLICATE_POLICY_REFUSE)
    assert raised.value.reason == "DUPLICATE_RUN"
    assert raised.value.metadata == {"existing_run_id": run_id, "create_time": first[0].started.create_time.ToJsonString()}
    assert run(client, asked, duplicate_policy=run_pb2.DUPLICATE_POLICY_REUSE, save=False) == first
    written = json_format.MessageToDict(asked, preserving_proto_field_name=True)
    request: dict[str, object] = {"spec": written, "duplicate_policy": "DUPLICATE_POLICY_REFUSE"}
    code, _, problem = grpcurl(pair.engine_address, "EngineService/RunBacktest", request)
    assert code != 0
    for words in ("AlreadyExists", "DUPLICATE_RUN", run_id):
        assert words in problem
    assert client.count(f'spec_digest = "{first[0].started.spec_digest}"') == 1
    again = run(client, asked)
    assert again[0].started.run_id != run_id
    assert again[-1].finished.result_digest == first[-1].finished.result_digest


def test_the_command_line_stops_at_a_spec_that_has_succeeded_unless_it_is_forced(client: TapedeckClient, pair: Pair) -> None:
    run_id = run(client, spec(fast=9, slow=23))[0].started.run_id
    targets = ["--engine-target", pair.engine_address, "--store-target", pair.store_address]
    what = ["-s", "GOOG", "--start", "2006-01-03", "--end", "2007-12-31", "-p", "fast=9", "-p", "slow=23"]
    command = [sys.executable, "-m", "tapedeck_client", "run", "sma_crossover", *what, *targets]
    ends = [
        subprocess.run([*command, *how], capture_output=True, text=True, check=False, timeout=60) for how in ([], ["--reuse"], ["--force"])
    ]
    assert [end.returncode for end in ends] == [3, 0, 0]
    assert run_id in ends[0].stderr
    assert ends[1].stdout.splitlines()[-1] == f"{run_id} recorded"
    assert f"the same spec ran before: {run_id[-8:]}" in ends[2].stdout


def test_runs_that_are_like_another_one_are_found_and_say_what_differs(client: TapedeckClient, pair: Pair) -> None:
    first, shorter = spec("momentum"), spec("momentum")
    shorter.end_date = "2007-06-29"
    recorded = [run(client, asked)[0].started.run_id for asked in (first, shorter, first)]
    answer = client.similar(recorded[2])
    assert [(each.run.run_id, each.same_digest) for each in answer.runs] == [(recorded[0], True), (recorded[1], False)]
    assert [(each.field, [value.string_value for value in each.values]) for each in answer.runs[1].differences] == [
        ("end_date", ["2007-12-31", "2007-06-29"])
    ]
    assert [each.same_digest for each in client.similar(first).runs] == [True, True, False]
    code, output, _ = grpcurl(pair.store_address, "StoreService/FindSimilarRuns", {"run_id": recorded[1], "page_size": 1})
    assert code == 0
    assert json.loads(output)["runs"][0]["run"]["run_id"] == recorded[2]


def test_every_violation_is_named_at_once_and_no_run_is_made(client: TapedeckClient) -> None:
    before = client.count()
    wrong = spec(fast=30, slow=10)
    wrong.symbols[:] = ["GOOG", "NOPE", "GOOG"]
    wrong.start_date, wrong.end_date = "2006-01-01", "later"
    wrong.capital_base = -1
    wrong.slippage.volume_share.volume_limit = 0
    wrong.interval = "5m"
    wrong.benchmark_symbol = "SPX"
    with pytest.raises(errors.InvalidArgument) as raised:
        run(client, wrong)
    fields = {violation.field for violation in raised.value.violations}
    assert {
        "spec.parameters",
        "spec.symbols",
        "spec.start_date",
        "spec.end_date",
        "spec.capital_base",
        "spec.slippage.volume_share.volume_limit",
        "spec.interval",
        "spec.benchmark_symbol",
    } <= fields
    assert client.count() == before


def test_an_unsaved_run_leaves_nothing_behind(client: TapedeckClient) -> None:
    before = client.count()
    events = run(client, spec("buy_and_hold"), save=False)
    assert events[-1].finished.state == run_pb2.RUN_STATE_SUCCEEDED
    assert not events[-1].finished.recorded
    assert "not to be saved" in events[-1].finished.not_recorded_reason
    assert client.count() == before


def test_a_strategy_that_raises_ends_the_run_failed_with_its_text_and_session(client: TapedeckClient) -> None:
    events = run(client, spec("raises_in_session", session_number=200))
    error = events[-1].finished.error
    assert events[-1].finished.state == run_pb2.RUN_STATE_FAILED
    assert error.reason == "STRATEGY_FAILED"
    assert error.session_date.startswith("2006-")
    stored = client.get(events[0].started.run_id)
    assert stored.state == run_pb2.RUN_STATE_FAILED
    assert stored.error == error
    assert stored.sessions_recorded > 0
    assert not stored.HasField("metrics")


def test_a_strategy_that_peeks_is_refused(client: TapedeckClient) -> None:
    finished = run(client, spec("peeks"))[-1].finished
    assert (finished.state, finished.error.reason) == (run_pb2.RUN_STATE_FAILED, "LOOK_AHEAD")


def test_a_run_that_takes_too_long_is_ended_and_keeps_what_it_had(client: TapedeckClient) -> None:
    slow = spec("slow", seconds_per_session=0.02)
    slow.timeout_seconds = 5
    events = run(client, slow)
    assert (events[-1].finished.state, events[-1].finished.error.reason) == (run_pb2.RUN_STATE_FAILED, "RUN_TIMEOUT")
    assert client.get(events[0].started.run_id).sessions_recorded > 0


def test_a_run_that_ignores_its_limit_is_killed(client: TapedeckClient) -> None:
    stubborn = spec("swallows")
    stubborn.timeout_seconds = 2
    finished = run(client, stubborn)[-1].finished
    assert (finished.state, finished.error.reason) == (run_pb2.RUN_STATE_FAILED, "RUN_TIMEOUT")


def test_a_cancelled_run_keeps_what_it_had(client: TapedeckClient) -> None:
    events: list[run_pb2.RunEvent] = []
    for answer in client.run(spec("slow", seconds_per_session=0.01)):
        is_second = len(events) == 1
        events.append(answer.event)
        if is_second:  # only then: it may have ended before the next one is seen
            client.cancel(events[0].started.run_id)
    assert events[-1].finished.state == run_pb2.RUN_STATE_CANCELLED
    stored = client.get(events[0].started.run_id)
    assert stored.state == run_pb2.RUN_STATE_CANCELLED
    assert 0 < stored.sessions_recorded < stored.session_count


def test_a_run_that_ended_can_not_be_cancelled_and_an_unknown_one_is_not_found(client: TapedeckClient) -> None:
    run_id = run(client, spec("buy_and_hold"))[0].started.run_id
    with pytest.raises(errors.FailedPrecondition) as ended:
        client.cancel(run_id)
    assert ended.value.reason == "RUN_TERMINAL"
    with pytest.raises(errors.NotFound):
        client.cancel("01900000-0000-7000-8000-000000000000")
    with pytest.raises(errors.InvalidArgument):
        client.cancel("nonsense")


def test_a_replay_proves_the_run(client: TapedeckClient) -> None:
    original = run(client, spec(fast=10, slow=30))[0].started.run_id
    answers = list(client.replay(original))
    verdict = answers[-1].verdict
    assert verdict.outcome == run_pb2.ReplayVerdict.OUTCOME_IDENTICAL
    assert verdict.original_run_id == original
    assert verdict.run_id == answers[0].event.started.run_id != original
    stored = client.get(verdict.run_id)
    assert stored.replay.original_run_id == original
    assert stored.verdict == verdict
    assert stored.result_digest == client.get(original).result_digest


def test_a_replay_with_overrides_runs_the_changed_spec_and_says_so(client: TapedeckClient) -> None:
    original = run(client, spec(fast=10, slow=30))[0].started.run_id
    overrides = store_service_pb2.RunOverrides(end_date="2006-12-29")
    overrides.parameters.update({"fast": 5})
    verdict = list(client.replay(original, overrides))[-1].verdict
    assert verdict.outcome == run_pb2.ReplayVerdict.OUTCOME_OVERRIDDEN
    assert sorted(verdict.overridden_fields) == ["end_date", "parameters.fast"]
    changed = client.get(verdict.run_id).spec
    assert (changed.end_date, changed.parameters["fast"], changed.parameters["slow"]) == ("2006-12-29", 5, 30)


def test_a_run_is_labelled_annotated_deleted_and_brought_back(client: TapedeckClient, pair: Pair) -> None:
    asked = spec(fast=11, slow=33)
    run_id = run(client, asked, labels={"team": "alpha"})[0].started.run_id
    seen = client.get(run_id)
    change: dict[str, object] = {"run_id": run_id, "note": "best of March", "etag": seen.etag}
    change |= {"set_labels": {"stage": "paper"}, "remove_labels": ["team"]}
    code, output, _ = grpcurl(pair.store_address, "StoreService/UpdateRun", change)
    assert (code, json.loads(output)["run"]["labels"]) == (0, {"stage": "paper"})
    assert [found.run_id for found in client.list_all('note:"BEST" AND labels.stage = paper')] == [run_id]
    code, _, problem = grpcurl(pair.store_address, "StoreService/UpdateRun", {**change, "note": "worst of March"})
    assert (code != 0, "Aborted" in problem, "ETAG_MISMATCH" in problem) == (True, True, True)

    command = [sys.executable, "-m", "tapedeck_client", "--engine-target", pair.engine_address, "--store-target", pair.store_address]
    deleting = [*command, "delete", "--filter", 'note:"best"', "--yes", "--json"]
    deleted = json.loads(subprocess.run(deleting, capture_output=True, text=True, check=True, timeout=60).stdout)
    assert deleted["run_ids"] == [run_id]
    assert client.count(f"run_id = {run_id}") == 0
    assert client.get(run_id).purge_time.ToJsonString() == deleted["purge_time"]
    assert not next(iter(client.run(asked))).earlier_runs
    with pytest.raises(errors.FailedPrecondition, match="undelete it first"):
        list(client.replay(run_id))

    code, _, _ = grpcurl(pair.store_address, "StoreService/UndeleteRun", {"run_id": run_id})
    assert (code, client.count(f"run_id = {run_id}"), client.get(run_id).note) == (0, 1, "best of March")


def test_results_made_elsewhere_are_saved_exported_and_known_when_they_are_imported(pair: Pair, tmp_path: Path) -> None:
    asked = {"strategy": "notebook", "dataset": "mine", "symbols": ["GOOG"], "start_date": "2010-01-04", "end_date": "2010-12-31"}
    curve = {"session_dates": [20100104, 20100105], "portfolio_values": [100_000, 100_100.1]}
    told = {"metrics": {"sharpe_ratio": 1.5}, "sessions": [curve], "labels": {"from": "elsewhere"}}
    entry = {"create_time": "2026-03-01T12:00:00Z", "spec": asked, **told}
    answers = [grpcurl(pair.store_address, "TransferService/BatchCreateRuns", {"runs": [entry]}) for _ in range(2)]
    (first,), (again,) = (json.loads(output)["runs"] for _, output, _ in answers)
    assert (first, again) == ({"run_id": first["run_id"], "created": True}, {"run_id": first["run_id"]})

    command = [sys.executable, "-m", "tapedeck_client", "--store-target", pair.store_address]
    path = tmp_path / "runs.jsonl"
    exporting = [*command, "export", "--filter", "labels.from = elsewhere", "--out", str(path)]
    subprocess.run(exporting, capture_output=True, check=True, timeout=60)
    header, line = map(json.loads, path.read_text().splitlines())
    assert (header["run_count"], line["events"][1]["sessions"]["portfolio_values"]) == (1, [100_000, 100_100.1])
    imported = subprocess.run([*command, "import", str(path), "--json"], capture_output=True, text=True, check=True, timeout=60)
    (taken,) = json.loads(imported.stdout)["runs"]
    assert (taken["original_run_id"], taken["run_id"], taken.get("added", False)) == (first["run_id"], first["run_id"], False)


def test_the_engine_describes_what_it_can_run(client: TapedeckClient) -> None:
    strategies = {strategy.name: strategy for strategy in client.strategies().strategies}
    built_in = {"buy_and_hold", "sma_crossover", "rsi_mean_reversion", "momentum", "bollinger_bands", "cross_sectional_momentum"}
    assert built_in <= set(strategies)
    fast = next(parameter for parameter in strategies["sma_crossover"].parameters if parameter.name == "fast")
    assert fast.type == "integer"
    assert fast.doc
    assert fast.HasField("default_value")
    (wiki,) = client.datasets().datasets
    coverage = {symbol.symbol: symbol for symbol in wiki.symbols}
    assert coverage["GOOG"].start_date == "2004-08-19"
    assert coverage["AAPL"].split_count == 2
    assert all(symbol.auto_close_date for symbol in wiki.symbols)


def test_a_full_queue_answers_at_once_with_a_time_to_try_again(client: TapedeckClient, pair: Pair) -> None:
    """Every worker and every place in the queue taken: the next caller hears so, and the others end well."""
    limit = 2 + 32
    started = []
    try:
        for _ in range(limit):
            answers = client.run(spec("slow", seconds_per_session=0.05))
            started.append((next(iter(answers)).event.started.run_id, answers))
        with pytest.raises(errors.ResourceExhausted) as raised:
            next(iter(client.run(spec("buy_and_hold"))))
        assert raised.value.reason == "QUEUE_FULL"
        assert raised.value.retry_after_seconds
    finally:
        for run_id, _ in started:
            client.cancel(run_id)
        ends = [list(answers)[-1].event.finished.state for _, answers in started]
    assert ends == [run_pb2.RUN_STATE_CANCELLED] * limit


def test_the_engines_server_process_never_loads_what_its_workers_compute_with(client: TapedeckClient, pair: Pair) -> None:
    assert run(client, spec("buy_and_hold"))[-1].finished.state == run_pb2.RUN_STATE_SUCCEEDED
    loaded = Path(f"/proc/{pair.engine.pid}/maps").read_text()
    assert "/grpc/" in loaded
    assert not [name for name in ("/zipline/", "/pandas/", "/numba/") if name in loaded]


def test_a_run_is_drawn_on_the_terminal_on_a_page_and_beside_another(client: TapedeckClient, pair: Pair, tmp_path: Path) -> None:
    asked = spec(fast=12, slow=34)
    asked.benchmark_symbol = "IBM"
    run_ids = [run(client, each)[0].started.run_id for each in (asked, spec("buy_and_hold", "IBM"))]
    before = client.count()

    def tapedeck(*arguments: str) -> str:
        targets = ["--engine-target", pair.engine_address, "--store-target", pair.store_address]
        result = CliRunner().invoke(cli, [*targets, *arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    shown = tapedeck("show", run_ids[0])
    assert "Portfolio value" in shown
    assert shown.rstrip().endswith("2007-12-31")
    pages = [tmp_path / "first.html", tmp_path / "again.html"]
    for page in pages:
        tapedeck("report", run_ids[0], "--out", str(page))
    assert pages[0].read_bytes() == pages[1].read_bytes()
    assert "IBM, bought and held without costs" in pages[0].read_text()
    assert "502 common sessions" in tapedeck("compare", *run_ids, "--plot", str(tmp_path / "growth.png"))
    assert client.count() == before, "nothing is recorded by looking"


def test_a_run_is_an_iteration_of_its_strategys_version_and_carries_suggestions(client: TapedeckClient, pair: Pair) -> None:
    run_id = run(client, spec("momentum"))[0].started.run_id
    # The engine registers its strategies beside everything else; each look is a call, so this does not spin.
    deadline = time.monotonic() + 30
    while not (found := client.get(run_id)).strategy_version and time.monotonic() < deadline:
        pass
    version = client.get_strategy_version(found.strategy_version)
    assert (version.name, version.source_digest) == ("momentum", found.provenance.strategy_source_digest)
    assert "def signals" in version.source_code
    latest = list(client.strategy_version_runs(version.version_id))[-1]
    assert (latest.run_id, latest.iteration) == (run_id, version.iteration_count)
    command = ["--engine-target", pair.engine_address, "--store-target", pair.store_address]
    made = CliRunner().invoke(cli, [*command, "suggest", run_id, "Trade less", "--priority", "high"])
    assert (made.exit_code, made.stdout.splitlines()[0].rstrip()) == (0, "HIGH Trade less")
    code, output, _ = grpcurl(pair.store_address, "StrategyService/ListSuggestions", {"filter": f"run_id = {run_id}"})
    assert (code, [each["description"] for each in json.loads(output)["suggestions"]]) == (0, ["Trade less"])
    assert "def signals" in CliRunner().invoke(cli, [*command, "strategy-version", version.version_id]).stdout
