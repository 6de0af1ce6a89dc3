import json
from pathlib import Path
from typing import Any

import pytest

from krai.job import Kind
from krai.ports import JobQuery
from tests.unit.api.bad_urls import BAD_URLS, INNER_HOSTS
from tests.unit.api.house import ADA, House, open_house, pointers, problem


async def import_(house: House, source: Any, **body: Any) -> Any:
    return await house.post("imports", {"source": source, **body})


async def uploaded(house: House, content: bytes = b"a\n1\n") -> str:
    session = (await house.post("uploads", {})).json()
    assert (await house.client(None).put(session["upload_url"], content=content)).status_code == 200
    return str(session["upload_id"])


# -- registered sources ---------------------------------------------------------------------------------------------------------


async def test_a_registered_source_is_found_with_its_format(house: House) -> None:
    await house.store("sources/contacts.csv", b"name\nAda\n")
    await house.stores.directory.put("sources", "salesforce", {"path": "sources/contacts.csv", "format": "csv"})
    answer = await import_(house, "salesforce")
    assert answer.status_code == 202
    job = await house.job(answer.json()["job_id"])
    blob = house.stores.blobs.stat("sources/contacts.csv")
    assert blob is not None
    assert (job.type, job.dataset, job.source) == (Kind.IMPORT, "contacts", {"path": blob.path, "generation": blob.generation})
    expected: dict[str, Any] = {"source": "salesforce", "format": "csv", "compression": "auto", "mode": "append", "schema": None}
    expected |= {
        "key": None,
        "evolve": False,
        "dry_run": False,
        "columns": None,
        "on_error": "reject",
        "max_errors": None,
        "csv": None,
        "sha256": None,
        "sheet": None,
    }
    assert job.params == answer.json()["params"] == expected
    named = await import_(house, "salesforce", format="ndjson")
    assert named.json()["params"]["format"] == "ndjson"


@pytest.mark.parametrize("name", ["hubspot", "", "../sources", "a/b", "Salesforce", "uploads"])
async def test_an_unknown_source_is_refused(house: House, name: str) -> None:
    answer = await import_(house, name)
    assert problem(answer, 422) == "unknown_source"
    assert pointers(answer) == {"/source": "unknown_source"}


async def test_a_name_that_no_source_may_have_is_not_even_looked_up(house: House) -> None:
    await house.store("sources/x.csv", b"a\n")
    await house.stores.directory.put("sources", "a/b", {"path": "sources/x.csv", "format": "csv"})
    assert problem(await import_(house, "a/b"), 422) == "unknown_source"


async def test_a_source_whose_file_is_gone_is_missing(house: House) -> None:
    await house.stores.directory.put("sources", "gone", {"path": "sources/gone.csv", "format": "csv"})
    assert problem(await import_(house, "gone"), 422) == "source_missing"


# -- uploads --------------------------------------------------------------------------------------------------------------------


async def test_an_upload_is_imported_as_it_stands(house: House) -> None:
    upload_id = await uploaded(house)
    answer = await import_(house, {"upload_id": upload_id}, dataset="numbers", mode="replace")
    job = await house.job(answer.json()["job_id"])
    blob = house.stores.blobs.stat(f"uploads/{upload_id}")
    assert blob is not None
    assert job.source == {"path": f"uploads/{upload_id}", "generation": blob.generation}
    assert (job.dataset, job.params["source"], job.params["mode"]) == ("numbers", {"upload_id": upload_id}, "replace")


async def test_an_upload_must_be_complete(house: House) -> None:
    session = (await house.post("uploads", {})).json()
    request = {"upload_id": session["upload_id"]}
    assert problem(await import_(house, request), 409) == "upload_incomplete"
    await house.client(None).put(session["upload_url"], content=b"a\n", headers={"content-range": "bytes 0-1/4"})
    assert problem(await import_(house, request), 409) == "upload_incomplete"


async def test_somebody_elses_upload_is_unknown(house: House) -> None:
    session = (await house.client(ADA).post("/api/v1/uploads", json={})).json()
    await house.client(None).put(session["upload_url"], content=b"a\n1\n")
    for upload_id in (session["upload_id"], "0" * 32):
        answer = await import_(house, {"upload_id": upload_id})
        assert problem(answer, 422) == "unknown_upload"
        assert pointers(answer) == {"/source/upload_id": "unknown_upload"}


async def test_an_upload_whose_day_is_over_is_unknown(house: House) -> None:
    upload_id = await uploaded(house)
    doc = await house.stores.directory.get("uploads", upload_id)
    assert doc is not None
    await house.stores.directory.put("uploads", upload_id, {**doc, "expires_at": "2026-01-01T00:00:00.000000Z"})
    assert problem(await import_(house, {"upload_id": upload_id}), 422) == "unknown_upload"


