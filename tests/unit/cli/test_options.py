"""How what is typed becomes what krai is asked for."""

from typing import Any

import pytest
import typer

from krai.cli.options import names, pairs
from tests.unit.cli.terminal import Terminal


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (None, None),
        ([], None),
        (["a"], ["a"]),
        (["a,b", "c"], ["a", "b", "c"]),
        (["a, -b"], ["a", "-b"]),
        (['"a,b",c'], ["a,b", "c"]),
    ],
)
def test_names(typed: list[str] | None, expected: list[str] | None) -> None:
    assert names(typed) == expected


def test_pairs() -> None:
    assert pairs(["a=b", "c=d=e", "f="], "--column") == {"a": "b", "c=d": "e", "f": ""}
    assert pairs(None, "--column") is None
    for wrong in ("a", "=b", ""):
        with pytest.raises(typer.BadParameter):
            pairs([wrong], "--column")


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        (["-o", "users.csv"], {"format": "csv", "compression": "none"}),
        (["-o", "users.ndjson.gz"], {"format": "ndjson", "compression": "gzip"}),
        (["-o", "USERS.Parquet"], {"format": "parquet"}),
        (["-o", "users.tsv.zst"], {"format": "tsv", "compression": "zstd"}),
        (["-o", "users.doc", "--format", "json", "--compression", "gzip"], {"format": "json", "compression": "gzip"}),
        (["-o", "users", "--split-rows", "2", "--limit", "5"], {"format": "csv", "split_rows": 2, "limit": 5}),
        (["-o", "u.csv", "--columns", "email,id", "--order-by", "-id"], {"columns": ["email", "id"], "order_by": ["-id"]}),
        (["-o", "u.csv", "--filter", "id > 1", "--as-of", "2026-01-31T12:00:00Z"], {"filter": "id > 1", "as_of": "2026-01-31T12:00:00Z"}),
        (
            ["-o", "u.csv", "--csv-delimiter", ";", "--no-csv-header", "--csv-null", "NULL", "--csv-profile", "spreadsheet"],
            {"csv": {"delimiter": ";", "header": False, "null": "NULL", "profile": "spreadsheet"}},
        ),
    ],
)
async def test_an_export_asks_for_what_was_typed(terminal: Terminal, typed: list[str], asked: dict[str, Any]) -> None:
    job = (await terminal.krai("export", "users", *typed, "--no-wait", "--json")).json
    assert {name: job["params"][name] for name in asked} == asked


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ([], {"mode": "append", "format": "auto", "dry_run": False}),
        (["--mode", "upsert", "--key", "id,day", "--evolve"], {"mode": "upsert", "key": ["id", "day"], "evolve": True}),
        (["--column", "E-Mail=email", "--column", "Notes="], {"columns": {"E-Mail": "email", "Notes": None}}),
        (["--schema", "lat=decimal(9,6)", "--dry-run"], {"schema": {"lat": "decimal(9,6)"}, "dry_run": True}),
        (["--on-error", "abort"], {"on_error": "abort", "max_errors": None}),
        (["--max-errors", "7"], {"on_error": "reject", "max_errors": 7}),
        (["--format", "xlsx", "--sheet", "2"], {"format": "xlsx", "sheet": 2}),
        (["--format", "xlsx", "--sheet", "Orders"], {"sheet": "Orders"}),
    ],
)
async def test_an_import_asks_for_what_was_typed(terminal: Terminal, typed: list[str], asked: dict[str, Any]) -> None:
    said = await terminal.krai("import", "-", "orders", *typed, "--no-wait", "--json", stdin=b"id,day\n1,2\n")
    assert {name: said.json["params"][name] for name in asked} == asked


async def test_an_import_asks_for_the_dialect_that_was_typed(terminal: Terminal) -> None:
    typed = [
        "--csv-delimiter",
        ";",
        "--csv-quote",
        "none",
        "--no-csv-header",
        "--csv-encoding",
        "latin-1",
        "--csv-null",
        "",
        "--csv-null",
        "NA",
    ]
    said = await terminal.krai("import", "-", "orders", *typed, "--label", "team=sales", "--no-wait", "--json", stdin=b"1;2\n")
    csv = said.json["params"]["csv"]
    assert (csv["delimiter"], csv["quote"], csv["header"], csv["null"]) == (";", None, False, ["", "NA"])
    assert said.json["labels"] == {"team": "sales"}


async def test_an_address_is_read_by_krai_itself(terminal: Terminal) -> None:
    said = await terminal.krai("import", "https://127.0.0.1/orders.csv", "orders", "--no-wait", "--json")
    assert (said.code, said.json["code"]) == (1, "source_blocked")
