"""An import taken back, as one transaction has it: what it has brought goes, what it took away comes back, newer imports' rows stay.

The rows of an import are known by their places. A row that comes back is a new row in the old place, so that earlier snapshots stay as
they were; a place without a row that is there belongs to a row that somebody has taken away.
"""

from dataclasses import asdict

import pyarrow as pa

from krai.errors import Terminal
from krai.warehouse.port import Counts, Mode, Undo
from krai.warehouse.postgres import columns, history, layout, tables
from krai.warehouse.postgres.columns import ROW, SINCE, UNTIL, quoted
from krai.warehouse.postgres.connections import Connection
from krai.warehouse.postgres.history import Snapshot
from krai.warehouse.postgres.keys import Key, join_by_hashing
from krai.warehouse.postgres.pieces import there_at


def commit(connection: Connection, name: str, undo: Undo) -> Snapshot:
    """The dataset is locked. Raises Terminal dataset_not_found, nothing_to_undo, undo_conflict."""
    now = history.newest(connection, name)
    if now is None:
        raise Terminal("dataset_not_found")
    made = history.of_job(connection, name, undo.undone_job_id)
    if made is None or made.mode == history.UNDO or history.is_undone(connection, name, made.job_id):
        raise Terminal("nothing_to_undo")
    later = history.standing_after(connection, name, made)
    if any(item.mode == Mode.REPLACE for item in later):
        raise Terminal("nothing_to_undo", "A newer import has replaced all rows.")
    join_by_hashing(connection)
    work = _Work(connection, now, made, history.next_snapshot(connection))
    parent = history.before(connection, name, made)
    if made.mode == Mode.REPLACE and parent is not None:
        table, schema, counts = work.replaced(name, parent, [item for item in later if item.mode == Mode.UPSERT])
        tables.show(connection, name, table, schema)
    else:
        table, schema, counts = now.table, now.schema, work.updated(history.undone_before(connection, name, made))
    if not counts.removed and not counts.restored:
        raise Terminal("nothing_to_undo", "Newer imports have touched all of its rows." if counts.kept else "")
    after = Snapshot(
        snapshot_id=work.snapshot_id,
        job_id=undo.job_id,
        epoch=undo.epoch,
        mode=history.UNDO,
        key=[],
        undoes=made.job_id,
        table=table,
        first_row=now.end_row,
        end_row=now.end_row,
        rows=now.rows - counts.removed + counts.restored,
        columns=columns.to_doc(schema),
        counts=asdict(counts),
    )
    return history.record(connection, name, after, undo.summary)


