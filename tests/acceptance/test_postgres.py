"""Datasets in PostgreSQL, in both modes: what goes in comes out, once, whoever dies on the way."""

import random
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from scripts.emulators import Emulators
from scripts.postgres import Postgres
from tests.acceptance.deployment import embedded, gcp
from tests.acceptance.house import House, build
from tests.acceptance.krai_process import QUICK
from tests.acceptance.ledger import queues_end_empty
from tests.acceptance.ways import upserts_undos_filters_and_moments

ROWS = 30_000  # more than a MiB: the table they are written to becomes one of the dataset
AROUND_A_COMMIT = ["after_copy", "after_upload", "before_commit", "during_commit", "after_commit"]
IN_THE_GATE = {"after_copy", "during_commit"}


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> Iterator[str]:
    with postgres.database() as url:
        yield url


@pytest.fixture(scope="module")
def house(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with embedded(tmp_path_factory.mktemp("krai") / "data", QUICK | {"KRAI_WAREHOUSE_URL": database}) as deployment:
        yield build(deployment, rows=ROWS)
        queues_end_empty(deployment)


def asked(database: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(query.encode()).fetchall()


def commits_are_those_of(database: str, dataset: str, job_id: str) -> None:
    """One, and nothing of an attempt is left."""
    assert asked(database, f"select job_id, rows from krai._commits where dataset = '{dataset}'") == [(job_id, ROWS)]  # noqa: S608
    assert asked(database, f"select * from krai._parts where job_id = '{job_id}'") == []  # noqa: S608
    tables = f"select 1 from pg_inherits where inhparent::regclass::text like 'krai_rows.{dataset}_%'"  # noqa: S608
    assert len(asked(database, tables)) == 1, "the rows stay in the table that they were written to"


def what_goes_in_comes_out(house: House, database: str, postgres: Postgres) -> None:
    """And other programs see it."""
    job_id = house.krai.submit("imports", house.import_request("people_again"))
    house.import_is_whole(job_id)
    commits_are_those_of(database, "people_again", job_id)
    assert asked(database, "select count(*) from krai.people_again") == [(ROWS,)]
    assert asked(database, "select count(*) from (select * from krai.people_again except select * from krai.people) as others") == [(0,)]
    assert all(postgres.password not in process.log() for process in house.deployment.processes)


def test_what_goes_in_comes_out(house: House, database: str, postgres: Postgres) -> None:
    what_goes_in_comes_out(house, database, postgres)


def test_what_goes_in_comes_out_in_mode_gcp(emulators: Emulators, postgres: Postgres, tmp_path: Path) -> None:
    with postgres.database() as url, gcp(tmp_path / "data", QUICK | {"KRAI_WAREHOUSE_URL": url}, emulators) as deployment:
        what_goes_in_comes_out(build(deployment, rows=ROWS), url, postgres)


@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name in IN_THE_GATE else [pytest.mark.long]) for name in AROUND_A_COMMIT])
def test_an_import_survives_a_death_around_its_commit(house: House, database: str, name: str) -> None:
    house.start(KRAI_FAIL=name)
    request = house.import_request(f"dies_{name}")
    with suppress(httpx.TransportError):
        house.krai.submit("imports", request, key=name)
    assert house.deployment.dies_at(name).wait_until_dead(within_s=30) == -signal.SIGKILL, "the failpoint was not reached"
    house.start()
    job_id = house.krai.submit("imports", request, key=name)
    house.import_is_whole(job_id)
    commits_are_those_of(database, f"dies_{name}", job_id)
    house.is_clean()


@pytest.mark.long
def test_an_import_survives_the_death_of_the_database(house: House, database: str, postgres: Postgres, moments: random.Random) -> None:
    """With all it had not written down."""
    job_id = house.krai.submit("imports", house.import_request("outlives"))
    house.krai.wait_until_attempt(job_id, 1)
    time.sleep(moments.uniform(0, house.import_s))
    postgres.kill()
    postgres.start()
    house.import_is_whole(job_id)
    commits_are_those_of(database, "outlives", job_id)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("x" * 64 + "\n1\n", "column_name_too_long"),
        (",".join(f"c{number}" for number in range(1_600)) + "\n1\n", "too_many_columns"),
    ],
    ids=["name", "columns"],
)
def test_what_postgresql_has_no_place_for_is_said_before_the_first_row(house: House, source: str, code: str) -> None:
    upload = {"upload_id": house.krai.upload(source.encode())}
    failed = house.krai.wait_until_finished(house.krai.submit("imports", {"dataset": "no_place", "source": upload}))
    assert (failed["status"], failed["error"]["code"]) == ("FAILED", code)


def test_upserts_undos_filters_and_moments(house: House) -> None:
    upserts_undos_filters_and_moments(house.krai)
