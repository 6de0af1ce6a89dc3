"""Objects of JSON that have few of the file's keys each: what is imported, and when there are too many keys."""

import json
from typing import Any

import pytest

from krai.errors import Terminal
from krai.formats import json_rows
from tests.unit.transfer.desk import Desk


@pytest.mark.parametrize("columns", [{}, {"k3": "three", "k4": None}])
def test_they_are_imported_whole_whatever_a_piece_may_hold(desk: Desk, monkeypatch: pytest.MonkeyPatch, columns: dict[str, Any]) -> None:
    rows = [{"id": number, f"k{number // 20}": "x" if number == 150 else number} for number in range(200)]
    data = "".join(json.dumps(row) + "\n" for row in rows).encode() + b"nope\n"
    monkeypatch.setattr(json_rows, "_MOST_CELLS", 50)
    result = desk.load(data, columns=columns)
    assert (result["records_processed"], [entry["row"] for entry in desk.errors(result)]) == (200, [201])
    named = {f"k{key}": f"k{key}" for key in range(10)} | columns
    expected = [{"id": row["id"], **{named[key]: row[key] for key in row if key != "id" and named[key] is not None}} for row in rows]
    found = [{key: value for key, value in row.items() if value is not None} for row in desk.table().to_pylist()]
    assert found == [{key: str(value) if key == "k7" else value for key, value in row.items()} for row in expected]


@pytest.mark.parametrize("value", [b"1", b"null"])
def test_a_file_with_too_many_keys_is_not_read_to_its_end(desk: Desk, value: bytes) -> None:
    desk.limit(columns=20, block_bytes=4000)
    known = b'{"a":1}\n' * 600  # a block and more
    data = known * 30 + b"".join(b'{"k%d":%b}\n' % (number, value) + known for number in range(40))
    with pytest.raises(Terminal) as error:
        desk.load(data)
    assert (error.value.code, error.value.detail) == ("too_many_columns", "The file has more than 20 columns.")
    assert desk.listener.said[-1].bytes_processed < len(data) * 4 / 5
