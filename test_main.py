"""What krai promises, one promise after the other, over HTTP and against a real `python main.py`. Read it from top to bottom.

`krai` is a client of one server that all tests share, `server` its process. Every test makes the jobs and datasets it needs.
"""

import gzip
import hashlib
import io
import json
import re
import time
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import google_crc32c
import httpx
import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet
import pytest

from krai.signature import BadSignature, verify
from tests.acceptance.krai_client import DEMO_KEY, FINISHED, KraiClient
from tests.acceptance.krai_process import KraiProcess

UNKNOWN_JOB = "0" * 32
PEOPLE = [{"name": "Ada", "born": 1815}, {"name": "Grace", "born": 1906}, {"name": "Emmy", "born": 1882}]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KraiProcess]:
    env = {"CUSTOMER_NAME": "Analytical Engines", "KRAI_RATE_LIMIT_CREATE": "off", "KRAI_RATE_LIMIT_READ": "off"}
    with KraiProcess(tmp_path_factory.mktemp("krai") / "data", env=env) as process:
        yield process.start()


@pytest.fixture(scope="module")
def krai(server: KraiProcess) -> KraiClient:
    return server.client


# -- The service ------------------------------------------------------------------------------------------------------------


def test_it_is_alive_without_a_credential(krai: KraiClient) -> None:
    answer = krai.anonymous.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_it_is_ready_when_its_stores_answer(krai: KraiClient) -> None:
    answer = krai.anonymous.get("/readyz")
    assert answer.status_code == 200
    assert "/" not in answer.text.replace("application/json", ""), "names of dependencies, no paths"


def test_its_card_says_what_it_is_and_greets_in_the_customers_name(krai: KraiClient) -> None:
    card = krai.http.get("/").json()
    assert card["mode"] == "embedded"
    assert card["customer"] == "Analytical Engines"
    assert {"service", "version", "response", "links"} <= card.keys()


def test_it_refuses_to_start_with_half_of_a_cloud(tmp_path: Path) -> None:
    with KraiProcess(tmp_path / "data", env={"GCS_BUCKET": "exports"}) as process:
        assert process.spawn().wait_until_dead(within_s=30) not in {0, -9}
        assert "GOOGLE_CLOUD_PROJECT" in process.log()


def test_every_answer_carries_a_request_id(krai: KraiClient) -> None:
    answers = [krai.anonymous.get("/healthz"), krai.http.get("/api/v1/jobs"), krai.http.get("/nowhere")]
    ids = {answer.headers["x-request-id"] for answer in answers}
    assert len(ids) == 3


# -- An export --------------------------------------------------------------------------------------------------------------


def test_an_export_is_accepted_at_once_and_says_where_to_look(krai: KraiClient) -> None:
    answer = krai.http.post("/api/v1/exports", json={"dataset": "users"})
    job = answer.json()
    assert answer.status_code == 202
    assert job["status"] in {"PENDING", "PROCESSING"}
    assert httpx.URL(answer.headers["location"]).path == f"/api/v1/jobs/{job['job_id']}"
    assert int(answer.headers["retry-after"]) >= 1
    assert krai.wait_until_finished(job["job_id"])["status"] == "COMPLETED"


def test_polling_shows_a_job_growing_until_it_is_complete(krai: KraiClient) -> None:
    job_id = krai.submit_export(dataset="users")
    seen = [krai.job(job_id)]
    while seen[-1]["status"] not in FINISHED:
        seen.append(krai.job(job_id))
    progress = [job["progress"] for job in seen]
    assert progress == sorted(progress)
    assert [job["progress"] == 100 for job in seen] == [job["status"] == "COMPLETED" for job in seen]
    last = seen[-1]
    assert (last["type"], last["dataset"], last["stage"], last["attempt"], last["error"]) == ("export", "users", "done", 1, None)
    assert last["records_processed"] == 10_000
    assert last["created_at"] <= last["started_at"] <= last["finished_at"] <= last["expires_at"]
    assert {"self", "result", "events", "cancel"} <= last["links"].keys()


def test_prefer_wait_answers_when_the_job_changes(krai: KraiClient) -> None:
    job_id = krai.submit_export(dataset="users")
    for _ in range(20):
        if krai.job(job_id, Prefer="wait=10")["status"] in FINISHED:
            return
    pytest.fail("twenty changes and still not finished")


