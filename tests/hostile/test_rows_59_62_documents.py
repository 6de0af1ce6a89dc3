"""Rows 59 to 62: files of JSON, XLSX and Parquet that are none, or bombs, and children that die of them."""

import io
import secrets
import signal
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pyarrow.parquet as pq
import pytest

from tests.acceptance.krai_client import FINISHED, Json
from tests.acceptance.waiting import until
from tests.hostile import bad_json, bad_parquet
from tests.hostile.ground import CANARY, Ground
from tests.unit.formats.xlsx_files import OLE, SHEET, STRINGS, packed, row, sheet, strings, text, xlsx

WITHIN_S = 60
FUZZED = 40
BOMB_MIB = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """`row` is that of the table of bad inputs. `fails` is the code of the failure; else the codes of rejected rows by their numbers.

    `CANARY` in the content becomes a word that must not be seen again in a log or a job.
    """

    row: int
    name: str
    content: bytes
    params: Json = field(default_factory=dict)
    fails: str | None = None
    rows: int = 0
    rejects: Mapping[int, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.row}-{self.name}"


def start(ground: Ground, content: bytes, **params: object) -> tuple[str, str]:
    """The dataset and the id of an accepted import."""
    dataset = f"bad_{secrets.token_hex(6)}"
    return dataset, ground.ada.submit_import(dataset=dataset, source={"upload_id": ground.ada.upload(content)}, **params)


def finished(ground: Ground, job_id: str) -> Json:
    ground.ada.wait_until_finished(job_id, within_s=WITHIN_S)
    job: Json = ground.call(ground.ada, "GET", f"/api/v1/jobs/{job_id}").json()
    return job


def has_dataset(ground: Ground, dataset: str) -> bool:
    return ground.ada.http.get(f"/api/v1/datasets/{dataset}").status_code != httpx.codes.NOT_FOUND


def check(ground: Ground, file: File) -> list[Json]:
    """Import it, and see that what the table says comes of it; the rejected rows."""
    dataset, job_id = start(ground, file.content.replace(CANARY.encode(), ground.canary().encode()), **file.params)
    job = finished(ground, job_id)
    if file.fails is not None:
        assert (job["status"], (job["error"] or {}).get("code")) == ("FAILED", file.fails), job
        assert not has_dataset(ground, dataset)
        return []
    assert job["status"] == "COMPLETED", job
    errors: list[Json] = ground.ada.http.get(f"/api/v1/jobs/{job_id}/errors", params={"page_size": 1000}).json()["errors"]
    assert {error["row"]: error["code"] for error in errors} == file.rejects
    result = ground.ada.result(job_id)
    assert (result["records_processed"], result["records_rejected"]) == (file.rows, len(file.rejects))
    assert ground.ada.dataset(dataset)["rows"] == file.rows
    return errors


# -- 59: JSON -----------------------------------------------------------------------------------------------------------------


def test_59_lines_that_are_no_objects_stay_out_one_by_one(ground: Ground) -> None:
    """Each stands between two good lines; the file begins with a byte order mark, and its last line is cut off."""
    bad = [*bad_json.lines(), b'{"id":"' + CANARY.encode() + b'","a":tru']
    content = b"\xef\xbb\xbf" + b"".join(b'{"id":%d,"a":"x"}\n%b\n' % pair for pair in enumerate(bad))[:-1]
    codes = {2 * number: "malformed_json" if is_utf8(line) else "invalid_utf8" for number, line in enumerate(bad, start=1)}
    errors = check(ground, File(row=59, name="lines", content=content, rows=len(bad), rejects=codes))
    shown = [error["raw"] for error in errors if not error.get("raw_base64") and not error.get("raw_cut")]
    expected = [line.decode() for line in bad if is_utf8(line) and len(line) <= 4096]
    assert shown[:-1] == expected[:-1]


def is_utf8(line: bytes) -> bool:
    with suppress(UnicodeDecodeError):
        line.decode()
        return True
    return False


ARRAY = b'[{"id":1},\n {"id":2, "id":3}, [4], {"id":NaN},\t"' + CANARY.encode() + b'", {"id":5}]'
DEEP = b'[{"id":1},' + b"[" * 300_000 + b"]" * 300_000 + b',{"id":2}]'
JSON_FILES = (
    File(row=59, name="array", content=ARRAY, rows=2, rejects=dict.fromkeys((2, 3, 4, 5), "malformed_json")),
    File(row=59, name="deep-array", content=DEEP, rows=2, rejects={2: "malformed_json"}),
    File(row=59, name="array-cut", content=ARRAY[:-1], fails="corrupt_file"),
    File(row=59, name="array-and-more", content=ARRAY + b"]", fails="corrupt_file"),
    File(row=59, name="two-objects", content=b'{"id":1}\n{"id":2}\n', params={"format": "json"}, fails="corrupt_file"),
    File(row=59, name="no-array", content=b'"x"', params={"format": "json"}, fails="format_mismatch"),
)

