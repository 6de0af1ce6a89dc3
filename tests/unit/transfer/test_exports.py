"""An export: the rows of a snapshot in a file, counted and hashed, the same bytes whenever it runs."""

import base64
import hashlib
import io
import json
import struct
from dataclasses import replace
from typing import Any

import google_crc32c
import pyarrow.parquet as pq
import pytest

from krai.errors import Terminal, Transient
from krai.job import Kind, Stage
from tests.unit.transfer.desk import Desk

ROWS = 3000
DATA = "id,name\n" + "".join(f"{number},name {number}\n" for number in range(ROWS))


@pytest.fixture
def loaded(desk: Desk) -> Desk:
    desk.limit(block_bytes=2000)  # many pieces
    desk.load(DATA.encode())
    desk.listener.said.clear()
    return desk


def test_what_was_imported_comes_out(loaded: Desk) -> None:
    result = loaded.export()
    (file,) = result["files"]
    assert loaded.content(file["path"]).decode() == DATA
    assert (result["format"], result["records"], file["records"], result["complete"]) == ("csv", ROWS, ROWS, True)
    assert result["file_size_bytes"] == file["size_bytes"] == len(DATA)
    dataset = loaded.tools.warehouse.describe("things")
    assert dataset is not None
    assert result["snapshot_id"] == dataset.snapshot_id
    assert file["name"] == f"things-{dataset.snapshot_id}.csv"


def test_a_file_is_hashed_as_cloud_storage_does_it(loaded: Desk) -> None:
    (file,) = loaded.export()["files"]
    content = loaded.content(file["path"])
    assert file["sha256"] == hashlib.sha256(content).hexdigest()
    assert file["crc32c"] == base64.b64encode(struct.pack(">I", google_crc32c.value(content))).decode()


def test_the_manifest_says_what_was_promised_and_what_was_written(loaded: Desk) -> None:
    job = loaded.job(Kind.EXPORT, columns=["name", "id"], limit=7)
    result = loaded.run(job).result
    content = loaded.content(result["manifest"]["path"])
    assert result["manifest"]["size_bytes"] == len(content)
    manifest = json.loads(content)
    assert (manifest["job_id"], manifest["dataset"], manifest["snapshot_id"]) == (job.job_id, "things", result["snapshot_id"])
    assert [(column["name"], column["type"]) for column in manifest["schema"]] == [("name", "string"), ("id", "int64")]
    assert manifest["records_expected"] == manifest["records_written"] == sum(file["records"] for file in manifest["files"]) == 7
    assert manifest["request"] == {"columns": ["name", "id"], "filter": None, "order_by": None, "limit": 7, "size_mb": None, "as_of": None}
    assert not {"path", "generation"} & manifest["files"][0].keys()
    for stored in (*result["files"], result["manifest"]):
        loaded.tools.blobs.open(stored["path"], generation=stored["generation"]).close()


@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("name", ["csv", "ndjson", "parquet"])
def test_every_format_holds_the_same_rows_and_comes_out_the_same_again(loaded: Desk, name: str, compression: str) -> None:
    job = loaded.job(Kind.EXPORT, format=name, compression=compression)
    first, again = (loaded.run(replace(job, epoch=epoch)).result for epoch in (1, 2))
    assert [{**file, "path": "", "generation": ""} for file in first["files"]] == [
        {**file, "path": "", "generation": ""} for file in again["files"]
    ]
    # Parquet is compressed inside.
    packed = compression == "gzip" and name != "parquet"
    assert first["files"][0]["name"].endswith(f".{name}.gz" if packed else f".{name}")
    content = loaded.content(first["files"][0]["path"])
    loaded.load(content, "copy")
    assert loaded.table("copy").equals(loaded.table())
    if name == "parquet":
        metadata = pq.ParquetFile(io.BytesIO(content)).metadata
        assert metadata.num_rows == ROWS
        assert metadata.row_group(0).column(0).compression == ("GZIP" if compression == "gzip" else "ZSTD")
    assert (content[:2] == b"\x1f\x8b") == packed


@pytest.mark.parametrize("limit", [0, 1, 150, ROWS, ROWS + 1])
def test_a_limit_is_kept_and_a_file_that_it_cuts_is_not_complete(loaded: Desk, limit: int) -> None:
    result = loaded.export(limit=limit)
    assert (result["records"], result["complete"]) == (min(limit, ROWS), limit >= ROWS)
    expected = DATA.splitlines()[: 1 + limit]
    assert loaded.content(result["files"][0]["path"]).decode().splitlines() == expected


