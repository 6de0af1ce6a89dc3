"""What every directory promises."""

import asyncio
from typing import Any

import pytest

from krai.ports import Directory
from tests.contract.conftest import Opener


async def test_a_document_comes_back_as_it_was_written(open_directory: Opener[Directory]) -> None:
    directory = await open_directory()
    doc = {"path": "a/b", "rows": 10**20, "nested": [None, {"ä": 1.5}], "odd": "\ud800\x00"}
    assert await directory.get("sources", "default") is None
    await directory.put("sources", "default", doc)
    assert await directory.get("sources", "default") == doc


async def test_the_last_write_stays_and_everybody_sees_it(open_directory: Opener[Directory]) -> None:
    mine, theirs = await open_directory(), await open_directory()
    await mine.put("settings", "greeting", {"value": 1})
    await theirs.put("settings", "greeting", {"value": 2})
    assert await mine.get("settings", "greeting") == {"value": 2}


async def test_collections_are_apart_and_listed_by_name(open_directory: Opener[Directory]) -> None:
    directory = await open_directory()
    for name in ("b", "a", "a/b", "a@example.org", "Z", "é"):
        await directory.put("users", name, {"name": name})
    await directory.put("sources", "c", {})
    assert [name for name, _ in await directory.list("users")] == ["Z", "a", "a/b", "a@example.org", "b", "é"]
    assert (await directory.list("users"))[0] == ("Z", {"name": "Z"})
    assert await directory.list("none") == []


async def test_a_deleted_document_is_gone(open_directory: Opener[Directory]) -> None:
    directory = await open_directory()
    await directory.put("users", "a", {})
    await directory.put("users", "a/b", {})
    await directory.delete("users", "a")
    await directory.delete("users", "a")
    assert await directory.get("users", "a") is None
    assert await directory.list("users") == [("a/b", {})]


async def test_documents_survive_a_restart(open_directory: Opener[Directory]) -> None:
    directory = await open_directory()
    await directory.put("users", "a", {"role": "admin"})
    await directory.close()
    directory = await open_directory()
    await directory.check()
    assert await directory.get("users", "a") == {"role": "admin"}


async def test_changes_at_the_same_time_all_take_place(open_directory: Opener[Directory]) -> None:
    directories = [await open_directory() for _ in range(3)]

    def add(doc: dict[str, Any] | None) -> dict[str, Any]:
        return {"count": 1 if doc is None else doc["count"] + 1}

    counts = await asyncio.gather(*(directory.change("counts", "a", add) for directory in directories for _ in range(2)))
    assert sorted(doc["count"] for doc in counts if doc is not None) == [1, 2, 3, 4, 5, 6]
    assert await directories[0].get("counts", "a") == {"count": 6}


async def test_a_change_may_delete_and_what_it_raises_leaves_all_as_it_was(open_directory: Opener[Directory]) -> None:
    directory = await open_directory()

    def refuse(doc: dict[str, Any] | None) -> dict[str, Any]:
        raise LookupError(str(doc))

    await directory.put("users", "a", {"role": "admin"})
    for name in ("a", "b"):
        with pytest.raises(LookupError):
            await directory.change("users", name, refuse)
    assert await directory.list("users") == [("a", {"role": "admin"})]
    for name in ("a", "b"):
        assert await directory.change("users", name, lambda _: None) is None
    assert await directory.list("users") == []