@pytest.mark.parametrize("upload_id", ["", "x", "../jobs", "0" * 31, "0" * 33, "A" * 32, 5, None])
async def test_what_is_no_upload_id_is_refused(house: House, upload_id: Any) -> None:
    assert problem(await import_(house, {"upload_id": upload_id}), 422) == "invalid_field"


# -- records --------------------------------------------------------------------------------------------------------------------


async def test_records_are_stored_as_they_came(house: House) -> None:
    records = [{"n": 1, "text": 'é "\n', "deep": {"a": [1, None]}}, {"n": 18446744073709551615, "f": 0.1}]
    answer = await import_(house, {"records": records})
    job = await house.job(answer.json()["job_id"])
    assert job.source is not None
    with house.stores.blobs.open(job.source["path"], generation=job.source["generation"]) as file:
        assert [json.loads(line) for line in file] == records
    assert job.params["source"] == {"records": 2}
    assert (job.params["format"], job.params["compression"]) == ("ndjson", "none")
    doc = await house.stores.directory.get("uploads", job.source["path"].removeprefix("uploads/"))
    assert doc is not None, "the sweep finds stored records as it finds uploads"


@pytest.mark.parametrize("records", [[], [1], [[]], {}, [None], [{} for _ in range(1001)]])
async def test_records_are_one_to_a_thousand_objects(house: House, records: Any) -> None:
    answer = await import_(house, {"records": records})
    assert problem(answer, 422) == "invalid_field"
    assert all(pointer.startswith("/source/records") for pointer in pointers(answer))