# -- 60: XLSX -----------------------------------------------------------------------------------------------------------------

HEADER = row(text("a"), text("b"))
LAUGHS = '<!DOCTYPE lolz [<!ENTITY lol "lol">' + "".join(f'<!ENTITY lol{number} "{f"&lol{number - 1};" * 10}">' for number in range(2, 10))
XXE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


def faulty(name: str, cell: str, code: str) -> File:
    """A sheet of three rows, of which the middle one has the cell."""
    rows = HEADER + row("<c><v>1</v></c>", text("x")) + row(cell, text(CANARY)) + row("<c><v>3</v></c>", text("z"))
    return File(row=60, name=name, content=xlsx(rows), rows=2, rejects={2: code})


XLSX_FILES = (
    File(
        row=60, name="two-corners", content=xlsx(HEADER + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'), fails="too_many_columns"
    ),
    File(row=60, name="xxe", content=xlsx("", sheet=XXE + "<worksheet>&a;</worksheet>"), fails="forbidden_xml"),
    File(row=60, name="laughs", content=xlsx("", strings=f"{LAUGHS.replace('lol1;', 'lol;')}]><sst>&lol9;</sst>"), fails="forbidden_xml"),
    File(row=60, name="up-and-away", content=packed({"../../etc/cron.d/x": "x", SHEET: sheet(HEADER)}), fails="corrupt_file"),
    File(row=60, name="from-the-root", content=packed({"/etc/passwd": "x", SHEET: sheet(HEADER)}), fails="corrupt_file"),
    File(row=60, name="cut", content=xlsx(HEADER)[:-100], fails="corrupt_file"),
    File(row=60, name="encrypted", content=OLE, params={"format": "xlsx"}, fails="encrypted_file"),
    File(row=60, name="no-workbook", content=packed({"word/document.xml": "<x/>"}), fails="format_mismatch"),
    File(row=60, name="no-such-sheet", content=xlsx(HEADER), params={"sheet": CANARY[:31]}, fails="unknown_sheet"),
    File(row=60, name="no-sheets-at-all", content=b"a,b\n1,2\n", params={"sheet": 1}, fails="unknown_sheet"),
    File(row=60, name="deep", content=xlsx(HEADER + "<x>" * 100_000), fails="corrupt_file"),
    File(
        row=60,
        name="a-thousand-columns-without-names",
        content=xlsx(row("<c><v>1</v></c>") + row("<c/>" * 9999, text("x"))),
        rejects={1: "column_count"},
        fails="too_many_rejects",
    ),
    faulty("shared-999", '<c t="s"><v>999</v></c>', "bad_cell"),
    faulty("error", '<c t="e"><v>#N/A</v></c>', "bad_cell"),
    faulty("type", '<c t="novel"><v>1</v></c>', "bad_cell"),
    faulty("1e999", "<c><v>1e999</v></c>", "non_finite_number"),
    faulty("nowhere", '<c r="A0x"><v>1</v></c>', "bad_cell"),
)

# -- 61: Parquet --------------------------------------------------------------------------------------------------------------

SOUND = bad_parquet.sound()
PARQUET_FILES = (
    File(row=61, name="cut-footer", content=SOUND[:-20], fails="corrupt_file"),
    File(row=61, name="cut-in-half", content=SOUND[: len(SOUND) // 2], fails="corrupt_file"),
    File(row=61, name="no-footer", content=b"PAR1" + bytes(100) + b"PAR1", fails="corrupt_file"),
    File(row=61, name="footer-larger-than-the-file", content=SOUND[:-8] + b"\xff\xff\xff\x7fPAR1", fails="corrupt_file"),
    File(row=61, name="20000-columns", content=bad_parquet.wide(20_000), fails="too_many_columns"),
)


@pytest.mark.parametrize("file", [*JSON_FILES, *XLSX_FILES, *PARQUET_FILES], ids=str)
def test_hostile_file(ground: Ground, file: File) -> None:
    check(ground, file)


@pytest.fixture(scope="module")
def bombs() -> dict[str, bytes]:
    """Made once for both modes, and never stored."""
    made = {}
    for name, part in (("sheet", SHEET), ("strings", STRINGS)):
        content = io.BytesIO(xlsx(HEADER, **{name: None}))
        with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED, compresslevel=9) as archive, archive.open(part, "w") as bomb:
            before, _, after = (sheet(HEADER + "|") if name == "sheet" else strings("<t>|</t>")).partition("|")
            bomb.write(before.encode())
            for _ in range(BOMB_MIB // 4):
                bomb.write((b"<row><c><v>1</v></c></row>" if name == "sheet" else b"</t></si><si><t>") * ((4 << 20) // 26))
            bomb.write(after.encode())
        made[name] = content.getvalue()
    return made


@pytest.mark.parametrize("name", ["sheet", "strings"])
def test_60_a_part_that_unpacks_to_a_thousand_times_its_size(ground: Ground, bombs: dict[str, bytes], name: str) -> None:
    assert len(bombs[name]) < 1 << 20
    check(ground, File(row=60, name="bomb", content=bombs[name], fails="decompression_limit"))


def test_61_forty_kilobytes_that_are_two_hundred_gigabytes(ground: Ground) -> None:
    bomb = bad_parquet.repeated(rows=200_000, cell_bytes=1 << 20)
    assert len(bomb) < 300_000
    check(ground, File(row=61, name="bomb", content=bomb, fails="decompression_limit"))


def test_61_damaged_files_are_refused_or_read_as_they_are(ground: Ground, tmp_path: Path) -> None:
    """What is imported all the same is what another process reads there with the library alone."""
    files = bad_parquet.damaged(FUZZED)
    paths = [tmp_path / f"{number}.parquet" for number in range(len(files))]
    jobs = []
    for path, content in zip(paths, files, strict=True):
        path.write_bytes(content)
        jobs.append(start(ground, content))
    expected = bad_parquet.oracle(paths)
    codes = []
    for path, (dataset, job_id) in zip(paths, jobs, strict=True):
        job = finished(ground, job_id)
        codes.append(job["error"]["code"] if job["status"] == "FAILED" else "")
        if job["status"] == "FAILED":
            assert codes[-1] in REFUSED, (path.name, job)
            assert not has_dataset(ground, dataset)
            continue
        rows = expected[path]
        assert rows is not None, (path.name, job)
        assert job["records_processed"] + job["records_rejected"] == len(rows), path.name
        if not job["records_rejected"]:
            (content,) = ground.ada.files(ground.ada.export(dataset=dataset, format="parquet"))
            assert sorted(map(repr, pq.read_table(io.BytesIO(content)).to_pylist())) == rows, path.name
    assert codes.count("") > 2
    assert codes.count("corrupt_file") > FUZZED // 4


# What damage can make of a file: nothing to read, too much of it, or names and types that no dataset has.
REFUSED = {
    *("corrupt_file", "decompression_limit", "parser_crashed", "memory_limit", "format_mismatch", "unsupported_type"),
    *("duplicate_column", "empty_column_name", "column_name_too_long", "empty_file", "too_many_rejects"),
}

# -- 62: children -------------------------------------------------------------------------------------------------------------


def test_62_a_job_whose_child_aborts_three_times_has_crashed_its_parser(ground: Ground) -> None:
    """The worker stays; what else it may lose, be sent or be told twice is in tests/acceptance/test_faults_*.py."""
    # More digits than a double keeps: each of these lines is looked at by itself, which takes its time.
    dataset, job_id = start(ground, b"[" + b",".join(b'{"id":%d,"n":0.12345678901234567}' % number for number in range(600_000)) + b"]")
    for attempt in (1, 2, 3):
        until("its child reads", lambda: is_read(ground.ada.job(job_id), attempt), within_s=WITHIN_S)  # noqa: B023 - called at once
        abort(ground.deployment.runner.parsers())
    job = finished(ground, job_id)
    assert (job["status"], job["error"]["code"], job["attempt"]) == ("FAILED", "parser_crashed", 3)
    assert not has_dataset(ground, dataset)


def is_read(job: Json, attempt: int) -> bool:
    return job["status"] in FINISHED or (job["attempt"] == attempt and job["stage"] == "reading")


def abort(children: list[psutil.Process]) -> None:
    for child in children:
        with suppress(psutil.NoSuchProcess):
            child.send_signal(signal.SIGABRT)
    psutil.wait_procs(children, timeout=5)
