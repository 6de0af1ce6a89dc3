"""The typed rows of an import on their way into parts of the warehouse."""

from collections.abc import Callable

import pyarrow as pa

from krai.warehouse.port import Part

_PART_BYTES = 512 << 20


class Parts:
    """Writes tables one after the other; a part ends when it is large, or when the columns become other ones.

    `open_part` begins a part by its number.
    """

    def __init__(self, open_part: Callable[[int], Part]) -> None:
        self.locations: list[str] = []
        self._open_part = open_part
        self._part: Part | None = None
        self._schema: pa.Schema | None = None
        self._bytes = 0

    def write(self, table: pa.Table) -> None:
        if not table.num_rows:
            return
        if self._part is None or table.schema != self._schema or self._bytes > _PART_BYTES:
            self.close()
            self._part = self._open_part(len(self.locations))
            self.locations.append(self._part.location)
            self._schema, self._bytes = table.schema, 0
        self._part.write(table)
        self._bytes += table.nbytes

    def close(self) -> None:
        if self._part is not None:
            self._part.close()
            self._part = None
