"""`python -m krai verify`: what it says of files, and how it ends."""

import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import google_crc32c
import pytest

from krai.__main__ import main
from krai.signature import SigningKey

KEY = SigningKey(b"k" * 32)
KEYS = json.dumps({"keys": [KEY.public]}).encode()
FILES = {"a-00001.csv": b"id\n1\n", "a-00002.csv": b"id\n2\n"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as somebody has it who has downloaded everything."""
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "keys.json").write_bytes(KEYS)
    sign(tmp_path, [entry(name, content) for name, content in FILES.items()])
    return tmp_path


def entry(name: str, content: bytes) -> dict[str, object]:
    crc32c = base64.b64encode(google_crc32c.value(content).to_bytes(4, "big")).decode()
    return {"name": name, "size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "crc32c": crc32c, "records": 1}


def sign(folder: Path, files: list[dict[str, object]], **more: object) -> None:
    content = json.dumps({**more, "files": files}).encode()
    (folder / "manifest.json").write_bytes(content)
    (folder / "manifest.json.jws").write_text(KEY.sign(content))


def verify(folder: Path, *more: str) -> int:
    return main(["verify", str(folder / "manifest.json"), "--keys", str(folder / "keys.json"), *more])


def test_all_is_well(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(folder) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"manifest.json  ok  signed with {KEY.key_id}",
        "a-00001.csv    ok  5 bytes",
        "a-00002.csv    ok  5 bytes",
        "All 3 are as they should be.",
    ]


def test_what_is_missing_and_what_is_wrong_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a-00001.csv").unlink()
    (folder / "a-00002.csv").write_bytes(b"id\n3\n")
    assert verify(folder) == 1
    assert capsys.readouterr().out.splitlines()[1:] == [
        "a-00001.csv    missing",
        "a-00002.csv    wrong    other sha256, crc32c than listed",
        "2 of 3 are not as they should be.",
    ]


CUT = "The export is not complete: its limit or its size left rows out."
FILTERED = "It has only the rows that pass the filter of its request."


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"complete": False}, CUT),
        ({"complete": True, "request": {"filter": "\x1b[31m"}}, FILTERED),
        ({"complete": False, "request": {"filter": "id = 1", "limit": 1}}, f"{CUT} {FILTERED}"),
    ],
)
def test_rows_that_were_left_out_are_no_fault_but_said(
    folder: Path, capsys: pytest.CaptureFixture[str], said: dict[str, object], why: str
) -> None:
    sign(folder, [entry(name, content) for name, content in FILES.items()], **said)
    assert verify(folder) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == f"manifest.json  partial  {why}"
    assert lines[-1] == "All 3 are as they should be. They do not have all rows of the dataset."
    (folder / "a-00001.csv").unlink()
    assert verify(folder) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("1 of 3 are not as they should be.")


def test_a_whole_export_is_not_called_partial(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sign(folder, [], complete=True, request={"columns": ["id"], "filter": None})
    assert verify(folder) == 0
    assert "partial" not in capsys.readouterr().out


def test_files_may_be_elsewhere(folder: Path) -> None:
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    for name in FILES:
        (folder / name).rename(elsewhere / name)
    assert verify(folder) == 1
    assert verify(folder, "--dir", str(elsewhere)) == 0


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("manifest.json", b'{"files": []}'),
        ("manifest.json", b"no json"),
        ("manifest.json", b'{"files": [], "request": 5}'),
        ("manifest.json.jws", b"a.b.c"),
        ("manifest.json.jws", b"\xff"),
        ("manifest.json.jws", None),
        ("keys.json", b'{"keys": []}'),
        ("a-00002.csv", b"id\n2"),
        ("a-00002.csv", b""),
    ],
)
def test_whatever_is_not_as_krai_wrote_it_is_noticed(folder: Path, name: str, content: bytes | None) -> None:
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    assert verify(folder) == 1


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "a\\b", "..", ".", "", "a\x1b[31m"])
def test_a_name_leads_nowhere_else(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    outside = folder.parent / "outside"
    outside.write_bytes(b"secret")
    sign(folder, [entry(name, b"secret")])
    assert verify(folder) == 1
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["verify"],
        ["verify", "manifest.json"],
        ["verify", "none.json", "--keys", "keys.json"],
        ["verify", "manifest.json", "--keys", "none.json"],
        ["verify", "manifest.json", "--keys", "manifest.json"],
        ["verify", "manifest.json", "--keys", "keys.json", "--url", "https://krai.example.org"],
        ["verify", "manifest.json", "--url", "http://krai.example.org"],
        ["verify", "manifest.json", "--url", "file:///etc/passwd"],
    ],
)
def test_a_call_that_is_not_right_ends_with_2(
    folder: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.fixture
def deployment() -> Iterator[str]:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/base/.well-known/krai-keys.json" else 404)
            self.end_headers()
            self.wfile.write(KEYS)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/base"
        server.shutdown()
        thread.join()


def test_the_keys_may_come_from_the_deployment(folder: Path, deployment: str) -> None:
    assert main(["verify", str(folder / "manifest.json"), "--url", f"{deployment}/"]) == 0
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(folder / "manifest.json"), "--url", f"{deployment}/other"])
    assert ended.value.code == 2


def test_it_needs_nothing_of_the_server(folder: Path) -> None:
    loaded = (
        "import sys; from krai.__main__ import main; main(sys.argv[1:]);"
        "print(*{name.partition('.')[0] for name in sys.modules} & {'pyarrow', 'fastapi', 'httpx', 'numpy', 'structlog'})"
    )
    command = [sys.executable, "-c", loaded, "verify", str(folder / "manifest.json"), "--keys", str(folder / "keys.json")]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    assert said.stdout.splitlines()[-1] == ""
