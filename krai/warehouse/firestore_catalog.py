"""An Iceberg catalog in Firestore: one document for each table, which names the table's metadata file of the moment.

    tables/{namespace}.{name}   namespace, name, metadata_location, previous_metadata_location

A commit is one write of that document, on the condition that nobody has written it since the commit read it. When the answer to a
write is lost, the table itself tells whether the write took place: each commit has a metadata file and a snapshot of its own.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn, TypeVar

from google.api_core.exceptions import (
    Aborted,
    AlreadyExists,
    Cancelled,
    FailedPrecondition,
    GoogleAPICallError,
    NotFound,
    ServerError,
    TooManyRequests,
)
from google.auth.exceptions import GoogleAuthError
from google.cloud import firestore
from pyiceberg.catalog import MetastoreCatalog
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError, TableAlreadyExistsError
from pyiceberg.io import FileIO
from pyiceberg.serializers import FromInputFile
from pyiceberg.table import CommitTableResponse, StagedTable, Table
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.update import TableRequirement, TableUpdate
from pyiceberg.typedef import EMPTY_DICT, Identifier, Properties

from krai.errors import Transient
from krai.warehouse.catalog import DatasetCatalog
from krai.warehouse.recent import Recent

T = TypeVar("T")

_COLLECTION = "tables"
_TABLES_KEPT = 4
_TRIES = 4
_TRY_S = 3.0
_WITHIN_S = 6.0
_PAUSE_S = 0.1  # the longest pause before the second try is twice this, then doubled
_PASSING = (ServerError, TooManyRequests, Aborted, Cancelled)
_REFUSED = (FailedPrecondition, AlreadyExists, NotFound)


def open_catalog(io: FileIO, *, project: str, database: str) -> "FirestoreCatalog":
    """The catalog in a Firestore database; Google's client finds an emulator by FIRESTORE_EMULATOR_HOST itself."""
    return FirestoreCatalog(firestore.Client(project=project, database=database), io)


class Unanswered(Transient):
    """Firestore gave no answer to one try or to all: a write may have taken place, or may yet."""


