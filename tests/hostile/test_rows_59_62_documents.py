"""Rows 59 to 62: files of JSON, XLSX and Parquet that are none, or bombs, and children that die of them."""

import io
import secrets
import signal
import zipfile
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pyarrow.parquet as pq
import pytest

from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE
from tests.acceptance.krai_client import FINISHED, Json
from tests.acceptance.waiting import until
from tests.hostile import bad_json, bad_parquet
from tests.hostile.conftest import UNPACKED_MIB
from tests.hostile.files import WITHIN_S, BadFile, import_all
from tests.hostile.ground import CANARY, Ground
from tests.unit.formats.xlsx_files import OLE, SHEET, STRINGS, packed, row, sheet, strings, text, xlsx

pytestmark = EMBEDDED_IN_THE_GATE

FUZZED = 40
BOMB_MIB = 400
MANY_LINES = 600_000

# -- 59: JSON -----------------------------------------------------------------------------------------------------------------


def test_59_lines_that_are_no_objects_stay_out_one_by_one(ground: Ground) -> None:
    """Each stands between two good lines; the file begins with a byte order mark, and its last line is cut off."""
    bad = [*bad_json.lines(), b'{"id":"' + CANARY.encode() + b'","a":tru']
    content = b"\xef\xbb\xbf" + b"".join(b'{"id":%d,"a":"x"}\n%b\n' % pair for pair in enumerate(bad))[:-1]
    codes = ["malformed_json" if is_utf8(line) else "invalid_utf8" for line in bad]
    rejects = list(zip(range(2, 2 * len(bad) + 1, 2), codes, strict=True))
    errors = import_all(ground, [BadFile(name="lines", content=content, rows=len(bad), rejects=rejects)])["lines"]
    shown = [error["raw"] for error in errors if not error.get("raw_base64") and not error.get("raw_cut")]
    assert shown[:-1] == [line.decode() for line in bad[:-1] if is_utf8(line) and len(line) <= 4096]


def is_utf8(line: bytes) -> bool:
    with suppress(UnicodeDecodeError):
        line.decode()
        return True
    return False


ARRAY = b'[{"id":1},\n {"id":2, "id":3}, [4], {"id":NaN},\t"' + CANARY.encode() + b'", {"id":5}]'
DEEP = b'[{"id":1},' + b"[" * 300_000 + b"]" * 300_000 + b',{"id":2}]'
JSON_FILES = (
    BadFile(name="array", content=ARRAY, rows=2, rejects=[(number, "malformed_json") for number in (2, 3, 4, 5)]),
    BadFile(name="deep array", content=DEEP, rows=2, rejects=[(2, "malformed_json")]),
    BadFile(name="array cut off", content=ARRAY[:-1], fails="corrupt_file", says="element 6"),
    BadFile(name="array and more", content=ARRAY + b"]", fails="corrupt_file"),
    BadFile(name="two objects", content=b'{"id":1}\n{"id":2}\n', params={"format": "json"}, fails="corrupt_file", says="ndjson"),
    BadFile(name="no array", content=b'"x"', params={"format": "json"}, fails="format_mismatch"),
)


def test_59_arrays_are_read_as_far_as_they_can_be_told_apart(ground: Ground) -> None:
    import_all(ground, JSON_FILES)


# -- 60: XLSX -----------------------------------------------------------------------------------------------------------------

HEADER = row(text("a"), text("b"))
XXE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
LAUGHS = '<!DOCTYPE x [<!ENTITY l0 "lol">' + "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9)) + "]>"


def faulty(name: str, cell: str, code: str) -> BadFile:
    """A sheet of three rows, of which the middle one has the cell."""
    rows = HEADER + row("<c><v>1</v></c>", text("x")) + row(cell, text(CANARY)) + row("<c><v>3</v></c>", text("z"))
    return BadFile(name=name, content=xlsx(rows), rows=2, rejects=[(2, code)])


