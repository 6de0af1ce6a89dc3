"""The finished files of an export, while it runs and after, and the keys of its manifest."""

from pathlib import Path
from typing import Any

import pytest

from krai import export_files, transitions
from krai.export_files import IN_RESULT, PAGE_FILES, Written
from krai.job import Progress, Stage
from krai.signature import SigningKey
from tests.unit.api.house import ADA, KEEP_S, House, open_house, problem

COUNTED = {"size_bytes": 3, "records": 2, "sha256": "ab" * 32, "crc32c": "AAAAAA==", "cells_altered": 0}


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    spool = tmp_path / "spool"
    spool.mkdir()
    return spool


async def running(house: House, spool: Path, count: int) -> tuple[str, Written]:
    """An export that runs and has written so many files, each with its name as content."""
    job_id = await house.submit(split_rows=2)
    job = await house.claim(job_id)
    written = Written(house.stores.blobs, job, spool)
    for number in range(1, count + 1):
        (spool / "output").write_text(f"users-{number:05}.csv")
        written.put(spool / "output", f"users-{number:05}.csv", **COUNTED)
    jobs = house.stores.jobs
    progress = Progress(stage=Stage.WRITING, files_written=count, files=written.newest)
    await jobs.swap(job, transitions.beat(job, jobs.now(), 30, progress))
    return job_id, written


async def complete(house: House, job_id: str, written: Written, *, keep_s: float = KEEP_S) -> None:
    written.finish()
    manifest = await house.store(f"{export_files.prefix(written.job)}manifest.json", b"{}")
    result = {
        "format": "csv",
        "snapshot_id": "1",
        "snapshot_time": "2026-11-21T09:00:00.000000Z",
        "records": 2 * len(written.files),
        "file_size_bytes": 3 * len(written.files),
        "complete": True,
        "files": written.files[:IN_RESULT],
        "files_total": len(written.files),
        "prefix": export_files.prefix(written.job),
        "manifest": {"name": "manifest.json", "path": manifest.path, "generation": manifest.generation, "size_bytes": 2},
        "signature": {"name": "manifest.json.jws", "path": manifest.path, "generation": manifest.generation, "size_bytes": 2},
    }
    await house.end(job_id, result, keep_s=keep_s)


async def listed(house: House, job_id: str, **query: Any) -> dict[str, Any]:
    answer = await house.http.get(f"/api/v1/jobs/{job_id}/files", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, Any] = answer.json()
    return body


async def test_finished_files_of_a_running_export_can_be_downloaded(house: House, spool: Path) -> None:
    job_id, _ = await running(house, spool, 3)
    page = await listed(house, job_id)
    assert (page["total"], page["next_page_token"]) == (3, None)
    for number, file in enumerate(page["files"], 1):
        assert file["name"] == f"users-{number:05}.csv"
        assert (await house.client(None).get(file["download_url"])).text == file["name"]
        assert {name: file[name] for name in COUNTED if name != "cells_altered"} == {
            name: value for name, value in COUNTED.items() if name != "cells_altered"
        }
        assert not {"path", "generation"} & file.keys()


async def test_a_running_job_shows_its_newest_files(house: House, spool: Path) -> None:
    job_id, written = await running(house, spool, PAGE_FILES + 5)
    job = (await house.http.get(f"/api/v1/jobs/{job_id}")).json()
    assert job["files_written"] == PAGE_FILES + 5
    assert [file["name"] for file in job["files"]] == [file["name"] for file in written.files[5:]]
    assert job["files"][0].keys() == {"name", "size_bytes", "records", "sha256", "crc32c"}
    await complete(house, job_id, written)
    job = (await house.http.get(f"/api/v1/jobs/{job_id}")).json()
    assert (job["files_written"], job["files"]) == (0, [])


@pytest.mark.parametrize("state", ["running", "completed"])
@pytest.mark.parametrize("page_size", [1, 7, PAGE_FILES, 30, 10**9])
async def test_files_are_paged_in_order(house: House, spool: Path, page_size: int, state: str) -> None:
    count = 2 * PAGE_FILES + 3 if page_size == 1 else IN_RESULT + PAGE_FILES + 3
    job_id, written = await running(house, spool, count)
    if state == "completed":
        await complete(house, job_id, written)
    seen: list[str] = []
    query: dict[str, Any] = {}
    while True:
        page = await listed(house, job_id, page_size=page_size, **query)
        assert len(page["files"]) == min(page_size, 100, count - len(seen))
        seen += [file["name"] for file in page["files"]]
        if page["next_page_token"] is None:
            break
        query = {"page_token": page["next_page_token"]}
    assert seen == [file["name"] for file in written.files]


