import json
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from krai.error_pages import ErrorPages
from tests.unit.api.house import KEEP_S, House, open_house, problem

SNAPSHOT = {"snapshot_id": "9007199254740993", "snapshot_time": "2026-11-21T09:00:00.000000Z"}


async def completed_export(house: House, *names: str, keep_s: float = KEEP_S) -> str:
    """A completed export with files of these names, each with its name as content."""
    job_id = await house.submit()
    files: list[dict[str, Any]] = []
    for name in names:
        path = f"jobs/{job_id}/e1/{name}"
        stored = await house.store(path, name.encode())
        counted = {"size_bytes": stored.size_bytes, "records": 2, "sha256": "ab" * 32, "crc32c": "AAAAAA=="}
        files.append({"name": name, "path": path, "generation": stored.generation, **counted})
    manifest = await house.store(f"jobs/{job_id}/e1/manifest.json", b"{}")
    result = {
        "format": "csv",
        **SNAPSHOT,
        "records": 2 * len(names),
        "file_size_bytes": sum(file["size_bytes"] for file in files),
        "complete": True,
        "files": files,
        "manifest": {"name": "manifest.json", "path": manifest.path, "generation": manifest.generation, "size_bytes": 2},
    }
    await house.complete(job_id, result, keep_s=keep_s)
    return job_id


async def completed_import(
    house: House, rejected: int, keep_s: float = KEEP_S, *, fails: bool = False, rows: list[dict[str, Any]] | None = None
) -> str:
    """An import with so many rejected rows, or these; it has completed, or failed for them."""
    job_id = str((await house.post("imports", {"source": {"records": [{"a": 1}]}})).json()["job_id"])
    rows = rows or [{"row": n, "column": None, "code": "column_count", "detail": "short", "raw": f"r{n}"} for n in range(1, rejected + 1)]
    rejects: dict[str, Any] | None = None
    pages: dict[str, Any] | None = None
    if rejected:
        pages = store_pages(house, f"jobs/{job_id}/e1/errors.json", rows)
        stored = await house.store(f"jobs/{job_id}/e1/rejects.csv", b"a\n1")
        rejects = {"name": "rejects.csv", "path": stored.path, "generation": stored.generation, "size_bytes": 3, "records": rejected}
    result = {
        "records_processed": 5,
        "records_inserted": 5,
        "records_updated": 0,
        "records_rejected": rejected,
        "snapshot_id": SNAPSHOT["snapshot_id"],
        "rejects": rejects,
        "error_pages": pages,
    }
    if fails:
        await house.fail(job_id, "too_many_rejects", {name: result[name] for name in ("rejects", "error_pages")})
    else:
        await house.complete(job_id, result, keep_s=keep_s)
    return job_id


def store_pages(house: House, path: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        pages = ErrorPages(Path(folder) / "errors.json")
        for row in rows:
            pages.add([json.dumps(row)])
        pages.close()
        return pages.put(house.stores.blobs, path)


async def result_of(house: House, job_id: str) -> dict[str, Any]:
    answer = await house.http.get(f"/api/v1/jobs/{job_id}/result")
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, Any] = answer.json()
    return body


async def test_an_export_gives_links_that_download(house: House) -> None:
    job_id = await completed_export(house, "users-0.csv", "Umsätze.csv")
    result = await result_of(house, job_id)
    assert {name: result[name] for name in ("job_id", "type", "status", "dataset", "format", "records", "complete")} == {
        "job_id": job_id,
        "type": "export",
        "status": "COMPLETED",
        "dataset": "users",
        "format": "csv",
        "records": 4,
        "complete": True,
    }
    assert (result["snapshot_id"], result["snapshot_time"]) == ("9007199254740993", "2026-11-21T09:00:00.000000Z")
    assert result["file_size_bytes"] == sum(file["size_bytes"] for file in result["files"])
    assert result["download_url"] == result["files"][0]["download_url"]
    assert not {"path", "generation", "prefix"} & set(result["files"][0])
    for file in result["files"]:
        assert (await house.client(None).get(file["download_url"])).text == file["name"]
    assert (await house.client(None).get(result["manifest_url"])).json() == {}


