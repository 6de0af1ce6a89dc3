from tests.unit.api.house import ADA, House, problem


async def test_the_deployments_key_may_everything(house: House) -> None:
    me = (await house.http.get("/api/v1/me")).json()
    assert me == {
        "id": "api-key",
        "email": None,
        "admin": True,
        "scopes": ["admin", "export", "import", "read"],
        "groups": [],
        "tenant": None,
    }


async def test_a_key_has_its_own_scopes(house: House) -> None:
    me = (await house.client(ADA).get("/api/v1/me")).json()
    assert (me["id"], me["admin"], me["scopes"]) == ("key:0000000000000ada", False, ["export", "import", "read"])
    assert problem(await house.client(None).get("/api/v1/me"), 401) == "unauthenticated"
