"""One chart, many customers: each release greets as its customer likes it, and keeps to that customer's limits."""

from pathlib import Path
from typing import Any

import pytest

from krai.settings import Settings
from tests.deploy.release import render, values
from tests.unit.api.house import open_house

OF_A_CUSTOMER = {"CUSTOMER_NAME", "KRAI_CUSTOMER_GREETING", "KRAI_PUBLIC_URL", "KRAI_QUOTA_QUEUED", "KRAI_RATE_LIMIT_CREATE"}


@pytest.mark.parametrize(
    ("customer", "greeting"),
    [
        ({"name": "A", "greeting": "Hi!"}, "Hi!"),
        ({"name": "B", "greeting": "Dear Sir or Madam!"}, "Dear Sir or Madam!"),
        ({"name": "C", "greeting": "Moin!"}, "Moin!"),
        ({"name": 'Ö "& Söhne'}, 'Hello from Ö "& Söhne!'),
    ],
)
async def test_a_release_greets_as_its_customer_likes_it(tmp_path: Path, customer: dict[str, str], greeting: str) -> None:
    own = {"customer": customer, "host": "a.example.org", "limits": {"create": "2/hour", "queuedJobs": 7}}
    told = render("krai", values("krai", "embedded") | own).plain("api")
    environment: dict[str, Any] = {name: value for name, value in told.items() if name in OF_A_CUSTOMER}
    async with open_house(tmp_path, **environment) as house:
        card = (await house.client(None).get("/")).json()
        statuses = [(await house.post("exports", {"dataset": "users"})).status_code for _ in range(3)]
    assert (card["customer"], card["response"]) == (customer["name"], greeting)
    assert card["links"]["jobs"] == "http://a.example.org/api/v1/jobs"
    assert statuses == [202, 202, 429]
    assert Settings(**environment).quota_queued == 7
