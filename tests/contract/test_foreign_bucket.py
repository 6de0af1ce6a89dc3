"""A bucket that is not krai's, as an import reads it."""

import secrets

import httpx
import pytest

from krai.backends.google import reading
from krai.backends.google.foreign import ForeignBucket
from krai.errors import Terminal
from scripts import provision
from scripts.emulators import Emulators


class Landing:
    """A bucket of somebody else's on the Cloud Storage double."""

    def __init__(self, url: str) -> None:
        self.name = f"landing-{secrets.token_hex(4)}"
        self._url = url
        provision.bucket(url, "somebody", self.name)

    def put(self, name: str, content: bytes) -> None:
        where = f"{self._url}/upload/storage/v1/b/{self.name}/o"
        assert httpx.post(where, params={"uploadType": "media", "name": name}, content=content).status_code == httpx.codes.OK

    def read(self, name: str | None = None) -> ForeignBucket:
        return ForeignBucket(name or self.name, project="krai", emulator=self._url)


@pytest.fixture
def landing(emulators: Emulators) -> Landing:
    return Landing(f"http://{emulators.storage.host}")


def test_an_object_is_read_whatever_it_is_called(landing: Landing) -> None:
    for name in ("orders.csv", "2026/.hidden/Bestellungen ä.csv"):
        landing.put(name, b"id\n1\n")
        files = landing.read()
        blob = files.stat(name)
        assert blob is not None
        assert (blob.path, blob.size_bytes) == (name, 5)
        with files.open(name, generation=blob.generation) as file:
            assert file.read() == b"id\n1\n"


def test_nothing_there_and_no_such_bucket_are_told_alike(landing: Landing) -> None:
    for files in (landing.read(), landing.read(f"none-{secrets.token_hex(4)}")):
        assert files.stat("orders.csv") is None
        with pytest.raises(FileNotFoundError):
            files.open("orders.csv")


def test_an_object_that_was_replaced_is_not_read_on(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "CHUNK_BYTES", 4)
    landing.put("orders.csv", b"id\n1\n2\n3\n")
    files = landing.read()
    first = files.stat("orders.csv")
    assert first is not None
    with files.open("orders.csv", generation=first.generation) as file:
        assert file.read(4) == b"id\n1"
        landing.put("orders.csv", b"another file")
        with pytest.raises(Terminal, match="source_changed"):
            file.read()
    with pytest.raises(Terminal, match="source_changed"):
        files.open("orders.csv", generation=first.generation)
