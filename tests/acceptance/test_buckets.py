"""Imports from buckets of Cloud Storage: only from those that an admin has granted, and never from krai's own."""

import secrets
from collections.abc import Iterator

import httpx
import pytest

from scripts import provision
from tests.acceptance.deployment import Deployment, NewKrai
from tests.acceptance.krai_client import Json, KraiClient


@pytest.fixture(scope="module")
def mode() -> str:
    return "gcp"


@pytest.fixture(scope="module")
def krai(new_krai: NewKrai) -> Deployment:
    return new_krai({}).start()


@pytest.fixture(scope="module")
def landing(krai: Deployment) -> str:
    assert krai.emulators is not None
    name, storage = f"landing-{secrets.token_hex(4)}", f"http://{krai.emulators.storage.host}"
    provision.bucket(storage, "somebody", name)
    where = f"{storage}/upload/storage/v1/b/{name}/o"
    assert httpx.post(where, params={"uploadType": "media", "name": "2026/orders.csv"}, content=b"id,name\n1,Ada\n2,Bob\n").is_success
    return name


@pytest.fixture(scope="module")
def script(krai: Deployment) -> Iterator[KraiClient]:
    made: Json = krai.krai.http.post("/token", json={"name": "of a test"}).json()
    client = KraiClient(krai.api.base_url, made["key"])
    yield client
    client.close()


def code_of(caller: KraiClient, uri: str) -> tuple[int, str]:
    answer = caller.http.post("/api/v1/imports", json={"dataset": "orders", "source": {"uri": uri}})
    return answer.status_code, answer.json()["code"]


def test_a_granted_bucket_is_imported_from_and_no_other(krai: Deployment, script: KraiClient, landing: str) -> None:
    mine = f"gs://{landing}/2026/orders.csv"
    assert code_of(script, mine) == code_of(krai.krai, mine) == (422, "source_forbidden")
    key_id = script.http.get("/token").json()["keys"][0]["key_id"]
    grant = krai.krai.http.put("/api/v1/grants", json={"resource": f"bucket/{landing}", "read": [f"key:{key_id}"]})
    assert grant.status_code == httpx.codes.OK, grant.text
    result = script.result_of(script.submit("imports", {"dataset": "orders", "source": {"uri": mine}}))
    assert (result["records_inserted"], result["records_rejected"]) == (2, 0)
    shown = script.http.get(f"/api/v1/jobs/{result['job_id']}").json()
    assert shown["params"]["source"] == {"uri": mine}
    assert code_of(script, f"gs://{landing}/2026/*") == (422, "source_forbidden")
    assert code_of(script, "gs://somebody-elses/orders.csv") == (422, "source_forbidden")


def test_what_is_not_there_fails_the_job(krai: Deployment, landing: str) -> None:
    krai.krai.http.put("/api/v1/grants", json={"resource": f"bucket/{landing}", "read": ["all"]})
    job = krai.krai.wait_until_finished(krai.krai.submit("imports", {"dataset": "none", "source": {"uri": f"gs://{landing}/nothing.csv"}}))
    assert (job["status"], job["error"]["code"]) == ("FAILED", "source_missing")


def test_krais_own_bucket_is_nobodys_source(krai: Deployment) -> None:
    own = krai.env["GCS_BUCKET"]
    krai.krai.http.put("/api/v1/grants", json={"resource": f"bucket/{own}", "read": ["all"]})
    assert code_of(krai.krai, f"gs://{own}/sources/contacts.csv") == (422, "source_forbidden")
