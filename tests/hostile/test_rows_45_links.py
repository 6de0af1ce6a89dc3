"""Row 45 where krai serves files itself: an address is signed for one thing, and opens nothing else."""

import base64
import hashlib

import httpx
import pytest

from tests.acceptance.krai_client import Json
from tests.hostile.case import IMPORTS
from tests.hostile.ground import Ground, problem_of
from tests.hostile.test_rows_45_uploads import ROWS, dataset, opened, send


@pytest.fixture(scope="module")
def mode() -> str:
    """In mode gcp Cloud Storage does that."""
    return "embedded"


def target(url: str) -> str:
    return httpx.URL(url).raw_path.decode()


def test_45_an_address_that_was_changed_opens_nothing(ground: Ground) -> None:
    """Neither the upload of somebody else, nor for longer, nor anything but an upload."""
    ours, theirs = opened(ground, ground.bob, size_bytes=len(ROWS)), opened(ground, ground.ada, size_bytes=len(ROWS))
    url = ours["upload_url"]
    forged = (
        url.replace(ours["upload_id"], theirs["upload_id"]),
        url.replace(f"size={len(ROWS)}", "size=9999"),
        url.replace("expires=", "expires=9"),
        url.replace("signature=", "signature=0"),
        url.partition("?")[0],
        f"{url}&size=9999",
        url.replace("/uploads/uploads/", "/uploads/jobs/"),
        url.replace("/uploads/uploads/", "/uploads/uploads/../jobs/"),
    )
    for address in forged:
        assert address != url
        assert problem_of(ground.ask("PUT", target(address), ground.as_admin(), ROWS), 403) == "invalid_link", address
    assert problem_of(ground.ask("GET", target(url).replace("/uploads/uploads/", "/files/uploads/")), 403) == "invalid_link"
    assert send(theirs, ROWS).status_code == httpx.codes.OK, "nobody has written to it"


def test_45_a_file_of_another_size_than_agreed(ground: Ground) -> None:
    """It does not become a file, so that there is nothing to import."""
    session = opened(ground, ground.ada, size_bytes=len(ROWS))
    for wrong in (ROWS + b"3,Cy\n", ROWS[:-1]):
        answer = send(session, wrong)
        assert (answer.status_code, answer.json()["code"]) == (409, "upload_conflict")
    refused = ground.call(ground.ada, "POST", IMPORTS, json={"dataset": dataset(), "source": {"upload_id": session["upload_id"]}})
    assert (refused.status_code, refused.json()["code"]) == (409, "upload_incomplete")


def test_45_a_file_that_is_not_the_one_its_sender_has_meant(ground: Ground) -> None:
    """It does not become a file either, and can be sent again."""
    session, md5 = opened(ground, ground.ada), base64.b64encode(hashlib.md5(ROWS, usedforsecurity=False).digest()).decode()
    wrong: Json
    for wrong in ({"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, {"x-goog-hash": "crc32c=AAAAAA=="}, {"x-goog-hash": "md5=x"}):
        refused = send(session, ROWS, **wrong)
        assert (refused.status_code, refused.json()["code"]) == (422, "upload_mismatch")
    order: Json = {"dataset": dataset(), "source": {"upload_id": session["upload_id"]}}
    early = ground.call(ground.ada, "POST", IMPORTS, json=order)
    assert (early.status_code, early.json()["code"]) == (409, "upload_incomplete")
    assert send(session, ROWS, **{"Content-MD5": md5}).status_code == httpx.codes.OK
    assert ground.ada.import_(**order)["records_processed"] == 2


PIECES = ("bytes 5-4/10", "bytes 0-10/10", "bytes a-b/c", "bytes 0-1/", "items 0-1/2", "bytes -1-2/3", f"bytes {'9' * 30}-1/2")


@pytest.mark.parametrize("piece", PIECES)
def test_45_a_piece_that_is_none(ground: Ground, piece: str) -> None:
    answer = send(opened(ground, ground.ada), ROWS, **{"Content-Range": piece})
    assert (answer.status_code, answer.json()["code"]) == (416, "upload_range")


def test_45_a_link_to_a_result_is_for_that_file_alone(ground: Ground) -> None:
    url = ground.ada.export(dataset="users", limit=1)["download_url"]
    assert ground.ada.download(url)
    last = "0" if url[-1] != "0" else "1"
    for forged in (url.replace("expires=", "expires=9"), url.replace("/e1/", "/e2/"), url[:-1] + last, url.partition("?")[0]):
        assert forged != url
        assert problem_of(ground.ask("GET", target(forged)), 403) == "invalid_link"
    assert problem_of(ground.ask("GET", "/files/jobs/../../directory.sqlite"), 403) == "invalid_link"
