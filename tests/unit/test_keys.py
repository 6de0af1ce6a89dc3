"""API keys: what is kept of them, and when they let somebody in."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from krai import keys
from krai.access import ALL, DEPLOYMENT, OF_USERS, Principal, Scope
from krai.backends.local.directory import LocalDirectory
from krai.errors import Terminal

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
ADA = Principal(id="https://issuer.test|ada", email="ada@example.org")
BOB = Principal(id="https://issuer.test|bob", email="bob@example.org")
ADMIN = Principal(id=DEPLOYMENT, scopes=ALL)


async def make(directory: LocalDirectory, maker: Principal = ADA, **fields: Any) -> tuple[keys.Key, str]:
    return await keys.make(directory, maker, **{"name": "nightly", "now": NOW, "expires_at": None, **fields})


async def test_a_key_is_found_by_its_text_and_its_text_is_kept_nowhere(directory: LocalDirectory, tmp_path: Path) -> None:
    key, text = await make(directory)
    found = await keys.find(directory, text.encode(), NOW)
    assert found is not None
    assert found.principal == Principal(id=f"key:{key.key_id}", scopes=OF_USERS, email="ada@example.org")
    await directory.close()
    kept = (tmp_path / "directory.sqlite").read_bytes()
    assert key.key_id.encode() in kept
    assert text.split("_")[2][: keys.SECRET_LETTERS].encode() not in kept


def test_the_text_of_a_key_is_one_word_that_a_scanner_knows() -> None:
    text = keys.compose("0123456789abcdef", "S" * 43)
    assert text == "krai_0123456789abcdef_" + "S" * 43 + "0ubqlm"
    assert keys.SHAPE.fullmatch(text.encode())
    assert keys.compose("0123456789abcdef") != keys.compose("0123456789abcdef")


@pytest.mark.parametrize("place", [5, 21, 30, 66, 70])
async def test_a_letter_wrong_is_noticed_without_asking_anybody(directory: LocalDirectory, place: int) -> None:
    _, text = await make(directory)
    await directory.close()
    wrong = text[:place] + ("0" if text[place] != "0" else "1") + text[place + 1 :]
    for sent in (wrong, text + "0", text[:-1], "", "krai_"):
        assert await keys.find(directory, sent.encode(), NOW) is None


async def test_a_right_id_with_a_wrong_secret_is_no_key(directory: LocalDirectory) -> None:
    key, _ = await make(directory)
    assert await keys.find(directory, keys.compose(key.key_id).encode(), NOW) is None
    assert await keys.find(directory, keys.compose("0" * 16).encode(), NOW) is None


async def test_a_key_ends_at_its_time(directory: LocalDirectory) -> None:
    _, text = await make(directory, expires_at=NOW + timedelta(days=1))
    assert await keys.find(directory, text.encode(), NOW + timedelta(hours=23))
    assert await keys.find(directory, text.encode(), NOW + timedelta(days=1)) is None


async def test_after_a_rotation_both_secrets_work_for_a_while(directory: LocalDirectory) -> None:
    key, first = await make(directory)
    same, second = await keys.rotate(directory, ADA, key.key_id, now=NOW, keep_old=timedelta(hours=24))
    assert same.key_id == key.key_id
    soon, later = NOW + timedelta(hours=23), NOW + timedelta(hours=25)
    assert [bool(await keys.find(directory, text.encode(), soon)) for text in (first, second)] == [True, True]
    assert [bool(await keys.find(directory, text.encode(), later)) for text in (first, second)] == [False, True]


async def test_no_more_than_two_secrets_live(directory: LocalDirectory) -> None:
    key, first = await make(directory)
    texts = [first, *[(await keys.rotate(directory, ADA, key.key_id, now=NOW, keep_old=timedelta(hours=24)))[1] for _ in range(2)]]
    assert [bool(await keys.find(directory, text.encode(), NOW)) for text in texts] == [False, True, True]


async def test_a_revoked_key_is_gone_at_once_and_does_not_come_back(directory: LocalDirectory) -> None:
    key, text = await make(directory)
    await keys.revoke(directory, ADA, key.key_id)
    assert await keys.find(directory, text.encode(), NOW) is None
    for change in (keys.rotate(directory, ADA, key.key_id, now=NOW, keep_old=timedelta()), keys.revoke(directory, ADA, key.key_id)):
        with pytest.raises(Terminal, match="not_found"):
            await change
    assert await keys.of(directory, ADMIN) == []


async def test_a_key_is_its_makers_own_business(directory: LocalDirectory) -> None:
    key, _ = await make(directory)
    for change in (keys.rotate(directory, BOB, key.key_id, now=NOW, keep_old=timedelta()), keys.revoke(directory, BOB, key.key_id)):
        with pytest.raises(Terminal, match="not_found"):
            await change
    assert await keys.of(directory, BOB) == []
    assert [[one.key_id for one in await keys.of(directory, who)] for who in (ADA, ADMIN, key.principal)] == [[key.key_id]] * 3


async def test_an_admin_takes_a_key_away_and_does_not_get_its_secret(directory: LocalDirectory) -> None:
    key, text = await make(directory)
    admins = await make(directory, ADMIN, scopes={Scope.ADMIN})
    for admin in (ADMIN, admins[0].principal):
        with pytest.raises(Terminal, match="not_found"):
            await keys.rotate(directory, admin, key.key_id, now=NOW, keep_old=timedelta())
    assert (await keys.rotate(directory, admins[0].principal, admins[0].key_id, now=NOW, keep_old=timedelta()))[1]
    assert await keys.find(directory, text.encode(), NOW)
    await keys.revoke(directory, ADMIN, key.key_id)
    assert await keys.find(directory, text.encode(), NOW) is None


@pytest.mark.parametrize("scope", [Scope.IMPORT, Scope.ADMIN])
async def test_a_key_may_do_no_more_than_its_maker(directory: LocalDirectory, scope: Scope) -> None:
    reader = Principal(id="reader", scopes=frozenset({Scope.READ}))
    with pytest.raises(Terminal, match="not_allowed"):
        await make(directory, reader, scopes={Scope.READ, scope})
    assert (await make(directory, ADMIN, scopes={scope}))[0].scopes == {scope}


async def test_the_last_use_is_noted_to_the_hour(directory: LocalDirectory) -> None:
    _, text = await make(directory)
    seen = []
    for minutes in (0, 59, 60):
        await keys.find(directory, text.encode(), NOW + timedelta(minutes=minutes))
        seen.append((await keys.of(directory, ADA))[0].last_used_at)
    assert seen == [NOW, NOW, NOW + timedelta(hours=1)]
