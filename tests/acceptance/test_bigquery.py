"""Datasets in BigQuery: what goes in comes out, once, whoever dies on the way."""

import signal
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest

from krai.warehouse.bigquery import names
from krai.warehouse.bigquery.jobs import Jobs
from tests.acceptance.deployment import embedded
from tests.acceptance.house import House, build
from tests.acceptance.krai_process import QUICK
from tests.acceptance.ledger import queues_end_empty
from tests.acceptance.ways import upserts_undos_filters_and_moments
from tests.bigquery_proxy import BigQueryProxy
from tests.contract.warehouses import BigQueryDataset, dataset

ROWS = 2_000


@pytest.fixture(scope="module")
def place(bigquery: BigQueryProxy) -> Iterator[BigQueryDataset]:
    with pytest.MonkeyPatch.context() as patch:
        yield dataset(bigquery, patch)


@pytest.fixture(scope="module")
def house(place: BigQueryDataset, bigquery: BigQueryProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    there = {"KRAI_WAREHOUSE_URL": place.url, "BIGQUERY_EMULATOR_HOST": bigquery.url, "KRAI_SAMPLES": "off"}
    with embedded(tmp_path_factory.mktemp("krai") / "data", QUICK | there) as deployment:
        yield build(deployment, rows=ROWS)
        queues_end_empty(deployment)


def commits_are_those_of(jobs: Jobs, dataset: str, job_id: str) -> None:
    """One, and nothing of an attempt is left."""
    query = f"SELECT job_id, row_count FROM {jobs.named(names.commits(dataset))} WHERE job_id IS NOT NULL"  # noqa: S608 (krai names it)
    assert [(row["job_id"], row["row_count"]) for row in jobs.ask(query)] == [(job_id, ROWS)]
    made = [made for table in jobs.tables() if (made := names.Made.of(table)) and made.dataset == dataset]
    assert [table.kind for table in made] == ["rows"]


def test_what_goes_in_comes_out(house: House, place: BigQueryDataset) -> None:
    """And other programs see it."""
    job_id = house.krai.submit("imports", house.import_request("people_again"))
    house.import_is_whole(job_id)
    commits_are_those_of(place.jobs, "people_again", job_id)
    (row,) = place.jobs.ask(f"SELECT COUNT(*) AS n FROM {place.jobs.named('people_again')}")  # noqa: S608 (krai names it)
    assert row["n"] == ROWS


@pytest.mark.long
def test_upserts_undos_filters_and_moments(house: House) -> None:
    upserts_undos_filters_and_moments(house.krai)


@pytest.mark.long
def test_an_import_survives_a_death_after_its_commit(house: House, place: BigQueryDataset) -> None:
    name = "after_commit"
    house.start(KRAI_FAIL=name)
    request = house.import_request(f"dies_{name}")
    with suppress(httpx.TransportError):
        house.krai.submit("imports", request, key=name)
    assert house.deployment.dies_at(name).wait_until_dead(within_s=60) == -signal.SIGKILL, "the failpoint was not reached"
    house.start()
    job_id = house.krai.submit("imports", request, key=name)
    house.import_is_whole(job_id)
    commits_are_those_of(place.jobs, f"dies_{name}", job_id)
    house.is_clean()
