"""An Iceberg catalog that somebody else keeps, behind Iceberg's REST protocol.

A commit is one request, which the catalog refuses when somebody else has committed since the table was loaded. Whatever comes back but
a success, or nothing, the table itself tells what became of it: each commit has a snapshot of its own.
"""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from google.auth.exceptions import GoogleAuthError
from pydantic import ValidationError
from pyiceberg.catalog import Catalog
from pyiceberg.catalog.rest import RestCatalog as Protocol
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NoSuchNamespaceError,
    NoSuchTableError,
    RESTError,
)
from pyiceberg.io import FileIO
from pyiceberg.table import CommitTableResponse, CreateTableTransaction, Table
from pyiceberg.table.update import AddSnapshotUpdate, TableRequirement, TableUpdate
from pyiceberg.typedef import EMPTY_DICT, Identifier, Properties
from requests import PreparedRequest, RequestException, Response, Session
from requests.adapters import HTTPAdapter

from krai.catalog_url import CatalogUrl, is_open_line
from krai.errors import Transient
from krai.warehouse.catalog import DatasetCatalog
from krai.warehouse.rest_credentials import Nobody

_CONNECT_S, _ANSWER_S = 5.0, 15.0
_TRIES = 3
_PAUSE_S = 0.2
_BROKEN = (RESTError, RequestException, ValidationError, GoogleAuthError, NotImplementedError)


class _Line(HTTPAdapter):
    """Waits for nobody for ever."""

    def send(self, request: PreparedRequest, *_: Any, **how: Any) -> Response:
        return super().send(request, **how | {"timeout": (_CONNECT_S, _ANSWER_S)})


def open_session() -> Session:
    return _hardened(Session())


def _hardened(session: Session) -> Session:
    session.max_redirects = 0  # a POST that is redirected becomes a GET, whose success would be taken for that of a commit
    for scheme in ("https://", "http://"):
        session.mount(scheme, _Line())
    return session


class RestCatalog(Protocol, DatasetCatalog):
    """All files are read and written by `io`, by krai's own right to them. Raises Transient store_busy.

    Nothing is asked of the catalog before the first job, so one that is away keeps no worker from starting.
    """

    def __init__(self, url: CatalogUrl, credential: Nobody, io: FileIO) -> None:
        self._told = {"uri": url.uri, "auth": {"type": "noop"}} | ({} if url.warehouse is None else {"warehouse": url.warehouse})
        self._credential = credential
        self._io = io
        self._is_open = False
        Catalog.__init__(self, "krai")

    def load_table(self, identifier: str | Identifier) -> Table:
        with suppress(Transient):
            return self._load(identifier)
        return self._load(identifier)  # also because a line that nobody used for a while is found to be cut by whoever uses it first

    def commit_table(
        self, table: Table, requirements: tuple[TableRequirement, ...], updates: tuple[TableUpdate, ...]
    ) -> CommitTableResponse:
        """Raises CommitFailedException only when the commit did not and cannot take place.

        pyiceberg then deletes the files of the commit, so whatever else happens must come as another error.
        """
        mine = {update.snapshot.snapshot_id for update in updates if isinstance(update, AddSnapshotUpdate)}
        for number in range(_TRIES):
            time.sleep(random.uniform(0, _PAUSE_S * number))  # noqa: S311 (no secret)
            with suppress(CommitFailedException, Transient), self._asked():
                answer: CommitTableResponse = super().commit_table(table, requirements, updates)
                return answer
            there = self._look(table.name())
            if there is not None and any(snapshot.snapshot_id in mine for snapshot in there.snapshots()):
                return CommitTableResponse.model_construct(metadata=there.metadata, metadata_location=there.metadata_location)
            for requirement in requirements:
                requirement.validate(None if there is None else there.metadata)
        raise Transient("store_busy", "The catalog of the datasets does not take a commit.")

    def create_table_transaction(self, identifier: str | Identifier, *table: Any, **properties: Any) -> CreateTableTransaction:
        with self._asked():
            begun: CreateTableTransaction
            try:
                begun = super().create_table_transaction(identifier, *table, **properties)
            except NoSuchNamespaceError:
                with suppress(NamespaceAlreadyExistsError):
                    super().create_namespace(self.namespace_from(identifier))
                begun = super().create_table_transaction(identifier, *table, **properties)
        return begun

    def drop_seen(self, table: Table) -> bool:
        """The protocol drops by name alone, so what is committed between the look and the drop is dropped as well."""
        there = self._look(table.name())
        if there is None or there.metadata_location != table.metadata_location:
            return False
        try:
            with self._asked():
                super().drop_table(table.name())
        except NoSuchTableError:
            return False
        except Transient:
            if self._look(table.name()) is not None:
                raise
        return True

    def create_namespace_if_not_exists(self, namespace: str | Identifier, properties: Properties = EMPTY_DICT) -> None:
        """It is made with its first table."""

    def _load(self, identifier: str | Identifier) -> Table:
        with self._asked():
            table: Table = super().load_table(identifier)
        return table

    def _look(self, identifier: str | Identifier) -> Table | None:
        with suppress(NoSuchTableError):
            return self.load_table(identifier)
        return None

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """Whatever stands between krai and an answer as krai's own failure."""
        try:
            if not self._is_open:
                super().__init__("krai", **self._told)  # type: ignore[arg-type]  # pyiceberg takes more than text
                self._is_open = not is_open_line(self.uri)  # it may name another address than its own
            if not self._is_open:
                raise Transient("store_busy", "The catalog of the datasets leads to an address without encryption.")
            yield
        except _BROKEN as error:
            raise Transient("store_busy", "The catalog of the datasets does not answer, or turns krai away.") from error

    def _create_session(self) -> Session:
        session = _hardened(super()._create_session())
        session.auth = self._credential
        del session.headers["X-Iceberg-Access-Delegation"]  # files are krai's own affair
        return session

    def _refresh_token(self) -> None:
        self._credential.forget()

    def _fetch_config(self) -> None:
        super()._fetch_config()
        # A part of the history would not tell which jobs were committed.
        self.properties["snapshot-loading-mode"] = "all"

    def _load_file_io(self, properties: Properties = EMPTY_DICT, location: str | None = None) -> FileIO:  # noqa: ARG002 (pyiceberg's)
        return self._io