class FirestoreCatalog(MetastoreCatalog, DatasetCatalog):
    """All files are read and written by `io`. A namespace is there as soon as it is named. Raises Transient store_busy."""

    def __init__(self, client: firestore.Client, io: FileIO) -> None:
        super().__init__("krai")
        self._client = client
        self._io = io
        self._metadata: Recent[TableMetadata] = Recent(_TABLES_KEPT)

    def load_table(self, identifier: str | Identifier) -> Table:
        return self._table(identifier, self._existing(identifier))

    def commit_table(
        self, table: Table, requirements: tuple[TableRequirement, ...], updates: tuple[TableUpdate, ...]
    ) -> CommitTableResponse:
        """Raises CommitFailedException and TableAlreadyExistsError only when the commit did not and cannot take place.

        pyiceberg then deletes the files of the commit, so whatever else happens must come as another error.
        """
        identifier = table.name()
        base = self._look(identifier)
        current = self._table(identifier, base) if base.exists else None
        staged = self._update_and_stage_table(current, identifier, requirements, updates)
        self._write_metadata(staged.metadata, staged.io, staged.metadata_location)
        try:
            took_place = self._point(identifier, base, staged)
        except Unanswered:
            took_place = self._stands(identifier, base, staged)
        if not took_place:
            with suppress(OSError):
                self._io.delete(staged.metadata_location)
            if current is None:
                raise TableAlreadyExistsError(f"There is a table {identifier} already.")
            raise CommitFailedException(f"The table {identifier} has changed.")
        self._metadata.put(staged.metadata_location, staged.metadata)
        return CommitTableResponse.model_construct(metadata=staged.metadata, metadata_location=staged.metadata_location)

    def drop_seen(self, table: Table) -> bool:
        identifier = table.name()
        pointer = self._look(identifier)
        if not pointer.exists or pointer.get("metadata_location") != table.metadata_location:
            return False
        condition = self._client.write_option(last_update_time=pointer.update_time)
        try:
            answer(partial(self._document(identifier).delete, option=condition))
        except _REFUSED:
            return False  # somebody wrote it after we had looked
        except Unanswered:
            if self._look(identifier).exists:
                raise
        return True

    def create_namespace(self, namespace: str | Identifier, properties: Properties = EMPTY_DICT) -> None:
        """There is nothing to make: a namespace is a part of the names of its tables."""

    def load_namespace_properties(self, namespace: str | Identifier) -> Properties:  # noqa: ARG002 (pyiceberg's signature)
        return {}

    def _unsupported(self, *_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError

    # krai makes tables by create_table_transaction alone, finds them by name, and drops what it has seen.
    create_table = register_table = rename_table = drop_table = list_tables = _unsupported
    drop_namespace = list_namespaces = update_namespace_properties = _unsupported
    view_exists = load_view = list_views = register_view = drop_view = _unsupported

    def _load_file_io(self, properties: Properties = EMPTY_DICT, location: str | None = None) -> FileIO:  # noqa: ARG002 (pyiceberg's)
        return self._io

    def _document(self, identifier: str | Identifier) -> Any:
        return self._client.collection(_COLLECTION).document(".".join(self.identifier_to_tuple(identifier)))

    def _look(self, identifier: str | Identifier) -> Any:
        return answer(self._document(identifier).get)

    def _existing(self, identifier: str | Identifier) -> Any:
        pointer = self._look(identifier)
        if not pointer.exists:
            raise NoSuchTableError(f"There is no table {identifier}.")
        return pointer

    def _table(self, identifier: str | Identifier, pointer: Any) -> Table:
        location = pointer.get("metadata_location")
        metadata = self._metadata.get(location, lambda: FromInputFile.table_metadata(self._io.new_input(location)))
        return Table(self.identifier_to_tuple(identifier), metadata, location, self._io, self)

    def _point(self, identifier: Identifier, base: Any, staged: StagedTable) -> bool:
        """Write the document unless somebody else has since `base`; whether it was written."""
        namespace, name = identifier
        fields = {"namespace": namespace, "name": name, "metadata_location": staged.metadata_location}
        if base.exists:
            fields["previous_metadata_location"] = base.get("metadata_location")
            condition = self._client.write_option(last_update_time=base.update_time)
            write = partial(self._document(identifier).update, fields, option=condition)
        else:
            write = partial(self._document(identifier).create, fields)
        try:
            answer(write)
        except _REFUSED:
            return False
        return True

    def _stands(self, identifier: Identifier, base: Any, staged: StagedTable) -> bool:
        """Whether a commit without an answer has taken place. Raises Transient while it still may."""
        pointer = self._look(identifier)
        if not pointer.exists or pointer.update_time == base.update_time:
            raise Transient("store_busy", "The catalog of the datasets does not answer.")
        if pointer.get("metadata_location") == staged.metadata_location:
            return True
        # Others have committed since then; if they built upon this commit, its snapshot is among theirs.
        return self._table(identifier, pointer).snapshot_by_id(staged.metadata.current_snapshot_id or 0) is not None


def answer(call: Callable[..., T]) -> T:
    """Firestore's answer, after a few tries; an error of `_REFUSED` is one. Raises Unanswered, other Transient."""
    lost: GoogleAPICallError | None = None
    for timeout_s in _tries():
        try:
            return call(retry=None, timeout=timeout_s)
        except _PASSING as error:
            lost = error
        except _REFUSED as error:
            if lost is None:
                raise
            # A try before this one may be what it is refused for.
            raise Unanswered("store_busy", "The catalog of the datasets does not answer.") from error
        except (GoogleAPICallError, GoogleAuthError) as error:
            raise Transient("store_busy", "The catalog of the datasets turns krai away.") from error
    raise Unanswered("store_busy", "The catalog of the datasets does not answer.") from lost


def _tries() -> Iterator[float]:
    """The time limit of each try, with pauses between them."""
    deadline = time.monotonic() + _WITHIN_S
    for number in range(_TRIES):
        if number:
            time.sleep(random.uniform(0, _PAUSE_S * 2**number))  # noqa: S311 (no secret)
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            return
        yield min(_TRY_S, left_s)