async def test_a_megabyte_of_records_is_taken_and_no_more(house: House) -> None:
    rows = [{"t": "x" * (1048576 // 4 - 9)} for _ in range(4)]
    assert (await import_(house, {"records": rows})).status_code == 202
    rows[0]["t"] += "x"
    assert problem(await import_(house, {"records": rows}), 413) == "too_large"


# -- URLs -----------------------------------------------------------------------------------------------------------------------


async def test_urls_can_be_switched_off(tmp_path: Path) -> None:
    async with open_house(tmp_path, KRAI_URL_IMPORTS="off") as house:
        assert problem(await import_(house, {"url": "https://example.org/a.csv"}), 422) == "url_imports_off"


@pytest.mark.parametrize(
    ("urls", "code"), [(BAD_URLS, "invalid_source_url"), ([f"https://{host}/a.csv" for host in INNER_HOSTS], "source_blocked")]
)
async def test_only_plain_https_urls_of_the_public_internet_are_read(house: House, urls: list[str], code: str) -> None:
    for url in urls:
        answer = await import_(house, {"url": url})
        assert problem(answer, 422) == code, url[:50]
        assert pointers(answer) == {"/source/url": code}


async def test_a_url_is_kept_for_the_worker_and_its_query_shown_to_nobody(house: House) -> None:
    url = "https://files.example.org:8443/a/contacts.csv?signature=secret"
    answer = await import_(house, {"url": url})
    assert answer.status_code == 202
    assert answer.json()["params"]["source"] == {"url": "https://files.example.org:8443/a/contacts.csv"}
    assert "secret" not in answer.text
    assert (await house.job(answer.json()["job_id"])).source == {"url": url}


# -- the rest of the body -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [5, None, [], {}, {"uris": "gs://b/o"}, True])
async def test_what_is_no_source_is_refused(house: House, source: Any) -> None:
    answer = await import_(house, source)
    assert problem(answer, 422) == "invalid_field"
    assert pointers(answer) == {"/source": "invalid_field"}


async def test_a_source_is_one_thing(house: House) -> None:
    answer = await import_(house, {"upload_id": "0" * 32, "url": "https://example.org"})
    assert pointers(answer) == {"/source/url": "unknown_field"}


async def test_a_source_must_be_named(house: House) -> None:
    answer = await house.post("imports", {})
    assert problem(answer, 422) == "missing_field"
    assert pointers(answer) == {"/source": "missing_field"}


async def test_a_schema_names_types(house: House) -> None:
    types = ["boolean", "int64", "float64", "decimal(38,38)", "decimal(1,0)", "date", "timestamp", "timestamptz", "string", "binary"]
    schema = {f"Spalte {number}": name for number, name in enumerate(types)}
    answer = await import_(house, {"records": [{"a": 1}]}, schema=schema)
    assert answer.json()["params"]["schema"] == schema


async def test_names_of_columns_may_go_over_several_lines(house: House) -> None:
    asked = {"columns": {"Net\r\nprice": "net\tprice"}, "schema": {"net\tprice": "string"}, "mode": "upsert", "key": ["a\nb", "net\tprice"]}
    answer = await import_(house, {"records": [{"a": 1}]}, **asked)
    assert {name: answer.json()["params"][name] for name in asked} == asked


@pytest.mark.parametrize("name", ["a\x00", "\x0b", "\x1b[31m", "\x7f", "\x85", "a\u202eb", "\u2028", "_krai_row", "_krai_"])
async def test_what_no_column_may_be_called_is_refused(house: House, name: str) -> None:
    for asked in ({"columns": {"a": name}}, {"schema": {name: "int64"}}, {"mode": "upsert", "key": [name]}):
        answer = await import_(house, {"records": [{"a": 1}]}, **asked)
        assert problem(answer, 422) == "invalid_field"


@pytest.mark.parametrize("sheet", [1, 10_000, "Orders 2026", "ä" * 31])
async def test_a_sheet_has_a_name_or_a_number(house: House, sheet: Any) -> None:
    answer = await import_(house, {"upload_id": await uploaded(house)}, sheet=sheet, format="xlsx")
    assert answer.json()["params"]["sheet"] == sheet


@pytest.mark.parametrize(
    ("sheet", "file_format"),
    [
        *((0, "auto"), (-1, "auto"), (10_001, "auto"), (True, "auto"), (1.0, "auto"), ("", "auto"), ("x" * 32, "auto"), ("a\0", "auto")),
        *(([], "xlsx"), ({"a": 1}, "xlsx"), (1, "csv"), ("Orders", "parquet")),
    ],
)
async def test_what_is_no_sheet_is_refused(house: House, sheet: Any, file_format: str) -> None:
    answer = await import_(house, {"upload_id": await uploaded(house)}, sheet=sheet, format=file_format)
    assert pointers(answer) == {"/sheet": "invalid_field"}


@pytest.mark.parametrize("name", ["int", "INT64", "decimal", "decimal(39,0)", "decimal(5,6)", "decimal(0,0)", "decimal(5, 2)", "", 5, None])
async def test_other_types_are_refused(house: House, name: Any) -> None:
    answer = await import_(house, {"records": [{"a": 1}]}, schema={"a": name})
    assert pointers(answer) == {"/schema/a": "invalid_field"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("mode", "upsert"), ("format", "xls"), ("compression", "xz"), ("schema", []), ("schema", {"": "int64"}), ("dataset", 5)],
)
async def test_a_field_takes_only_what_it_should(house: House, name: str, value: Any) -> None:
    answer = await import_(house, {"records": [{"a": 1}]}, **{name: value})
    assert problem(answer, 422) == "invalid_field"


async def test_a_digest_is_kept_as_small_letters(house: House) -> None:
    source = {"upload_id": await uploaded(house)}
    answer = await import_(house, source, sha256="AB" * 32)
    assert answer.json()["params"]["sha256"] == "ab" * 32


@pytest.mark.parametrize("sha256", ["", "a" * 63, "a" * 65, "g" * 64, "a" * 64 + "\n", "\uff11" * 64, 5, ["a" * 64]])
async def test_what_is_no_digest_is_refused(house: House, sha256: Any) -> None:
    answer = await import_(house, "salesforce", sha256=sha256)
    assert problem(answer, 422) == "invalid_field"
    assert pointers(answer) == {"/sha256": "invalid_field"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sha256", "a" * 64),
        ("sheet", 1),
        ("csv", {"delimiter": ";"}),
        *(("format", name) for name in ("csv", "tsv", "parquet", "xlsx")),
        *(("compression", name) for name in ("gzip", "zstd")),
    ],
)
async def test_nothing_is_said_of_records_that_only_a_file_can_be(house: House, name: str, value: Any) -> None:
    answer = await import_(house, {"records": [{"a": 1}]}, **{name: value})
    assert pointers(answer) == {f"/{name}": "invalid_field"}


async def test_records_are_what_they_are_said_to_be(house: House) -> None:
    for said in ({"format": "ndjson", "compression": "none"}, {"format": "json", "sheet": None, "csv": None}):
        params = (await import_(house, {"records": [{"a": 1}]}, **said)).json()["params"]
        assert (params["format"], params["compression"]) == ("ndjson", "none")


async def test_a_new_dataset_is_no_mistake(house: House) -> None:
    assert (await import_(house, {"records": [{"a": 1}]}, dataset="never_seen")).status_code == 202


@pytest.mark.parametrize("where", ["imports", "imports?validate_only=true"])
async def test_what_a_job_would_carry_has_a_bound_that_is_counted_as_it_is_stored(house: House, where: str) -> None:
    wide = {f"{'é' * 20}{number:04}": "string" for number in range(2_500)}
    answer = await house.post(where, {"source": {"records": [{"a": 1}]}, "schema": wide})
    assert problem(answer, 413) == "too_large"
    assert (await house.stores.jobs.find(JobQuery())).jobs == []
    narrower = dict(list(wide.items())[:1_500])
    assert (await house.post(where, {"source": {"records": [{"a": 1}]}, "schema": narrower})).is_success
