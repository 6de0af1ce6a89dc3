"""Rows 11 to 13: what belongs to somebody else, and ids that are none."""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.acceptance.krai_client import Json
from tests.hostile.ground import Ground, problem_of

JOBS, WEBHOOKS = "/api/v1/jobs", "/api/v1/webhooks"
NOBODYS = "0123456789abcdef" * 2
DOINGS = (
    ("GET", ""),
    *(("GET", f"/{part}") for part in ("result", "errors", "events")),
    ("POST", "/cancel"),
    ("POST", "/retry"),
    ("POST", "/undo"),
    ("DELETE", ""),
)
WITH_WEBHOOKS: tuple[tuple[str, str, Json | None], ...] = (
    *(("GET", part, None) for part in ("", "/secret", "/deliveries")),
    ("PUT", "", {"url": "https://hooks.example.org/bob"}),
    *(("POST", part, None) for part in ("/secret", "/test", f"/deliveries/msg_{NOBODYS}_completed/resend")),
    ("DELETE", "", None),
)
IDS = {
    "NUL": "%00",
    "slash": "a%2fresult",
    "dots": "../x",
    "dots-of-percent": "%2e%2e%2fx",
    "60-kB": "a" * 60_000,
    "header": "x%0d%0aSet-Cookie:a",
    "capitals": NOBODYS.upper(),
    "31-digits": NOBODYS[:-1],
    "newline-behind": f"{NOBODYS}%0a",
    "fullwidth-digits": "%ef%bc%91" * 32,
    "arabic-digits": "%d9%a1" * 32,
    "not-UTF-8": "%ff%fe",
    "dunder": "__all__",
    "pattern": "*",
    "sql": "'%20or%201=1--",
    "path": "%2fetc%2fpasswd",
    "html": "%3Cscript%3E",
}


@pytest.fixture(scope="module")
def job_of_ada(shared_ground: Ground) -> Iterator[str]:
    """A finished one."""
    ada = shared_ground.ada
    job_id = ada.submit_export(dataset="users", limit=1)
    ada.result_of(job_id)
    yield job_id
    assert ada.job(job_id)["status"] == "COMPLETED", "it is still there, as it was"


@pytest.mark.parametrize(("method", "part"), DOINGS)
def test_11_a_job_of_somebody_else_is_no_job(ground: Ground, job_of_ada: str, method: str, part: str) -> None:
    answers = [ground.call(ground.bob, method, f"{JOBS}/{job_id}{part}") for job_id in (job_of_ada, NOBODYS)]
    ours, nobodys = ({**answer.json(), "instance": "", "request_id": ""} for answer in answers)
    assert [answer.status_code for answer in answers] == [404, 404]
    assert ours == nobodys
    assert ours["code"] == "not_found"
    same = [{name for name in answer.headers if name != "date"} for answer in answers]
    assert same[0] == same[1]


def test_11_a_running_job_of_somebody_else_goes_on(ground: Ground) -> None:
    job_id = ground.ada.submit_export(dataset="users", limit=1)
    assert ground.call(ground.bob, "POST", f"{JOBS}/{job_id}/cancel").status_code == httpx.codes.NOT_FOUND
    assert ground.ada.wait_until_finished(job_id)["status"] == "COMPLETED"


@pytest.mark.usefixtures("job_of_ada")
def test_11_lists_hold_ones_own(ground: Ground, job_of_ada: str) -> None:
    for query in ({}, {"dataset": "users"}, {"status": "COMPLETED"}, {"type": "export", "page_size": "100"}):
        listed = ground.call(ground.bob, "GET", JOBS, params=query).json()["jobs"]
        assert job_of_ada not in {job["job_id"] for job in listed}
        assert {job["created_by"] for job in listed} <= {f"key:{ground.bob.http.headers['x-api-key'].split('_')[1]}"}


def test_11_keys_and_the_list_of_people_are_ones_own(ground: Ground) -> None:
    of_ada = str(ground.ada.http.headers["x-api-key"]).split("_")[1]
    assert of_ada not in ground.call(ground.bob, "GET", "/token").text
    assert ground.call(ground.bob, "DELETE", "/token", params={"key_id": of_ada}).status_code == httpx.codes.NOT_FOUND
    assert ground.call(ground.bob, "PUT", "/token", json={"key_id": of_ada}).status_code == httpx.codes.NOT_FOUND
    for method, path, body in (
        ("GET", "/api/v1/users", None),
        ("GET", "/api/v1/grants", None),
        ("PUT", "/api/v1/grants", {"resource": "dataset/users", "read": ["all"]}),
        ("PUT", "/api/v1/users", {"email": "eve@evil.example", "role": "admin"}),
        ("PUT", "/settings/banner", {"value": ground.canary()}),
        ("DELETE", "/settings/banner", None),
        ("POST", "/token", {"name": "more", "scopes": ["admin"]}),
        ("POST", "/token", {"name": "more"}),
        ("DELETE", "/api/v1/datasets/users", None),
    ):
        answer = ground.call(ground.bob, method, path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), path


@pytest.fixture(scope="module")
def webhook_of_ada(shared_ground: Ground) -> Iterator[str]:
    made = shared_ground.ada.http.post(WEBHOOKS, json={"url": "https://hooks.example.org/ada"}).json()
    yield made["webhook_id"]
    path = f"{WEBHOOKS}/{made['webhook_id']}"
    found = shared_ground.ada.http.get(path).json()
    assert {**found, "failing_since": None} == made, "it is still there, as it was; nobody is at its address"
    shared_ground.ada.http.delete(path)


