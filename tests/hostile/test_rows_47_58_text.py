"""Rows 47 to 58: files of text that are packed to burst, cut off, mislabelled, or not quite what they should be."""

import base64
import gzip
from collections.abc import Sequence

import pytest

from krai.formats.zstd import Zstd
from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE
from tests.acceptance.krai_client import Json
from tests.hostile.conftest import UNPACKED_MIB
from tests.hostile.files import BadFile, import_all
from tests.hostile.ground import CANARY, Ground

pytestmark = EMBEDDED_IN_THE_GATE

MIB = 1 << 20
SECRET = CANARY.encode()
ROWS = b"id,name\n1,a\n2,b\n"
GZIP = gzip.compress(ROWS, mtime=0)
ZSTD = Zstd.pack(ROWS)
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
WINDOW_OF_2_GIB = b"\x28\xb5\x2f\xfd\0" + bytes([21 << 3]) + (1 | 3 << 3).to_bytes(3, "little") + b"a\n1"


def failing(code: str, **contents: bytes) -> list[BadFile]:
    return [BadFile(name=name, content=content, fails=code) for name, content in contents.items()]


@pytest.fixture(scope="module")
def bombs() -> list[BadFile]:
    dense = b"id,name\n" + (b"1," + b"x" * 1000 + b"\n") * (UNPACKED_MIB * MIB // 1000)
    frame = Zstd.pack(bytes(256 * MIB))
    assert len(frame) < MIB / 100
    return [
        *failing("decompression_limit", gzip=gzip.compress(dense, 1), zstd=Zstd.pack(dense), frames=Zstd.pack(ROWS) + frame * 40),
        *failing("corrupt_file", window=WINDOW_OF_2_GIB),
    ]


def test_47_bombs(ground: Ground, bombs: Sequence[BadFile]) -> None:
    import_all(ground, bombs)


def test_48_compressed_files_that_are_cut_off_or_go_on(ground: Ground) -> None:
    more = ROWS.partition(b"\n")[2]
    import_all(
        ground,
        [
            *failing("corrupt_file", gzip=GZIP[:-9], zstd=ZSTD[:-3], garbage=GZIP + b"garbage", zstd_garbage=ZSTD + SECRET),
            BadFile(name="members", content=GZIP + gzip.compress(more), rows=4, exported=ROWS + more),
            BadFile(name="frames", content=ZSTD + Zstd.pack(more), rows=4, exported=ROWS + more),
        ],
    )


def test_49_files_that_are_something_else(ground: Ground) -> None:
    import_all(
        ground,
        [
            BadFile(name="picture", content=PNG + SECRET, params={"format": "csv"}, fails="format_mismatch"),
            BadFile(name="parquet", content=ROWS, params={"format": "parquet"}, fails="format_mismatch"),
            BadFile(name="no gzip", content=ROWS, params={"compression": "gzip"}, fails="format_mismatch"),
            *failing("format_mismatch", twice=gzip.compress(GZIP), mixed=Zstd.pack(GZIP), page=b"<!DOCTYPE html>" + SECRET),
        ],
    )


def test_50_files_with_little_in_them(ground: Ground) -> None:
    import_all(
        ground,
        [
            *failing("empty_file", empty=b"", mark=b"\xef\xbb\xbf", blank=b"\r\n\n"),
            BadFile(name="header", content=b"id,name\n", rows=0),
            BadFile(name="no end", content=ROWS[:-1], rows=2, exported=ROWS),
        ],
    )


def test_51_headers_no_dataset_can_have(ground: Ground) -> None:
    import_all(
        ground,
        [
            *failing("duplicate_column", twice=SECRET + b",b," + SECRET + b"\n1,2,3\n"),
            *failing("empty_column_name", empty=b"a,,b\n1,2,3\n", quoted=b'a,""\n1,2\n'),
            *failing("column_name_too_long", long=b"x" * (64 << 10) + b",b\n1,2\n"),
            *failing("too_many_columns", many=b",".join(b"c%d" % number for number in range(100_000)) + b"\n"),
            *failing("too_many_columns", keys=b"".join(b'{"c%d":1}\n' % number for number in range(100_000))),
            *failing("bad_quote", quote=b'a"' + SECRET + b'"c,b\n1,2\n'),
        ],
    )


def test_52_rows_of_another_length(ground: Ground) -> None:
    rejects = [(1, "column_count"), (2, "column_count"), (4, "column_count")]
    lines = b"id,name\n1\n1,2,3\n#1,a\n\n\r\n\x1a\n2,b\n"
    import_all(ground, [BadFile(name="rows", content=lines, rows=2, rejects=rejects, exported=b"id,name\n#1,a\n2,b\n")])


def test_53_rows_that_are_no_text(ground: Ground) -> None:
    bad = [b"\xff", b"\xc0\x80", "café".encode("latin-1"), b"\xed\xa0\x80"]
    data = b"id,name\n1,a\x00b\n" + b"".join(b"2," + cell + b"\n" for cell in bad) + b"3,c\n"
    rejects = [(1, "control_character"), *((number, "invalid_utf8") for number in range(2, 6))]
    file = BadFile(name="bytes", content=data, rows=1, rejects=rejects, exported=b"id,name\n3,c\n")
    _, *errors = import_all(ground, [file])["bytes"]
    assert [base64.b64decode(error["raw"]) for error in errors] == [b"2," + cell for cell in bad]


def test_54_other_encodings_and_line_ends(ground: Ground) -> None:
    wide = "id,name\n1,é\n".encode("utf-16")
    import_all(
        ground,
        [
            *failing("encoding_unsupported", marked=wide, unmarked=wide[2:], utf_32=wide.decode("utf-16").encode("utf-32")),
            BadFile(name="named", content=wide, params={"csv": {"encoding": "utf-16"}}, rows=1, exported="id,name\n1,é\n".encode()),
            BadFile(name="returns", content=ROWS.replace(b"\n", b"\r"), rows=2, exported=ROWS),
            BadFile(name="mixed", content=b"id,name\r1,a\r\n2,b\n", rows=2, exported=ROWS),
        ],
    )


def test_55_quotes(ground: Ground) -> None:
    import_all(
        ground,
        [
            BadFile(name="open", content=b'id,name\n1,a\n2,"' + SECRET + b"\n3,c\n", fails="unterminated_quote", says="line 3"),
            BadFile(name="wrong", content=b'id,name\n1,"a"b\n2,"x\ny"\n', rows=1, rejects=[(1, "bad_quote")]),
            BadFile(name="lines", content=b'id,name\n1,"x\ny"\n', rows=1, exported=b'id,name\n1,"x\ny"\n'),
        ],
    )


def test_56_long_rows_and_cells(ground: Ground) -> None:
    cell = b"x" * MIB
    import_all(
        ground,
        [
            BadFile(name="row", content=b"id,name\n1," + b"y" * (40 * MIB) + b"\n2,b\n", rows=1, rejects=[(1, "row_too_large")]),
            BadFile(name="cell", content=b"id,name\n1," + cell + b"\n", rows=1, exported=b"id,name\n1," + cell + b"\n"),
        ],
    )


def test_57_text_that_looks_like_something_else(ground: Ground) -> None:
    cells = [b"007", b"123456789012345678901234567890", b"1e5", b"NA", b"NULL", b"TRUE", b"+1", b"0x1f", b"1_000", b" 1"]
    data = b"id,name\n" + b"".join(b"%d,%s\n" % (number, cell) for number, cell in enumerate(cells))
    alone = [BadFile(name=f"{cell!r}", content=b"a,b\n" + cell + b",x\n", rows=1, exported=b"a,b\n" + cell + b",x\n") for cell in cells]
    import_all(ground, [BadFile(name="together", content=data, rows=len(cells), exported=data), *alone])


def test_58_formulas_come_back_as_they_are(ground: Ground) -> None:
    cells = [b"=cmd|'/c calc'!A0", b"+1+1", b"-abc", b"@x", b"\t=1", "\uff1d1".encode(), b"-1.5"]
    data = b"id,name\n" + b"".join(b"%d,%s\n" % (number, cell) for number, cell in enumerate(cells))
    import_all(ground, [BadFile(name="formulas", content=data, rows=len(cells), exported=data)])


def test_58_formulas_are_harmless_in_a_file_for_a_spreadsheet_and_come_back(ground: Ground) -> None:
    client, spreadsheet = ground.ada, {"profile": "spreadsheet"}
    rows = [{"id": -1, "name": "=cmd|'/c calc'!A0"}, {"id": -2, "name": "'+1"}, {"id": -3, "name": "a"}]
    client.import_(dataset="formulas_in", source={"records": rows})
    (content,) = client.files(client.export(dataset="formulas_in", csv=spreadsheet))
    assert content.decode() == "\ufeffid,name\r\n-1,'=cmd|'/c calc'!A0\r\n-2,''+1\r\n-3,a\r\n"
    client.import_(dataset="formulas_out", csv=spreadsheet, source={"upload_id": client.upload(content)})
    (before, after) = (client.files(client.export(dataset=name, format="ndjson")) for name in ("formulas_in", "formulas_out"))
    assert before == after


# -- rejects of a job that failed -------------------------------------------------------------------------------------------


def test_52_what_was_rejected_can_be_read_when_that_fails_the_job(ground: Ground) -> None:
    """Mended, it is read by the request that rejected it."""
    client, dataset = ground.ada, "rejected_at_last"
    text = "id;name\n1;a\n2\n3;ü\n".encode("cp1252")
    order: Json = {"dataset": dataset, "on_error": "abort", "csv": {"encoding": "windows-1252"}}
    job_id = client.submit("imports", {**order, "source": {"upload_id": client.upload(text)}})
    job = client.wait_until_finished(job_id)
    assert (job["status"], job["error"]["code"]) == ("FAILED", "too_many_rejects")
    page = client.http.get(f"/api/v1/jobs/{job_id}/errors").json()
    assert [(error["row"], error["code"], error["raw"]) for error in page["errors"]] == [(2, "column_count", "2")]
    mended = client.download(page["rejects_url"]).replace(b";2\n", b";2;b\n")
    client.import_(**order, source={"upload_id": client.upload(mended)})
    assert b"".join(client.files(client.export(dataset=dataset))) == b"id,name\n2,b\n"
