from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from krai.dataset import Snapshot
from krai.job import Kind, format_time
from tests.queues import waiting
from tests.unit.api.house import ADA, House, open_house, problem


async def test_datasets_are_listed_by_name(house: House) -> None:
    users = await house.stores.jobs.get_dataset("users")
    assert users is not None
    await house.stores.jobs.put_dataset(replace(users, name="accounts", rows=0, snapshot_id=None))
    answer = await house.http.get("/api/v1/datasets")
    assert [dataset["name"] for dataset in answer.json()["datasets"]] == ["accounts", "users"]
    assert answer.json()["datasets"][1] == (await house.http.get("/api/v1/datasets/users")).json()


async def test_a_dataset_shows_its_columns(house: House) -> None:
    users = await house.stores.jobs.get_dataset("users")
    assert users is not None
    assert (await house.http.get("/api/v1/datasets/users")).json() == {
        "name": "users",
        "columns": [{"name": "id", "type": "int64", "nullable": False}, {"name": "email", "type": "string", "nullable": True}],
        "rows": 3,
        "bytes": 99,
        "snapshot_id": "9007199254740993",
        "updated_at": format_time(users.updated_at),
    }


@pytest.mark.parametrize("name", ["nothing", "Users", "%00", "users%0a", "x" * 5000, "a%2fb"])
async def test_an_unknown_dataset_is_not_found(house: House, name: str) -> None:
    expected = "not_found" if name == "a%2fb" else "dataset_not_found"
    assert problem(await house.http.get(f"/api/v1/datasets/{name}"), 404) == expected
    assert problem(await house.http.delete(f"/api/v1/datasets/{name}"), 404) == expected


async def test_an_admin_drops_a_dataset_by_a_job(house: House, tmp_path: Path) -> None:
    answer = await house.http.delete("/api/v1/datasets/users")
    job = await house.job(answer.json()["job_id"])
    assert (answer.status_code, answer.headers["retry-after"]) == (202, "1")
    assert answer.headers["location"] == answer.json()["links"]["self"]
    assert (job.type, job.dataset, job.params) == (Kind.DROP, "users", {"snapshot_id": "9007199254740993"})
    assert waiting(tmp_path) == 1


async def test_a_drop_counts_against_the_limit(tmp_path: Path) -> None:
    async with open_house(tmp_path, KRAI_RATE_LIMIT_CREATE="1/hour") as house:
        first = await house.http.delete("/api/v1/datasets/users")
        assert (first.status_code, first.headers["ratelimit"].partition(";t=")[0]) == (202, '"create";r=0')
        assert problem(await house.http.delete("/api/v1/datasets/users"), 429) == "rate_limited"


async def test_nobody_else_drops_a_dataset(house: House, tmp_path: Path) -> None:
    ada = house.client(ADA)
    assert problem(await ada.delete("/api/v1/datasets/users"), 403) == "not_allowed"
    assert problem(await house.client(None).delete("/api/v1/datasets/users"), 401) == "unauthenticated"
    assert (await ada.get("/api/v1/datasets")).status_code == 200
    assert waiting(tmp_path) == 0


async def test_snapshots_are_listed_newest_first(house: House) -> None:
    assert (await house.http.get("/api/v1/datasets/users/snapshots")).json() == {"snapshots": []}
    users = await house.stores.jobs.get_dataset("users")
    assert users is not None
    for number, mode in enumerate(["replace", "undo"]):
        done = Snapshot(
            snapshot_id=str(number), committed_at=users.updated_at + timedelta(number), job_id="f" * 32, mode=mode, rows=9, removed=number
        )
        await house.stores.jobs.put_dataset(replace(users, snapshots=(done,)))
    listed = (await house.http.get("/api/v1/datasets/users/snapshots")).json()["snapshots"]
    assert [(item["snapshot_id"], item["mode"], item["rows"], item["records_removed"]) for item in listed] == [
        ("1", "undo", 9, 1),
        ("0", "replace", 9, 0),
    ]


@pytest.mark.parametrize("name", ["nope", "N!"])
async def test_there_are_no_snapshots_of_no_dataset(house: House, name: str) -> None:
    assert problem(await house.http.get(f"/api/v1/datasets/{name}/snapshots"), 404) == "dataset_not_found"
