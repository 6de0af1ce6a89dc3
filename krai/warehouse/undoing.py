"""What has to change so that an import is as good as never made, but for what newer ones have written."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile, DataFileContent, ManifestEntry, ManifestEntryStatus
from pyiceberg.table import Table, Transaction
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.table.update import SetCurrentSchemaUpdate

from krai.errors import Terminal
from krai.warehouse import history
from krai.warehouse.columns import arrow_schema, name_mapping
from krai.warehouse.keys import KeyedFiles, Keys, by_file
from krai.warehouse.pieces import Kept
from krai.warehouse.plan import EMPTY, Plan, plan_of
from krai.warehouse.port import Counts, Mode
from krai.warehouse.positions import NOWHERE, Gone, Positions, read_positions, united
from krai.warehouse.upsert import key_schema

TAKEN = "taken-"  # begins the name of a file of rows that go in the name of an import, whose snapshot follows


@dataclass(frozen=True, slots=True)
class Undoing:
    """Entries of an earlier snapshot to `restore`, locations of files to `remove`, and rows that are `gone` beyond that.

    `taken` are rows of these entries that go in the name of newer upserts, by their snapshots. `schema_id` is that of the columns to put
    back, None: they stay.
    """

    counts: Counts
    gone: Gone
    remove: Sequence[str]
    restore: Sequence[ManifestEntry] = ()
    taken: Mapping[int, Gone] = field(default_factory=dict)
    schema_id: int | None = None

    def put_columns_back(self, transaction: Transaction) -> None:
        if self.schema_id is not None:
            transaction._apply((SetCurrentSchemaUpdate.model_validate({"schema-id": self.schema_id}),))  # noqa: SLF001 (update_schema gives new numbers)
            transaction.set_properties(name_mapping(transaction.table_metadata.schema()))


@dataclass(slots=True)
class _Import:
    """An import in the history of a table: the files of its that the table still has, and rows of them that others replaced."""

    snapshot: Snapshot
    files: list[DataFile]
    own: Gone  # what it has taken away
    touched: dict[str, Positions] = field(default_factory=dict)


def undo_of(table: Table, job_id: str, scratch: Path | None, kept: Kept) -> Undoing:
    """Raises Terminal nothing_to_undo, undo_conflict."""
    snapshot, undone = history.find(table, job_id), history.undone(table)
    newest = table.current_snapshot()
    if snapshot is None or newest is None or job_id in undone or history.mode_of(snapshot) is None:
        raise Terminal("nothing_to_undo")
    later = [item for item in table.metadata.snapshots if _order(item) > _order(snapshot) and history.job_of(item) not in undone]
    if any(history.mode_of(item) == Mode.REPLACE for item in later):
        raise Terminal("nothing_to_undo", "A newer import has replaced all rows.")
    now = plan_of(newest, table.io)
    work = _Work(table, now, KeyedFiles(table.io, table.schema(), kept), scratch)
    made = work.found(snapshot)
    removed, gone, remove = work.without(made)
    if history.mode_of(snapshot) == Mode.REPLACE:
        undoing = work.replaced(made, later, Undoing(Counts(removed=removed), gone, remove))
    else:
        undoing = work.updated(made, Undoing(Counts(removed=removed), gone, remove))
    if not undoing.counts.removed and not undoing.counts.restored:
        raise Terminal("nothing_to_undo", "Newer imports have touched all of its rows." if undoing.counts.kept else "")
    return undoing


class _Work:
    def __init__(self, table: Table, now: Plan, rows: KeyedFiles, scratch: Path | None) -> None:
        self._table = table
        self._io: FileIO = table.io
        self._now = now
        self._live = {file.file_path: file for file in now.files}
        self._rows = rows
        self._scratch = scratch
        snapshots = table.metadata.snapshots
        replaces = {history.job_of(snapshot) for snapshot in snapshots if history.mode_of(snapshot) == Mode.REPLACE}
        self._undone_replaces = [snapshot for snapshot in snapshots if history.undone_by(snapshot) in replaces]  # by these

    def found(self, snapshot: Snapshot) -> _Import:
        added = _added_by(snapshot, self._io)
        files = [self._live[file.file_path] for file in added if file.file_path in self._live]
        own: dict[str, Positions] = {}
        for file in (*_named(added, "deletes-"), *self._left_to(snapshot)):
            own = _joined(own, read_positions(self._io, file))
        made = _Import(snapshot, files, own)
        for file in files:
            touched = np.setdiff1d(self._gone(file), own.get(file.file_path, NOWHERE))
            if len(touched):
                made.touched[file.file_path] = touched
        return made

    def _left_to(self, snapshot: Snapshot) -> Iterator[DataFile]:
        """Files of the rows that were taken away in the name of an import when a replace before it was undone."""
        for undo in self._undone_replaces:
            if _order(undo) > _order(snapshot):
                yield from _named(_added_by(undo, self._io), f"{TAKEN}{snapshot.snapshot_id}-")

    def without(self, made: _Import) -> tuple[int, dict[str, Positions], list[str]]:
        """How many rows go, and how: a file whose rows nobody has touched is removed, of others the rows are marked.

        A file with touched rows stays, so that the undo of what has touched them finds them.
        """
        removed, gone, remove = 0, {}, []
        for file in made.files:
            left = file.record_count - len(self._gone(file))
            removed += left
            if file.file_path not in made.touched:
                remove.append(file.file_path)
            elif left:
                gone[file.file_path] = np.setdiff1d(np.arange(file.record_count), self._gone(file))
        return removed, gone, remove

    def updated(self, made: _Import, undoing: Undoing) -> Undoing:
        """After an append or an upsert: rows that it has replaced come back, unless their keys were touched again."""
        back = self._taken_by(made)
        if back and made.touched:
            back = _less(back, self._with_keys_of(made, made.touched, back, self._now.files))
        back = self._of_standing(back)
        gone, remove = dict(undoing.gone), list(undoing.remove)
        removed = set(remove)
        for entry in self._now.deletes if back else ():
            held = read_positions(self._io, entry.data_file)
            left = _less(held, back)
            if sum(map(len, left.values())) < sum(map(len, held.values())):
                removed.add(entry.data_file.file_path)
                remove.append(entry.data_file.file_path)
                for path in left.keys() & (self._live.keys() - removed):
                    gone[path] = united(gone.get(path, NOWHERE), left[path])
        counts = replace(undoing.counts, restored=_count(back), kept=_count(made.touched))
        return replace(undoing, gone=gone, remove=remove, counts=counts)

    def replaced(self, made: _Import, later: Sequence[Snapshot], undoing: Undoing) -> Undoing:
        """After a replace: all that was there before comes back, but for rows with keys that newer upserts have rows of."""
        metadata = self._table.metadata
        parent_id = made.snapshot.parent_snapshot_id
        parent = None if parent_id is None else metadata.snapshot_by_id(parent_id)
        before = EMPTY if parent is None else plan_of(parent, self._io)
        schema_id = None if parent is None or parent.schema_id == made.snapshot.schema_id else parent.schema_id
        mine = {file.file_path for file in made.files}
        newer_rows = sum(file.record_count - len(self._gone(file)) for file in self._now.files if file.file_path not in mine)
        if schema_id is not None and newer_rows:
            raise Terminal("undo_conflict")
        taken: dict[int, Gone] = {}
        left, kept = {file.file_path: _live_positions(file, before.gone) for file in before.files}, 0
        for snapshot in sorted(later, key=_order):
            if history.mode_of(snapshot) == Mode.UPSERT:
                newer = self.found(snapshot)
                places, standing = self._in_the_way(newer, before, made)
                kept += standing
                if newer.touched:
                    places = _joined(places, self._with_keys_of(newer, newer.touched, left, before.files))
                # They go with the first that has their key, as if it had been made upon them, so that its own undo finds them.
                if its := _common(left, places):
                    taken[snapshot.snapshot_id] = its
                    left = _less(left, its)
        counts = replace(undoing.counts, restored=_count(left), kept=kept)
        restore = [*before.data, *before.deletes]
        return replace(undoing, taken=taken, restore=restore, schema_id=schema_id, counts=counts)

    def _taken_by(self, made: _Import) -> dict[str, Positions]:
        """Rows of others that the import has taken away and that are gone."""
        mine = {file.file_path for file in made.files}
        return _common({path: gone for path, gone in made.own.items() if path not in mine}, self._now.gone)

    def _of_standing(self, back: Gone) -> dict[str, Positions]:
        """Rows that would come back; in the place of those of undone imports what these had taken away, and so on.

        An import takes away rows of older ones alone, so each is looked at once, the newest first.
        """
        standing, undone = dict(back), history.undone(self._table)
        snapshots = (snapshot for snapshot in self._table.metadata.snapshots if history.job_of(snapshot) in undone)
        for snapshot in sorted(snapshots, key=_order, reverse=True):
            its = {path: standing.pop(path) for path in list(standing) if _job_of_part(path) == history.job_of(snapshot)}
            if its and history.mode_of(snapshot) == Mode.UPSERT:
                made = self.found(snapshot)
                standing = _joined(standing, self._with_keys_of(made, its, self._taken_by(made), self._now.files))
        return standing

    def _with_keys_of(self, made: _Import, its: Gone, stored: Gone, files: Sequence[DataFile]) -> Gone:
        """Those of the stored rows, which are in `files`, that have the keys of these rows of the import."""
        if not stored:
            return {}
        key = key_schema(arrow_schema(self._table.schema()), history.key_of(made.snapshot))
        with closing(Keys(key, self._scratch)) as keys:
            keys.take(self._rows.rows(made.files, key, only=its))
            places, _ = keys.matches(self._rows.rows(files, key, only=stored, near=keys), key)
        return by_file(places, files)

    def _in_the_way(self, newer: _Import, before: Plan, made: _Import) -> tuple[Gone, int]:
        """Rows of `before` with keys of the newer upsert's rows, and how many of these stand there, or for rows of `made`."""
        if not newer.files:
            return {}, 0
        key = key_schema(arrow_schema(self._table.schema()), history.key_of(newer.snapshot))
        files = [*before.files, *made.files]
        own: Mapping[str, Positions] = {file.file_path: made.touched.get(file.file_path, NOWHERE) for file in made.files}
        others = {file.file_path: _live_positions(file, before.gone) for file in before.files}
        with closing(Keys(key, self._scratch)) as keys:
            keys.take(self._rows.rows(newer.files, key, gone=self._now.gone))
            places, standing = keys.matches(self._rows.rows(files, key, only={**others, **own}, near=keys), key)
        found = by_file(places, files)
        return {path: positions for path, positions in found.items() if path in others}, standing

    def _gone(self, file: DataFile) -> Positions:
        return self._now.gone.get(file.file_path, NOWHERE)


