"""Fault 13: the file of an import is not whole, or is not the one its job was accepted with. Never a truncated import."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from krai.ports import Blob, Stores
from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE, NewKrai
from tests.acceptance.house import House, build
from tests.acceptance.krai_client import Json
from tests.acceptance.krai_process import QUICK
from tests.acceptance.material import people_csv


@pytest.fixture(scope="module")
def house(new_krai: NewKrai) -> House:
    return build(new_krai(QUICK | {"KRAI_SLOTS": "1"}), rows=50_000)


@EMBEDDED_IN_THE_GATE
def test_fault_13_a_client_that_stops_at_60_percent(house: House) -> None:
    house.start()
    session = open_upload(house)
    send_a_part(session, house.source, share=0.6)
    refused = house.krai.http.post("/api/v1/imports", json=import_of(session, "cut_off"))
    assert (refused.status_code, refused.json()["code"]) == (409, "upload_incomplete")
    assert house.krai.http.get("/api/v1/datasets/cut_off").status_code == 404
    house.is_clean()


@EMBEDDED_IN_THE_GATE
def test_fault_13_a_client_that_comes_back(house: House) -> None:
    """It asks how much has arrived, sends the rest, and the import has every row."""
    house.start()
    session = open_upload(house)
    whole, total = house.source, len(house.source)
    first = (total * 3 // 5) >> 18 << 18  # pieces end on multiples of 256 KiB
    send = house.krai.anonymous.put
    sent = send(session["upload_url"], headers={"Content-Range": f"bytes 0-{first - 1}/{total}"}, content=whole[:first])
    assert sent.status_code == 308, sent.text
    refused = house.krai.http.post("/api/v1/imports", json=import_of(session, "resumed"))
    assert (refused.status_code, refused.json()["code"]) == (409, "upload_incomplete")
    rest = send(session["upload_url"], headers={"Content-Range": f"bytes {first}-{total - 1}/{total}"}, content=whole[first:])
    assert rest.status_code in {200, 201}, rest.text
    house.import_is_whole(house.krai.submit("imports", import_of(session, "resumed")))
    house.is_clean()


@pytest.mark.parametrize(
    ("fault", "code"), [("replaced", "source_changed"), pytest.param("deleted", "source_missing", marks=pytest.mark.long)]
)
def test_fault_13_a_source_that_is_not_the_one_it_was(house: House, tmp_path: Path, fault: str, code: str) -> None:
    house.start()
    request = house.import_request(fault)
    path = f"uploads/{request['source']['upload_id']}"
    with house.runner.parsers_held():
        house.krai.wait_until_attempt(house.krai.submit_export(dataset="users"), 1)
        job_id = house.krai.submit("imports", request)
        change(house, path, tmp_path / "other.csv" if fault == "replaced" else None)
    job = house.krai.wait_until_finished(job_id)
    assert (job["status"], job["error"]["code"]) == ("FAILED", code)
    assert house.krai.http.get(f"/api/v1/datasets/{fault}").status_code == 404
    house.is_clean()


def change(house: House, path: str, other: Path | None) -> None:
    """Delete an upload, or put another file in its place: a shorter one that could be read as well."""

    async def do(stores: Stores) -> Blob | None:
        stores.blobs.delete(path)
        return None if other is None else stores.blobs.put(path, other)

    if other is not None:
        other.write_bytes(people_csv(1_000))
    house.deployment.stores.use(do)


def open_upload(house: House) -> Json:
    answer = house.krai.http.post("/api/v1/uploads", json={"size_bytes": len(house.source)})
    assert answer.status_code == 201, answer.text
    session: Json = answer.json()
    return session


def import_of(session: Json, dataset: str) -> Json:
    return {"dataset": dataset, "source": {"upload_id": session["upload_id"]}}


def send_a_part(session: Json, content: bytes, *, share: float) -> None:
    """Begin to send the whole file, and break off the connection."""
    url = urlsplit(session["upload_url"])
    head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: {len(content)}\r\n\r\n"
    with socket.create_connection((url.hostname or "", url.port or 80), timeout=10) as connection:
        connection.sendall(head.encode() + content[: int(len(content) * share)])