class _Work:
    """`now` is the dataset as it stands, `made` the import, `snapshot_id` that of the undo."""

    def __init__(self, connection: Connection, now: Snapshot, made: Snapshot, snapshot_id: int) -> None:
        self.snapshot_id = snapshot_id
        self._connection = connection
        self._now = now
        self._made = made
        self._rows = f"krai_rows.{quoted(now.table)}"
        self._mine = _places(made)
        # Places of the import whose rows newer ones have taken away.
        self._touched = f"select {ROW} from {self._rows} where {self._mine} group by {ROW} having bool_and({UNTIL} is not null)"

    def updated(self, undone: list[Snapshot]) -> Counts:
        """After an append or an upsert: rows that it has replaced come back, unless their keys were touched again.

        In the place of rows of the `undone` imports before it comes what these had replaced, and so on. An import replaces rows of
        older ones alone, so each is looked at once, the newest first.
        """
        kept = self._count(f"select count(*) from ({self._touched}) as touched")
        restored = 0
        if self._made.mode == Mode.UPSERT:
            restored = self._restore(self._made, f"{ROW} in ({self._touched})", have_keys=False)
            for older in undone if restored else ():
                restored += self._give_way(older)
        update = f"update {self._rows} set {UNTIL} = {self.snapshot_id} where {self._mine} and {UNTIL} is null"
        removed = layout.end(self._connection, self._now.table, update)
        return Counts(removed=removed, restored=restored, kept=kept)

    def _give_way(self, undone: Snapshot) -> int:
        """Put what an undone import had replaced in the place of its rows that have come back; how many rows more there are."""
        its = f"{_places(undone)} and {SINCE} = {self.snapshot_id}"
        back = f"from only {self._rows} where {its}"
        if not self._count(f"select count(*) {back}"):
            return 0
        restored = self._restore(undone, its, have_keys=True) if undone.mode == Mode.UPSERT else 0
        return restored - self._change(f"delete {back}")

    def _restore(self, made: Snapshot, mine: str, *, have_keys: bool) -> int:
        """Have rows come back that an import has replaced: those with the keys of the rows of `mine`, or all others."""
        schema = self._now.schema
        key = Key(made.key, schema)
        cells = _listed(schema)
        mine = f"select {key.listed()} from {self._rows} where {mine}"
        condition = f"exists (select from ({mine}) as mine where {key.equal('held', 'mine')})"
        return self._change(
            f"insert into {self._rows} ({cells}, {ROW}, {SINCE}) select {cells}, {ROW}, {self.snapshot_id} from {self._rows} as held"
            f" where {UNTIL} = {made.snapshot_id} and {ROW} < {made.first_row} and {'' if have_keys else 'not '}{condition}"
        )

    def replaced(self, name: str, parent: Snapshot, upserts: list[Snapshot]) -> tuple[str, pa.Schema, Counts]:
        """After a replace: the table of before is that of the dataset again, with the rows of newer imports.

        Rows of before with the keys of newer upserts' rows go, in these their key has its newest row.
        """
        removed = self._count(f"select count(*) from {self._rows} where {self._mine} and {UNTIL} is null")
        if parent.schema != self._made.schema:
            if removed < self._now.rows:
                raise Terminal("undo_conflict")
            return parent.table, parent.schema, Counts(removed=removed, restored=parent.rows)
        schema = self._now.schema
        tables.grow(self._connection, name, parent.table, parent.schema, schema)
        self._move(f"krai_rows.{quoted(parent.table)}", schema)
        layout.copied(self._connection, self._now.table, parent.table)
        withheld = kept = 0
        for newer in upserts:
            gone, standing = self._withhold(newer, parent, schema)
            withheld, kept = withheld + gone, kept + standing
        return parent.table, schema, Counts(removed=removed, restored=parent.rows - withheld, kept=kept)

    def _move(self, target: str, schema: pa.Schema) -> None:
        """All rows but those that go, also such as were taken away: the undo of what took them finds them."""
        cells = _listed(schema)
        since = f"case when {UNTIL} is null then {self.snapshot_id} else {SINCE} end"
        self._change(
            f"insert into {target} ({cells}, {ROW}, {SINCE}, {UNTIL}) select {cells}, {ROW}, {since}, {UNTIL} from {self._rows}"
            f" where not ({self._mine}) or {ROW} in ({self._touched})"
        )

    def _withhold(self, newer: Snapshot, parent: Snapshot, schema: pa.Schema) -> tuple[int, int]:
        """How many rows of before go, and how many rows of the newer upsert stand for these or for rows of the replace.

        They go with the upsert, as if it had been made upon them: its own undo finds them.
        """
        table, key = f"krai_rows.{quoted(parent.table)}", Key(newer.key, schema)
        all_its = f"select {key.listed()} from {table} where {_places(newer)}"
        its = f"{all_its} and {UNTIL} is null"
        back = f"{ROW} < {self._made.first_row} and {there_at(parent)}"
        standing = self._count(
            f"select count(*) from ({its}) as its where exists (select from {table} as held"
            f" where (({back}) or ({self._mine})) and {key.equal('held', 'its')})"
        )
        end = f"update {table} as held set {UNTIL} = {newer.snapshot_id}"
        update = f"{end} from ({all_its}) as its where {back} and {UNTIL} is null and {key.equal('held', 'its')}"
        return layout.end(self._connection, parent.table, update), standing

    def _count(self, query: str) -> int:
        for (found,) in self._connection.execute(query.encode()):
            return int(found)
        raise AssertionError

    def _change(self, statement: str) -> int:
        return self._connection.execute(statement.encode()).rowcount


def _places(made: Snapshot) -> str:
    return f"{ROW} >= {made.first_row} and {ROW} < {made.end_row}"


def _listed(schema: pa.Schema) -> str:
    return ", ".join(map(columns.column, schema.names))