async def test_a_result_of_many_files_holds_the_first_and_says_how_many(house: House, spool: Path) -> None:
    job_id, written = await running(house, spool, IN_RESULT + 1)
    await complete(house, job_id, written)
    result = (await house.http.get(f"/api/v1/jobs/{job_id}/result")).json()
    assert (len(result["files"]), result["files_total"]) == (IN_RESULT, IN_RESULT + 1)
    assert result["manifest_signature_url"].startswith("http://krai.test/files/")


async def test_a_new_attempt_begins_with_no_files(house: House, spool: Path) -> None:
    job_id, _ = await running(house, spool, 3)
    token = (await listed(house, job_id, page_size=1))["next_page_token"]
    jobs = house.stores.jobs
    job = await house.job(job_id)
    job = await jobs.swap(job, transitions.hand_back(job, jobs.now()))
    for again in (job, await house.claim(job_id)):
        assert (await listed(house, again.job_id))["total"] == 0
    answer = await house.http.get(f"/api/v1/jobs/{job_id}/files", params={"page_token": token})
    assert problem(answer, 400) == "invalid_page_token"


async def test_a_page_belongs_to_its_job(house: House, spool: Path) -> None:
    token = (await listed(house, (await running(house, spool, 2))[0], page_size=1))["next_page_token"]
    other = await house.submit()
    for bad in (token, "guess", f"{other}.0", f"{other}.0.x", ""):
        answer = await house.http.get(f"/api/v1/jobs/{other}/files", params={"page_token": bad})
        assert problem(answer, 400) == "invalid_page_token"
    assert problem(await house.http.get(f"/api/v1/jobs/{other}/files", params={"page_size": 0}), 400) == "invalid_argument"


async def test_there_are_no_files_of_what_came_to_nothing(house: House, spool: Path) -> None:
    waiting, failed, cancelled = [await house.submit() for _ in range(3)]
    await house.fail(failed)
    await house.post(f"jobs/{cancelled}/cancel")
    imported = (await house.post("imports", {"source": {"records": [{"a": 1}]}})).json()["job_id"]
    for job_id in (waiting, imported):
        assert (await listed(house, job_id))["files"] == []
    for job_id, code in ((failed, "job_failed"), (cancelled, "job_cancelled")):
        assert problem(await house.http.get(f"/api/v1/jobs/{job_id}/files"), 409) == code
    job_id, written = await running(house, spool, 1)
    await complete(house, job_id, written, keep_s=-1)
    assert problem(await house.http.get(f"/api/v1/jobs/{job_id}/files"), 410) == "result_expired"


async def test_files_whose_attempt_has_been_removed_have_expired(house: House, spool: Path) -> None:
    job_id, _ = await running(house, spool, PAGE_FILES + 1)
    house.stores.blobs.delete(f"jobs/{job_id}/")
    assert problem(await house.http.get(f"/api/v1/jobs/{job_id}/files"), 410) == "result_expired"


async def test_files_of_others_are_not_found(house: House, spool: Path) -> None:
    job_id, _ = await running(house, spool, 1)
    assert problem(await house.client(ADA).get(f"/api/v1/jobs/{'0' * 32}/files"), 404) == "not_found"
    assert problem(await house.client(None).get(f"/api/v1/jobs/{job_id}/files"), 401) == "unauthenticated"


# -- keys -------------------------------------------------------------------------------------------------------------------------


async def test_the_keys_of_manifests_are_public(tmp_path: Path) -> None:
    keys = [SigningKey(bytes([number]) * 32).public for number in (1, 2)]
    async with open_house(tmp_path, manifest_keys=keys) as house:
        answer = await house.client(None).get("/.well-known/krai-keys.json")
        assert (answer.json(), answer.headers["cache-control"]) == ({"keys": keys}, "public, max-age=3600")


async def test_without_a_signature_there_are_no_keys(house: House) -> None:
    assert (await house.http.get("/.well-known/krai-keys.json")).json() == {"keys": []}
