"""`/api/v1/users` over HTTP."""

import httpx
import pytest

from tests.unit.api.house import ADA, House, pointers, problem


async def test_an_admin_lets_people_in_and_out(house: House) -> None:
    answer = await house.http.put("/api/v1/users", json={"email": "Ada@Example.org", "groups": ["sales"]})
    assert answer.status_code == httpx.codes.OK
    ada = answer.json()
    told = {"email": "ada@example.org", "role": "user", "groups": ["sales"], "added_by": "api-key", "signed_in": False}
    assert ada == {**told, "added_at": ada["added_at"]}
    changed = (await house.http.put("/api/v1/users", json={"email": "ada@example.org", "role": "admin"})).json()
    assert changed == {**ada, "role": "admin", "groups": []}
    assert (await house.http.get("/api/v1/users")).json() == {"users": [changed]}
    for status in (httpx.codes.NO_CONTENT, httpx.codes.NOT_FOUND):
        assert (await house.http.delete("/api/v1/users", params={"email": "ADA@example.org"})).status_code == status
    assert (await house.http.get("/api/v1/users")).json() == {"users": []}


@pytest.mark.parametrize("email", ["", "bob", "a/b/c@x", "bob@example.org\u202e"])
async def test_what_is_no_address_is_pointed_at(house: House, email: str) -> None:
    answer = await house.http.put("/api/v1/users", json={"email": email})
    assert problem(answer, 422) == "invalid_field"
    assert pointers(answer) == {"/email": "invalid_field"}
    assert not email or email not in answer.text
    assert problem(await house.http.delete("/api/v1/users", params={"email": "ada"}), 422) == "invalid_field"


async def test_a_group_is_named_once(house: House) -> None:
    answer = await house.http.put("/api/v1/users", json={"email": "ada@example.org", "groups": ["sales", "sales"]})
    assert problem(answer, 422) == "invalid_field"
    assert pointers(answer) == {"/groups": "invalid_field"}


async def test_the_list_is_for_admins(house: House) -> None:
    script = house.client(ADA)
    assert problem(await script.get("/api/v1/users"), 403) == "not_allowed"
    assert problem(await script.put("/api/v1/users", json={"email": "ada@example.org", "role": "admin"}), 403) == "not_allowed"
    assert problem(await script.delete("/api/v1/users", params={"email": "ada@example.org"}), 403) == "not_allowed"
