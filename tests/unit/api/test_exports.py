from dataclasses import replace
from typing import Any

import pytest

from krai.dataset import Column
from krai.job import Kind, Status
from tests.unit.api.house import House, pointers, problem

UNPRINTABLE = ["\x00", "a\rb", "a\nb", "\x1b[31m", "\x7f", "\x85", "\u202e", "\u2066", "\u200f", "\u2028", "\ufeff"]


async def test_an_export_is_accepted_with_the_whole_job(house: House) -> None:
    answer = await house.post("exports", {"dataset": "users"})
    job = answer.json()
    assert (answer.status_code, answer.headers["retry-after"]) == (202, "1")
    assert answer.headers["location"] == job["links"]["self"] == f"http://krai.test/api/v1/jobs/{job['job_id']}"
    assert job == (await house.http.get(answer.headers["location"])).json()
    assert (job["type"], job["status"], job["progress"], job["stage"], job["dataset"]) == ("export", "PENDING", 0, "queued", "users")
    assert (job["created_by"], job["error"], job["parent_job_id"], job["attempt"], job["max_attempts"]) == ("api-key", None, None, 0, 5)
    assert job["params"] == {
        "format": "csv",
        "compression": "none",
        "csv": None,
        "columns": None,
        "filter": None,
        "order_by": None,
        "limit": None,
        "as_of": None,
        "size_mb": None,
        "split_rows": None,
        "filename": None,
    }


async def test_what_was_asked_for_reaches_the_worker(house: House) -> None:
    asked = {
        "format": "ndjson",
        "compression": "gzip",
        "columns": ["email", "id"],
        "filter": "id > 5",
        "order_by": ["-email", "id"],
        "limit": 2**63 - 1,
        "as_of": None,
        "size_mb": 0.5,
        "filename": "ü.gz",
    }
    job = await house.job(await house.submit(**asked, labels={"team": "blue"}, description="für Ada"))
    assert (job.type, job.status, job.params) == (Kind.EXPORT, Status.PENDING, {"csv": None, "split_rows": None, **asked})
    assert (job.labels, job.description) == ({"team": "blue"}, "für Ada")
    (delivery,) = await house.stores.queue.pull(5, wait_s=0, lease_s=30)
    assert delivery.job_id == job.job_id


async def test_null_is_the_same_as_leaving_out(house: House) -> None:
    job = await house.job(await house.submit(columns=None, limit=None, size_mb=None, filename=None))
    assert job.params["columns"] is None


async def test_an_unknown_dataset_is_not_found_at_once(house: House) -> None:
    answer = await house.post("exports", {"dataset": "nothing_here"})
    assert problem(answer, 404) == "dataset_not_found"
    assert "nothing_here" not in answer.text


async def test_unknown_columns_are_pointed_at(house: House) -> None:
    answer = await house.post("exports", {"dataset": "users", "columns": ["id", "kilroy", "email", "Id"]})
    assert problem(answer, 422) == "unknown_column"
    assert pointers(answer) == {"/columns/1": "unknown_column", "/columns/3": "unknown_column"}
    assert "kilroy" not in answer.text


async def test_unknown_columns_have_no_order(house: House) -> None:
    answer = await house.post("exports", {"dataset": "users", "columns": ["nope"], "order_by": ["id", "-kilroy", "--id"]})
    assert problem(answer, 422) == "unknown_column"
    assert pointers(answer) == {"/columns/0": "unknown_column", "/order_by/1": "unknown_column", "/order_by/2": "unknown_column"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("kilroy = 1", "At character 1: No column has this name"),
        (
            "id > 5 AND email = 7",
            "At character 20: Compared with a column of type string, which takes text in single quotes. Were numbers meant",
        ),
        ("1 or 1=1", "At character 1: This is no condition"),
        ("id = 1; drop table users", "At character 7"),
        (" OR ".join(["id = 1"] * 5000), "A filter has at most"),
        ("", "A filter is a condition"),
    ],
)
async def test_a_filter_that_does_not_fit_is_refused_at_once_and_not_echoed(house: House, text: str, says: str) -> None:
    answer = await house.post("exports", {"dataset": "users", "filter": text})
    assert problem(answer, 422) == "invalid_filter"
    assert pointers(answer) == {"/filter": "invalid_filter"}
    assert answer.json()["detail"].startswith(says)
    assert "kilroy" not in answer.text


async def test_what_an_earlier_snapshot_has_only_a_worker_knows(house: House) -> None:
    for moment in ("1", "9007199254740993", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00.123456-05:30"):
        job = await house.job(await house.submit(as_of=moment, columns=["gone"], filter="gone > 1", order_by=["gone"]))
        assert (job.params["as_of"], job.params["filter"]) == (moment, "gone > 1")


async def test_a_new_column_can_be_asked_about_at_once(house: House) -> None:
    await house.submit(filter="id = 1")
    dataset = await house.stores.jobs.get_dataset("users")
    assert dataset is not None
    await house.stores.jobs.put_dataset(replace(dataset, snapshot_id="9007199254740994", columns=(Column(name="new", type="date"),)))
    await house.submit(filter="new = '2026-01-31'", order_by=["-new"])


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../../x",
        "/etc/passwd",
        'a";drop table t;--',
        "Users",
        "_a",
        "1a",
        "x*.csv",
        "CON",
        "a" * 64,
        "a-b",
        "a.b",
        "a b",
        "ä",
        "a\u200b",
    ],
)
async def test_what_is_no_dataset_name_is_refused(house: House, name: str) -> None:
    answer = await house.post("exports", {"dataset": name})
    assert problem(answer, 422) == "invalid_dataset"
    assert pointers(answer) == {"/dataset": "invalid_dataset"}


