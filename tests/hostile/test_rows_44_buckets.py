"""Row 44: objects of Cloud Storage that are not the caller's to read. One replaced in mid-read: tests/contract/test_foreign_bucket.py."""

import httpx
import pytest

from tests.acceptance.krai_client import KraiClient
from tests.hostile.case import IMPORTS
from tests.hostile.ground import Ground

INVALID = ("GS://landing/x", "s3://landing/x", "https://storage.googleapis.com/landing/x", "", "gs:/landing/x", "gs://landing/a\x00b")
FORBIDDEN = (
    "gs://",
    "gs://b/",
    "gs:///x",
    "gs://b/*",
    "gs://landing/a?",
    "gs://landing/a#1",
    "gs://../x",
    "gs://a@b/x",
    "gs://landing/..%2f",
)


def code_of(ground: Ground, caller: KraiClient, uri: str) -> tuple[int, str]:
    answer = ground.call(caller, "POST", IMPORTS, json={"dataset": "stolen", "source": {"uri": uri}})
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("uri", [*FORBIDDEN, "gs://somebody-elses/x.csv"])
def test_44_what_was_not_granted(ground: Ground, uri: str) -> None:
    for caller in (ground.ada, ground.admin):
        assert code_of(ground, caller, uri) == (422, "source_forbidden")


@pytest.mark.parametrize("uri", INVALID)
def test_44_what_is_no_address_of_an_object(ground: Ground, uri: str) -> None:
    assert code_of(ground, ground.ada, uri) == (422, "invalid_field")


def test_44_krais_own_bucket_also_when_it_was_granted(ground: Ground) -> None:
    own = ground.deployment.env.get("GCS_BUCKET", "krai-blobs")
    grant = {"resource": f"bucket/{own}", "read": ["all"]}
    assert ground.admin.http.put("/api/v1/grants", json=grant).status_code == httpx.codes.OK
    for path in ("sources/contacts.csv", "warehouse/users/metadata", "uploads/x"):
        assert code_of(ground, ground.admin, f"gs://{own}/{path}") == (422, "source_forbidden")


def test_44_a_grant_to_somebody_else_is_none(ground: Ground) -> None:
    of_bob = str(ground.bob.http.headers["x-api-key"]).split("_")[1]
    grant = {"resource": "bucket/landing-of-bob", "read": [f"key:{of_bob}"]}
    assert ground.admin.http.put("/api/v1/grants", json=grant).status_code == httpx.codes.OK
    assert code_of(ground, ground.ada, "gs://landing-of-bob/x.csv") == (422, "source_forbidden")
