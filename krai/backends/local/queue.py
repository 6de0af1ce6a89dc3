"""Wake-up messages in a SQLite file of its own.

Not durable, on purpose: a message only says "look at this job", and the sweep publishes what a power cut has taken. So no message
costs an fsync, and a damaged file is set aside and begun anew.
"""

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from krai.backends import message
from krai.backends.local.database import Database
from krai.job import Job
from krai.ports import Delivery

# `visible_at` (seconds since 1970) is when a message may be delivered: at once, after a delay, or when its lease has run out.
# `token` is new with every delivery, so whoever held an earlier lease can do nothing to a message any more.
SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL, visible_at REAL NOT NULL, token TEXT, deliveries INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS messages_visible ON messages (visible_at, id);
CREATE TABLE IF NOT EXISTS dead_letters (
    id INTEGER PRIMARY KEY, body BLOB NOT NULL, visible_at REAL NOT NULL, token TEXT, deliveries INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL
)
"""
LEASE = """
UPDATE {table} SET visible_at = :until, deliveries = deliveries + 1, token = id || '.{table}.' || hex(randomblob(16))
WHERE id IN (SELECT id FROM {table} WHERE visible_at <= :now ORDER BY visible_at, id LIMIT :limit)
RETURNING token, body, deliveries
"""
LEASE_MESSAGES, LEASE_DEAD_LETTERS = LEASE.format(table="messages"), LEASE.format(table="dead_letters")
TOPIC = "messages"
BURIED_LEASE_S = 30


class LocalJobQueue:
    system, topic = "sqlite", TOPIC

    def __init__(self, path: Path) -> None:
        self._database = Database(path, SCHEMA, version=2, durable=False)

    async def publish(self, job: Job) -> None:
        with message.sending(self, job):
            await self._write("INSERT INTO messages (body, visible_at) VALUES (?, ?)", (message.encode(job), time.time()))

    async def pull(self, limit: int, *, wait_s: float, lease_s: float) -> Sequence[Delivery]:
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        with self._database.watch(TOPIC) as watcher:
            while True:
                visible_in_s = await self._visible_in_s()
                if visible_in_s <= 0 and (deliveries := await self._lease(LEASE_MESSAGES, limit, lease_s)):
                    return deliveries
                if loop.time() >= until:
                    return []
                await watcher.changed(min(until, loop.time() + max(visible_in_s, 0)))

    async def ack(self, delivery: Delivery) -> None:
        buried = ".dead_letters." in delivery.ack_id
        statement = f"DELETE FROM {'dead_letters' if buried else 'messages'} WHERE id = ? AND token = ?"  # noqa: S608 - one of two words
        await self._write(statement, _key(delivery))

    async def extend(self, delivery: Delivery, lease_s: float) -> None:
        await self._write("UPDATE messages SET visible_at = ? WHERE id = ? AND token = ?", (time.time() + lease_s, *_key(delivery)))

    async def delay(self, delivery: Delivery, delay_s: float) -> None:
        statement = "UPDATE messages SET visible_at = ?, token = NULL WHERE id = ? AND token = ?"
        await self._write(statement, (time.time() + delay_s, *_key(delivery)))

    async def bury(self, delivery: Delivery, reason: str) -> None:
        key = _key(delivery)

        def write(connection: sqlite3.Connection) -> None:
            copy = "INSERT INTO dead_letters (id, body, reason, visible_at) SELECT id, body, ?, ? FROM messages WHERE id = ? AND token = ?"
            connection.execute(copy, (reason, time.time(), *key))
            connection.execute("DELETE FROM messages WHERE id = ? AND token = ?", key)

        await self._database.run(write)

    async def pull_buried(self, limit: int) -> Sequence[Delivery]:
        some = "SELECT EXISTS (SELECT 1 FROM dead_letters WHERE visible_at <= ?)"
        # There is hardly ever one, and reading waits for no writer.
        if not await self._database.read(lambda connection: connection.execute(some, (time.time(),)).fetchone()[0]):
            return []
        return await self._lease(LEASE_DEAD_LETTERS, limit, BURIED_LEASE_S)

    async def check(self) -> None:
        await self._database.check()

    async def close(self) -> None:
        await self._database.close()

    async def _visible_in_s(self) -> float:
        """How long until the next message may be delivered; infinity when there is none."""
        row = await self._database.read(lambda connection: connection.execute("SELECT min(visible_at) FROM messages").fetchone())
        return float("inf") if row[0] is None else float(row[0]) - time.time()

    async def _lease(self, statement: str, limit: int, lease_s: float) -> list[Delivery]:
        """Lease what may be delivered now. Cancelled half way, it gives back what nobody will receive."""
        now = time.time()
        values = {"now": now, "until": now + lease_s, "limit": limit}
        leasing = asyncio.ensure_future(self._database.run(lambda connection: connection.execute(statement, values).fetchall()))
        try:
            rows = await asyncio.shield(leasing)
        except asyncio.CancelledError:
            for token, body, deliveries in await leasing:
                await self.delay(Delivery(ack_id=token, job_id=message.job_id_of(body), deliveries=deliveries), 0)
            raise
        return [Delivery(ack_id=token, job_id=message.job_id_of(body), deliveries=deliveries) for token, body, deliveries in rows]

    async def _write(self, statement: str, values: tuple[object, ...]) -> None:
        await self._database.run(lambda connection: connection.execute(statement, values), topic=TOPIC)


def _key(delivery: Delivery) -> tuple[int, str]:
    return int(delivery.ack_id.partition(".")[0]), delivery.ack_id
