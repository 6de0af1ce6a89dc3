"""`/api/v1/grants` over HTTP, and what grants do to exports, imports and the list of datasets."""

import httpx
import pytest

from krai.access import Scope
from tests.unit.api.house import ADA, BOB, House, pointers, problem, put_key

ADA_ID = "key:" + ADA.split("_")[1]
RECORDS = {"records": [{"id": 1}]}


async def grant(house: House, resource: str = "dataset/users", **who: list[str]) -> httpx.Response:
    return await house.http.put("/api/v1/grants", json={"resource": resource, **who})


async def test_an_admin_grants_lists_and_takes_away(house: House) -> None:
    answer = await grant(house, read=["all"], write=["User:Ada@Example.org", "group:sales"])
    assert answer.status_code == httpx.codes.OK
    told = answer.json()
    names = {"resource": "dataset/users", "read": ["all"], "write": ["group:sales", "user:ada@example.org"], "changed_by": "api-key"}
    assert told == {**names, "changed_at": told["changed_at"]}
    assert (await house.http.get("/api/v1/grants")).json() == {"grants": [told]}
    for status in (httpx.codes.NO_CONTENT, httpx.codes.NOT_FOUND):
        assert (await house.http.delete("/api/v1/grants", params={"resource": "dataset/users"})).status_code == status
    assert (await house.http.get("/api/v1/grants")).json() == {"grants": []}


@pytest.mark.parametrize("resource", ["", "users", "dataset/", "dataset/Users", "dataset/a/b", "bucket/x", "table/users", "bucket/UPPER"])
async def test_what_is_neither_dataset_nor_bucket_is_pointed_at(house: House, resource: str) -> None:
    answer = await grant(house, resource)
    assert problem(answer, 422) == "invalid_field"
    assert pointers(answer) == {"/resource": "invalid_field"}
    assert problem(await house.http.delete("/api/v1/grants", params={"resource": resource}), 404) == "not_found"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "everybody",
        "user:",
        "user:ada",
        "group:Sales team",
        "key:1",
        "user:a\x08@b",
        "user:é@example.org",
        "tenant:",
        "all ",
        "ada@example.org",
    ],
)
async def test_what_names_nobody_is_pointed_at(house: House, name: str) -> None:
    answer = await grant(house, read=["all", name])
    assert problem(answer, 422) == "invalid_field"
    assert pointers(answer) == {"/read/1": "invalid_field"}


async def test_nobody_writes_into_a_bucket(house: House) -> None:
    answer = await grant(house, "bucket/acme-landing", write=["all"])
    assert (problem(answer, 422), pointers(answer)) == ("invalid_field", {"/write": "invalid_field"})


async def test_grants_are_for_admins(house: House) -> None:
    script = house.client(ADA)
    assert problem(await script.get("/api/v1/grants"), 403) == "not_allowed"
    assert problem(await script.put("/api/v1/grants", json={"resource": "dataset/users", "write": [ADA_ID]}), 403) == "not_allowed"
    assert problem(await script.delete("/api/v1/grants", params={"resource": "dataset/users"}), 403) == "not_allowed"


async def test_who_may_not_read_a_dataset_is_told_that_there_is_none(house: House) -> None:
    assert (await grant(house, read=[ADA_ID])).status_code == httpx.codes.OK
    ada, bob = house.client(ADA), house.client(BOB)
    assert (await ada.post("/api/v1/exports", json={"dataset": "users"})).status_code == httpx.codes.ACCEPTED
    assert [dataset["name"] for dataset in (await ada.get("/api/v1/datasets")).json()["datasets"]] == ["users"]
    assert (await bob.get("/api/v1/datasets")).json() == {"datasets": []}
    refused = await bob.post("/api/v1/exports", json={"dataset": "users"})
    nothing = await bob.post("/api/v1/exports", json={"dataset": "nothing"})
    assert problem(refused, 404) == problem(nothing, 404) == "dataset_not_found"
    assert refused.json()["detail"] == nothing.json()["detail"]
    assert problem(await bob.get("/api/v1/datasets/users"), 404) == "dataset_not_found"


async def test_who_may_not_write_a_dataset_imports_nothing_into_it(house: House) -> None:
    await grant(house, read=["all"], write=[ADA_ID])
    ada, bob = house.client(ADA), house.client(BOB)
    request = {"dataset": "users", "source": RECORDS}
    assert (await ada.post("/api/v1/imports", json=request)).status_code == httpx.codes.ACCEPTED
    assert problem(await bob.post("/api/v1/imports", json=request), 403) == "not_allowed"
    assert (await bob.post("/api/v1/imports", json={**request, "dataset": "other"})).status_code == httpx.codes.ACCEPTED
    assert (await bob.post("/api/v1/exports", json={"dataset": "users"})).status_code == httpx.codes.ACCEPTED


@pytest.mark.parametrize(("noun", "code", "status"), [("exports", "dataset_not_found", 404), ("imports", "not_allowed", 403)])
async def test_a_retry_needs_what_the_job_needed(house: House, noun: str, code: str, status: int) -> None:
    bob = house.client(BOB)
    request = {"dataset": "users"} | ({"source": RECORDS} if noun == "imports" else {})
    job_id = (await bob.post(f"/api/v1/{noun}", json=request)).json()["job_id"]
    await house.fail(job_id)
    await grant(house, read=[ADA_ID])
    assert problem(await bob.post(f"/api/v1/jobs/{job_id}/retry"), status) == code
    await house.http.delete("/api/v1/grants", params={"resource": "dataset/users"})
    assert (await bob.post(f"/api/v1/jobs/{job_id}/retry")).status_code == httpx.codes.ACCEPTED


async def test_who_is_no_admin_any_more_drops_nothing_by_a_retry(house: House) -> None:
    await put_key(house.stores, ADA, frozenset(Scope))
    ada = house.client(ADA)
    job_id = (await ada.delete("/api/v1/datasets/users")).json()["job_id"]
    await house.fail(job_id)
    await put_key(house.stores, ADA)
    assert problem(await ada.post(f"/api/v1/jobs/{job_id}/retry"), 403) == "not_allowed"


async def test_a_key_stands_for_the_person_who_made_it(house: House) -> None:
    await house.http.put("/api/v1/users", json={"email": "ada@example.org", "groups": ["sales"]})
    await house.app.state.api.admission.users.admit("ada@example.org", "https://issuer.test|1", tenant="acme")
    await put_key(house.stores, ADA, owner="https://issuer.test|1", email="ada@example.org", tenant="acme")
    for grantee in ("user:ada@example.org", "group:sales", "tenant:acme", ADA_ID):
        await grant(house, write=[grantee])
        assert (await house.client(ADA).post("/api/v1/imports", json={"dataset": "users", "source": RECORDS})).status_code == 202, grantee
        assert problem(await house.client(BOB).get("/api/v1/datasets/users"), 404) == "dataset_not_found"


async def test_without_cloud_storage_nobody_imports_from_a_bucket(house: House) -> None:
    await grant(house, "bucket/acme-landing", read=["all"])
    request = {"dataset": "orders", "source": {"uri": "gs://acme-landing/orders.csv"}}
    assert problem(await house.post("imports", request), 422) == "source_forbidden"
