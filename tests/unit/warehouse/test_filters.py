"""Filters on Iceberg tables of several files and row groups take the rows that DuckDB takes by the same SQL."""

from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from hypothesis.strategies import SearchStrategy

from krai.warehouse.iceberg import open_local
from krai.warehouse.port import Change, Query, Warehouse

TYPES = {
    "b": pa.bool_(),
    "i": pa.int64(),
    "i two": pa.int64(),
    "f": pa.float64(),
    "g": pa.float64(),
    "d": pa.decimal128(5, 2),
    "s": pa.string(),
    "t": pa.string(),
    "x": pa.binary(),
    "day": pa.date32(),
    "ts": pa.timestamp("us"),
    "tz": pa.timestamp("us", "UTC"),
}
SCHEMA = pa.schema(TYPES.items())
# Few values of each, so that they meet; the edges of each type among them.
WORDS = ["", "a", "A", "ab", "a%b", "a_b", "a\\b", "ä", "a\u0308", "z", "Z", "😀", "\uffff", "it's", "new\nline", "a" * 20, "a" * 19 + "b"]
MOMENTS = [datetime(1, 1, 1), datetime(1969, 12, 31, 23, 59, 59, 999999), datetime(2026, 1, 31, 12), datetime(9999, 12, 31, 23)]  # noqa: DTZ001
FLOATS = [0.0, -0.0, 1.5, -2.0, 1e300, float("inf"), float("-inf"), float("nan")]
INTEGERS = [0, 1, -1, 2, 2**63 - 1, -(2**63)]
VALUES: dict[str, list[Any]] = {
    "b": [True, False],
    "i": INTEGERS,
    "i two": INTEGERS,
    "f": FLOATS,
    "g": FLOATS,
    "d": [Decimal("0.00"), Decimal("1.50"), Decimal("-999.99"), Decimal("999.99")],
    "s": WORDS,
    "t": WORDS,
    "x": [b"", b"\0", b"a", b"\xff", b"\xff\xff", bytes(range(40))],
    "day": [moment.date() for moment in MOMENTS],
    "ts": MOMENTS,
    "tz": [moment.replace(tzinfo=UTC) for moment in MOMENTS],
}
PAIRS = [("i", "i two"), ("f", "g"), ("s", "t")]
COMPARISONS = ["=", "<>", "!=", "<", "<=", ">", ">="]


def sql_of(value: Any) -> tuple[str, str]:
    """A value as krai's filters and as DuckDB have it."""
    match value:
        case bool():
            return str(value).upper(), str(value)
        case bytes():
            return f"'\\x{value.hex()}'", "'" + "".join(f"\\x{byte:02x}" for byte in value) + "'::BLOB"
        case float() if value != value or abs(value) == float("inf"):  # noqa: PLR0124 (NaN)
            text = {"nan": "'NaN'", "inf": "'Infinity'", "-inf": "'-Infinity'"}[str(value)]
            return text, f"{text}::DOUBLE"
        case float():
            return repr(value), f"{value!r}::DOUBLE"
        case int() | Decimal():
            return str(value), f"({value})"
        case datetime():
            zone = "" if value.tzinfo is None else "+00:00"
            text = f"'{value.replace(tzinfo=None).isoformat(sep=' ')}{zone}'"
            return text, f"{text}::{'TIMESTAMP' if value.tzinfo is None else 'TIMESTAMPTZ'}"
        case date():
            return f"DATE '{value}'", f"'{value}'::DATE"
        case _:
            text = "'" + value.replace("'", "''") + "'"
            return text, text


Pair = tuple[str, str]  # the same condition for krai and for DuckDB


def both(form: str, *values: Any) -> Pair:
    made = [sql_of(value) for value in values]
    return form.format(*(item[0] for item in made)), form.format(*(item[1] for item in made))


@st.composite
def terms(draw: st.DrawFn) -> Pair:
    name = draw(st.sampled_from(list(TYPES)))
    value = st.sampled_from(VALUES[name])
    column = f'"{name}"'
    kind = draw(st.sampled_from(["compare", "compare", "turned", "in", "between", "null", "distinct", "pair", "own"]))
    if kind == "compare":
        return both(f"{column} {draw(st.sampled_from(COMPARISONS))} {{}}", draw(value))
    if kind == "turned":
        return both(f"{{}} {draw(st.sampled_from(COMPARISONS))} {column}", draw(value))
    if kind == "in":
        several = draw(st.lists(value, min_size=1, max_size=4))
        return both(f"{column} {draw(st.sampled_from(['', 'NOT ']))}IN ({', '.join(['{}'] * len(several))})", *several)
    if kind == "between":
        return both(f"{column} {draw(st.sampled_from(['', 'NOT ']))}BETWEEN {{}} AND {{}}", draw(value), draw(value))
    if kind == "null":
        return both(f"{column} IS {draw(st.sampled_from(['', 'NOT ']))}NULL")
    if kind == "distinct":
        return both(f"{column} IS {draw(st.sampled_from(['', 'NOT ']))}DISTINCT FROM {{}}", draw(value))
    if kind == "pair":
        left, right = draw(st.sampled_from(PAIRS))
        how = draw(st.sampled_from([*COMPARISONS, "IS DISTINCT FROM", "IS NOT DISTINCT FROM"]))
        return both(f'"{left}" {how} "{right}"')
    return draw(own_terms())


