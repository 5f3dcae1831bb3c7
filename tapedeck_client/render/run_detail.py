"""One run in detail: its error first, then what it is, what was asked, what came out."""

from __future__ import annotations

import json
from collections.abc import Iterator

from google.protobuf.json_format import MessageToDict
from rich.console import Group, RenderableType
from rich.syntax import Syntax
from rich.text import Text

from tapedeck.v1.run_pb2 import Provenance, Run, RunError, RunSpec, RunState
from tapedeck_client.render.metrics import metric_label, metrics_by_group, write_metric
from tapedeck_client.render.replay import verdict_line
from tapedeck_client.render.tables import facts
from tapedeck_client.render.text import as_json, count, instant, labels, plain, seconds, state_text


def run_detail(run: Run) -> RenderableType:
    """Everything the store says of a run."""
    parts: list[RenderableType] = []
    if run.HasField("error"):
        parts += [run_error(run.state, run.error), Text("")]
    parts += [facts(_fact_rows(run)), *_json_block("Spec", _without_parameters(run.spec))]
    parts += _json_block("Parameters", _whole_numbers(MessageToDict(run.spec.parameters)))
    if run.HasField("metrics"):
        parts += [Text(""), metrics_by_group(run.metrics)]
    if run.flags:
        parts += [_implausible(run)]
    if run.HasField("provenance"):
        parts += [Text(""), _provenance(run.provenance)]
    return Group(*parts)


def run_error(state: RunState, error: RunError) -> Text:
    """Why a run ended without a result, in a line."""
    where = f" (session {error.session_date})" if error.session_date else ""
    word = "CANCELLED" if state == RunState.RUN_STATE_CANCELLED else "FAILED"
    return Text.assemble((f"{word} ({plain(error.reason)})", "bold red"), f": {plain(error.message + where)}")


def _implausible(run: Run) -> Text:
    """The values that are hardly true, in a line."""
    values = Text(", ").join(
        Text.assemble(f"{metric_label(flag)} ", write_metric(flag, getattr(run.metrics, flag, None)).plain) for flag in run.flags
    )
    return Text.assemble(("Implausible", "bold yellow"), ": ", values, ". Look at the data before you trust the run.")


def _fact_rows(run: Run) -> Iterator[tuple[str, RenderableType]]:
    yield "Run", Text(plain(run.run_id), style="bold")
    yield "State", state_text(run.state)
    yield "Created (UTC)", instant(run.create_time)
    if run.HasField("finish_time"):
        yield "Finished (UTC)", instant(run.finish_time)
        yield "Duration", seconds(run.execution_seconds)
    yield "Sessions", Text.assemble(count(run.sessions_recorded), " recorded of ", count(run.session_count))
    if run.engine_kind or run.provenance.engine_kind:
        yield "Engine", plain(run.engine_kind or run.provenance.engine_kind)
    if run.iteration:
        version = f" of strategy version {plain(run.strategy_version)}" if run.strategy_version else ""
        yield "Iteration", f"{run.iteration:,}{version}"
    if run.labels:
        yield "Labels", labels(run.labels)
    if run.note:
        yield "Note", plain(run.note)
    if run.HasField("delete_time"):
        yield "Deleted (UTC)", f"{instant(run.delete_time)}, removed for good from {instant(run.purge_time)} on"
    if run.HasField("sweep"):
        yield "Made of", f"result {run.sweep.number:,} of sweep {plain(run.sweep.sweep_id)}"
    if run.HasField("replay"):
        yield "Replay of", plain(run.replay.original_run_id)
        if run.replay.overridden_fields:
            yield "Overridden", plain(", ".join(run.replay.overridden_fields))
    if run.HasField("verdict"):
        yield "Verdict", verdict_line(run.verdict)
    if run.result_digest:
        yield "Result digest", plain(run.result_digest)


def _without_parameters(spec: RunSpec) -> dict[str, object]:
    written = as_json(spec)
    written.pop("parameters", None)
    return written


def _whole_numbers(value: object) -> object:
    """A Struct knows neither integers nor an order: 10.0 is shown as the 10 it was written as, and keys are sorted."""
    if isinstance(value, dict):
        return {key: _whole_numbers(inner) for key, inner in sorted(value.items())}
    if isinstance(value, list):
        return [_whole_numbers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _json_block(title: str, value: object) -> list[RenderableType]:
    if not value:
        return []
    code = json.dumps(value, indent=2, ensure_ascii=False)
    return [Text(""), Text(title, style="bold"), Syntax(plain(code), "json", theme="ansi_dark", background_color="default", word_wrap=True)]


def _provenance(provenance: Provenance) -> Group:
    versions = ", ".join(f"{name} {version}" for name, version in sorted(provenance.versions.items()))
    lines = [
        f"{provenance.strategy_import_path} {provenance.strategy_version} on {provenance.engine_kind} {provenance.engine_version}",
        f"dataset version {provenance.dataset_fingerprint}, calendar {provenance.calendar}",
        versions,
        provenance.platform,
    ]
    return Group(Text("Produced by", style="bold"), *(Text(plain(line), style="dim") for line in lines if line.strip()))
