"""What takes an import back: its rows end, and those it has taken away come back, but for what newer imports have written.

A row comes back as a copy with its place. The rows of an import are those of a range of places, in whatever table they are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from krai.errors import Terminal
from krai.warehouse.bigquery import columns, history, keys, names, tables
from krai.warehouse.bigquery.columns import ROW, SINCE, UNTIL
from krai.warehouse.bigquery.failures import translated
from krai.warehouse.bigquery.history import After, Commit, Snapshot
from krai.warehouse.bigquery.standing import standing
from krai.warehouse.bigquery.tables import there_at
from krai.warehouse.bigquery.transactions import Attempt
from krai.warehouse.port import Counts, Mode, Undo

_NOTHING = f"SELECT 0 AS {ROW} FROM (SELECT 1) WHERE FALSE"


def undo(attempt: Attempt) -> None:
    """Raises Terminal dataset_not_found, nothing_to_undo, undo_conflict."""
    job = attempt.job
    now = attempt.state.newest
    if now is None or not isinstance(job, Undo):
        raise Terminal("dataset_not_found")
    made = history.find(attempt.jobs, attempt.dataset, job.undone_job_id)
    if made is None or made.mode is None:
        raise Terminal("nothing_to_undo")
    commits = history.commits(attempt.jobs, attempt.dataset)
    undone = {commit.undone_job_id for commit in commits}
    later = [commit for commit in standing(commits) if commit.snapshot_id > made.snapshot_id]
    if made.job_id in undone:
        raise Terminal("nothing_to_undo")
    if any(commit.mode == Mode.REPLACE for commit in later):
        raise Terminal("nothing_to_undo", "A newer import has replaced all rows.")
    before = None
    if made.mode == Mode.REPLACE:
        before = history.as_of(attempt.jobs, attempt.dataset, str(made.snapshot_id - 1))
    undoing = _Undoing(attempt, job, now, made)
    if before is None:
        undoing.update([commit for commit in commits if commit.job_id in undone and commit.snapshot_id < made.snapshot_id])
    else:
        undoing.put_back(before, [commit for commit in later if commit.mode == Mode.UPSERT])


@dataclass(frozen=True, slots=True)
class _Undoing:
    """`now` is the newest snapshot, `made` the one of the import."""

    attempt: Attempt
    job: Undo
    now: Snapshot
    made: Snapshot

    def update(self, undone: Sequence[Commit]) -> None:
        """After an append or an upsert: rows that it has replaced come back, unless their keys were touched again.

        `undone` are the imports before it that were undone, in their order.
        """
        taken = self._taken(undone) if self.made.key else {}
        restored = " UNION ALL ".join(taken.values()) or _NOTHING
        counts = self._count({"removed": self._live, "kept": self._touched, "restored": restored})
        stored = ", ".join(f"`{name}`" for name in self.now.stored.values())
        back = f"INSERT INTO {self._table} ({stored}, {ROW}, {SINCE}) SELECT {stored}, {ROW}, {self.attempt.snapshot_id} FROM {self._table}"
        inserts = [f"{back} WHERE {UNTIL} = {taker} AND {ROW} IN ({places})" for taker, places in taken.items()]
        end = f"UPDATE {self._table} SET {UNTIL} = {self.attempt.snapshot_id} WHERE {UNTIL} IS NULL AND {self._mine}"
        self._commit(self.now.table, self.now.columns, counts, self.now.bytes, [*(inserts if counts.restored else []), end])

    def put_back(self, before: Snapshot, upserts: Sequence[Commit]) -> None:
        """After a replace: all that was there before comes back, but for rows with keys that newer upserts have rows of."""
        others = f"SELECT {ROW} FROM {self._table} WHERE {there_at(self.now.snapshot_id)} AND NOT {self._mine}"
        columns_stay = before.schema == self.made.schema
        found = _Found(self, before, upserts)
        numbers = self._numbers({"removed": self._live, "others": others, "kept": found.standing, "withheld": found.withheld})
        if not columns_stay and numbers["others"]:
            raise Terminal("undo_conflict")
        counts = Counts(removed=numbers["removed"], restored=before.rows - numbers["withheld"], kept=numbers["kept"])
        size_bytes = before.bytes + self.now.bytes - self.made.bytes
        if not columns_stay:
            self._commit(before.table, before.columns, counts, size_bytes, [])
            return
        jobs, table = self.attempt.jobs, self.attempt.jobs.named(before.table)
        doc = tables.fit(jobs, self.job.job_id, self.job.epoch, before, self.now.schema)
        schema, stored = columns.from_doc(doc)
        own = f"{ROW}, {SINCE}, {UNTIL}"
        target, source = (", ".join(f"`{there[name]}`" for name in schema.names) for there in (stored, self.now.stored))
        withhold = (
            f"UPDATE {table} AS held SET {UNTIL} = withheld.snapshot FROM ({self._by_snapshot(found.withheld)}) AS withheld"
            f" WHERE held.{UNTIL} IS NULL AND held.{ROW} = withheld.{ROW}"
        )
        # Rows that newer imports have ended come along, so that the undo of those finds them.
        rows = f"SELECT {source}, {own} FROM {self._table} WHERE NOT ({self._mine} AND {UNTIL} IS NULL)"
        insert = f"INSERT INTO {table} ({target}, {own}) {rows}"
        self._commit(before.table, doc, counts, size_bytes, [*([withhold] if numbers["withheld"] else []), insert], moved=True)

    def _by_snapshot(self, withheld: str) -> str:
        """Places of rows, each with the snapshot of the first upsert that has its key: its own undo finds what ended with it."""
        first = f"SELECT {ROW}, MIN(place) AS place FROM ({withheld}) GROUP BY {ROW}"
        commits = self.attempt.jobs.named(names.commits(self.attempt.dataset))
        its = "first.place >= made.first_row AND first.place < made.end_row"
        return f"SELECT first.{ROW} AS {ROW}, made.snapshot AS snapshot FROM ({first}) AS first JOIN {commits} AS made ON {its}"

    def _commit(
        self, table: str, doc: list[list[str]], counts: Counts, size_bytes: int, statements: Sequence[str], *, moved: bool = False
    ) -> None:
        if not counts.removed and not counts.restored:
            raise Terminal("nothing_to_undo", "Newer imports have touched all of its rows." if counts.kept else "")
        after = After(
            table=table,
            columns=doc,
            first_row=self.now.end_row,
            end_row=self.now.end_row,
            rows=self.now.rows - counts.removed + counts.restored,
            bytes=size_bytes,
            counts=counts,
            written=history.written(self.attempt.jobs, self.attempt.dataset, self.now) if moved else (),
        )
        self.attempt.commit(statements, after)

    def _count(self, rows: dict[str, str]) -> Counts:
        return Counts(**self._numbers(rows))

    def _numbers(self, rows: dict[str, str]) -> dict[str, int]:
        """How many different places each query names."""
        counted = (f"(SELECT COUNT(DISTINCT {ROW}) FROM ({query})) AS {name}" for name, query in rows.items())
        with translated():
            (answer,) = self.attempt.jobs.ask(f"SELECT {', '.join(counted)}", label=self.job.job_id)
        return dict(answer.items())

    @property
    def _table(self) -> str:
        return self.attempt.jobs.named(self.now.table)

    @property
    def _mine(self) -> str:
        return _of([self.made])

    @property
    def _live(self) -> str:
        """The places of its rows that are there."""
        return f"SELECT {ROW} FROM {self._table} WHERE {self._mine} AND {there_at(self.now.snapshot_id)}"

    @property
    def _touched(self) -> str:
        """The places of its rows that others have ended."""
        return f"SELECT {ROW} FROM {self._table} WHERE {self._mine} AND {ROW} NOT IN ({self._live})"

    def _taken(self, undone: Sequence[Commit]) -> dict[int, str]:
        """The places of the rows that come back, by the snapshot that has ended them.

        In the place of rows of undone imports come those that these had ended, and so on. An import ends rows of older ones alone, so
        each is looked at once, the newest first.
        """
        taken = {self.made.snapshot_id: self._ended(self.made, self._touched, "NOT EXISTS")}
        reached: list[Commit] = []
        while found := self._newest_of(undone, taken):
            newest = next(commit for commit in reversed(undone) if commit.first_row <= max(found.values()))
            its = [places for taker, places in taken.items() if found.get(taker, -1) >= newest.first_row]
            mine = " UNION ALL ".join(f"SELECT {ROW} FROM ({places}) WHERE {_of([newest])}" for places in its)
            if newest.mode == Mode.UPSERT:
                taken[newest.snapshot_id] = self._ended(newest, mine, "EXISTS")
            reached.append(newest)
            undone = [commit for commit in undone if commit.first_row < newest.first_row]
        return {taker: f"SELECT {ROW} FROM ({places}) WHERE NOT {_of(reached)}" if reached else places for taker, places in taken.items()}

    def _newest_of(self, undone: Sequence[Commit], taken: Mapping[int, str]) -> dict[int, int]:
        """The last of the places that belongs to an import that was undone, for those that have one."""
        if not undone:
            return {}
        last = (f"(SELECT MAX({ROW}) FROM ({places}) WHERE {_of(undone)}) AS t{taker}" for taker, places in taken.items())
        with translated():
            (answer,) = self.attempt.jobs.ask(f"SELECT {', '.join(last)}", label=self.job.job_id)
        return {taker: answer[f"t{taker}"] for taker in taken if answer[f"t{taker}"] is not None}

    def _ended(self, made: Snapshot | Commit, mine: str, have_keys: str) -> str:
        """The places of rows that an import has ended: `EXISTS`, those with the keys of its rows at `mine`; `NOT EXISTS`, all others."""
        cells = keys.cells(self.now.schema, made.key, self.now.stored)
        its = f"SELECT {cells} FROM {self._table} WHERE {ROW} IN ({mine})"
        ended = f"SELECT {ROW}, {cells} FROM {self._table} WHERE {UNTIL} = {made.snapshot_id}"
        same = keys.same(made.key, "its", "ended")
        return f"SELECT {ROW} FROM ({ended}) AS ended WHERE {have_keys} (SELECT 1 FROM ({its}) AS its WHERE {same})"

    def keyed(self, key: Sequence[str], condition: str) -> str:
        return f"SELECT {ROW}, {keys.cells(self.now.schema, key, self.now.stored)} FROM {self._table} WHERE {condition}"

    def all_of(self, key: Sequence[str], upserts: Iterable[Commit]) -> str:
        return self.keyed(key, _of(upserts))

    def fresh(self, key: Sequence[str], upserts: Iterable[Commit]) -> str:
        """Rows of these upserts that are there."""
        return self.keyed(key, f"{_of(upserts)} AND {there_at(self.now.snapshot_id)}")

    def touched(self, key: Sequence[str]) -> str:
        return self.keyed(key, f"{ROW} IN ({self._touched})")


class _Found:
    """Rows of newer upserts that stand where a replaced row, or one of the replace, would be; and the replaced ones, each with the
    places of those that have its key, whether they are there or others have ended them."""

    def __init__(self, undoing: _Undoing, before: Snapshot, upserts: Sequence[Commit]) -> None:
        standing, withheld = [_NOTHING], [f"SELECT {ROW}, 0 AS place FROM ({_NOTHING})"]
        for key, group in groupby(sorted(upserts, key=lambda commit: commit.key), key=lambda commit: commit.key):
            commits = list(group)
            fresh, same = undoing.fresh(key, commits), keys.same(key, "fresh", "old")
            old = [undoing.touched(key)]
            if set(key) <= set(before.schema.names):
                cells = keys.cells(before.schema, key, before.stored)
                table = undoing.attempt.jobs.named(before.table)
                old.append(f"SELECT {ROW}, {cells} FROM {table} WHERE {there_at(before.snapshot_id)}")
                joined = f"({old[-1]}) AS old JOIN ({undoing.all_of(key, commits)}) AS fresh ON {same}"
                withheld.append(f"SELECT old.{ROW}, fresh.{ROW} AS place FROM {joined}")
            standing.append(f"SELECT fresh.{ROW} FROM ({fresh}) AS fresh JOIN ({' UNION ALL '.join(old)}) AS old ON {same}")
        self.standing = " UNION ALL ".join(standing)
        self.withheld = " UNION ALL ".join(withheld)


def _of(imports: Iterable[Snapshot | Commit]) -> str:
    """The condition that a row's place is one of those that these have given."""
    joined: list[tuple[int, int]] = []
    for first, end in sorted((made.first_row, made.end_row) for made in imports):
        if joined and joined[-1][1] == first:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((first, end))
    return f"({' OR '.join(f'({ROW} >= {first} AND {ROW} < {end})' for first, end in joined)})"