@st.composite
def own_terms(draw: st.DrawFn) -> Pair:
    """What only columns of one type have."""
    flag = draw(st.sampled_from(["b", "NOT b", "b IS TRUE", "b IS NOT TRUE", "b IS FALSE", "b IS NOT FALSE", "TRUE", "FALSE", None]))
    if flag is not None:
        return flag, flag
    pattern = "".join(draw(st.lists(st.sampled_from(["%", "_", "\\%", "\\_", "\\\\", "a", "b", "ä", "😀", "."]), max_size=5)))
    text = f"s {draw(st.sampled_from(['', 'NOT ']))}LIKE '{pattern}'"
    return text, f"{text} ESCAPE '\\'"


def joined(inner: SearchStrategy[Pair]) -> SearchStrategy[Pair]:
    def join(parts: list[Pair], how: str) -> Pair:
        return f" {how} ".join(f"({part[0]})" for part in parts), f" {how} ".join(f"({part[1]})" for part in parts)

    several = st.lists(inner, min_size=2, max_size=3)
    return st.one_of(
        st.builds(join, several, st.sampled_from(["AND", "OR"])), inner.map(lambda part: (f"NOT ({part[0]})", f"NOT ({part[1]})"))
    )


CONDITIONS = st.recursive(terms(), joined, max_leaves=6)
ROWS = st.fixed_dictionaries({name: st.none() | st.sampled_from(values) for name, values in VALUES.items()})


def load(warehouse: Warehouse, rows: list[dict[str, Any]], order: str) -> pa.Table:
    """Two files with row groups of three rows each; sorted, so that the groups have bounds that differ."""
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    table = pa.concat_tables([table, table.sort_by(order)]) if rows else table
    half = table.num_rows // 2
    for job, part in (("a", table.slice(0, half)), ("b", table.slice(half))):
        with closing(warehouse.open_part("things", job, 1, 0)) as file:
            for start in range(0, part.num_rows, 3):
                file.write(part.slice(start, 3))
        parts = [file.location] if part.num_rows else []
        warehouse.commit("things", Change(job_id=job, epoch=1, schema=SCHEMA, parts=parts))
    return table.append_column("place", pa.array(range(table.num_rows), pa.int64()))


def places(table: pa.Table, conditions: list[str]) -> list[pa.Array]:
    """Where DuckDB finds the rows of each condition."""
    with duckdb.connect(config={"threads": "1"}) as duck:
        duck.register("things", table)
        found = [duck.execute(f"SELECT place FROM things WHERE {text} ORDER BY place").fetchall() for text in conditions]  # noqa: S608
    return [pa.array([place for (place,) in rows], pa.int64()) for rows in found]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    rows=st.lists(ROWS, max_size=10),
    conditions=st.lists(CONDITIONS, min_size=6, max_size=12),
    order_and_limit=st.tuples(st.sampled_from(sorted(TYPES)), st.integers(0, 8)),
)
def test_any_filter_takes_the_rows_that_duckdb_takes(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[dict[str, Any]],
    conditions: list[Pair],
    order_and_limit: tuple[str, int],
) -> None:
    order, limit = order_and_limit
    warehouse = open_local(tmp_path_factory.mktemp("warehouse"))
    table = load(warehouse, rows, order)
    for (mine, _), found in zip(conditions, places(table, [reference for _, reference in conditions]), strict=True):
        expected = table.take(found).drop_columns("place")
        for most in (None, limit):
            scan = warehouse.scan("things", Query(filter=mine, limit=most))
            got = pa.concat_tables([SCHEMA.empty_table(), *(part() for part in scan.parts)])
            wanted = expected if most is None else expected.slice(0, most)
            assert as_values(got) == as_values(wanted), mine
            assert scan.expected() == got.num_rows
            assert most is not None or scan.matching() == got.num_rows


def as_values(table: pa.Table) -> list[str]:
    return [repr(row) for row in table.to_pylist()]