@pytest.mark.parametrize("name", ["csv", "ndjson", "parquet"])
def test_a_file_ends_at_about_the_size_asked_for(loaded: Desk, name: str) -> None:
    size_bytes = 10_000
    result = loaded.export(format=name, size_mb=size_bytes / (1 << 20))
    assert not result["complete"]
    assert 0 < result["records"] < ROWS
    assert size_bytes <= result["file_size_bytes"] < size_bytes * 1.7
    manifest = json.loads(loaded.content(result["manifest"]["path"]))
    assert (manifest["complete"], manifest["records_expected"], manifest["records_written"]) == (False, ROWS, result["records"])


def test_a_file_that_stays_below_the_size_is_complete(loaded: Desk) -> None:
    assert loaded.export(size_mb=5)["complete"]


def test_a_dataset_without_rows_is_a_header(desk: Desk) -> None:
    desk.load(b"a,b\n")
    assert desk.exported() == b"a,b\n"
    assert desk.exported(format="ndjson") == b""
    desk.load(desk.exported(format="parquet"), "copy")
    assert desk.table("copy").num_rows == 0


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("report", "report.csv"),
        ("売上\u3000十一月\u200d.csv", "売上_十一月_.csv"),
        ("report.csv", "report.csv"),
        ("../../etc/passwd", "etc_passwd.csv"),
        ("a b\r\nc", "a b_c.csv"),
        ("..", None),
        ("", None),
        ("Übersicht", "Übersicht.csv"),
        ("x" * 500, "x" * 120 + ".csv"),
        ("é" * 500, "é" * 120 + ".csv"),
    ],
)
def test_a_file_is_called_as_asked_for_within_reason(loaded: Desk, asked: str, name: str | None) -> None:
    (file,) = loaded.export(filename=asked, limit=1)["files"]
    assert file["name"] == (name or f"things-{loaded.export()['snapshot_id']}.csv")


@pytest.mark.parametrize(
    ("asked", "params", "name"),
    [
        ("report.CSV", {}, "report.csv"),
        ("report.csv", {"compression": "gzip"}, "report.csv.gz"),
        ("report.csv.gz", {"compression": "gzip"}, "report.csv.gz"),
        ("Report.CSV.GZ", {"compression": "gzip"}, "Report.csv.gz"),
        ("report.Ndjson", {"format": "ndjson", "compression": "zstd"}, "report.ndjson.zst"),
        ("report.PARQUET", {"format": "parquet", "compression": "gzip"}, "report.parquet"),
        ("report.gz", {"compression": "gzip"}, "report.gz.csv.gz"),
        ("csv", {}, "csv.csv"),
    ],
)
def test_no_file_has_its_ending_twice(loaded: Desk, asked: str, params: dict[str, Any], name: str) -> None:
    assert [file["name"] for file in loaded.export(filename=asked, limit=1, **params)["files"]] == [name]


def test_an_export_says_how_far_it_has_come(loaded: Desk) -> None:
    loaded.export()
    said = loaded.listener.said
    assert list(dict.fromkeys(progress.stage for progress in said)) == [Stage.READING, Stage.WRITING, Stage.UPLOADING]
    assert len({progress.percent for progress in said}) > 5
    assert (said[-1].records_processed, said[-1].records_total, said[-1].bytes_processed) == (ROWS, ROWS, len(DATA))


def test_a_file_that_lacks_rows_is_never_handed_out(desk: Desk) -> None:
    desk.load(b"id\n1\n2\n")
    (part,) = (desk.folder / "warehouse" / "things").rglob("*.parquet")
    pq.write_table(pq.read_table(part).slice(0, 1), part)
    with pytest.raises(Transient, match="The snapshot has 2 rows, 1 were read"):
        desk.export()
    assert list(desk.tools.blobs.list("jobs/")) == []


def test_an_export_of_nothing_known_fails(loaded: Desk) -> None:
    for params, code in (({"dataset": "none"}, "dataset_not_found"), ({"columns": ["nope"]}, "unknown_column")):
        with pytest.raises(Terminal) as error:
            loaded.export(**params)
        assert error.value.code == code


def test_a_dataset_can_be_dropped(loaded: Desk) -> None:
    job = loaded.drop_job()
    for _ in range(2):
        assert loaded.run(job).dropped == job.params["snapshot_id"]
        assert loaded.tools.warehouse.describe("things") is None
    loaded.load(b"id\n1\n")
    assert loaded.run(job).dropped == job.params["snapshot_id"]
    assert loaded.tools.warehouse.describe("things") is not None
