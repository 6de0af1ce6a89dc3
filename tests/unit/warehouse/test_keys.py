"""Keys that do not fit into memory."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from krai.errors import Terminal
from krai.warehouse import keys
from krai.warehouse.keys import Keys

SCHEMA = pa.schema([("name", pa.string())])
ROWS, STEP = 60_000, 6_000


def tables() -> Iterator[pa.Table]:
    """Long keys, each twice."""
    for start in range(0, ROWS, STEP):
        places = np.arange(start, start + STEP)
        yield pa.table({"place": places, "k0": [f"{place // 2:0>600}" for place in places]})


def test_keys_larger_than_memory_are_kept_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_MEMORY", "24MiB")
    with closing(Keys(SCHEMA, tmp_path)) as found:
        repeated = found.take(tables())
        assert sorted(repeated) == list(range(0, ROWS, 2))
        assert len(found) == ROWS // 2
        places, matched = found.matches([next(tables())], SCHEMA)
        assert sorted(places) == list(range(STEP))
        assert matched == STEP // 2
    assert list(tmp_path.rglob("*.tmp")) == []


def test_without_a_folder_they_have_to_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_MEMORY", "24MiB")
    with closing(Keys(SCHEMA, None)) as found, pytest.raises(Terminal, match="memory_limit"):
        found.take(tables())
