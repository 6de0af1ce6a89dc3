"""Datasets in BigQuery, in both modes: what goes in comes out, once, whoever dies on the way."""

import signal
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest

from krai.warehouse.bigquery import names
from krai.warehouse.bigquery.jobs import Jobs
from scripts.emulators import Emulators
from tests.acceptance.deployment import embedded, gcp
from tests.acceptance.house import EXPORT, House, build
from tests.acceptance.krai_client import Json
from tests.acceptance.krai_process import QUICK
from tests.acceptance.ledger import queues_end_empty
from tests.acceptance.ways import upserts_undos_filters_and_moments
from tests.bigquery_proxy import BigQueryProxy
from tests.contract.warehouses import BigQueryDataset, dataset

ROWS = 2_000
AROUND_A_COMMIT = ["after_upload", "before_commit", "after_commit", "before_finish"]  # and after_stage, in mode gcp
IN_THE_GATE = "after_commit"


@pytest.fixture(scope="module")
def place(bigquery: BigQueryProxy) -> Iterator[BigQueryDataset]:
    with pytest.MonkeyPatch.context() as patch:
        yield dataset(bigquery, patch)


def leading(place: BigQueryDataset, bigquery: BigQueryProxy) -> dict[str, str]:
    return QUICK | {"KRAI_WAREHOUSE_URL": place.url, "BIGQUERY_EMULATOR_HOST": bigquery.url, "KRAI_SAMPLES": "off"}


@pytest.fixture(scope="module")
def house(place: BigQueryDataset, bigquery: BigQueryProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with embedded(tmp_path_factory.mktemp("krai") / "data", leading(place, bigquery)) as deployment:
        yield build(deployment, rows=ROWS)
        queues_end_empty(deployment)


def commits_are_those_of(jobs: Jobs, dataset: str, job_id: str) -> None:
    """One, and nothing of an attempt is left."""
    query = f"SELECT job_id, row_count FROM {jobs.named(names.commits(dataset))} WHERE job_id IS NOT NULL"  # noqa: S608 (krai names it)
    assert [(row["job_id"], row["row_count"]) for row in jobs.ask(query)] == [(job_id, ROWS)]
    made = [made for table in jobs.tables() if (made := names.Made.of(table)) and made.dataset == dataset]
    assert [table.kind for table in made] == ["rows"]


def what_goes_in_comes_out(house: House, place: BigQueryDataset, name: str) -> None:
    """And other programs see it."""
    job_id = house.krai.submit("imports", house.import_request(name))
    house.import_is_whole(job_id)
    commits_are_those_of(place.jobs, name, job_id)
    (row,) = place.jobs.ask(f"SELECT COUNT(*) AS n FROM {place.jobs.named(name)}")  # noqa: S608 (krai names it)
    assert row["n"] == ROWS


def test_what_goes_in_comes_out(house: House, place: BigQueryDataset) -> None:
    what_goes_in_comes_out(house, place, "people_again")


@pytest.mark.long
def test_upserts_undos_filters_and_moments(house: House) -> None:
    upserts_undos_filters_and_moments(house.krai)


def die(house: House, name: str, noun: str, request: Json) -> str:
    """The process dies at this failpoint while it has the request; the job of the same request when it is there again."""
    house.start(KRAI_FAIL=name)
    with suppress(httpx.TransportError):
        house.krai.submit(noun, request, key=name)
    assert house.deployment.dies_at(name).wait_until_dead(within_s=60) == -signal.SIGKILL, "the failpoint was not reached"
    house.start()
    return house.krai.submit(noun, request, key=name)


def an_import_survives(house: House, place: BigQueryDataset, name: str) -> None:
    job_id = die(house, name, "imports", house.import_request(f"dies_{name}"))
    house.import_is_whole(job_id)
    commits_are_those_of(place.jobs, f"dies_{name}", job_id)
    house.is_clean()


@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name == IN_THE_GATE else [pytest.mark.long]) for name in AROUND_A_COMMIT])
def test_an_import_survives_a_death(house: House, place: BigQueryDataset, name: str) -> None:
    an_import_survives(house, place, name)


# -- mode gcp: by way of the bucket -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gcp_place(bigquery: BigQueryProxy) -> Iterator[BigQueryDataset]:
    with pytest.MonkeyPatch.context() as patch:
        yield dataset(bigquery, patch)


@pytest.fixture(scope="module")
def gcp_house(
    gcp_place: BigQueryDataset, bigquery: BigQueryProxy, emulators: Emulators, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """At its end nothing is left in the bucket of what was on its way."""
    bigquery.storage = f"http://{emulators.storage.host}"
    with gcp(tmp_path_factory.mktemp("krai") / "data", leading(gcp_place, bigquery), emulators) as deployment:
        yield build(deployment, rows=ROWS)
        queues_end_empty(deployment)
        assert [path for path in deployment.stores.files() if "/bigquery/" in path] == []


@pytest.mark.long
def test_what_goes_in_comes_out_by_way_of_the_bucket(gcp_house: House, gcp_place: BigQueryDataset, bigquery: BigQueryProxy) -> None:
    bigquery.moved.clear()
    what_goes_in_comes_out(gcp_house, gcp_place, "people_again")
    assert {name.partition("/bigquery/")[2][:4] for name in bigquery.moved} == {"KRAI", "x0/0"}


@pytest.mark.long
def test_an_import_survives_a_death_with_its_part_in_the_bucket(gcp_house: House, gcp_place: BigQueryDataset) -> None:
    an_import_survives(gcp_house, gcp_place, "after_stage")


@pytest.mark.long
def test_an_export_survives_a_death_with_its_rows_in_the_bucket(gcp_house: House) -> None:
    gcp_house.export_is_whole(die(gcp_house, "after_extract", "exports", EXPORT))
    gcp_house.is_clean()