async def test_links_live_a_quarter_of_an_hour_and_are_not_kept(house: House) -> None:
    job_id = await completed_export(house, "users.csv")
    result = await result_of(house, job_id)
    left = datetime.fromisoformat(result["url_expires_at"]) - house.stores.jobs.now()
    assert timedelta(minutes=14, seconds=55) < left <= timedelta(minutes=15)
    assert "signature" not in json.dumps((await house.job(job_id)).to_doc())


async def test_an_export_of_no_files_has_no_link(house: House) -> None:
    assert (await result_of(house, await completed_export(house)))["download_url"] is None


async def test_links_lead_to_the_public_address(tmp_path: Path) -> None:
    async with open_house(tmp_path, KRAI_PUBLIC_URL="https://krai.example.org/base/") as house:
        result = await result_of(house, await completed_export(house, "users.csv"))
        assert result["download_url"].startswith("https://krai.example.org/base/files/jobs/")


async def test_an_import_gives_counts(house: House) -> None:
    job_id = await completed_import(house, 2)
    result = await result_of(house, job_id)
    link = result.pop("rejects_url")
    assert result == {
        "job_id": job_id,
        "type": "import",
        "status": "COMPLETED",
        "records_processed": 5,
        "records_inserted": 5,
        "records_updated": 0,
        "records_rejected": 2,
        "dataset": "contacts",
        "snapshot_id": "9007199254740993",
    }
    assert (await house.client(None).get(link)).content == b"a\n1"
    assert (await result_of(house, await completed_import(house, 0)))["rejects_url"] is None


async def test_a_dry_run_gives_its_forecast(house: House) -> None:
    answer = await house.post("imports", {"source": {"records": [{"a": 1}]}, "dry_run": True})
    job_id = answer.json()["job_id"]
    counts = {"records_processed": 2, "records_inserted": 1, "records_updated": 1, "records_rejected": 0}
    schema = [{"name": "a", "type": "int64", "nullable": True}]
    forecast = {"dry_run": True, "bytes": 99, "schema": schema, "snapshot_id": None}
    preview = {"columns": ["a"], "rows": [["1"], [None]]}
    path = f"jobs/{job_id}/e1/preview.json"
    await house.store(path, json.dumps(preview).encode())
    await house.complete(job_id, {**counts, **forecast, "rejects": None, "preview": {"path": path}})
    told = {"job_id": job_id, "type": "import", "status": "COMPLETED", "dataset": "contacts", "rejects_url": None}
    assert await result_of(house, job_id) == {**told, **counts, **forecast, "preview": preview}
    house.stores.blobs.delete(f"jobs/{job_id}/")
    assert problem(await house.http.get(f"/api/v1/jobs/{job_id}/result"), 410) == "result_expired"


async def test_an_undo_gives_counts(house: House) -> None:
    import_id = await completed_import(house, 0)
    job_id = (await house.post(f"jobs/{import_id}/undo")).json()["job_id"]
    counts = {"records_removed": 3, "records_restored": 2, "records_kept": 1, "snapshot_id": "9007199254740993"}
    await house.complete(job_id, counts)
    expected = {"job_id": job_id, "type": "undo", "status": "COMPLETED", "dataset": "contacts", **counts}
    assert await result_of(house, job_id) == expected


async def test_a_drop_gives_no_more_than_that_it_is_done(house: House) -> None:
    job_id = (await house.http.delete("/api/v1/datasets/users")).json()["job_id"]
    await house.complete(job_id, {})
    assert await result_of(house, job_id) == {"job_id": job_id, "type": "drop", "status": "COMPLETED", "dataset": "users"}


async def test_there_is_no_result_before_the_end_and_none_after_a_failure(house: House) -> None:
    waiting, failed, cancelled = [await house.submit() for _ in range(3)]
    await house.fail(failed)
    await house.post(f"jobs/{cancelled}/cancel")
    early = await house.http.get(f"/api/v1/jobs/{waiting}/result")
    assert (problem(early, 409), early.headers["retry-after"]) == ("job_not_finished", "1")
    assert problem(await house.http.get(f"/api/v1/jobs/{failed}/result"), 409) == "job_failed"
    assert problem(await house.http.get(f"/api/v1/jobs/{cancelled}/result"), 409) == "job_cancelled"
    await house.claim(waiting)
    assert problem(await house.http.get(f"/api/v1/jobs/{waiting}/result"), 409) == "job_not_finished"


