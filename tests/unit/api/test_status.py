"""What admins are told of the queue and of the workers."""

import httpx

import krai
from krai import workers
from tests.unit.api.house import ADA, House


async def test_admins_see_the_queue_and_who_works(house: House) -> None:
    await house.submit()
    await house.claim(await house.submit())
    await workers.say(house.stores.directory, "a", slots=2, running=1, now=house.stores.jobs.now())
    status = (await house.http.get("/api/v1/status")).json()
    assert status["version"] == krai.__version__
    assert (status["queue"]["waiting"], status["queue"]["processing"]) == (1, 1)
    assert 0 <= status["queue"]["oldest_age_s"] < 60
    (worker,) = status["workers"]
    assert (worker["name"], worker["version"], worker["slots"], worker["running"], worker["here"]) == ("a", krai.__version__, 2, 1, True)


async def test_nobody_else_does(house: House) -> None:
    assert (await house.client(ADA).get("/api/v1/status")).status_code == httpx.codes.FORBIDDEN
    assert (await house.client(None).get("/api/v1/status")).status_code == httpx.codes.UNAUTHORIZED