def test_prefer_wait_waits_no_longer_than_asked(krai: KraiClient, server: KraiProcess) -> None:
    with server.parsers_held():
        job_id = krai.submit_export(dataset="users", limit=1)
        running = krai.wait_until_attempt(job_id, 1)
        asked = time.monotonic()
        assert krai.job(job_id, Prefer="wait=2")["status"] == running["status"]
        assert time.monotonic() - asked < 4
    krai.result_of(job_id)


def test_an_unchanged_job_is_not_sent_twice(krai: KraiClient) -> None:
    job_id = krai.submit_export(dataset="users", limit=1)
    krai.wait_until_finished(job_id)
    first = krai.http.get(f"/api/v1/jobs/{job_id}")
    second = krai.http.get(f"/api/v1/jobs/{job_id}", headers={"If-None-Match": first.headers["etag"]})
    assert (second.status_code, second.content) == (304, b"")
    assert "retry-after" not in first.headers


def test_the_result_of_a_running_job_is_a_conflict(krai: KraiClient, server: KraiProcess) -> None:
    with server.parsers_held():
        job_id = krai.submit_export(dataset="users")
        assert "retry-after" in krai.http.get(f"/api/v1/jobs/{job_id}").headers
        assert problem(krai.http.get(f"/api/v1/jobs/{job_id}/result"), 409) == "job_not_finished"
    krai.result_of(job_id)


def test_an_exported_file_downloads_as_promised(krai: KraiClient) -> None:
    result = krai.export(dataset="users")
    (file,) = result["files"]
    answer = krai.anonymous.get(result["download_url"])
    assert (result["type"], result["status"], result["dataset"], result["format"]) == ("export", "COMPLETED", "users", "csv")
    assert (len(answer.content), file["size_bytes"]) == (result["file_size_bytes"], result["file_size_bytes"])
    assert hashlib.sha256(answer.content).hexdigest() == file["sha256"]
    assert result["records"] == file["records"] == answer.text.count("\n") - 1 == 10_000
    assert result["complete"] is True
    assert re.match(rf'attachment; filename="?{re.escape(file["name"])}', answer.headers["content-disposition"])
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_download_goes_on_where_it_broke_off(krai: KraiClient) -> None:
    url = krai.export(dataset="users")["download_url"]
    whole = krai.download(url)
    rest = krai.anonymous.get(url, headers={"Range": "bytes=1000-"})
    assert rest.status_code == 206
    assert rest.headers["content-range"] == f"bytes 1000-{len(whole) - 1}/{len(whole)}"
    assert rest.content == whole[1000:]


