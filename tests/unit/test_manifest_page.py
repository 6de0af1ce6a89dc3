"""docs/manifest.md shows how a manifest is verified by hand: what it shows is run."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from krai.signature import SigningKey

PAGE = Path(__file__).parents[2] / "docs" / "manifest.md"
KEY = SigningKey(b"k" * 32)


@pytest.mark.parametrize("alteration", [b"", b" "])
def test_the_page_verifies_what_krai_signs_and_nothing_else(tmp_path: Path, alteration: bytes) -> None:
    manifest = '{"dataset": "über"}\n'.encode()
    (tmp_path / "manifest.json").write_bytes(manifest + alteration)
    (tmp_path / "manifest.json.jws").write_text(KEY.sign(manifest) + "\n")
    (tmp_path / "krai-keys.json").write_text(json.dumps({"keys": [SigningKey(b"o" * 32).public, KEY.public]}))
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    ended = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.returncode == 0) == (not alteration), ended.stderr


def test_the_manifest_that_the_page_shows_is_json() -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert json.loads(shown)["records_written"] == sum(file["records"] for file in json.loads(shown)["files"])