XLSX_FILES = (
    BadFile(name="corner", content=xlsx(HEADER + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'), fails="too_many_columns"),
    BadFile(name="xxe", content=xlsx("", sheet=XXE + "<worksheet>&a;</worksheet>"), fails="forbidden_xml"),
    BadFile(name="laughs", content=xlsx("", strings=f"{LAUGHS}<sst>&l9;</sst>"), fails="forbidden_xml"),
    BadFile(name="up and away", content=packed({"../../etc/cron.d/x": "x", SHEET: sheet(HEADER)}), fails="corrupt_file"),
    BadFile(name="from the root", content=packed({"/etc/passwd": "x", SHEET: sheet(HEADER)}), fails="corrupt_file"),
    BadFile(name="cut off", content=xlsx(HEADER)[:-100], fails="corrupt_file"),
    BadFile(name="encrypted", content=OLE, params={"format": "xlsx"}, fails="encrypted_file"),
    BadFile(name="no workbook", content=packed({"word/document.xml": "<x/>"}), fails="format_mismatch"),
    BadFile(name="no such sheet", content=xlsx(HEADER), params={"sheet": "Two"}, fails="unknown_sheet"),
    BadFile(name="no sheets at all", content=b"a,b\n1,2\n", params={"sheet": 1}, fails="unknown_sheet"),
    BadFile(name="deep", content=xlsx(HEADER + "<x>" * 100_000), fails="corrupt_file"),
    BadFile(name="beneath no name", content=xlsx(row(text("a")) + row("<c/>" * 9998, text("x"))), fails="too_many_rejects"),
    faulty("shared 999", '<c t="s"><v>999</v></c>', "bad_cell"),
    faulty("error", '<c t="e"><v>#N/A</v></c>', "bad_cell"),
    faulty("type", '<c t="novel"><v>1</v></c>', "bad_cell"),
    faulty("1e999", "<c><v>1e999</v></c>", "non_finite_number"),
    faulty("nowhere", '<c r="A0x"><v>1</v></c>', "bad_cell"),
)


def test_60_sheets_that_are_none_are_refused_and_rows_that_are_none_stay_out(ground: Ground) -> None:
    import_all(ground, XLSX_FILES)


@pytest.fixture(scope="module")
def bombs() -> list[BadFile]:
    """Made for each run, and never stored."""
    parts = {SHEET: (sheet("|"), "<row><c><v>1</v></c></row>"), STRINGS: (strings("|"), "<t>x</t></si><si>")}
    return [BadFile(name=part, content=bomb(part, *content), fails="decompression_limit") for part, content in parts.items()]


def bomb(part: str, around: str, repeated: str) -> bytes:
    file = io.BytesIO(xlsx(HEADER, **{"sheet" if part == SHEET else "strings": None}))
    first, _, last = around.encode().partition(b"|")
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive, archive.open(part, "w") as content:
        content.write(first)
        for _ in range(BOMB_MIB):
            content.write(repeated.encode() * ((1 << 20) // len(repeated)))
        content.write(last)
    return file.getvalue()


def test_60_a_part_that_unpacks_to_hundreds_of_times_its_size(ground: Ground, bombs: list[BadFile]) -> None:
    assert max(len(file.content) for file in bombs) < BOMB_MIB << 12
    import_all(ground, bombs)


# -- 61: Parquet --------------------------------------------------------------------------------------------------------------

SOUND = bad_parquet.sound()
PARQUET_FILES = (
    BadFile(name="no end of the footer", content=SOUND[:-20], fails="corrupt_file"),
    BadFile(name="cut in half", content=SOUND[: len(SOUND) // 2], fails="corrupt_file"),
    BadFile(name="no footer", content=b"PAR1" + bytes(100) + b"PAR1", fails="corrupt_file"),
    BadFile(name="a footer larger than the file", content=SOUND[:-8] + b"\xff\xff\xff\x7fPAR1", fails="corrupt_file"),
    BadFile(name="20,000 columns", content=bad_parquet.wide(20_000), fails="too_many_columns"),
    BadFile(name="200 GB", content=bad_parquet.repeated(rows=200_000, cell_bytes=1 << 20), fails="decompression_limit"),
)
# What damage can make of a file: nothing to read, too much of it, or names and types that no dataset has.
OF_DAMAGE = {
    *("corrupt_file", "decompression_limit", "parser_crashed", "memory_limit", "format_mismatch", "unsupported_type"),
    *("duplicate_column", "empty_column_name", "column_name_too_long", "empty_file", "too_many_rejects"),
}


def test_61_parquet_that_is_none(ground: Ground) -> None:
    assert max(len(file.content) for file in PARQUET_FILES if file.name == "200 GB") < 1 << 20
    import_all(ground, PARQUET_FILES)


def start(ground: Ground, content: bytes) -> tuple[str, str]:
    """The dataset and the id of an accepted import."""
    dataset = f"bad_{secrets.token_hex(6)}"
    return dataset, ground.ada.submit_import(dataset=dataset, source={"upload_id": ground.ada.upload(content)})


def has_dataset(ground: Ground, dataset: str) -> bool:
    return ground.ada.http.get(f"/api/v1/datasets/{dataset}").status_code != httpx.codes.NOT_FOUND


def test_61_damaged_files_are_refused_or_read_as_they_are(ground: Ground, tmp_path: Path) -> None:
    """What is imported all the same is what another process reads there with the library alone."""
    paths, jobs = [], []
    for number, content in enumerate(bad_parquet.damaged(FUZZED)):
        paths.append(tmp_path / f"{number}.parquet")
        paths[-1].write_bytes(content)
        jobs.append(start(ground, content))
    expected = bad_parquet.oracle(paths)
    codes = []
    for path, (dataset, job_id) in zip(paths, jobs, strict=True):
        job = ground.ada.wait_until_finished(job_id, within_s=WITHIN_S)
        codes.append(job["error"]["code"] if job["status"] == "FAILED" else "")
        if job["status"] == "FAILED":
            assert codes[-1] in OF_DAMAGE, (path.name, job)
            assert not has_dataset(ground, dataset)
            continue
        rows = expected[path]
        assert rows is not None, (path.name, job)
        assert job["records_processed"] + job["records_rejected"] == (rows if isinstance(rows, int) else len(rows)), path.name
        if not job["records_rejected"]:
            (exported,) = ground.ada.files(ground.ada.export(dataset=dataset, format="parquet"))
            assert sorted(map(repr, pq.read_table(io.BytesIO(exported)).to_pylist())) == rows, path.name
    assert codes.count("") > 2
    assert codes.count("corrupt_file") > FUZZED // 4


# -- 62: children -------------------------------------------------------------------------------------------------------------


def test_62_a_job_whose_child_aborts_three_times_has_crashed_its_parser(ground: Ground) -> None:
    """The worker stays. What else it may lose, be sent or be told twice is in tests/acceptance/test_faults_*.py."""
    # More digits than a double keeps: each of these lines is looked at by itself, which takes its time.
    lines = b",".join(b'{"id":%d,"n":0.12345678901234567}' % number for number in range(MANY_LINES))
    assert len(lines) < UNPACKED_MIB << 20
    dataset, job_id = start(ground, b"[" + lines + b"]")
    job: Json = {}
    aborted = 0

    def ends_or_is_read() -> bool:
        """Whether the job has ended, or its next attempt reads the file."""
        job.update(ground.ada.job(job_id))
        return job["status"] in FINISHED or (job["attempt"] > aborted and job["stage"] == "reading")

    while until("a child reads", ends_or_is_read, within_s=WITHIN_S) and job["status"] not in FINISHED:
        aborted = job["attempt"]
        abort_busiest(ground.deployment.runner.parsers())
    assert (job["status"], job["error"]["code"]) == ("FAILED", "parser_crashed")
    assert aborted == job["attempt"] >= 3
    assert not has_dataset(ground, dataset)


def abort_busiest(children: list[psutil.Process]) -> None:
    """The one that reads; another one takes the next attempt, for a new one needs its time to start."""
    before = {child: sum(child.cpu_times()[:2]) for child in children}

    def busy() -> list[psutil.Process]:
        return [child for child, used_s in before.items() if sum(child.cpu_times()[:2]) > used_s + 0.1]

    for child in until("a child is busy", busy, within_s=WITHIN_S):
        child.send_signal(signal.SIGABRT)
        child.wait(timeout=5)
