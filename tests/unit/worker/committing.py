"""A warehouse that is real, but for what happens around its commits and drops: the dataset's name says what, as in `scripted`.

`{act}` happens right after it has taken effect, `before_{act}` right before a commit. While the file `silent` is there, look-ups
get no answer.
"""

from pathlib import Path
from typing import Any

from krai.backends.local.blobs import LocalBlobStore
from krai.errors import Transient
from krai.transfer.tools import Tools
from krai.warehouse.iceberg import open_local
from krai.warehouse.port import Change, Committed
from tests.unit.worker.scripted import ACTS


class Committing:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._warehouse = open_local(folder / "warehouse")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._warehouse, name)

    def commit(self, name: str, change: Change) -> Committed:
        if name.startswith("before_"):
            ACTS[name.removeprefix("before_")]()
        committed = self._warehouse.commit(name, change)
        ACTS[name]()
        return committed

    def drop(self, name: str, snapshot_id: str) -> str | None:
        newest = self._warehouse.drop(name, snapshot_id)
        if newest is not None:
            ACTS[name]()
        return newest

    def find_commit(self, name: str, job_id: str) -> Committed | None:
        if (self._folder / "silent").exists():
            raise Transient("store_busy", "the catalog is locked")
        return self._warehouse.find_commit(name, job_id)


def build(root: str) -> Tools:
    folder = Path(root)
    warehouse: Any = Committing(folder)
    return Tools(blobs=LocalBlobStore(folder / "blobs", b"secret"), warehouse=warehouse, spool=folder)
