"""Parquet files gone wrong, the same in every run, and what pyarrow makes of them in a process of its own."""

import io
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

SEED = 61
ORACLE = """
import json, sys
import pyarrow.parquet as pq
for path in sys.argv[1:]:
    print(path, "?", flush=True)
    found = None
    try:
        table = pq.read_table(path, use_threads=False, memory_map=False)
        found = table.num_rows
        found = sorted(map(repr, table.to_pylist()))
    except Exception:
        pass
    print(path, json.dumps(found), flush=True)
"""


def table(rows: int) -> pa.Table:
    return pa.table(
        {
            "id": pa.array(range(rows)),
            "name": pa.array([None if number % 7 == 0 else f"name {number % 13}" for number in range(rows)]),
            "amount": pa.array([number / 4 for number in range(rows)]),
            "flag": pa.array([number % 3 == 0 for number in range(rows)]),
            "at": pa.array([number * 10**6 for number in range(rows)], pa.timestamp("us")),
        }
    )


def sound(**options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(table(300), file, row_group_size=100, **options)
    return file.getvalue()


def repeated(rows: int, cell_bytes: int) -> bytes:
    """One text, which a dictionary holds, in all rows."""
    cells = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * cell_bytes]))
    file = io.BytesIO()
    pq.write_table(pa.table({"cell": cells}), file, compression="zstd", compression_level=19)
    return file.getvalue()


def wide(columns: int) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({f"c{number}": [1] for number in range(columns)}), file)
    return file.getvalue()


def damaged(count: int) -> list[bytes]:
    """Sound files with bits flipped, numbers made huge, pieces lost and pieces exchanged; half of it in the footer."""
    chosen = random.Random(SEED)  # noqa: S311 - not a secret
    kinds = [
        sound(compression="snappy"),
        sound(compression="none", use_dictionary=False),
        sound(compression="zstd", data_page_version="2.0"),
    ]
    kinds.append(sound(compression="none", use_dictionary=False, column_encoding={"id": "DELTA_BINARY_PACKED", "name": "DELTA_BYTE_ARRAY"}))
    return [_damage(bytearray(kinds[number % len(kinds)]), chosen) for number in range(count)]


def _damage(data: bytearray, chosen: random.Random) -> bytes:
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    first, last = (footer, len(data) - 8) if chosen.random() < 0.5 else (4, footer)
    match chosen.randrange(4):
        case 0:
            for _ in range(chosen.choice([1, 1, 8])):
                data[chosen.randrange(first, last)] ^= 1 << chosen.randrange(8)
        case 1:
            # A number of Thrift has seven bits in an octet: here is one of ten octets, or four octets of ones.
            place = chosen.randrange(first, last - 10)
            data[place : place + 4] = chosen.choice([b"\xff" * 4, b"\xfe\xff\xff\x0f"])
        case 2:
            place = chosen.randrange(first, last)
            del data[place : place + chosen.choice([1, 4, 50])]
        case _:
            one, other = (chosen.randrange(first, last - 20) for _ in range(2))
            data[one : one + 20], data[other : other + 20] = data[other : other + 20], data[one : one + 20]
    return bytes(data)


def oracle(files: list[Path]) -> dict[Path, list[str] | int | None]:
    """The rows of each file as text, or how many there are where Python has no value for some; None where pyarrow reads none, or dies."""
    found: dict[Path, list[str] | int | None] = {}
    while len(found) < len(files):
        left = [file for file in files if file not in found]
        command = [
            sys.executable,
            "-c",
            f"import resource; resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30)){ORACLE}",
            *map(str, left),
        ]
        # It may die of any of them: the next one goes on after that.
        said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout
        for line in said.splitlines():
            path, _, rows = line.partition(" ")
            found[Path(path)] = None if rows == "?" else json.loads(rows)
    return found
