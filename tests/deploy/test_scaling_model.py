"""docs/scaling.md says what its sums give, of figures that were measured and of what the chart has."""

import math

import pytest

from scripts import scaling_model
from scripts.scaling_model import KINDS, first_minutes, jobs, notices_s, with_tables
from tests.deploy.autoscaler import Scaling
from tests.deploy.charts import of_krai, scaled_object
from tests.guard.source import ROOT

MEASURED = (ROOT / "docs" / "performance.md").read_text()
PAGE = scaling_model.PAGE.read_text()


def test_the_tables_are_up_to_date() -> None:
    assert with_tables(PAGE) == PAGE, "run `make settings`"


def test_an_old_table_is_found() -> None:
    old = PAGE.replace("| 167 |", "| 168 |")
    assert old != PAGE == with_tables(old)


def test_what_goes_in_was_measured() -> None:
    assert f"children {scaling_model.CHILDREN_MS}, worker {scaling_model.WORKER_MS}," in MEASURED
    assert f"| a small export: Firestore writes, reads, messages published, pulled, acked | {scaling_model.WRITES}, " in MEASURED
    assert f"| 5 M | {scaling_model.IMPORT_5_M_S} s |" in MEASURED
    assert f"| 50 M | {scaling_model.IMPORT_50_M_S} s |" in MEASURED


def test_the_page_says_what_goes_in() -> None:
    assert f"| {scaling_model.CHILDREN_MS} ms in the child, {scaling_model.WORKER_MS} ms in the worker |" in PAGE
    assert f"| imports of 5 and of 50 M rows | {scaling_model.IMPORT_5_M_S} s, {scaling_model.IMPORT_50_M_S} s |" in PAGE


def test_what_goes_in_is_the_charts() -> None:
    scaling = Scaling.read(scaled_object("prometheus"))
    assert (scaling.target, scaling.polling_s) == (scaling_model.PER_WORKER, scaling_model.POLLING_S)
    (worker,) = of_krai("Deployment", "krai-worker")["spec"]["template"]["spec"]["containers"]
    assert {"name": "KRAI_SLOTS", "value": str(scaling_model.SLOTS)} in worker["env"]
    assert worker["resources"]["requests"]["cpu"] == f"{scaling_model.CORES:g}"


def test_the_words_have_the_same_sums() -> None:
    late = scaling_model.burst(notices_s(by_cloud_monitoring=True, node=True))
    said = f"{late:,.0f} ÷ {KINDS[0].a_second:.1f} = {late / KINDS[0].a_second:.0f} s"
    assert said in PAGE
    assert f"Beyond {scaling_model.FIRESTORE_JOBS:.0f} jobs a second" in PAGE


def test_sums_by_hand() -> None:
    small, _, large = KINDS
    assert jobs(small, 3) == pytest.approx(3 * 2 / 0.3)
    assert jobs(small, 1000) == pytest.approx(500 / 3)
    assert jobs(large, 1) == pytest.approx(1 / 14.1)
    assert first_minutes(500 / 6) == 0
    assert first_minutes(500 / 3) == 5 * math.ceil(math.log(2) / math.log(1.5))
    assert notices_s(by_cloud_monitoring=True, node=True) == 60 + 120 + 15 + 15 + 10
    assert notices_s(by_cloud_monitoring=False, node=False) == 15 + 15 + 15 + 10 + 90
