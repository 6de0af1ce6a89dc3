"""Requests that say what becomes of a dataset: modes of an import, mended rejects, undo."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from krai.dataset import Snapshot
from krai.job import Kind, Status
from tests.unit.api.house import ADA, BOB, House, open_house, pointers, problem
from tests.unit.api.test_imports import uploaded

RECORDS = {"source": {"records": [{"id": 1}]}}
COUNTS = {"records_processed": 1, "records_inserted": 1, "records_updated": 0}


async def import_(house: House, **body: Any) -> Any:
    return await house.post("imports", {**RECORDS, **body})


async def completed(house: House, *, rejects: bool = False, snapshot_id: str | None = "7", **body: Any) -> str:
    job_id = str((await import_(house, **body)).json()["job_id"])
    file = {"name": "rejects.csv", "path": "x", "generation": "1", "size_bytes": 1, "records": 1} if rejects else None
    await house.complete(job_id, {**COUNTS, "records_rejected": int(rejects), "rejects": file, "snapshot_id": snapshot_id})
    return job_id


async def known(house: House, *jobs: tuple[str, str]) -> None:
    """What jobs, each with its mode, have made of `contacts` is known."""
    users = await house.stores.jobs.get_dataset("users")
    assert users is not None
    await house.stores.jobs.drop_dataset("contacts", str(users.snapshot_id))
    snapshots = [
        Snapshot(snapshot_id=str(number), committed_at=users.updated_at + timedelta(number), job_id=job_id, mode=mode, rows=9)
        for number, (job_id, mode) in enumerate(jobs)
    ]
    await house.stores.jobs.put_dataset(replace(users, name="contacts", snapshots=tuple(reversed(snapshots))))


# -- modes ------------------------------------------------------------------------------------------------------------------------


async def test_an_upsert_names_its_key(house: House) -> None:
    answer = await import_(house, mode="upsert", key=["id", "name"], evolve=True, dry_run=True)
    assert answer.status_code == 202
    wanted = {"mode": "upsert", "key": ["id", "name"], "evolve": True, "dry_run": True}
    assert {name: answer.json()["params"][name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"mode": "upsert"}, "/key"),
        ({"mode": "upsert", "key": None}, "/key"),
        ({"mode": "upsert", "key": []}, "/key"),
        ({"mode": "upsert", "key": "id"}, "/key"),
        ({"mode": "upsert", "key": ["id", "id"]}, "/key"),
        ({"mode": "upsert", "key": ["id", 5]}, "/key/1"),
        ({"mode": "upsert", "key": [""]}, "/key/0"),
        ({"mode": "upsert", "key": ["a\u202eb"]}, "/key/0"),
        ({"mode": "upsert", "key": ["x" * 256]}, "/key/0"),
        ({"mode": "upsert", "key": [f"c{number}" for number in range(10_001)]}, "/key"),
        ({"key": ["id"]}, "/key"),
        ({"mode": "replace", "key": ["id"]}, "/key"),
        ({"mode": "merge"}, "/mode"),
        ({"mode": "Upsert", "key": ["id"]}, "/mode"),
        ({"evolve": "true"}, "/evolve"),
        ({"evolve": 1}, "/evolve"),
        ({"mode": "replace", "evolve": True}, "/evolve"),
        ({"dry_run": "yes"}, "/dry_run"),
        ({"dry_run": None}, "/dry_run"),
    ],
)
async def test_what_does_not_go_together_is_refused(house: House, body: dict[str, Any], pointer: str) -> None:
    answer = await import_(house, **body)
    assert problem(answer, 422) == "invalid_field"
    assert pointers(answer) == {pointer: "invalid_field"}


async def test_a_key_must_be_a_column_of_the_dataset_or_of_what_it_becomes(house: House) -> None:
    answer = await import_(house, dataset="users", mode="upsert", key=["id", "nope"])
    assert problem(answer, 422) == "unknown_column"
    assert pointers(answer) == {"/key/1": "unknown_column"}
    assert (await import_(house, dataset="users", mode="upsert", key=["id"])).status_code == 202
    assert (await import_(house, dataset="users", mode="upsert", key=["nope"], evolve=True)).status_code == 202
    assert (await import_(house, dataset="not_yet", mode="upsert", key=["nope"])).status_code == 202


# -- mended rejects ---------------------------------------------------------------------------------------------------------------


async def test_mended_rejects_are_imported_as_their_import_was(house: House) -> None:
    asked: dict[str, Any] = {"source": {"upload_id": await uploaded(house)}, "format": "xlsx", "sheet": "Orders", "compression": "none"}
    asked["sha256"] = "0" * 64
    job_id = await completed(house, rejects=True, mode="upsert", key=["id"], evolve=True, labels={"team": "a"}, **asked)
    upload_id = await uploaded(house)
    answer = await house.post(f"jobs/{job_id}/retry", {"source": {"upload_id": upload_id}})
    assert answer.status_code == 202
    child = await house.job(answer.json()["job_id"])
    assert (child.parent_job_id, child.type, child.dataset, child.labels) == (job_id, Kind.IMPORT, "contacts", {"team": "a"})
    assert child.source is not None
    assert child.source["path"] == f"uploads/{upload_id}"
    same = {"mode": "upsert", "key": ["id"], "evolve": True, "dry_run": False}
    assert {name: child.params[name] for name in same} == same
    assert child.params["source"] == {"upload_id": upload_id}
    of_the_file = {"format": "auto", "sheet": None, "compression": "auto", "sha256": None}
    assert {name: child.params[name] for name in of_the_file} == of_the_file


@pytest.mark.parametrize(("dry_run", "mode"), [(False, "append"), (True, "replace")])
async def test_mended_rejects_do_not_replace_the_good_rows(house: House, *, dry_run: bool, mode: str) -> None:
    job_id = await completed(house, rejects=True, mode="replace", dry_run=dry_run)
    await known(house, (job_id, "replace"))
    answer = await house.post(f"jobs/{job_id}/retry", {"source": {"upload_id": await uploaded(house)}})
    assert answer.json()["params"]["mode"] == mode


async def test_mended_rejects_of_a_replace_that_is_known_to_be_gone_are_refused(house: House) -> None:
    job_id = await completed(house, rejects=True, mode="replace")
    upload = {"source": {"upload_id": await uploaded(house)}}
    assert problem(await house.post(f"jobs/{job_id}/retry", upload), 409) == "import_gone"  # the dataset is not there

    async def status_after(*later: tuple[str, str]) -> int:
        await known(house, ("e" * 32, "replace"), (job_id, "replace"), *later)
        return (await house.post(f"jobs/{job_id}/retry", upload)).status_code

    other = await completed(house, mode="replace")
    its_undo, others_undo = [(await house.post(f"jobs/{done}/undo")).json()["job_id"] for done in (job_id, other)]
    assert await status_after() == 202
    assert await status_after(("f" * 32, "upsert")) == 202
    assert await status_after((other, "replace")) == 409
    assert await status_after((other, "replace"), (others_undo, "undo")) == 202
    assert await status_after((other, "replace"), ("f" * 32, "undo")) == 202  # nobody knows any more what that took back: the job will
    assert await status_after((its_undo, "undo")) == 409


async def test_mended_rejects_of_mended_rejects_are_refused_with_the_first(house: House) -> None:
    first = await completed(house, rejects=True, mode="replace")
    await known(house, (first, "replace"))
    again = {"source": {"upload_id": await uploaded(house)}}
    second = (await house.post(f"jobs/{first}/retry", again)).json()["job_id"]
    await house.complete(second, {**COUNTS, "records_rejected": 1, "rejects": {"path": "x"}, "snapshot_id": "8"})
    third = (await house.post(f"jobs/{second}/retry", again)).json()
    assert ((await house.job(third["job_id"])).source or {})["rejects_of"] == first
    assert third["params"]["mode"] == "append"
    await known(house, (first, "replace"), (second, "append"), ("f" * 32, "replace"))
    assert problem(await house.post(f"jobs/{second}/retry", again), 409) == "import_gone"


async def test_only_a_completed_import_with_rejects_takes_mended_ones(house: House) -> None:
    upload = {"source": {"upload_id": await uploaded(house)}}
    whole, failed, export = await completed(house), (await import_(house)).json()["job_id"], await house.submit()
    await house.fail(failed)
    await house.complete(export, {})
    for job_id in (whole, failed, export):
        assert problem(await house.post(f"jobs/{job_id}/retry", upload), 409) == "job_not_retryable"
    rejected = await completed(house, rejects=True)
    assert problem(await house.post(f"jobs/{rejected}/retry"), 409) == "job_not_retryable"
    assert problem(await house.post(f"jobs/{rejected}/retry", {"source": {"upload_id": "0" * 32}}), 422) == "unknown_upload"
    assert problem(await house.post(f"jobs/{rejected}/retry", {"source": "salesforce"}), 422) == "invalid_field"
    assert problem(await house.post(f"jobs/{rejected}/retry", {"source": {"url": "https://x.example"}}), 422) == "invalid_request"


async def test_mended_rejects_are_the_callers_own_upload(house: House) -> None:
    job_id = await completed(house, rejects=True)
    session = (await house.client(ADA).post("/api/v1/uploads", json={})).json()
    await house.client(None).put(session["upload_url"], content=b"id\n1\n")
    answer = await house.post(f"jobs/{job_id}/retry", {"source": {"upload_id": session["upload_id"]}})
    assert problem(answer, 422) == "unknown_upload"


# -- undo -------------------------------------------------------------------------------------------------------------------------


async def test_an_import_is_undone_by_a_job(house: House) -> None:
    import_id = await completed(house)
    answer = await house.post(f"jobs/{import_id}/undo")
    shown = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (202, shown["links"]["self"])
    assert (shown["type"], shown["status"], shown["dataset"]) == ("undo", "PENDING", "contacts")
    assert (shown["parent_job_id"], shown["params"]) == (import_id, {"job_id": import_id})
    listed = (await house.http.get("/api/v1/jobs", params={"type": "undo"})).json()["jobs"]
    assert [job["job_id"] for job in listed] == [shown["job_id"]]


async def test_the_same_key_undoes_once(house: House) -> None:
    import_id = await completed(house)
    answers = [await house.post(f"jobs/{import_id}/undo", **{"idempotency-key": "once"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()


async def test_only_an_import_that_has_changed_its_dataset_is_undone(house: House) -> None:
    tried = await completed(house, dry_run=True, snapshot_id=None)
    waiting, failed, export = (await import_(house)).json()["job_id"], (await import_(house)).json()["job_id"], await house.submit()
    await house.fail(failed)
    await house.complete(export, {"snapshot_id": "7"})
    undo = (await house.post(f"jobs/{await completed(house)}/undo")).json()["job_id"]
    await house.complete(undo, {"snapshot_id": "8"})
    for job_id in (tried, waiting, failed, export, undo):
        assert problem(await house.post(f"jobs/{job_id}/undo"), 409) == "job_not_undoable"
    assert problem(await house.post(f"jobs/{'0' * 32}/undo"), 404) == "not_found"
    assert problem(await house.post(f"jobs/{tried}/undo", {"x": 1}), 422) == "unknown_field"


async def test_a_failed_undo_is_tried_again(house: House) -> None:
    import_id = await completed(house)
    undo_id = (await house.post(f"jobs/{import_id}/undo")).json()["job_id"]
    await house.fail(undo_id, "undo_conflict")
    again = (await house.post(f"jobs/{undo_id}/retry")).json()
    assert (again["type"], again["params"], again["parent_job_id"]) == ("undo", {"job_id": import_id}, undo_id)


async def test_an_undo_belongs_to_who_asks_and_needs_the_dataset(house: House) -> None:
    ada = house.client(ADA)
    import_id = (await ada.post("/api/v1/imports", json=RECORDS)).json()["job_id"]
    await house.complete(import_id, {**COUNTS, "snapshot_id": "7"})
    assert problem(await house.client(BOB).post(f"/api/v1/jobs/{import_id}/undo"), 404) == "not_found"
    grant = {"resource": "dataset/contacts", "read": ["all"], "write": ["group:nobody"]}
    assert (await house.http.put("/api/v1/grants", json=grant)).status_code == 200
    assert problem(await ada.post(f"/api/v1/jobs/{import_id}/undo"), 403) == "not_allowed"
    mine = (await house.post(f"jobs/{import_id}/undo")).json()
    assert mine["created_by"] == "api-key"
    assert (await house.job(mine["job_id"])).status is Status.PENDING


async def test_an_undo_counts_against_the_limit(tmp_path: Path) -> None:
    async with open_house(tmp_path, KRAI_RATE_LIMIT_CREATE="1/hour") as house:
        job_id = (await import_(house)).json()["job_id"]
        assert problem(await house.post(f"jobs/{job_id}/undo"), 429) == "rate_limited"
