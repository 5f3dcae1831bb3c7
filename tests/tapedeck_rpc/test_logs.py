"""Logging of a process: what it writes to standard error."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
import logging, structlog
from tapedeck_rpc.logs import configure_logging

configure_logging({level!r}, json={as_json!r})
log = structlog.get_logger("kitchen")
with structlog.contextvars.bound_contextvars(request_id="order-17"):
    log.debug("chopping")
    log.info("cooking", recipe="süße Suppe", pot=object)
    logging.getLogger("library").warning("hot %s", "plate")
    password = "local_variable"
    try:
        raise ValueError("burnt")
    except ValueError:
        log.exception("broke")
"""


def written(level: str = "INFO", *, as_json: bool | None = True) -> str:
    program = [sys.executable, "-c", PROGRAM.format(level=level, as_json=as_json)]
    done = subprocess.run(program, check=True, capture_output=True, text=True, encoding="utf-8")
    assert done.stdout == ""
    return done.stderr


@pytest.mark.parametrize("as_json", [True, None], ids=["asked for", "not a terminal"])
def test_in_production_every_line_is_a_json_object(as_json: bool | None) -> None:
    lines = [json.loads(line) for line in written(as_json=as_json).splitlines()]
    assert [(line["event"], line["level"]) for line in lines] == [("cooking", "info"), ("hot plate", "warning"), ("broke", "error")]
    assert {line["request_id"] for line in lines} == {"order-17"}
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert lines[0]["recipe"] == "süße Suppe"
    assert "ValueError: burnt" in lines[2]["exception"]


def test_on_a_terminal_lines_are_for_reading() -> None:
    text = written(as_json=False)
    assert "local_variable" not in text
    assert "cooking" in text
    assert "order-17" in text
    assert "ValueError: burnt" in text
    with pytest.raises(json.JSONDecodeError):
        json.loads(text.splitlines()[0])


@pytest.mark.parametrize(("level", "events"), [("DEBUG", 4), ("WARNING", 2), ("ERROR", 1)])
def test_lines_below_the_level_are_not_written(level: str, events: int) -> None:
    assert len(written(level).splitlines()) == events


def test_configuring_again_writes_every_line_once() -> None:
    program = "\n".join(
        [
            "import logging",
            "from tapedeck_rpc.logs import configure_logging",
            "configure_logging(json=True)",
            "configure_logging(json=True)",
            "logging.getLogger('library').warning('hot')",
        ]
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert len(done.stderr.splitlines()) == 1
