"""`/settings` over HTTP."""

from typing import Any

import httpx
import pytest

from krai.shared_settings import CHANGES_KEPT
from tests.unit.api.house import ADA, House, pointers, problem


async def put(house: House, value: Any, name: str = "banner") -> dict[str, Any]:
    answer = await house.http.put(f"/settings/{name}", json={"value": value})
    assert answer.status_code == httpx.codes.OK, answer.text
    return dict(answer.json())


@pytest.mark.parametrize("value", ["text", 5, 1.5, True, None, ["a"], {"a": {"b": None}}])
async def test_a_setting_is_read_by_all_as_an_admin_has_put_it(house: House, value: Any) -> None:
    await put(house, value)
    script = house.client(ADA)
    setting = (await script.get("/settings/banner")).json()
    assert (setting["value"], setting["updated_by"]) == (value, "api-key")
    assert [one["name"] for one in (await script.get("/settings")).json()["settings"]] == ["banner"]


async def test_who_changed_it_when_and_from_what_is_kept(house: House) -> None:
    for value in ("one", "two"):
        await put(house, value)
    assert (await house.http.delete("/settings/banner")).status_code == httpx.codes.NO_CONTENT
    assert problem(await house.http.get("/settings/banner"), 404) == "not_found"
    assert problem(await house.http.delete("/settings/banner"), 404) == "not_found"
    assert (await house.http.get("/settings")).json() == {"settings": []}
    setting = await put(house, "three")
    assert [(change["value"], change["deleted"], change["by"]) for change in setting["changes"]] == [
        ("three", False, "api-key"),
        (None, True, "api-key"),
        ("two", False, "api-key"),
        ("one", False, "api-key"),
    ]
    for number in range(CHANGES_KEPT):
        setting = await put(house, number)
    assert len(setting["changes"]) == CHANGES_KEPT


async def test_only_admins_change_it(house: House) -> None:
    await put(house, "ours")
    script = house.client(ADA)
    assert problem(await script.put("/settings/banner", json={"value": "theirs"}), 403) == "not_allowed"
    assert problem(await script.delete("/settings/banner"), 403) == "not_allowed"
    assert problem(await house.client(None).get("/settings/banner"), 401) == "unauthenticated"
    assert (await script.get("/settings/banner")).json()["value"] == "ours"


async def test_values_and_names_have_their_limits(house: House) -> None:
    answer = await house.http.put("/settings/banner", json={"value": "x" * 8192})
    assert problem(answer, 422) == "invalid_field"
    assert pointers(answer) == {"/value": "invalid_field"}
    assert problem(await house.http.put("/settings/banner", json={}), 422) == "missing_field"
    assert problem(await house.http.put("/settings/Banner", json={"value": 1}), 400) == "invalid_argument"