@pytest.mark.parametrize("name", ["dataset", "description", "filename"])
async def test_control_characters_are_refused(house: House, name: str) -> None:
    for text in UNPRINTABLE:
        answer = await house.post("exports", {"dataset": "users", name: text})
        assert problem(answer, 422) == "invalid_field"
        assert pointers(answer) == {f"/{name}": "invalid_field"}, ascii(text)


async def test_control_characters_are_refused_in_labels(house: House) -> None:
    for text in UNPRINTABLE:
        answer = await house.post("exports", {"dataset": "users", "labels": {"a": text, "b": "fine"}})
        assert pointers(answer) == {"/labels/a": "invalid_field"}, ascii(text)


async def test_names_of_columns_may_go_over_several_lines(house: House) -> None:
    columns = [Column(name=name, type="int64") for name in ("a\nb", "c\r\nd", "e\tf")]
    names = [column.name for column in columns]
    dataset = await house.stores.jobs.get_dataset("users")
    assert dataset is not None
    await house.stores.jobs.put_dataset(replace(dataset, columns=tuple(columns)))
    asked = {"columns": names, "order_by": [names[0], f"-{names[1]}"], "filter": f'"{names[0]}" = 1'}
    answer = await house.post("exports", {"dataset": "users", **asked})
    assert {name: answer.json()["params"][name] for name in asked} == asked


BAD: dict[str, list[Any]] = {
    "dataset": [5],
    "limit": [-1, 0, 2**63, 5.0, "5", True, "inf", [], {}],
    "size_mb": [-1, 0, 2**63, "5", True, "inf"],
    "format": ["CSV", "xml", "", 5],
    "compression": ["zip", None],
    "columns": [[], "id", [1], [""], ["id", "id"], {"id": 1}, ["x" * 256]],
    "split_rows": [0, -1, 2**63, 1.5, "5", True],
    "csv": [
        5,
        {"delimiter": ""},
        {"delimiter": ",,"},
        {"delimiter": "a"},
        {"delimiter": "5"},
        {"delimiter": '"'},
        {"delimiter": "\n"},
        {"delimiter": "é"},
        {"header": "no"},
        {"null": '"'},
        {"null": "a\nb"},
        {"null": "x" * 33},
        {"null": "a,b"},
        {"null": "=1", "profile": "spreadsheet"},
        {"null": " '+1", "profile": "spreadsheet"},
        {"null": "\uff1d1", "profile": "spreadsheet"},
        {"profile": "excel"},
        {"profile": None},
    ],
    "filter": [5, True, ["id = 1"], {"id": 1}],
    "order_by": [[], "id", [1], [""], ["-"], ["id", "id"], ["id", "-id"], ["a\0"], ["x" * 257], [f"c{n}" for n in range(33)]],
    "as_of": ["", 5, "now", "2026-01-31", "2026-01-31T12:00:00", "2026-02-30T12:00:00Z", "1" * 20, "-1", "\u0661", "2026-01-31T25:00:00Z"],
    "filename": ["", "a/b", "a\\b", "..", ".profile", " a", "a ", 'a"b', "a:b", "a<b", "ü" * 101, 5],
    "labels": [[], {"": "x"}, {"A": "x"}, {"1a": "x"}, {"a": 1}, {"a": "x" * 129}, {f"k{n}": "" for n in range(21)}],
    "description": ["x" * 501, 5, None],
}


@pytest.mark.parametrize(("name", "values"), BAD.items())
async def test_a_field_takes_only_what_it_should(house: House, name: str, values: list[Any]) -> None:
    for value in values:
        answer = await house.post("exports", {"dataset": "users", name: value})
        assert problem(answer, 422) == "invalid_field", value
        assert all(pointer.startswith(f"/{name}") for pointer in pointers(answer))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", 1),
        ("size_mb", 1),
        ("size_mb", 0.01),
        ("split_rows", 1),
        ("csv", {}),
        ("csv", {"delimiter": "\t", "header": False, "null": "\\N", "profile": "spreadsheet"}),
        *(("csv", {"delimiter": delimiter}) for delimiter in " !#$%&'()*+,./:;<=>?@[\\]^_`{|}~-"),
        ("format", "xlsx"),
        ("format", "json"),
        ("compression", "zstd"),
        ("filename", "Umsätze 2026 (neu).csv"),
        ("labels", {f"k{n}": "x" * 128 for n in range(20)}),
        ("description", "x" * 500),
        ("description", "¡Olé! 😀 العربية"),
    ],
)
async def test_a_field_takes_all_that_it_should(house: House, name: str, value: Any) -> None:
    assert (await house.post("exports", {"dataset": "users", name: value})).status_code == 202


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"format": "xlsx", "compression": "gzip"}, "/compression"),
        ({"format": "xlsx", "compression": "zstd"}, "/compression"),
        ({"format": "json", "csv": {}}, "/csv"),
        ({"format": "parquet", "csv": {"header": True}}, "/csv"),
        ({"format": "tsv", "csv": {"null": "a\tb"}}, "/csv/null"),
        ({"format": "tsv", "csv": {"delimiter": ";"}}, "/csv/delimiter"),
        ({"csv": {"delimiter": ";", "null": "a;b"}}, "/csv/null"),
    ],
)
async def test_fields_that_do_not_go_together_are_refused(house: House, asked: dict[str, Any], pointer: str) -> None:
    answer = await house.post("exports", {"dataset": "users", **asked})
    assert problem(answer, 422) == "invalid_field"
    assert pointers(answer) == {pointer: "invalid_field"}


async def test_the_attempts_are_those_of_the_settings(house: House) -> None:
    assert (await house.job(await house.submit())).max_attempts == house.app.state.api.settings.max_attempts
