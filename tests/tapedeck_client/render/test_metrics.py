"""Metrics for people."""

from __future__ import annotations

from google.protobuf.descriptor import FieldDescriptor

from tapedeck.v1.run_pb2 import Metrics
from tapedeck_client.render.metrics import METRICS, metric_label, metrics_by_group, write_metric
from tests.tapedeck_client.render.printed import printed
from tests.tapedeck_client.services import METRICS as SOME_METRICS


def test_every_numeric_metric_of_the_contract_is_shown() -> None:
    numeric = {field.name for field in Metrics.DESCRIPTOR.fields if field.type != FieldDescriptor.TYPE_STRING}
    assert set(METRICS) == numeric


def test_metrics_are_grouped_and_undefined_ones_have_a_dash() -> None:
    shown = printed(metrics_by_group(SOME_METRICS))
    for words in ("Return", "Risk", "Trades", "Exposure", "150,000.50", "-30.00%", "-5.12%", "1.250", "–"):
        assert words in shown
    assert "nan" not in shown


def test_the_deepest_fall_is_dated() -> None:
    assert "from 2005-01-04 to 2005-01-05, not recovered" in printed(metrics_by_group(SOME_METRICS))
    recovered = Metrics(max_drawdown_valley_date="2005-01-05", max_drawdown_recovery_date="2006-01-05")
    assert "from the start to 2005-01-05, recovered on 2006-01-05" in printed(metrics_by_group(recovered))


def test_the_best_and_the_worst_session_are_dated() -> None:
    metrics = Metrics(best_session_date="2005-01-04", worst_session_date="2005-01-05")
    assert "Best session 2005-01-04, worst session 2005-01-05." in printed(metrics_by_group(metrics))


def test_a_metric_of_a_newer_contract_is_shown_by_its_name() -> None:
    assert (metric_label("omega_ratio"), write_metric("omega_ratio", 1.5).plain) == ("omega_ratio", "1.500")
    assert (metric_label("pnl"), write_metric("pnl", 1.5).plain) == ("Profit and loss", "1.50")
