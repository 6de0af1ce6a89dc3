import httpx
import pytest

from tests.unit.api.house import ADA, BOB, KEY, House, problem

OWNED = ("", "/result", "/errors", "/events")


@pytest.mark.parametrize("headers", [{}, {"authorization": "Basic YTpi"}, {"authorization": "Bearer "}, {"x-api-key": ""}])
async def test_without_a_key_there_is_no_way_in(house: House, headers: dict[str, str]) -> None:
    answer = await house.client(None, **headers).get("/api/v1/jobs")
    assert problem(answer, 401) == "unauthenticated"
    assert answer.headers["www-authenticate"]


@pytest.mark.parametrize("key", [b"guess", b"\xe9", b"x" * 10_000, KEY.encode() + b" ", KEY.upper().encode()])
async def test_a_wrong_key_is_told_apart_from_none(house: House, key: bytes) -> None:
    answer = await house.client(None).get("/api/v1/jobs", headers=[(b"x-api-key", key)])
    assert problem(answer, 401) == "invalid_key"


async def test_a_key_in_the_address_is_no_key(house: House) -> None:
    for client in (house.client(None), house.http):
        answer = await client.get("/api/v1/jobs", params={"api_key": KEY})
        assert problem(answer, 401) == "invalid_key"
        assert KEY not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        [("x-api-key", KEY), ("authorization", "Bearer x")],
        [("x-api-key", KEY), ("x-api-key", KEY)],
        [("authorization", "Bearer x"), ("authorization", "Bearer y")],
    ],
)
async def test_two_credentials_are_ambiguous(house: House, headers: list[tuple[str, str]]) -> None:
    answer = await house.client(None).get("/api/v1/jobs", headers=headers)
    assert problem(answer, 400) == "ambiguous_credentials"


async def test_posts_are_refused_before_their_body_is_looked_at(house: House) -> None:
    answer = await house.client(None).post("/api/v1/exports", content=b"{", headers={"content-type": "text/plain"})
    assert problem(answer, 401) == "unauthenticated"


async def _jobs_of(client: httpx.AsyncClient) -> list[str]:
    return [job["job_id"] for job in (await client.get("/api/v1/jobs")).json()["jobs"]]


async def test_a_caller_sees_its_own_jobs_and_the_deployment_sees_all(house: House) -> None:
    ada, bob = house.client(ADA), house.client(BOB)
    of_ada = (await ada.post("/api/v1/exports", json={"dataset": "users"})).json()["job_id"]
    of_bob = (await bob.post("/api/v1/exports", json={"dataset": "users"})).json()["job_id"]
    assert await _jobs_of(ada) == [of_ada]
    assert await _jobs_of(bob) == [of_bob]
    assert await _jobs_of(house.http) == [of_bob, of_ada]


async def test_somebody_elses_job_answers_exactly_like_no_job(house: House) -> None:
    ada, bob = house.client(ADA), house.client(BOB, **{"x-request-id": "the-same-one"})
    theirs = (await ada.post("/api/v1/exports", json={"dataset": "users"})).json()["job_id"]
    for path in OWNED:
        foreign, unknown = [await bob.get(f"/api/v1/jobs/{job_id}{path}") for job_id in (theirs, "0" * 32)]
        assert problem(foreign, 404) == "not_found"
        assert foreign.content == unknown.content
    for path in ("/cancel", "/retry"):
        assert problem(await bob.post(f"/api/v1/jobs/{theirs}{path}"), 404) == "not_found"
    assert problem(await bob.delete(f"/api/v1/jobs/{theirs}"), 404) == "not_found"
    assert (await ada.get(f"/api/v1/jobs/{theirs}")).json()["status"] == "PENDING"


async def test_a_page_token_is_its_callers_own(house: House) -> None:
    ada, bob = house.client(ADA), house.client(BOB)
    for client in (ada, ada, bob):
        await client.post("/api/v1/exports", json={"dataset": "users"})
    token = (await ada.get("/api/v1/jobs", params={"page_size": 1})).json()["next_page_token"]
    assert (await ada.get("/api/v1/jobs", params={"page_token": token})).status_code == 200
    assert problem(await bob.get("/api/v1/jobs", params={"page_token": token}), 400) == "invalid_page_token"
    assert problem(await ada.get("/api/v1/jobs", params={"page_token": token, "type": "import"}), 400) == "invalid_page_token"