@pytest.mark.parametrize(("method", "part", "body"), WITH_WEBHOOKS)
def test_11_a_webhook_of_somebody_else_is_none(ground: Ground, webhook_of_ada: str, method: str, part: str, body: Json | None) -> None:
    for client in (ground.bob, ground.admin):
        paths = [f"{WEBHOOKS}/{webhook_id}{part}" for webhook_id in (webhook_of_ada, NOBODYS)]
        answers = [ground.call(client, method, path, json=body) for path in paths]
        ours, nobodys = ({**answer.json(), "instance": "", "request_id": ""} for answer in answers)
        assert [answer.status_code for answer in answers] == [404, 404]
        assert ours == nobodys
        assert ours["code"] == "not_found"


def test_11_everybodys_jobs_are_for_admins(ground: Ground) -> None:
    answer = ground.call(ground.bob, "POST", WEBHOOKS, json={"url": "https://hooks.example.org/bob", "scope": "all"})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("part", ["", "/secret", "/deliveries"])
def test_12_an_id_of_a_webhook_that_is_none(ground: Ground, name: str, part: str) -> None:
    answer = ground.ask("GET", f"{WEBHOOKS}/{IDS[name]}{part}", ground.as_admin())
    assert problem_of(answer, 404) == "not_found"
    assert answer.header("set-cookie") is None
    assert IDS[name] not in answer.body.decode() or name == "pattern"


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("part", ["", "/result", "/events"])
def test_12_an_id_that_is_none(ground: Ground, name: str, part: str) -> None:
    answer = ground.ask("GET", f"{JOBS}/{IDS[name]}{part}", ground.as_admin())
    assert problem_of(answer, 404) == "not_found"
    assert answer.header("set-cookie") is None
    assert IDS[name] not in answer.body.decode() or name == "pattern"


@pytest.mark.parametrize("size", ["-1", "0", "1.5", "0x10", "1e3", "NaN", "", " ", "9" * 5000, "\u0665", "5&page_size=6"])
def test_13_a_page_of_no_size(ground: Ground, size: str) -> None:
    answer = ground.call(ground.admin, "GET", JOBS, params=httpx.QueryParams(f"page_size={size}"))
    if size == "5&page_size=6":  # the last one counts
        assert answer.status_code == httpx.codes.OK
    else:
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_argument")


@pytest.mark.usefixtures("job_of_ada")
def test_13_a_page_of_a_thousand_million_is_one_of_a_hundred(ground: Ground) -> None:
    answer = ground.call(ground.admin, "GET", JOBS, params={"page_size": 10**9})
    assert answer.status_code == httpx.codes.OK
    assert 0 < len(answer.json()["jobs"]) <= 100


@pytest.mark.parametrize("token", ["x", "=", "AAAA", "WyIiLCIiLCIiXQ", "bnVsbA", "W1tbW1tb", "\u00e9", "%00", "a" * 1024, "a" * 1025])
def test_13_a_page_token_that_is_none(ground: Ground, token: str) -> None:
    answer = ground.call(ground.admin, "GET", JOBS, params={"page_token": token})
    assert (answer.status_code, answer.json()["code"]) in {(400, "invalid_page_token"), (400, "invalid_argument")}
    assert (answer.json()["code"] == "invalid_argument") == (len(token) > 1024)


def test_13_a_page_token_of_somebody_else_or_of_another_list(ground: Ground) -> None:
    for _ in range(2):
        ground.ada.result_of(ground.ada.submit_export(dataset="users", limit=1))
    token = ground.ada.http.get(JOBS, params={"page_size": 1}).json()["next_page_token"]
    assert ground.call(ground.ada, "GET", JOBS, params={"page_size": 1, "page_token": token}).status_code == httpx.codes.OK
    for client, more in ((ground.bob, {}), (ground.admin, {}), (ground.ada, {"dataset": "users"})):
        answer = ground.call(client, "GET", JOBS, params={"page_token": token, **more})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_page_token")


@pytest.mark.parametrize(
    "query", ["owner=x", "created_by=x", "page_size=1&x-y=1", "type=EXPORT", "status=%00", "dataset=..%2f", "label=%0d%0aa:b"]
)
def test_13_a_question_that_is_none(ground: Ground, query: str) -> None:
    answer = ground.ask("GET", f"{JOBS}?{query}", ground.as_admin())
    assert problem_of(answer, 400) == "invalid_argument"
    assert json.loads(answer.body)["status"] == 400


def test_11_a_dataset_that_was_granted_to_somebody_else(ground: Ground) -> None:
    """There is none for who may not read it, and nobody else writes to it."""
    name, of_ada = "granted", str(ground.ada.http.headers["x-api-key"]).split("_")[1]
    ground.admin.import_(dataset=name, source={"records": [{"id": 1}]}, mode="replace")
    grant = {"resource": f"dataset/{name}", "read": [f"key:{of_ada}"], "write": [f"key:{of_ada}"]}
    assert ground.admin.http.put("/api/v1/grants", json=grant).status_code == httpx.codes.OK
    assert ground.ada.dataset(name)["rows"] == 1
    assert name not in {dataset["name"] for dataset in ground.call(ground.bob, "GET", "/api/v1/datasets").json()["datasets"]}
    for method, path, body, answers in (
        ("GET", f"/api/v1/datasets/{name}", None, (404, "dataset_not_found")),
        ("POST", "/api/v1/exports", {"dataset": name}, (404, "dataset_not_found")),
        ("POST", "/api/v1/imports", {"dataset": name, "source": {"records": [{"id": 2}]}}, (403, "not_allowed")),
    ):
        answer = ground.call(ground.bob, method, path, json=body)
        assert (answer.status_code, answer.json()["code"]) == answers
