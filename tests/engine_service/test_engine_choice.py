"""Which engine executes a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine_service.datasets import Catalogue
from engine_service.engine_choice import choose_engine
from engine_service.job import KERNEL, ZIPLINE
from engine_service.run_spec import Plan, plan
from engine_service.strategies import load_strategies
from tapedeck.v1 import run_pb2
from tapedeck_rpc import errors
from tests.fix_engine import ALLOWED

AUTO = run_pb2.ENGINE_CHOICE_AUTO
UNSPECIFIED = run_pb2.ENGINE_CHOICE_UNSPECIFIED


@pytest.fixture
def ready(data_dir: Path, plugin_path: Path, request: pytest.FixtureRequest) -> Plan:
    asked = run_pb2.RunSpec(strategy=request.param, dataset="wiki", symbols=["GOOG"], start_date="2006-01-03", end_date="2006-12-29")
    return plan(asked, load_strategies(ALLOWED), Catalogue(data_dir), run_timeout_seconds=60)


@pytest.mark.parametrize("ready", ["buy_and_hold"], indirect=True)
@pytest.mark.parametrize(("choice", "kind"), [(UNSPECIFIED, KERNEL), (AUTO, KERNEL), (run_pb2.ENGINE_CHOICE_ZIPLINE, ZIPLINE)])
def test_the_kernel_takes_what_is_in_its_domain_unless_zipline_is_wanted(ready: Plan, choice: run_pb2.EngineChoice, kind: str) -> None:
    assert choose_engine(choice, ready) == kind


@pytest.mark.parametrize("ready", ["endless"], indirect=True)
def test_what_is_outside_its_domain_goes_to_zipline_and_is_refused_when_only_the_kernel_will_do(ready: Plan) -> None:
    assert choose_engine(AUTO, ready) == ZIPLINE
    with pytest.raises(errors.FailedPrecondition, match="event-driven") as refused:
        choose_engine(run_pb2.ENGINE_CHOICE_KERNEL, ready)
    assert refused.value.reason == "OUTSIDE_KERNEL"
