"""One COPY of a table, which goes on while the rows for it are made."""

import threading
from collections.abc import Iterator
from queue import Queue

import pyarrow as pa

from krai.warehouse.postgres.connections import Connections

_WAITING = 2


class Copying:
    """Rows of `schema` for the table `name`, in the order in which they come. All of them are there after `finish`, or none."""

    def __init__(self, connections: Connections, schema: pa.Schema, name: str) -> None:
        self._connections = connections
        self._schema = schema
        self._name = name
        self._tables: Queue[pa.Table | None] = Queue(_WAITING)
        self._waiting = iter(self._tables.get, None)
        self._failure: BaseException | None = None
        self._finished = False
        self._thread = threading.Thread(target=self._run, name="copy", daemon=True)
        self._thread.start()

    def put(self, table: pa.Table) -> None:
        """Waits while others wait. Raises what has gone wrong with any of them."""
        self._tables.put(table)
        if self._failure is not None:
            raise self._failure

    def finish(self) -> None:
        """Raises what has gone wrong."""
        if not self._finished:
            self._finished = True
            self._tables.put(None)
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            self._connections.copy(pa.RecordBatchReader.from_batches(self._schema, self._batches()), self._name)
        except BaseException as error:  # noqa: BLE001 (whoever writes raises it)
            self._failure = error
            # Nobody shall wait for a place in the queue.
            for _ in self._waiting:
                pass

    def _batches(self) -> Iterator[pa.RecordBatch]:
        for table in self._waiting:
            yield from table.to_batches()