@pytest.mark.parametrize("path", ["result", "errors"])
async def test_a_result_expires(house: House, path: str) -> None:
    job_id = await completed_import(house, 2, keep_s=-1)
    assert problem(await house.http.get(f"/api/v1/jobs/{job_id}/{path}"), 410) == "result_expired"


# -- rejected rows ----------------------------------------------------------------------------------------------------------------


async def rejects(house: House, job_id: str, **query: Any) -> dict[str, Any]:
    answer = await house.http.get(f"/api/v1/jobs/{job_id}/errors", params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize("page_size", [700, 1000, 999, 10**9])
async def test_rejected_rows_are_paged_in_order(house: House, page_size: int) -> None:
    job_id = await completed_import(house, 2345)
    seen: list[int] = []
    token: str | None = None
    while True:
        page = await rejects(house, job_id, page_size=page_size, **({"page_token": token} if token else {}))
        seen += [error["row"] for error in page["errors"]]
        assert page["total"] == 2345
        assert len(page["errors"]) == min(page_size, 1000, 2345 - len(seen) + len(page["errors"]))
        token = page["next_page_token"]
        if token is None:
            break
    assert seen == list(range(1, 2346))


async def test_a_rejected_row_says_what_is_wrong_with_it(house: House) -> None:
    page = await rejects(house, await completed_import(house, 1))
    assert page["errors"] == [{"row": 1, "column": None, "code": "column_count", "detail": "short", "raw": "r1"}]
    assert (await house.client(None).get(page["rejects_url"])).status_code == 200


async def test_the_rejected_rows_of_an_import_that_failed_for_them_can_be_read(house: House) -> None:
    job_id = await completed_import(house, 3, fails=True)
    page = await rejects(house, job_id)
    assert [error["row"] for error in page["errors"]] == [1, 2, 3]
    assert (await house.client(None).get(page["rejects_url"])).status_code == 200
    assert problem(await house.http.get(f"/api/v1/jobs/{job_id}/result"), 409) == "job_failed"


async def test_a_rejected_row_that_is_no_text_says_so(house: House) -> None:
    row = {"row": 1, "column": "a", "code": "invalid_utf8", "detail": "d", "raw": "/w==", "raw_base64": True, "raw_cut": True}
    job_id = await completed_import(house, 1, rows=[row])
    assert (await rejects(house, job_id))["errors"] == [row]


async def test_where_nothing_was_rejected_there_are_no_errors(house: House) -> None:
    nothing = {"errors": [], "total": 0, "rejects_url": None, "next_page_token": None}
    assert await rejects(house, await completed_import(house, 0)) == nothing
    assert await rejects(house, await completed_export(house, "users.csv")) == nothing
    failed = await house.submit()
    await house.fail(failed)
    assert await rejects(house, failed) == nothing


async def test_rejected_rows_are_known_at_the_end(house: House) -> None:
    early = await house.http.get(f"/api/v1/jobs/{await house.submit()}/errors")
    assert (problem(early, 409), early.headers["retry-after"]) == ("job_not_finished", "1")


async def test_a_page_of_errors_belongs_to_its_job(house: House) -> None:
    mine, other = await completed_import(house, 3), await completed_import(house, 3)
    token = (await rejects(house, mine, page_size=1))["next_page_token"]
    for bad in (token, "guess", f"{other}.x", f"{other}.-1", ""):
        answer = await house.http.get(f"/api/v1/jobs/{other}/errors", params={"page_token": bad})
        assert problem(answer, 400) == "invalid_page_token"
    assert problem(await house.http.get(f"/api/v1/jobs/{mine}/errors", params={"page_size": 0}), 400) == "invalid_argument"
    assert (await rejects(house, mine, page_token=f"{mine}.99"))["errors"] == []


async def test_rejects_whose_files_are_gone_have_expired(house: House) -> None:
    job_id = await completed_import(house, 3)
    house.stores.blobs.delete(f"jobs/{job_id}/")
    assert problem(await house.http.get(f"/api/v1/jobs/{job_id}/errors"), 410) == "result_expired"
