"""An export in many files: each whole by itself, stored when it is finished, all of them listed, signed for and bounded."""

import base64
import gzip
import hashlib
import io
import json
from dataclasses import replace
from typing import Any

import google_crc32c
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from krai import export_files, signature
from krai.errors import Terminal, Transient
from krai.export_files import MOST_FILES, PAGE_FILES, Listed
from krai.job import Job, Kind, Progress, Status
from tests.unit.transfer.desk import Desk

ROWS = 3000
DATA = "id,name\n" + "".join(f"{number},name {number}\n" for number in range(ROWS))


@pytest.fixture
def loaded(desk: Desk) -> Desk:
    desk.limit(block_bytes=2000)  # many pieces
    desk.load(DATA.encode())
    desk.listener.said.clear()
    return desk


@pytest.mark.parametrize("split_rows", [1300, 1000, 999, ROWS, ROWS + 1])
def test_every_file_is_whole_and_together_they_are_the_table(loaded: Desk, split_rows: int) -> None:
    result = loaded.export(split_rows=split_rows, filename="rows.csv")
    files = result["files"]
    count = -(-ROWS // split_rows)
    assert [file["name"] for file in files] == [f"rows-{number:05}.csv" for number in range(1, count + 1)]
    assert [file["records"] for file in files] == [
        *[split_rows] * (ROWS // split_rows),
        *([ROWS % split_rows] if ROWS % split_rows else []),
    ]
    header, *rows = DATA.splitlines()
    for place, file in enumerate(files):
        content = loaded.content(file["path"])
        assert content.decode().splitlines() == [header, *rows[place * split_rows : (place + 1) * split_rows]]
        assert (file["size_bytes"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        assert base64.b64decode(file["crc32c"]) == google_crc32c.value(content).to_bytes(4, "big")
    assert (result["records"], result["files_total"], result["complete"]) == (ROWS, count, True)
    assert result["file_size_bytes"] == sum(file["size_bytes"] for file in files)
    manifest = json.loads(loaded.content(result["manifest"]["path"]))
    assert [(file["name"], file["sha256"], file["cells_altered"]) for file in manifest["files"]] == [
        (file["name"], file["sha256"], 0) for file in files
    ]


def test_every_format_can_be_split(loaded: Desk) -> None:
    def rows(name: str, content: bytes) -> int:
        match name:
            case "parquet":
                return int(pq.ParquetFile(io.BytesIO(content)).metadata.num_rows)
            case "xlsx":
                return int(openpyxl.load_workbook(io.BytesIO(content)).worksheets[0].max_row) - 1
            case "json":
                return len(json.loads(content))
            case _:
                return len(content.splitlines()) - (name != "ndjson")

    for name in ("csv", "tsv", "ndjson", "json", "parquet", "xlsx"):
        job = loaded.job(Kind.EXPORT, format=name, split_rows=1700)
        first, again = (loaded.run(replace(job, epoch=epoch)).result["files"] for epoch in (1, 2))
        assert [rows(name, loaded.content(file["path"])) for file in first] == [1700, 1300]
        assert [file["sha256"] for file in first] == [file["sha256"] for file in again]


def test_the_size_and_the_limit_hold_for_all_files_together(loaded: Desk) -> None:
    size_bytes = 10_000
    result = loaded.export(split_rows=100, size_mb=size_bytes / (1 << 20))
    assert not result["complete"]
    assert size_bytes <= result["file_size_bytes"] < size_bytes * 1.7
    assert len(result["files"]) > 2
    assert [file["records"] for file in loaded.export(split_rows=100, limit=250)["files"]] == [100, 100, 50]


def test_no_rows_are_one_file_with_a_header(desk: Desk) -> None:
    desk.load(b"a,b\n")
    (file,) = desk.export(split_rows=5)["files"]
    assert (file["records"], desk.content(file["path"])) == (0, b"a,b\n")
    assert file["name"].endswith("-00001.csv")


def test_more_files_than_there_may_be_are_refused_before_any(loaded: Desk) -> None:
    desk, rows = loaded, MOST_FILES + 1
    desk.load(("id\n" + "1\n" * rows).encode(), "many")
    with pytest.raises(Terminal) as error:
        desk.export("many", split_rows=1)
    assert error.value.code == "too_many_files"
    assert list(desk.tools.blobs.list("jobs/")) == []


def test_a_name_with_its_ending_is_numbered_before_it(loaded: Desk) -> None:
    (file,) = loaded.export(filename="a.csv.gz", compression="gzip", split_rows=ROWS)["files"]
    assert file["name"] == "a-00001.csv.gz"
    assert gzip.decompress(loaded.content(file["path"])).decode() == DATA
    (file,) = loaded.export(compression="zstd")["files"]
    assert file["name"].endswith(".csv.zst")


def test_a_file_is_not_called_like_the_manifest(loaded: Desk) -> None:
    (file,) = loaded.export(filename="Manifest.json", format="json")["files"]
    assert file["name"] == "_Manifest.json"


# -- while it runs ----------------------------------------------------------------------------------------------------------------


def seen(job: Job, progress: Progress) -> Listed:
    """What a reader of the job sees of its files."""
    return Listed.of(replace(job, status=Status.PROCESSING, progress=progress))


def test_files_are_there_and_listed_as_soon_as_they_are_finished(loaded: Desk) -> None:
    job = loaded.job(Kind.EXPORT, split_rows=100)
    checked = []

    class Checks:
        """Implements `Reporter`: looks at the files whenever the job says how far it has come."""

        def progress(self, progress: Progress) -> None:
            listed = seen(job, progress)
            files = listed.read(loaded.tools.blobs, 0, listed.total)
            assert len(files) == listed.total == progress.files_written
            for file in files[-1:]:
                assert len(loaded.content(file["path"])) == file["size_bytes"]
            checked.append(listed.total)

        def may_commit(self) -> None: ...

    loaded.listener = Checks()  # type: ignore[assignment]
    result = loaded.run(job).result
    assert sorted(set(checked)) == list(range(31))
    assert [file["name"] for file in result["files"]][:1] == [f"things-{result['snapshot_id']}-00001.csv"]


def test_a_job_shows_the_newest_files_alone(loaded: Desk) -> None:
    result = loaded.export(split_rows=100)
    last = loaded.listener.said[-1]
    assert (last.files_written, len(last.files)) == (30, PAGE_FILES)
    assert [file["name"] for file in last.files] == [file["name"] for file in result["files"][-PAGE_FILES:]]
    assert Progress.from_doc(json.loads(json.dumps({**vars_of(last)}))) == last


def vars_of(progress: Progress) -> dict[str, Any]:
    return {name: getattr(progress, name) for name in progress.__dataclass_fields__}


def test_of_many_files_the_result_holds_the_first_and_pages_hold_all(loaded: Desk) -> None:
    job = loaded.job(Kind.EXPORT, split_rows=24)
    result = loaded.run(job).result
    assert (result["files_total"], len(result["files"])) == (125, export_files.IN_RESULT)
    listed = Listed.of(replace(job, status=Status.COMPLETED, result=result))
    names = [f"things-{result['snapshot_id']}-{number:05}.csv" for number in range(1, 126)]
    for first, last in ((0, 125), (95, 115), (100, 101), (119, 500), (125, 130)):
        assert [file["name"] for file in listed.read(loaded.tools.blobs, first, last)] == names[first:last]
    assert len(json.loads(loaded.content(result["manifest"]["path"]))["files"]) == 125


def test_files_of_an_attempt_that_is_gone_have_expired(loaded: Desk) -> None:
    job = loaded.job(Kind.EXPORT, split_rows=100)
    loaded.run(job)
    loaded.tools.blobs.delete(f"jobs/{job.job_id}/")
    with pytest.raises(Terminal) as error:
        seen(job, loaded.listener.said[-1]).read(loaded.tools.blobs, 0, 5)
    assert error.value.code == "result_expired"


@pytest.mark.parametrize("name", ["csv", "parquet", "xlsx"])
def test_a_file_that_cannot_be_stored_ends_the_export(loaded: Desk, name: str) -> None:
    job = loaded.job(Kind.EXPORT, split_rows=100, format=name, filename="x")
    in_the_way = loaded.folder / "in_the_way"
    in_the_way.write_bytes(b"")
    loaded.tools.blobs.put(f"{export_files.prefix(job)}x-00003.{name}", in_the_way)
    with pytest.raises(FileExistsError):
        loaded.run(job)
    assert len(list(loaded.tools.blobs.list(export_files.prefix(job)))) == 3


@pytest.mark.parametrize("name", ["csv", "parquet", "xlsx"])
def test_an_export_that_fails_in_the_middle_of_a_file_stores_nothing(loaded: Desk, name: str) -> None:
    parts = sorted((loaded.folder / "warehouse" / "things").rglob("*.parquet"))
    pq.write_table(pq.read_table(parts[0]), parts[0])  # one row group, where the table's plan has several
    with pytest.raises(pa.ArrowInvalid):
        loaded.export(format=name)
    assert list(loaded.tools.blobs.list("jobs/")) == []


def test_a_cell_that_xlsx_cannot_hold_fails_the_export(loaded: Desk) -> None:
    loaded.load(f"id,name\n1,{'x' * 40_000}\n".encode())
    with pytest.raises(Terminal) as error:
        loaded.export(format="xlsx")
    assert error.value.code == "cell_too_large"


# -- the signature ----------------------------------------------------------------------------------------------------------------


def test_the_manifest_is_signed_as_it_is(loaded: Desk) -> None:
    key = signature.SigningKey(b"s" * 32)
    loaded.tools = replace(loaded.tools, signing_key=key)
    result = loaded.export()
    manifest, signed = (loaded.content(result[name]["path"]) for name in ("manifest", "signature"))
    assert result["signature"]["name"] == "manifest.json.jws"
    assert signature.verify(manifest, signed.decode(), [key.public]) == json.loads(manifest)["key_id"] == key.key_id
    with pytest.raises(signature.BadSignature):
        signature.verify(manifest + b" ", signed.decode(), [key.public])


def test_without_a_key_the_manifest_says_so(loaded: Desk) -> None:
    result = loaded.export()
    assert result["signature"] is None
    assert json.loads(loaded.content(result["manifest"]["path"]))["key_id"] is None


def test_cells_that_were_altered_are_counted_for_each_file(desk: Desk) -> None:
    desk.load(b"t\n=1\na\n-b\n+c\nd\n")
    result = desk.export(csv={"profile": "spreadsheet"}, split_rows=3)
    manifest = json.loads(desk.content(result["manifest"]["path"]))
    assert [(file["records"], file["cells_altered"]) for file in manifest["files"]] == [(3, 2), (2, 1)]


def test_names_that_were_altered_are_counted_in_each_file_that_has_them(desk: Desk) -> None:
    desk.load(b"=a,b,+c\n1,-b,2\n3,b,4\n")
    for header, counts in ((True, [3, 2]), (False, [1, 0])):
        result = desk.export(csv={"profile": "spreadsheet", "header": header}, split_rows=1)
        manifest = json.loads(desk.content(result["manifest"]["path"]))
        assert [file["cells_altered"] for file in manifest["files"]] == counts


def test_rows_that_are_missing_are_missed_before_the_last_file(desk: Desk) -> None:
    desk.load(b"id\n1\n2\n3\n")
    (part,) = (desk.folder / "warehouse" / "things").rglob("*.parquet")
    pq.write_table(pq.read_table(part).slice(0, 2), part)
    job = desk.job(Kind.EXPORT, split_rows=1)
    with pytest.raises(Transient, match="The snapshot has 3 rows, 2 were read"):
        desk.run(job)
    assert len(list(desk.tools.blobs.list(f"jobs/{job.job_id}/"))) == 1
