"""What an import may say of the text of its file, of names and of rejects."""

from typing import Any

import pytest

from tests.unit.api.house import House, pointers, problem

DEFAULTS = {"delimiter": None, "quote": '"', "header": True, "encoding": "utf-8", "null": [""], "profile": "rfc4180"}


async def import_(house: House, **body: Any) -> Any:
    session = (await house.post("uploads", {})).json()
    assert (await house.client(None).put(session["upload_url"], content=b"a\n1\n")).status_code == 200
    return await house.post("imports", {"source": {"upload_id": session["upload_id"]}, **body})


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({}, {}),
        ({"delimiter": ";"}, {"delimiter": ";"}),
        ({"delimiter": "\t", "quote": None}, {"delimiter": "\t", "quote": None}),
        ({"delimiter": "\x01", "quote": "'"}, {"delimiter": "\x01", "quote": "'"}),
        ({"header": False}, {"header": False}),
        ({"encoding": "Latin1"}, {"encoding": "iso8859-1"}),
        ({"encoding": "UTF-16"}, {"encoding": "utf-16"}),
        ({"null": "NA"}, {"null": ["NA"]}),
        ({"null": ["", "\\N"]}, {"null": ["", "\\N"]}),
        ({"null": []}, {"null": []}),
        ({"profile": "spreadsheet"}, {"profile": "spreadsheet"}),
    ],
)
async def test_a_dialect_is_kept_with_its_defaults(house: House, sent: dict[str, Any], kept: dict[str, Any]) -> None:
    answer = await import_(house, csv=sent)
    assert answer.status_code == 202, answer.text
    assert answer.json()["params"]["csv"] == DEFAULTS | kept


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("delimiter", value) for value in ("", ";;", "\n", "\r", "\0", "é", "\uff0c", '"', 7)),
        *(("quote", value) for value in ("", "''", "\n", "\r", "\0", "»", 7)),
        *(("header", value) for value in ("yes", 1, None)),
        *(("encoding", value) for value in ("", "nope", "base64", "rot13", "idna", "unicode_escape", "utf-7", "x" * 41, "ï", None, 8)),
        *(("null", value) for value in (None, 5, [5], ["x" * 65], [""] * 101)),
    ],
)
async def test_what_is_no_dialect_is_refused_and_not_repeated(house: House, field: str, value: Any) -> None:
    answer = await import_(house, csv={field: value})
    assert problem(answer, 422) == "invalid_field"
    (pointer,) = pointers(answer)
    assert pointer.startswith("/csv/")


async def test_a_quote_is_not_the_delimiter(house: House) -> None:
    assert pointers(await import_(house, csv={"delimiter": "'", "quote": "'"})) == {"/csv/quote": "invalid_field"}
    assert (await import_(house, csv={"delimiter": '"', "quote": None})).status_code == 202


@pytest.mark.parametrize(
    "body", [{"format": "parquet", "csv": {}}, {"format": "ndjson", "csv": {}}, {"format": "tsv", "csv": {"delimiter": ";"}}]
)
async def test_a_dialect_goes_with_text(house: House, body: dict[str, Any]) -> None:
    assert pointers(await import_(house, **body)) == {"/csv": "invalid_field"}


@pytest.mark.parametrize("csv", [None, {}, {"delimiter": "\t"}, {"header": False, "quote": None}])
async def test_tsv_has_a_dialect_too(house: House, csv: Any) -> None:
    assert (await import_(house, format="tsv", compression="zstd", csv=csv)).status_code == 202


async def test_columns_are_kept_as_they_came(house: House) -> None:
    columns = {"E-Mail": "email", "Notes": None}
    assert (await import_(house, columns=columns)).json()["params"]["columns"] == columns


@pytest.mark.parametrize("columns", [[], {"a": 1}, {"": "a"}, {"a": ""}, {"a": "x" * 256}, {"a": "x\0y"}])
async def test_columns_have_names(house: House, columns: Any) -> None:
    assert problem(await import_(house, columns=columns), 422) == "invalid_field"


async def test_two_columns_do_not_get_one_name(house: House) -> None:
    assert pointers(await import_(house, columns={"a": "x", "b": "x"})) == {"/columns": "invalid_field"}
    assert (await import_(house, columns={"a": None, "b": None})).status_code == 202


@pytest.mark.parametrize(
    "body", [{"on_error": "ignore"}, {"max_errors": -1}, {"max_errors": 1.5}, {"max_errors": "1"}, {"max_errors": 1 << 63}]
)
async def test_rejects_are_counted_in_whole_numbers(house: House, body: dict[str, Any]) -> None:
    assert problem(await import_(house, **body), 422) == "invalid_field"


async def test_how_many_rejects_there_may_be_is_kept(house: House) -> None:
    for said in ({"on_error": "abort", "max_errors": None}, {"on_error": "reject", "max_errors": 0}):
        params = (await import_(house, **said)).json()["params"]
        assert {name: params[name] for name in said} == said


async def test_the_first_reject_is_not_counted(house: House) -> None:
    answer = await import_(house, on_error="abort", max_errors=0)
    assert pointers(answer) == {"/max_errors": "invalid_field"}
