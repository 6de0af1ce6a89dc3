"""Writing a table as a file of a format, in several pieces."""

from typing import Any

import pyarrow as pa

from krai.formats.output import Format, open_format


def write(table: pa.Table, **params: Any) -> bytes:
    return write_as(open_format(params, table.schema, title="things"), table)[0]


def write_as(layout: Format, table: pa.Table) -> tuple[bytes, int]:
    """The file, and how many cells were altered."""
    pieces: list[bytes] = []
    document = layout.begin(lambda data: pieces.append(bytes(data)))
    for piece in (table.slice(0, 2), table.slice(2, 0), table.slice(2)):
        document.add(layout.encode(piece))
    document.finish()
    return b"".join(pieces), document.cells_altered
