"""The allowlist: who is let in, as whom, and for how long after he was removed."""

from datetime import UTC, datetime

import pytest

from krai import users
from krai.access import ALL, DEPLOYMENT, OF_USERS, Principal, Role
from krai.backends.local.directory import LocalDirectory
from krai.errors import Terminal
from krai.users import Users

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
ADMIN = Principal(id=DEPLOYMENT, scopes=ALL)
ADA = "https://issuer.test|1"


@pytest.fixture
def allowed(directory: LocalDirectory) -> Users:
    return Users(directory)


async def allow(allowed: Users, email: str = "ada@example.org", role: Role = Role.USER) -> None:
    await allowed.put(email, role, ["sales"], by=ADMIN, now=NOW)


async def test_who_is_on_the_list_is_let_in_with_his_role_and_groups(allowed: Users) -> None:
    await allow(allowed)
    known = Principal(id=ADA, scopes=OF_USERS, email="ada@example.org", groups=frozenset({"sales"}), tenant="acme")
    assert await allowed.admit("Ada@Example.ORG ", ADA, tenant="acme") == known
    await allow(allowed, role=Role.ADMIN)
    assert (await allowed.admit("ada@example.org", ADA, tenant="acme")).admin


@pytest.mark.parametrize("email", ["bob@example.org", "a/b/c@x", "", "ada", "ada@example.org\x00", "\ud800@example.org"])
async def test_who_is_not_on_it_is_not_and_his_address_is_not_repeated(allowed: Users, email: str) -> None:
    await allow(allowed)
    with pytest.raises(Terminal, match="not_allowed") as refused:
        await allowed.admit(email, ADA, tenant="acme")
    assert not email or email not in refused.value.detail


async def test_an_address_is_its_first_owners_until_it_is_removed(allowed: Users) -> None:
    await allow(allowed)
    await allowed.admit("ada@example.org", ADA, tenant="acme")
    for other in ("https://issuer.test|2", "https://other.test|1"):
        with pytest.raises(Terminal, match="not_allowed"):
            await allowed.admit("ada@example.org", other, tenant="acme")
    await allow(allowed, role=Role.ADMIN)
    assert (await allowed.admit("ada@example.org", ADA, tenant="acme")).admin, "another role is no other owner"
    await allowed.remove("ada@example.org", by=ADMIN)
    await allow(allowed)
    assert (await allowed.admit("ada@example.org", "https://issuer.test|2", tenant="acme")).id == "https://issuer.test|2"


async def test_two_who_come_first_at_the_same_moment_are_not_both_first(directory: LocalDirectory) -> None:
    await allow(Users(directory))
    mine, theirs = Users(directory), Users(directory)
    assert await mine._look("ada@example.org")  # noqa: SLF001 - as far as both come before either has written
    assert await theirs._look("ada@example.org")  # noqa: SLF001
    await mine.admit("ada@example.org", "one", tenant="acme")
    with pytest.raises(Terminal, match="not_allowed"):
        await theirs.admit("ada@example.org", "two", tenant="acme")


async def test_a_removed_user_is_out_at_once_here_and_within_a_minute_elsewhere(
    allowed: Users, directory: LocalDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await allow(allowed)
    elsewhere, key = Users(directory), Principal(id="key:1", email="ada@example.org")
    for process in (allowed, elsewhere):
        await process.admit("ada@example.org", ADA, tenant="acme")
        await process.still(key, maker=ADA)
    await allowed.remove("Ada@example.org", by=ADMIN)
    with pytest.raises(Terminal, match="not_allowed"):
        await allowed.admit("ada@example.org", ADA, tenant="acme")
    with pytest.raises(Terminal, match="not_allowed"):
        await allowed.still(key, maker=ADA)
    assert users.TRUSTED_S <= 60
    monkeypatch.setattr(users, "TRUSTED_S", 0.0)
    with pytest.raises(Terminal, match="not_allowed"):
        await elsewhere.still(key, maker=ADA)


async def test_a_key_does_no_more_than_its_maker_may_do_by_now(allowed: Users) -> None:
    await allow(allowed, role=Role.ADMIN)
    await allowed.admit("ada@example.org", ADA, tenant="acme")
    key = Principal(id="key:1", scopes=ALL, email="ada@example.org")
    assert (await allowed.still(key, maker=ADA)).admin
    await allow(allowed, role=Role.USER)
    assert await allowed.still(key, maker=ADA) == Principal(
        id="key:1", scopes=OF_USERS, email="ada@example.org", groups=frozenset({"sales"})
    )


async def test_a_key_stays_dead_when_its_makers_address_is_given_to_somebody_else(allowed: Users) -> None:
    key = Principal(id="key:1", email="ada@example.org")
    await allow(allowed)
    await allowed.admit("ada@example.org", ADA, tenant="acme")
    await allowed.still(key, maker=ADA)
    await allowed.remove("ada@example.org", by=ADMIN)
    await allow(allowed)
    for _ in range(2):
        with pytest.raises(Terminal, match="not_allowed"):
            await allowed.still(key, maker=ADA)
        await allowed.admit("ada@example.org", "https://issuer.test|2", tenant="acme")


@pytest.mark.parametrize(
    "email",
    [
        *(
            "",
            "ada",
            "@example.org",
            "ada@",
            "ada@localhost",
            "a b@example.org",
            "ada@exa_mple.org",
            "ada@-example.org",
            "ada@example..org",
        ),
        *(".ada@example.org", "ada.@example.org", "a..da@example.org", f"{'a' * 65}@example.org", f"a@{'b.' * 130}org"),
        *("ada@example.org\n@x", "\u0430da@example.org", '"a b"@example.org', "ada@[127.0.0.1]"),
    ],
)
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(Terminal, match="invalid_field") as refused:
        users.normalised(email)
    assert [error.pointer for error in refused.value.errors] == ["/email"]
