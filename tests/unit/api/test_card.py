import fcntl
import time
from pathlib import Path

import pytest

import krai
from krai.errors import PROBLEMS
from tests.unit.api.house import House, open_house, problem


async def test_the_card_greets_in_the_customers_name(tmp_path: Path) -> None:
    async with open_house(tmp_path, CUSTOMER_NAME="Müller & Söhne") as house:
        card = (await house.client(None).get("/")).json()
    assert {name: card[name] for name in card if name != "links"} == {
        "service": "krai",
        "version": krai.__version__,
        "mode": "embedded",
        "customer": "Müller & Söhne",
        "response": "Hello from Müller & Söhne!",
    }


async def test_the_card_greets_as_the_customer_likes_it(tmp_path: Path) -> None:
    async with open_house(tmp_path, CUSTOMER_NAME="C", KRAI_CUSTOMER_GREETING="Moin!") as house:
        card = (await house.client(None).get("/")).json()
    assert (card["customer"], card["response"]) == ("C", "Moin!")


async def test_the_links_of_the_card_lead_somewhere(house: House) -> None:
    card = (await house.http.get("/")).json()
    for name, url in card["links"].items():
        answer = await house.http.get(url)
        assert answer.status_code in ({405} if name in {"exports", "imports", "uploads"} else {200}), name


async def test_it_is_alive_whatever_its_stores_do(house: House) -> None:
    await house.stores.jobs.close()
    answer = await house.client(None).get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_it_is_ready_when_every_store_answers(house: House) -> None:
    answer = await house.client(None).get("/readyz")
    checks = {"jobs": "ok", "queue": "ok", "blobs": "ok", "directory": "ok"}
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "checks": checks})


@pytest.mark.parametrize("store", ["jobs", "queue", "directory"])
async def test_it_is_not_ready_when_one_does_not(house: House, store: str) -> None:
    await getattr(house.stores, store).close()
    answer = await house.client(None).get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "failed")
    assert {name for name, state in answer.json()["checks"].items() if state != "ok"} == {store}


async def test_it_is_not_ready_when_its_folder_is_none(house: House, tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("a file in its place")
    assert (await house.client(None).get("/readyz")).json()["checks"]["blobs"] == "failed"


async def test_a_store_that_hangs_is_not_waited_for(house: House, tmp_path: Path) -> None:
    # As another process would that is opening the queue, and has stopped in the middle of it.
    with (tmp_path / "queue.sqlite.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        asked = time.monotonic()
        answer = await house.client(None).get("/readyz")
        assert time.monotonic() - asked < 4
    assert (answer.status_code, answer.json()["checks"]["queue"]) == (503, "failed")


async def test_it_is_not_ready_any_more_when_it_is_told_to_stop(house: House) -> None:
    house.app.state.api.stopping.set()
    assert (await house.client(None).get("/readyz")).status_code == 503


async def test_a_store_that_does_not_answer_is_unavailable(house: House) -> None:
    await house.stores.jobs.close()
    answer = await house.http.get("/api/v1/jobs")
    assert problem(answer, 503) == "not_ready"
    assert int(answer.headers["retry-after"]) >= 1
    assert problem(await house.post("exports", {"dataset": "users"}), 503) == "not_ready"


async def test_every_problem_has_its_page(house: House) -> None:
    client = house.client(None)
    for code, known in PROBLEMS.items():
        as_json = await client.get(f"/problems/{code}")
        assert (as_json.json()["code"], as_json.json()["remedy"]) == (code, known.remedy)
        page = await client.get(f"/problems/{code}", headers={"accept": "text/html,*/*;q=0.8"})
        assert page.headers["content-type"].startswith("text/html")
        assert f"<code>{code}</code>" in page.text


async def test_the_list_of_problems_is_complete(house: House) -> None:
    assert {entry["code"] for entry in (await house.http.get("/problems")).json()} == set(PROBLEMS)
    assert problem(await house.http.get("/problems/novel"), 404) == "not_found"


async def test_the_documentation_can_be_switched_off(tmp_path: Path) -> None:
    async with open_house(tmp_path / "on") as house:
        assert (await house.client(None).get("/docs")).status_code == 200
        assert (await house.client(None).get("/openapi.json")).json()["openapi"].startswith("3.1")
    async with open_house(tmp_path / "off", KRAI_DOCS="off") as house:
        for path in ("/docs", "/openapi.json", "/redoc"):
            assert problem(await house.client(None).get(path), 404) == "not_found"
        assert not {"docs", "openapi"} & (await house.http.get("/")).json()["links"].keys()


@pytest.mark.parametrize(
    "path", ["/redoc", "/metrics", "/debug", "/mock-download/x", "/docs/oauth2-redirect", "/api/v1/jobs/", "/api/v1", "/%00"]
)
async def test_what_is_not_there_is_not_found(house: House, path: str) -> None:
    assert problem(await house.http.get(path), 404) == "not_found"
