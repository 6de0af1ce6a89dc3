"""The first rows of an import, typed as they would be stored, for people who look before they commit."""

import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from krai.formats.text import as_text
from krai.ports import BlobStore

_MOST_ROWS = 20
_MOST_CELLS = 4000
_MOST_CHARACTERS = 200
_CUT = "…"  # a cell of one character more than those is only the beginning of its text


class Preview:
    """Keeps the first rows it is shown, of which later ones may have columns that earlier ones had not."""

    def __init__(self) -> None:
        self._rows: list[dict[str, str | None]] = []

    def add(self, table: pa.Table) -> None:
        first = table.slice(0, _MOST_ROWS - len(self._rows)).combine_chunks()
        if first.num_rows:
            texts = {name: as_text(first[name].combine_chunks()).to_pylist() for name in first.column_names}
            self._rows += ({name: _shown(texts[name][row]) for name in texts} for row in range(first.num_rows))

    def put(self, blobs: BlobStore, prefix: str, names: Sequence[str], folder: Path) -> dict[str, Any]:
        """Store the rows under `prefix`, with the columns `names`; the part of the result that says where they are."""
        most = max(1, _MOST_CELLS // max(1, len(names)))
        rows = [[row.get(name) for name in names] for row in islice(self._rows, most)]
        file = folder / "preview.json"
        file.write_text(json.dumps({"columns": list(names), "rows": rows}, ensure_ascii=False), encoding="utf-8")
        return {"preview": {"path": blobs.put(f"{prefix}/preview.json", file).path}}


def _shown(text: str | None) -> str | None:
    return text if text is None or len(text) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS] + _CUT