def test_links_live_for_a_quarter_of_an_hour_and_cannot_be_forged(krai: KraiClient) -> None:
    job_id = krai.submit_export(dataset="users", limit=5)
    result = krai.result_of(job_id)
    left = datetime.fromisoformat(result["url_expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=14) < left <= timedelta(minutes=15, seconds=5)
    url = httpx.URL(result["download_url"])
    assert krai.anonymous.get(url).status_code == 200
    assert problem(krai.anonymous.get(url.copy_with(query=None)), 403) == "invalid_link"
    other = url.copy_with(path=url.path.replace(job_id, UNKNOWN_JOB))
    assert problem(krai.anonymous.get(other), 403) == "invalid_link"


@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("format_", ["csv", "ndjson", "parquet"])
def test_every_format_holds_the_same_rows(krai: KraiClient, format_: str, compression: str) -> None:
    result = krai.export(dataset="users", format=format_, compression=compression)
    (content,) = krai.files(result)
    if compression == "gzip" and format_ != "parquet":
        content = gzip.decompress(content)
    table = READERS[format_](io.BytesIO(content))
    (text,) = krai.files(krai.export(dataset="users", format="ndjson"))
    expected = [json.loads(line)["id"] for line in text.splitlines()]
    assert [str(value) for value in table.column("id").to_pylist()] == [str(value) for value in expected]
    assert table.num_rows == 10_000


READERS = {"csv": pa.csv.read_csv, "ndjson": pa.json.read_json, "parquet": pa.parquet.read_table}


def test_columns_and_limit_choose_what_is_exported(krai: KraiClient) -> None:
    names = [column["name"] for column in krai.dataset("users")["columns"]]
    chosen = [names[2], names[0]]
    result = krai.export(dataset="users", columns=chosen, limit=7)
    header, *rows = krai.files(result)[0].decode().splitlines()
    assert header.replace('"', "").split(",") == chosen
    assert len(rows) == result["records"] == 7
    assert result["complete"] is False


def test_an_export_takes_the_rows_that_pass_a_filter_in_the_order_asked_for(krai: KraiClient) -> None:
    krai.import_(source={"records": [{"id": number, "city": f"city {number % 3}"} for number in range(10)]}, dataset="places")
    result = krai.export(dataset="places", filter="city IN ('city 0', 'city 2') AND NOT id = 5", order_by=["city", "-id"], columns=["id"])
    assert krai.files(result)[0].decode().split() == ["id", "9", "6", "3", "0", "8", "2"]
    assert result["complete"] is True
    refused = krai.http.post("/api/v1/exports", json={"dataset": "places", "filter": "town = 'city 0'"})
    assert problem(refused, 422) == "invalid_filter"


def test_an_export_reads_the_dataset_as_it_was(krai: KraiClient) -> None:
    krai.import_(source={"records": [{"id": 1}]}, dataset="growing")
    first = krai.export(dataset="growing")
    krai.import_(source={"records": [{"id": 2}]}, dataset="growing")
    for moment in (first["snapshot_id"], first["snapshot_time"]):
        assert krai.export(dataset="growing", as_of=moment)["records"] == 1
    assert krai.export(dataset="growing")["records"] == 2


def test_a_file_has_the_name_that_was_asked_for(krai: KraiClient) -> None:
    result = krai.export(dataset="users", limit=1, filename="nouveaux clients.csv")
    disposition = krai.anonymous.get(result["download_url"]).headers["content-disposition"]
    assert result["files"][0]["name"] == "nouveaux clients.csv"
    assert disposition.startswith("attachment")
    assert re.search("nouveaux( |%20)clients.csv", disposition)


def test_size_mb_stops_after_about_so_much(krai: KraiClient) -> None:
    everything = krai.export(dataset="users", format="ndjson")["file_size_bytes"]
    result = krai.export(dataset="users", format="ndjson", size_mb=0.2)
    assert everything > 400_000
    assert 200_000 * 0.5 < result["file_size_bytes"] < 200_000 * 1.5
    assert result["complete"] is False


def test_the_manifest_adds_up(krai: KraiClient) -> None:
    result = krai.export(dataset="users", format="parquet")
    manifest = json.loads(krai.download(result["manifest_url"]))
    (content,) = krai.files(result)
    (file,) = manifest["files"]
    assert sum(file["records"] for file in manifest["files"]) == result["records"] == 10_000
    assert file["size_bytes"] == len(content)
    assert file["sha256"] == hashlib.sha256(content).hexdigest()
    assert file["crc32c"] == b64encode(google_crc32c.value(content).to_bytes(4, "big")).decode()


def test_the_manifest_is_signed(krai: KraiClient) -> None:
    result = krai.export(dataset="users")
    manifest, signature = krai.download(result["manifest_url"]), krai.download(result["manifest_signature_url"])
    keys = krai.anonymous.get("/.well-known/krai-keys.json").json()["keys"]
    assert verify(manifest, signature.decode(), keys) == json.loads(manifest)["key_id"]
    with pytest.raises(BadSignature):
        verify(manifest.replace(b"true", b"false"), signature.decode(), keys)


def test_split_rows_makes_many_files_of_which_each_is_whole(krai: KraiClient) -> None:
    result = krai.export(dataset="users", split_rows=4000, compression="gzip", filename="users")
    assert [file["name"] for file in result["files"]] == ["users-00001.csv.gz", "users-00002.csv.gz", "users-00003.csv.gz"]
    whole = krai.files(krai.export(dataset="users"))[0].splitlines()
    parts = [gzip.decompress(content).splitlines() for content in krai.files(result)]
    assert {part[0] for part in parts} == {whole[0]}
    assert [line for part in parts for line in part[1:]] == whole[1:]


@pytest.mark.parametrize("name", ["tsv", "json", "xlsx"])
def test_an_export_comes_in_more_formats(krai: KraiClient, name: str) -> None:
    result = krai.export(dataset="users", format=name, limit=5)
    assert (result["format"], result["records"]) == (name, 5)
    assert result["files"][0]["name"].endswith(f".{name}")


# -- Many requests ----------------------------------------------------------------------------------------------------------


def test_the_same_key_and_body_give_the_first_answer_again(krai: KraiClient) -> None:
    headers = {"Idempotency-Key": '"one-export"'}
    first, second = (krai.http.post("/api/v1/exports", json={"dataset": "users", "limit": 1}, headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert first.headers["location"] == second.headers["location"]


def test_the_same_key_with_another_body_is_refused(krai: KraiClient) -> None:
    krai.submit("exports", {"dataset": "users", "limit": 1}, key="first-body")
    answer = krai.http.post("/api/v1/exports", json={"dataset": "users", "limit": 2}, headers={"Idempotency-Key": "first-body"})
    assert problem(answer, 422) == "idempotency_mismatch"


def test_a_job_shows_what_was_asked_for(krai: KraiClient) -> None:
    job_id = krai.submit_export(dataset="users", limit=2, format="ndjson", labels={"team": "blue"}, description="two users")
    job = krai.job(job_id)
    assert (job["labels"], job["description"]) == ({"team": "blue"}, "two users")
    assert (job["params"]["limit"], job["params"]["format"], job["params"]["compression"]) == (2, "ndjson", "none")


def test_jobs_are_listed_newest_first_page_by_page(krai: KraiClient) -> None:
    made = [krai.submit_export(dataset="users", limit=1, labels={"list": "paged"}) for _ in range(5)]
    query = {"label": "list=paged", "page_size": "2"}
    listed = []
    while True:
        page = krai.http.get("/api/v1/jobs", params=query).json()
        listed += [job["job_id"] for job in page["jobs"]]
        if not page["next_page_token"]:
            break
        query["page_token"] = page["next_page_token"]
    assert listed == made[::-1]


def test_jobs_are_listed_by_type_status_and_dataset(krai: KraiClient) -> None:
    krai.import_(dataset="listed", source={"records": PEOPLE})
    krai.export(dataset="listed")
    for query, types in (({"type": "import"}, ["import"]), ({"status": "COMPLETED"}, ["export", "import"]), ({"status": "FAILED"}, [])):
        page = krai.http.get("/api/v1/jobs", params={"dataset": "listed", **query}).json()
        assert [job["type"] for job in page["jobs"]] == types


def test_events_tell_of_a_job_until_it_has_finished(krai: KraiClient) -> None:
    job_id = krai.submit_export(dataset="users")
    ids, jobs = [], []
    with krai.http.stream("GET", f"/api/v1/jobs/{job_id}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():  # ends because the server ends it
            if line.startswith("id:"):
                ids.append(int(line[3:]))
            if line.startswith("data:"):
                jobs.append(json.loads(line[5:]))
    assert jobs[-1]["status"] == "COMPLETED"
    assert [job["status"] for job in jobs[:-1] if job["status"] in FINISHED] == []
    assert ids == sorted(set(ids))


# -- An import --------------------------------------------------------------------------------------------------------------


def test_a_registered_source_is_imported(krai: KraiClient) -> None:
    result = krai.import_(source="salesforce")
    contacts = krai.dataset("contacts")
    assert (result["type"], result["dataset"], result["records_rejected"]) == ("import", "contacts", 0)
    assert result["records_processed"] == result["records_inserted"] == contacts["rows"] > 0
    assert result["snapshot_id"] == contacts["snapshot_id"]


def test_inline_records_are_imported(krai: KraiClient) -> None:
    krai.import_(dataset="inline", source={"records": PEOPLE})
    assert rows_of(krai, "inline") == PEOPLE


def test_an_uploaded_file_is_imported(krai: KraiClient) -> None:
    upload_id = krai.upload(b"name,born\nAda,1815\nGrace,1906\nEmmy,1882\n")
    krai.import_(dataset="uploaded", source={"upload_id": upload_id})
    assert rows_of(krai, "uploaded") == PEOPLE


def test_an_upload_goes_on_where_it_broke_off(krai: KraiClient) -> None:
    content = b"name,born\nAda,1815\nGrace,1906\nEmmy,1882\n"
    session = krai.http.post("/api/v1/uploads", json={}).json()
    assert session["protocol"] == "gcs-resumable"
    request = {"source": {"upload_id": session["upload_id"]}, "dataset": "resumed"}

    first = put(krai, session["upload_url"], content[:20], f"bytes 0-19/{len(content)}")
    assert (first.status_code, first.headers["range"]) == (308, "bytes=0-19")
    assert problem(krai.http.post("/api/v1/imports", json=request), 409) == "upload_incomplete"

    asked = put(krai, session["upload_url"], b"", f"bytes */{len(content)}")
    assert (asked.status_code, asked.headers["range"]) == (308, "bytes=0-19")
    rest = put(krai, session["upload_url"], content[20:], f"bytes 20-{len(content) - 1}/{len(content)}")
    assert rest.status_code in {200, 201}
    krai.result_of(krai.submit("imports", request))
    assert rows_of(krai, "resumed") == PEOPLE


@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("format_", ["csv", "ndjson", "parquet"])
def test_what_was_exported_can_be_imported(krai: KraiClient, format_: str, compression: str) -> None:
    krai.import_(dataset="origin", source={"records": PEOPLE}, mode="replace")
    (content,) = krai.files(krai.export(dataset="origin", format=format_, compression=compression))
    krai.import_(dataset="copy", source={"upload_id": krai.upload(content)}, mode="replace")
    assert rows_of(krai, "copy") == PEOPLE
    assert krai.dataset("copy")["columns"] == krai.dataset("origin")["columns"]


def test_text_that_looks_like_a_number_stays_as_it_came(krai: KraiClient) -> None:
    content = f"code,digits,note\n007,{'1234567890' * 3},NA\n042,{'9' * 30},1e5\n".encode()
    krai.import_(dataset="codes", source={"upload_id": krai.upload(content)})
    (exported,) = krai.files(krai.export(dataset="codes"))
    assert exported.replace(b"\r\n", b"\n") == content


def test_append_adds_rows_and_replace_takes_their_place(krai: KraiClient) -> None:
    krai.import_(dataset="modes", source={"records": PEOPLE[:1]})
    krai.import_(dataset="modes", source={"records": PEOPLE[1:]}, mode="append")
    assert rows_of(krai, "modes") == PEOPLE
    krai.import_(dataset="modes", source={"records": PEOPLE[2:]}, mode="replace")
    assert rows_of(krai, "modes") == PEOPLE[2:]


def test_bad_rows_are_kept_with_their_number_and_reason(krai: KraiClient) -> None:
    content = b"name,born\nAda,1815\nGrace\nEmmy,1882,Erlangen\nSofja,1850\n"
    job_id = krai.submit_import(dataset="rejects", source={"upload_id": krai.upload(content)})
    result = krai.result_of(job_id)
    assert (result["records_processed"], result["records_rejected"]) == (2, 2)

    page = krai.http.get(f"/api/v1/jobs/{job_id}/errors").json()
    assert page["total"] == 2
    assert [(error["row"], error["code"]) for error in page["errors"]] == [(2, "column_count"), (3, "column_count")]
    assert [error["raw"] for error in page["errors"]] == ["Grace", "Emmy,1882,Erlangen"]
    first = krai.http.get(f"/api/v1/jobs/{job_id}/errors", params={"page_size": 1}).json()
    assert first["errors"] == page["errors"][:1]
    rejects = krai.download(page["rejects_url"]).decode()
    assert "Emmy" in rejects
    assert "Ada" not in rejects


def test_the_rejects_file_imports_once_it_is_mended(krai: KraiClient) -> None:
    krai.import_(dataset="mended", source={"records": PEOPLE[:1]})
    upload_id = krai.upload(b"name,born\nGrace,19o6\nEmmy,1882\n")
    result = krai.import_(dataset="mended", source={"upload_id": upload_id})
    assert (result["records_processed"], result["records_rejected"]) == (1, 1)

    mended = krai.download(result["rejects_url"]).replace(b"19o6", b"1906")
    krai.import_(dataset="mended", source={"upload_id": krai.upload(mended)})
    assert sorted(rows_of(krai, "mended"), key=PEOPLE.index) == PEOPLE


def test_an_import_that_cannot_be_read_fails_and_changes_nothing(krai: KraiClient) -> None:
    krai.import_(dataset="steady", source={"records": PEOPLE})
    before = krai.dataset("steady")
    job_id = krai.submit_import(dataset="steady", source={"upload_id": krai.upload(b"a,a\n1,2\n")})
    job = krai.wait_until_finished(job_id)
    assert (job["status"], job["error"]["code"]) == ("FAILED", "duplicate_column")
    assert problem(krai.http.get(f"/api/v1/jobs/{job_id}/result"), 409) == "job_failed"
    assert krai.dataset("steady") == before


# -- Steering ---------------------------------------------------------------------------------------------------------------


def test_a_job_can_be_cancelled_retried_and_deleted(krai: KraiClient, server: KraiProcess) -> None:
    with server.parsers_held():
        job_id = krai.submit_export(dataset="users", limit=3)
        assert problem(krai.http.post(f"/api/v1/jobs/{job_id}/retry"), 409) == "job_not_retryable"
        assert problem(krai.http.delete(f"/api/v1/jobs/{job_id}"), 409) == "job_running"
        assert krai.http.post(f"/api/v1/jobs/{job_id}/cancel").status_code == 202
        assert krai.wait_until_finished(job_id, within_s=5)["status"] == "CANCELLED"
    assert problem(krai.http.post(f"/api/v1/jobs/{job_id}/cancel"), 409) == "job_finished"

    retried = krai.http.post(f"/api/v1/jobs/{job_id}/retry")
    assert (retried.status_code, retried.json()["parent_job_id"]) == (202, job_id)
    again_id = retried.json()["job_id"]
    url = krai.result_of(again_id)["download_url"]
    assert krai.download(url).count(b"\n") == 4

    assert krai.http.delete(f"/api/v1/jobs/{again_id}").status_code == 204
    assert problem(krai.http.get(f"/api/v1/jobs/{again_id}"), 404) == "not_found"
    assert krai.anonymous.get(url).status_code == 404


def test_datasets_are_listed_with_their_columns(krai: KraiClient) -> None:
    krai.import_(dataset="described", source={"records": PEOPLE})
    listed = {dataset["name"]: dataset for dataset in krai.http.get("/api/v1/datasets").json()["datasets"]}
    assert {"users", "default", "described"} <= listed.keys()
    assert listed["users"]["rows"] == 10_000
    described = listed["described"]
    assert described == krai.dataset("described")
    assert [column["name"] for column in described["columns"]] == ["name", "born"]
    assert {"rows", "bytes", "snapshot_id", "updated_at"} <= described.keys()


def test_a_dataset_is_dropped_by_a_job(krai: KraiClient) -> None:
    krai.import_(dataset="unwanted", source={"records": PEOPLE})
    answer = krai.http.delete("/api/v1/datasets/unwanted")
    assert (answer.status_code, answer.json()["type"]) == (202, "drop")
    assert krai.wait_until_finished(answer.json()["job_id"])["status"] == "COMPLETED"
    assert problem(krai.http.get("/api/v1/datasets/unwanted"), 404) == "dataset_not_found"


# -- Who may do what --------------------------------------------------------------------------------------------------------


def test_a_key_is_shown_once_and_lets_its_bearer_in_until_it_is_revoked(krai: KraiClient, server: KraiProcess) -> None:
    made = krai.http.post("/token", json={"name": "nightly export", "scopes": ["read", "export"]})
    assert made.status_code == 201
    key = made.json()["key"]
    assert key.startswith("krai_")
    assert key not in krai.http.get("/token").text
    with KraiClient(server.base_url, key) as script:
        job_id = script.submit_export(dataset="users", limit=1)
        assert script.wait_until_finished(job_id)["status"] == "COMPLETED"
        assert problem(script.http.post("/api/v1/imports", json={"source": "salesforce"}), 403) == "not_allowed"
        assert krai.http.delete("/token", params={"key_id": made.json()["key_id"]}).status_code == 204
        assert problem(script.http.get(f"/api/v1/jobs/{job_id}"), 401) == "invalid_key"


def test_somebody_elses_job_is_like_no_job(krai: KraiClient, server: KraiProcess) -> None:
    mine = krai.submit_export(dataset="users", limit=1)
    with KraiClient(server.base_url, krai.http.post("/token", json={"name": "another"}).json()["key"]) as other:
        for job_id in (mine, UNKNOWN_JOB):
            assert problem(other.http.get(f"/api/v1/jobs/{job_id}"), 404) == "not_found"
        assert other.http.get("/api/v1/jobs").json()["jobs"] == []


def test_admins_keep_the_list_of_who_may_sign_in(krai: KraiClient) -> None:
    added = krai.http.put("/api/v1/users", json={"email": "Ada@Example.org", "role": "admin"})
    assert (added.status_code, added.json()["email"]) == (200, "ada@example.org")
    assert [user["email"] for user in krai.http.get("/api/v1/users").json()["users"]] == ["ada@example.org"]
    assert krai.http.delete("/api/v1/users", params={"email": "ada@example.org"}).status_code == 204


def test_a_setting_tells_who_changed_it(krai: KraiClient) -> None:
    for text in ("Exports pause on Sunday.", "Exports are back."):
        assert krai.http.put("/settings/banner", json={"value": text}).status_code == 200
    banner = krai.http.get("/settings/banner").json()
    assert banner["value"] == "Exports are back."
    assert [change["value"] for change in banner["changes"]] == ["Exports are back.", "Exports pause on Sunday."]


# -- What is refused --------------------------------------------------------------------------------------------------------


def test_a_credential_is_asked_for(krai: KraiClient) -> None:
    for headers, code in (({}, "unauthenticated"), ({"x-api-key": "guess"}, "invalid_key")):
        answer = krai.anonymous.get("/api/v1/jobs", headers=headers)
        assert problem(answer, 401) == code
        assert answer.headers["www-authenticate"]


def test_two_credentials_are_one_too_many(krai: KraiClient) -> None:
    answer = krai.anonymous.get("/api/v1/jobs", headers={"x-api-key": DEMO_KEY, "Authorization": "Bearer x"})
    assert problem(answer, 400) == "ambiguous_credentials"


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("hubspot", "unknown_source"),
        ({"upload_id": UNKNOWN_JOB}, "unknown_upload"),
        ({"url": "https://localhost/contacts.csv"}, "source_blocked"),
        ({"records": [{"n": n} for n in range(1_001)]}, "invalid_field"),
    ],
)
def test_a_source_that_cannot_be_used_is_refused_at_once(krai: KraiClient, source: object, code: str) -> None:
    answer = krai.http.post("/api/v1/imports", json={"dataset": "contacts", "source": source})
    assert code in {problem(answer, 422), *(error["code"] for error in answer.json().get("errors", []))}


def test_a_page_that_is_not_there_is_refused(krai: KraiClient) -> None:
    assert problem(krai.http.get("/api/v1/jobs", params={"page_token": "guess"}), 400) == "invalid_page_token"
    assert problem(krai.http.get("/api/v1/jobs", params={"page_size": -1}), 400) == "invalid_argument"


def test_an_unknown_dataset_is_refused_at_once(krai: KraiClient) -> None:
    assert problem(krai.http.post("/api/v1/exports", json={"dataset": "nothing_here"}), 404) == "dataset_not_found"


def test_an_unknown_job_is_not_found(krai: KraiClient) -> None:
    for path in ("", "/result", "/errors", "/events"):
        assert problem(krai.http.get(f"/api/v1/jobs/{UNKNOWN_JOB}{path}"), 404) == "not_found"


def test_a_wrong_field_is_pointed_at_and_never_echoed(krai: KraiClient) -> None:
    answer = krai.http.post("/api/v1/exports", json={"dataset": "users", "download_url": "kilroy", "limit": "washere"})
    problem(answer, 422)
    assert {(error["pointer"], error["code"]) for error in answer.json()["errors"]} == {
        ("/download_url", "unknown_field"),
        ("/limit", "invalid_field"),
    }
    assert not re.search("kilroy|washere", answer.text)


@pytest.mark.parametrize(
    ("status", "code", "sent"),
    [
        (400, "malformed_json", {"content": b'{"dataset":"users","dataset":"users"}'}),
        (400, "malformed_json", {"content": b'{"limit":NaN}'}),
        (413, "too_large", {"content": b'{"description":"' + b"x" * 70_000 + b'"}'}),
        (415, "unsupported_media_type", {"content": b"dataset=users", "headers": {"Content-Type": "text/plain"}}),
        (422, "invalid_dataset", {"json": {"dataset": "../../etc/passwd"}}),
        (422, "invalid_field", {"json": {"dataset": "users", "limit": 0}}),
        (422, "unknown_column", {"json": {"dataset": "users", "columns": ["no_such_column"]}}),
    ],
)
def test_a_body_that_makes_no_sense_is_refused(krai: KraiClient, status: int, code: str, sent: dict[str, object]) -> None:
    headers = {"Content-Type": "application/json"} | dict(sent.pop("headers", {}))  # type: ignore[call-overload]
    answer = krai.http.post("/api/v1/exports", headers=headers, **sent)  # type: ignore[arg-type]
    found = problem(answer, status)
    assert code in {found, *(error["code"] for error in answer.json().get("errors", []))}


def test_a_method_nobody_offers_is_answered_with_those_on_offer(krai: KraiClient) -> None:
    answer = krai.http.put(f"/api/v1/jobs/{UNKNOWN_JOB}")
    assert problem(answer, 405) == "method_not_allowed"
    assert "GET" in answer.headers["allow"]


def test_every_problem_can_be_looked_up(krai: KraiClient) -> None:
    found = krai.http.get(f"/api/v1/jobs/{UNKNOWN_JOB}").json()
    page = krai.anonymous.get(found["type"])
    assert page.status_code == 200
    assert found["title"] in page.text


def test_too_many_new_jobs_have_to_wait(tmp_path: Path) -> None:
    with KraiProcess(tmp_path / "data", env={"KRAI_RATE_LIMIT_CREATE": "5/minute"}) as process:
        http = process.start().client.http
        request = {"dataset": "users", "limit": 1}
        answers = [http.post("/api/v1/exports", json=request, headers={"Idempotency-Key": f"number-{n}"}) for n in range(6)]
        assert [answer.status_code for answer in answers] == [202] * 5 + [429]
        assert problem(answers[-1], 429) == "rate_limited"
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert {"ratelimit", "ratelimit-policy"} <= answers[-1].headers.keys()
        again = http.post("/api/v1/exports", json=request, headers={"Idempotency-Key": "number-0"})
        assert again.json() == answers[0].json(), "an answer that was given before costs nothing"


# -- The description --------------------------------------------------------------------------------------------------------


def test_the_api_describes_itself_with_an_example_for_each_operation(krai: KraiClient) -> None:
    document = krai.anonymous.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    operations = {
        f"{method} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in {"get", "post", "put", "delete"}
    }
    assert {"post /api/v1/exports", "post /api/v1/imports", "get /api/v1/jobs/{job_id}"} <= operations.keys()
    without = [
        name for name, operation in operations.items() if "example" not in json.dumps(operation) and "204" not in operation["responses"]
    ]
    assert without == []
    assert krai.anonymous.get("/docs").status_code == 200


def test_the_description_can_be_hidden_and_state_survives_a_restart(tmp_path: Path) -> None:
    with KraiProcess(tmp_path / "data") as process:
        krai = process.start().client
        job_id = krai.submit_import(dataset="kept", source={"records": PEOPLE})
        krai.wait_until_finished(job_id)
        process.terminate()
        assert process.wait_until_dead(within_s=30) == 0

        process.start(KRAI_DOCS="off")
        assert problem(krai.anonymous.get("/docs"), 404) == problem(krai.anonymous.get("/openapi.json"), 404) == "not_found"
        assert krai.job(job_id)["status"] == "COMPLETED"
        assert rows_of(krai, "kept") == PEOPLE


# -- Words of these tests ---------------------------------------------------------------------------------------------------


def problem(answer: httpx.Response, status: int) -> str:
    """The code of an answer that must be a problem of this status, in the one shape all problems have (RFC 9457)."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    body = answer.json()
    assert body["type"].endswith(f"/problems/{body['code']}")
    assert body["status"] == status
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["title"]
    assert body["detail"]
    return str(body["code"])


def rows_of(krai: KraiClient, dataset: str) -> list[dict[str, object]]:
    (content,) = krai.files(krai.export(dataset=dataset, format="ndjson"))
    return [json.loads(line) for line in content.splitlines()]


def put(krai: KraiClient, url: str, content: bytes, content_range: str) -> httpx.Response:
    return krai.anonymous.put(url, content=content, headers={"Content-Range": content_range})