def _added_by(snapshot: Snapshot, io: FileIO) -> list[DataFile]:
    manifests = [manifest for manifest in snapshot.manifests(io) if manifest.added_snapshot_id == snapshot.snapshot_id]
    entries = [entry for manifest in manifests for entry in manifest.fetch_manifest_entry(io)]
    mine = [entry for entry in entries if entry.status is ManifestEntryStatus.ADDED and entry.snapshot_id == snapshot.snapshot_id]
    return [entry.data_file for entry in mine]


def _named(files: Iterable[DataFile], prefix: str) -> list[DataFile]:
    return [file for file in files if file.content is not DataFileContent.DATA and file.file_path.rpartition("/")[2].startswith(prefix)]


def _job_of_part(path: str) -> str:
    """As `iceberg` lays parts."""
    return path.split("/")[-3]


def _order(snapshot: Snapshot) -> int:
    return snapshot.sequence_number or 0


def _less(gone: Gone, other: Gone) -> dict[str, Positions]:
    left = {path: np.setdiff1d(positions, other.get(path, NOWHERE)) for path, positions in gone.items()}
    return {path: positions for path, positions in left.items() if len(positions)}


def _joined(gone: Gone, other: Gone) -> dict[str, Positions]:
    return {path: united(gone.get(path, NOWHERE), other.get(path, NOWHERE)) for path in gone.keys() | other.keys()}


def _common(gone: Gone, other: Gone) -> dict[str, Positions]:
    both = {path: np.intersect1d(positions, other.get(path, NOWHERE)) for path, positions in gone.items()}
    return {path: positions for path, positions in both.items() if len(positions)}


def _live_positions(file: DataFile, gone: Gone) -> Positions:
    return np.setdiff1d(np.arange(file.record_count), gone.get(file.file_path, NOWHERE))


def _count(gone: Gone) -> int:
    return sum(map(len, gone.values()))
