"""A catalog behind Iceberg's REST protocol: a commit counts once, whatever becomes of the question and of the answer."""

import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlencode

import pytest
from requests import PreparedRequest, Response, Session

from krai import catalog_url
from krai.errors import Transient
from krai.warehouse.files import LocalFileIO, LocalFiles
from krai.warehouse.iceberg import IcebergWarehouse
from krai.warehouse.port import Warehouse
from krai.warehouse.rest import open_rest
from krai.warehouse.rest_catalog import RestCatalog
from krai.warehouse.rest_credentials import Nobody
from scripts.emulators import Emulator
from tests.contract import warehouses
from tests.contract.bad_line import BadLine
from tests.contract.importing import drop, load, open_place, rows
from tests.contract.rest_catalog import SECRET
from tests.contract.warehouses import Files

COMMIT = b'"requirements":'
DROP = b"DELETE "
FIRST, SECOND = "token-of-the-first-hour", "token-of-the-second-hour"


@pytest.fixture
def place(rest_catalog: Emulator, tmp_path: Path) -> Files:
    return warehouses.rest(rest_catalog, tmp_path)


@pytest.fixture
def warehouse(place: Files) -> Warehouse:
    return open_place(place.url)


@pytest.fixture
def line(rest_catalog: Emulator) -> Iterator[BadLine]:
    with BadLine(rest_catalog.host) as line:
        yield line


@pytest.fixture
def far_warehouse(place: Files, rest_catalog: Emulator, line: BadLine) -> Warehouse:
    """The same datasets, with a bad line to the catalog."""
    return open_place(place.url.replace(rest_catalog.host, line.host))


def ids(warehouse: Warehouse) -> list[int]:
    return [number for part in warehouse.scan("things").parts for number in part().column("id").to_pylist()]


@pytest.mark.parametrize("exists", [True, False])
def test_a_commit_whose_answer_is_lost_counts_once(warehouse: Warehouse, far_warehouse: Warehouse, line: BadLine, *, exists: bool) -> None:
    if exists:
        load(warehouse, "things", "earlier", rows(0))
    line.at(COMMIT, loses="answer")
    committed = load(far_warehouse, "things", "a", rows(1))
    assert line.happened.is_set()
    assert warehouse.find_commit("things", "a") == committed
    assert ids(warehouse) == ([0, 1] if exists else [1])


@pytest.mark.parametrize("exists", [True, False])
def test_a_commit_whose_request_is_lost_is_sent_again(
    warehouse: Warehouse, far_warehouse: Warehouse, line: BadLine, *, exists: bool
) -> None:
    if exists:
        load(warehouse, "things", "earlier", rows(0))
    line.at(COMMIT, loses="request")
    load(far_warehouse, "things", "a", rows(1))
    assert line.happened.is_set()
    assert ids(warehouse) == ([0, 1] if exists else [1])


@pytest.mark.parametrize("key", [[], ["id"]])
def test_others_may_build_upon_a_commit_whose_answer_is_lost(
    warehouse: Warehouse, far_warehouse: Warehouse, line: BadLine, key: list[str]
) -> None:
    load(warehouse, "things", "earlier", rows(0))
    line.at(COMMIT, loses="answer", after=lambda: load(warehouse, "things", "b", rows(2)))
    load(far_warehouse, "things", "a", rows(0, 1), key=key)
    assert line.happened.is_set()
    assert sorted(ids(warehouse)) == ([0, 1, 2] if key else [0, 0, 1, 2])


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("loses", ["answer", None])
def test_a_commit_that_came_second_is_made_again(
    warehouse: Warehouse, far_warehouse: Warehouse, line: BadLine, place: Files, loses: Literal["answer"] | None, *, exists: bool
) -> None:
    if exists:
        load(warehouse, "things", "earlier", rows(0))
    line.at(COMMIT, loses=loses, before=lambda: load(warehouse, "things", "b", rows(2)))
    load(far_warehouse, "things", "a", rows(1))
    assert line.happened.is_set()
    assert ids(warehouse) == ([0, 2, 1] if exists else [2, 1])
    drop(warehouse, "things")
    assert place.files() == []


class SentTwice(Nobody):
    """Something on the way sends each commit twice, and passes the answer to the second one on."""

    def __init__(self) -> None:
        self.answers: list[int] = []

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        if COMMIT in (request.body or b""):
            request.hooks["response"] = [self._again]
        return request

    def _again(self, answer: Response, **_: object) -> Response | None:
        self.answers.append(answer.status_code)
        with Session() as session:
            return session.send(answer.request) if len(self.answers) == 1 else None


