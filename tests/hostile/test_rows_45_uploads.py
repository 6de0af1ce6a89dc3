"""Row 45: uploads of somebody else, of another size, sent twice, or used too early. An upload's address is its only credential."""

import hashlib
import secrets

import httpx
import pytest

from tests.acceptance.krai_client import Json, KraiClient
from tests.hostile.case import IMPORTS
from tests.hostile.ground import Ground, problem_of

ROWS = b"id,name\n1,Ada\n2,Bob\n"
UPLOADS = "/api/v1/uploads"


def opened(ground: Ground, client: KraiClient, **fields: object) -> Json:
    answer = ground.call(client, "POST", UPLOADS, json=fields)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    session: Json = answer.json()
    return session


def send(session: Json, content: bytes, **headers: str) -> httpx.Response:
    return httpx.put(session["upload_url"], content=content, headers={**session["headers"], **headers})


def dataset() -> str:
    return f"hostile_{secrets.token_hex(4)}"


def test_45_an_upload_of_somebody_else_is_none(ground: Ground) -> None:
    """The id is of no use to others, and is answered like one that never was."""
    session = opened(ground, ground.ada)
    assert send(session, ROWS).status_code in {200, 201}
    order: Json = {"dataset": dataset(), "source": {"upload_id": session["upload_id"]}}
    stolen = ground.call(ground.bob, "POST", IMPORTS, json=order)
    never = ground.call(ground.bob, "POST", IMPORTS, json={**order, "source": {"upload_id": "0" * 32}})
    assert (stolen.status_code, stolen.json()["code"]) == (422, "unknown_upload")
    assert {**stolen.json(), "instance": "", "request_id": ""} == {**never.json(), "instance": "", "request_id": ""}
    assert ground.ada.import_(**order)["records_processed"] == 2


@pytest.mark.parametrize("upload_id", ["../" * 10, "0" * 31, "0" * 32 + "\n", "A" * 32, "%00", {"$ne": ""}, None, 7])
def test_45_an_id_of_an_upload_that_is_none(ground: Ground, upload_id: object) -> None:
    answer = ground.call(ground.admin, "POST", IMPORTS, json={"source": {"upload_id": upload_id}})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field")


def test_45_a_second_file_has_no_effect(ground: Ground) -> None:
    session = opened(ground, ground.ada)
    assert send(session, ROWS).status_code in {200, 201}
    send(session, b"id,name\n9,Eve\n")
    send(session, b"id,name\n9,Eve\n", **{"Content-Range": "bytes 0-13/14"})
    name = dataset()
    imported = ground.ada.import_(dataset=name, source={"upload_id": session["upload_id"]})
    assert imported["records_processed"] == 2
    assert b"Eve" not in b"".join(ground.ada.files(ground.ada.export(dataset=name)))


def test_45_a_file_that_is_not_the_one_its_importer_has_meant(ground: Ground) -> None:
    session, name = opened(ground, ground.ada), dataset()
    assert send(session, ROWS).status_code in {200, 201}
    order: Json = {"dataset": name, "source": {"upload_id": session["upload_id"]}}
    job = ground.ada.wait_until_finished(ground.ada.submit_import(**order, sha256=hashlib.sha256(ROWS[:-1]).hexdigest()))
    assert (job["status"], job["error"]["code"]) == ("FAILED", "upload_mismatch")
    assert ground.ada.http.get(f"/api/v1/datasets/{name}").status_code == httpx.codes.NOT_FOUND
    assert ground.ada.import_(**order, sha256=hashlib.sha256(ROWS).hexdigest().upper())["records_processed"] == 2


@pytest.mark.parametrize("sha256", ["0" * 63, "0" * 65, "z" * 64, "", 7, ["0" * 64], "sha256:" + "0" * 64])
def test_45_a_digest_that_is_none(ground: Ground, sha256: object) -> None:
    answer = ground.call(ground.ada, "POST", IMPORTS, json={"source": "salesforce", "sha256": sha256})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field")


def test_45_an_import_before_its_upload(ground: Ground) -> None:
    session = opened(ground, ground.ada)
    order = {"dataset": dataset(), "source": {"upload_id": session["upload_id"]}}
    refused = ground.call(ground.ada, "POST", IMPORTS, json=order)
    assert (refused.status_code, refused.json()["code"]) == (409, "upload_incomplete")
    assert ground.ada.http.get(f"/api/v1/datasets/{order['dataset']}").status_code == httpx.codes.NOT_FOUND


@pytest.mark.parametrize(
    "fields", [{"size_bytes": -1}, {"size_bytes": 1 << 62}, {"size_bytes": 1.5}, {"filename": "../x"}, {"filename": "a\r\nb"}]
)
def test_45_an_upload_that_nobody_can_send(ground: Ground, fields: Json) -> None:
    answer = ground.call(ground.ada, "POST", UPLOADS, json=fields)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field")


def test_45_a_file_is_taken_by_the_store_alone(ground: Ground) -> None:
    """The address is signed, and no credential makes up for that; in mode gcp krai takes no file at all."""
    session = opened(ground, ground.admin)
    refused = ground.ask("PUT", f"/uploads/uploads/{session['upload_id']}", ground.as_admin(), ROWS)
    embedded = ground.deployment.emulators is None
    assert problem_of(refused, 403 if embedded else 404) == ("invalid_link" if embedded else "not_found")
