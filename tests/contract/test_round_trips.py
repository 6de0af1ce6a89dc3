"""What krai exports, in any format and compression, it imports again to an equal table, whatever the warehouse and the types."""

import itertools
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, Phase, assume, given, settings, strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from krai.formats.types import arrow_type
from krai.warehouse.port import Change, Warehouse
from tests.contract.importing import write_part
from tests.contract.warehouses import Place
from tests.unit.transfer.desk import Desk

PACKED = ("none", "gzip", "zstd")
COMBINATIONS = [*itertools.product(("csv", "tsv", "ndjson", "json", "parquet"), PACKED), ("xlsx", "none")]
MANY, FEW = 60, 10  # examples for a folder, and for what answers more slowly

DAYS = st.dates(date(1, 1, 1), date(9999, 12, 31))
MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999_999))  # noqa: DTZ001 (what a timestamp holds)
# NUL and what is no character cannot stand in a text of every format and warehouse.
LETTERS = st.characters(codec="utf-8", exclude_characters="\0")
NESTED: SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.text(LETTERS, max_size=5),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(LETTERS, max_size=3), inner),
    max_leaves=5,
)
WORDS = st.one_of(
    st.text(LETTERS, max_size=20),
    st.sampled_from(
        [
            "",
            " ",
            "007",
            "1e5",
            "NA",
            "NULL",
            "TRUE",
            "9" * 30,
            "=1+1",
            "'=x",
            "-5",
            '"',
            '""',
            ",",
            "\t",
            "\r\n",
            "\\N",
            "_x0041_",
            "\ufeff",
        ]
    ),
    NESTED.map(lambda value: json.dumps(value, ensure_ascii=False)),
)
KINDS: dict[str, SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "float64": st.floats(allow_nan=True, allow_infinity=True),
    "decimal(38,0)": st.integers(-(10**38) + 1, 10**38 - 1).map(Decimal),
    "decimal(20,4)": st.integers(-(10**20) + 1, 10**20 - 1).map(lambda whole: Decimal(whole).scaleb(-4)),
    "date": DAYS,
    "timestamp": MOMENTS,
    "timestamptz": MOMENTS.map(lambda moment: moment.replace(tzinfo=UTC)),
    "string": WORDS,
    "binary": st.binary(max_size=20),
}


@st.composite
def tables(draw: DrawFn) -> pa.Table:
    kinds = draw(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=5))
    rows = draw(st.integers(0, 8))
    columns = {
        f"column {number}": pa.array(draw(st.lists(st.none() | KINDS[kind], min_size=rows, max_size=rows)), arrow_type(kind))
        for number, kind in enumerate(kinds)
    }
    return pa.table(columns)


def test_what_comes_out_goes_in_again(warehouse: Warehouse, place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    folder.mkdir()
    desk = Desk(folder, warehouse)
    numbers = itertools.count()

    @settings(
        max_examples=min(FEW, place.commits // 5) if "://" in place.url else MANY,
        deadline=timedelta(seconds=20),
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(tables(), st.sampled_from(COMBINATIONS))
    def holds(table: pa.Table, combination: tuple[str, str]) -> None:
        name, compression = combination
        assume(table.num_rows or name != "ndjson")  # no line, no file
        number = next(numbers)
        source, target = f"from_{number}", f"to_{number}"
        parts = [write_part(warehouse, source, "a", 1, table)] if table.num_rows else []
        warehouse.commit(source, Change(job_id="a", epoch=1, schema=table.schema, parts=parts))
        exported = desk.export(source, format=name, compression=compression)
        manifest = json.loads(desk.content(exported["manifest"]["path"]))
        schema = {column["name"]: column["type"] for column in manifest["schema"]}
        told = {"format": name} if name == "tsv" else {}
        loaded = desk.load(desk.content(exported["files"][0]["path"]), target, schema=schema, **told)
        assert (loaded["records_processed"], loaded["records_rejected"]) == (table.num_rows, 0)
        assert spelled(desk.table(target)) == spelled(table)

    holds()


def spelled(table: pa.Table) -> tuple[pa.Schema, list[str]]:
    """NaN is NaN here, and 0.0 is not -0.0."""
    return table.schema, [repr(row) for row in table.to_pylist()]
