"""What every directory promises."""

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
