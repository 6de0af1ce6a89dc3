"""Settings that all callers read and admins change, while krai runs: what a dashboard shows, what scripts agree upon.

Each keeps who changed it and when, with the values before, newest first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from krai import observe
from krai.access import Principal
from krai.errors import Terminal
from krai.job import format_time, parse_time
from krai.ports import Directory

COLLECTION = "settings"
CHANGES_KEPT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """`value` is what it was changed to; `deleted` when it was taken away."""

    value: Any
    deleted: bool
    at: datetime
    by: str

    def to_doc(self) -> dict[str, Any]:
        return {"value": self.value, "deleted": self.deleted, "at": format_time(self.at), "by": self.by}

    @classmethod
    def from_doc(cls, doc: dict[str, Any]) -> Self:
        return cls(value=doc["value"], deleted=doc["deleted"], at=parse_time(doc["at"]), by=doc["by"])


@dataclass(frozen=True, slots=True)
class SharedSetting:
    name: str
    changes: Sequence[Change]  # newest first, at least one

    @property
    def newest(self) -> Change:
        return self.changes[0]


async def every(directory: Directory) -> Sequence[SharedSetting]:
    """Those that are set, by name."""
    found = [_of(name, doc) for name, doc in await directory.list(COLLECTION)]
    return [setting for setting in found if not setting.newest.deleted]


async def get(directory: Directory, name: str) -> SharedSetting:
    """Raises Terminal not_found."""
    doc = await directory.get(COLLECTION, name)
    setting = None if doc is None else _of(name, doc)
    if setting is None or setting.newest.deleted:
        raise Terminal("not_found")
    return setting


async def put(directory: Directory, name: str, value: Any, *, by: Principal, now: datetime) -> SharedSetting:
    return await _change(directory, name, Change(value=value, deleted=False, at=now, by=by.id))


async def delete(directory: Directory, name: str, *, by: Principal, now: datetime) -> None:
    """What it was stays on record. Raises Terminal not_found."""
    await get(directory, name)
    await _change(directory, name, Change(value=None, deleted=True, at=now, by=by.id))


async def _change(directory: Directory, name: str, change: Change) -> SharedSetting:
    new = change.to_doc()

    def step(doc: dict[str, Any] | None) -> dict[str, Any]:
        before = [] if doc is None else doc["changes"]
        # A change whose answer was lost may stand there already.
        return {"changes": before if before[:1] == [new] else [new, *before][:CHANGES_KEPT]}

    doc = await directory.change(COLLECTION, name, step)
    observe.log().info("setting deleted" if change.deleted else "setting changed", setting=name, by=change.by)
    return _of(name, doc or {"changes": [new]})


def _of(name: str, doc: dict[str, Any]) -> SharedSetting:
    return SharedSetting(name, [Change.from_doc(change) for change in doc["changes"]])
