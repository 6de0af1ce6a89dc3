"""Places a warehouse can be in: a folder, or a bucket and a Firestore project of the emulators."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from pyarrow import fs

from scripts.emulators import Emulators


@dataclass(frozen=True)
class Place:
    """`url` is what processes open; the rest is how a test finds the files there."""

    url: str
    file_system: fs.FileSystem
    path: str

    def files(self, suffix: str = "") -> list[str]:
        found = self.file_system.get_file_info(fs.FileSelector(self.path, recursive=True, allow_not_found=True))
        return sorted(info.path for info in found if info.is_file and info.path.endswith(suffix))


def folder(tmp_path: Path) -> Place:
    path = str(tmp_path / "warehouse")
    return Place(path, fs.LocalFileSystem(), path)


def bucket(emulators: Emulators, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A bucket and a project nobody else knows. Google's variables lead there, in this process and in those it starts."""
    name = f"krai-{secrets.token_hex(6)}"
    httpx.post(f"http://{emulators.storage.host}/storage/v1/b", params={"project": name}, json={"name": name}).raise_for_status()
    for variable, value in {**emulators.hosts, "GOOGLE_CLOUD_PROJECT": name}.items():
        monkeypatch.setenv(variable, value)
    files = fs.GcsFileSystem(anonymous=True, scheme="http", endpoint_override=emulators.storage.host, retry_time_limit=timedelta(seconds=5))
    return Place(f"gs://{name}/warehouse", files, name)