@pytest.mark.parametrize("exists", [True, False])
def test_a_commit_that_is_refused_for_its_own_sake_counts(warehouse: Warehouse, place: Files, *, exists: bool) -> None:
    if exists:
        load(warehouse, "things", "earlier", rows(0))
    url, sent_twice = catalog_url.read(place.url), SentTwice()
    load(IcebergWarehouse(url.root(""), RestCatalog(url, sent_twice, LocalFileIO()), LocalFiles()), "things", "a", rows(1))
    assert sent_twice.answers == [200, 409]
    assert ids(warehouse) == ([0, 1] if exists else [1])


def test_a_commit_to_a_table_that_was_dropped_meanwhile_makes_another(
    warehouse: Warehouse, far_warehouse: Warehouse, line: BadLine
) -> None:
    load(warehouse, "things", "earlier", rows(0))
    line.at(COMMIT, before=lambda: drop(warehouse, "things"))
    load(far_warehouse, "things", "a", rows(1))
    assert line.happened.is_set()
    assert ids(warehouse) == [1]


def test_a_drop_whose_answer_is_lost_is_done(place: Files, warehouse: Warehouse, far_warehouse: Warehouse, line: BadLine) -> None:
    load(warehouse, "things", "a", rows(1))
    line.at(DROP, loses="answer")
    drop(far_warehouse, "things")
    assert line.happened.is_set()
    assert warehouse.describe("things") is None
    assert place.files() == []


def test_a_drop_whose_request_is_lost_is_tried_again(warehouse: Warehouse, far_warehouse: Warehouse, line: BadLine) -> None:
    load(warehouse, "things", "a", rows(1))
    line.at(DROP, loses="request")
    with pytest.raises(Transient, match="store_busy"):
        drop(far_warehouse, "things")
    assert ids(warehouse) == [1]


def test_a_read_whose_answer_is_lost_is_asked_again(warehouse: Warehouse, far_warehouse: Warehouse, line: BadLine) -> None:
    load(warehouse, "things", "a", rows(1))
    line.at(b"/tables/things", loses="answer")
    assert ids(far_warehouse) == [1]
    assert line.happened.is_set()


def test_a_frozen_catalog_is_busy_and_soon_told_so(rest_catalog: Emulator, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    load(warehouse, "things", "a", rows(1))
    monkeypatch.setattr("krai.warehouse.rest_catalog._ANSWER_S", 0.2)
    rest_catalog.freeze()
    try:
        began = time.monotonic()
        for work in (lambda: warehouse.describe("things"), lambda: load(warehouse, "things", "b", rows(2))):
            with pytest.raises(Transient, match="store_busy"):
                work()
        assert time.monotonic() - began < 8
    finally:
        rest_catalog.thaw()
    monkeypatch.undo()
    assert ids(warehouse) == [1]


def test_a_catalog_that_is_away_keeps_no_worker_from_starting(tmp_path: Path) -> None:
    warehouse = open_rest(catalog_url.read("iceberg+http://127.0.0.1:9"), str(tmp_path))
    with pytest.raises(Transient, match="store_busy"):
        warehouse.describe("things")


class Guarded:
    """A catalog that wants a token."""

    def __init__(self, folder: Path) -> None:
        self._token = [FIRST]
        self._folder = folder
        self.catalog = warehouses.rest_catalog(folder, self._token)

    def open(self, credential: str | None) -> IcebergWarehouse:
        query = urlencode({"warehouse": "all", "scope": "catalog"})
        return open_rest(
            catalog_url.read(f"iceberg+http://{self.catalog.host}?{query}"), str(self._folder / "files"), credential=credential
        )

    def take_another_token(self) -> None:
        self._token[0] = SECOND
        self.catalog.restart()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    guarded = Guarded(tmp_path_factory.mktemp("guarded"))
    yield guarded
    guarded.catalog.stop()


@pytest.mark.parametrize("credential", [None, "no-such-token", "id:no-such-secret"])
def test_who_has_no_right_is_turned_away_and_nothing_tells_the_credential(guarded: Guarded, credential: str | None) -> None:
    with pytest.raises(Transient) as caught:
        guarded.open(credential).describe("things")
    assert "turns krai away" in caught.value.detail
    said = "".join(traceback.format_exception(caught.value))
    assert "no-such" not in said


def test_a_token_is_enough(guarded: Guarded) -> None:
    assert load(guarded.open(FIRST), "by_token", "a", rows(1)).dataset.rows == 1


def test_a_client_gets_a_token_and_another_when_that_is_turned_away(guarded: Guarded) -> None:
    warehouse = guarded.open(f"krai:{SECRET}")
    load(warehouse, "things", "a", rows(1))
    guarded.take_another_token()
    load(warehouse, "things", "b", rows(2))
    assert ids(warehouse) == [1, 2]


def test_all_of_the_history_is_asked_for_whatever_the_catalog_would_rather_give(warehouse: Warehouse) -> None:
    """The catalog of the tests hands out the newest snapshot alone, unless it is asked."""
    for number in range(3):
        load(warehouse, "things", f"job-{number}", rows(number))
    assert warehouse.find_commit("things", "job-0") is not None
