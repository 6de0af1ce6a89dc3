"""What happens when, all of it drawn from one seed: the moments of the faults, and what each client asks for.

The same seed gives the same plan. What real processes make of it differs a little from run to run.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

FEW, PEOPLE = "few", "people"  # the datasets that exports read; nothing changes them during a run
FEW_ROWS, PEOPLE_ROWS = 150, 25_000
EXPORTS: dict[str, Json] = {
    "few as csv": {"dataset": FEW},
    "few as csv, packed": {"dataset": FEW, "compression": "gzip"},
    "few as ndjson": {"dataset": FEW, "format": "ndjson"},
    "few as parquet": {"dataset": FEW, "format": "parquet"},
    "two columns of few": {"dataset": FEW, "columns": ["city", "id"], "filename": "two.csv"},
    "people as csv": {"dataset": PEOPLE},
    "people as parquet": {"dataset": PEOPLE, "format": "parquet"},
    "half of people": {"dataset": PEOPLE, "format": "ndjson", "limit": PEOPLE_ROWS // 2},
}
SMALL_EXPORTS = sorted(name for name, request in EXPORTS.items() if request["dataset"] == FEW)
LARGE_EXPORTS = sorted(EXPORTS.keys() - set(SMALL_EXPORTS))

SHARED = 3  # datasets that imports of all clients are appended to at the same time
SHARED_FOR = 25  # imports of one client, then others take their place
WEIGHTS = {
    "small export": 42,
    "large export": 4,
    "own records": 20,
    "own upload": 8,
    "large upload": 2,
    "shared records": 12,
    "shared upload": 5,
    "replace": 4,
    "fails": 3,
}
CANCELLED = 0.1
RETRIED = 0.6  # of those that were cancelled or failed
POSTED_TWICE = 0.1


def drawing(*parts: object) -> random.Random:
    """A source of numbers of its own for each purpose, so that one more number here changes nothing there."""
    return random.Random("/".join(map(str, parts)))  # noqa: S311 - moments and sizes, not secrets


@dataclass(frozen=True, slots=True)
class Moment:
    """A fault to come, `at_s` seconds after the start; `number` tells its draws from those of others."""

    at_s: float
    fault: str
    number: int


def moments(seed: int, lasts_s: float, every_s: Mapping[str, float]) -> list[Moment]:
    """When which fault happens: of each kind, one every so many seconds in the mean, at any time."""
    found = []
    for fault, mean_s in sorted(every_s.items()):
        draw = drawing(seed, "moments", fault)
        at_s, number = draw.expovariate(1 / mean_s), 0
        while at_s < lasts_s:
            found.append(Moment(at_s, fault, number))
            at_s, number = at_s + draw.expovariate(1 / mean_s), number + 1
    return sorted(found, key=lambda moment: moment.at_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One job that a client asks for.

    `tag` is the Idempotency-Key and, of an import, a value that stands in each of its `rows` rows and in no other job's. `expected`
    names the entry of `EXPORTS`; `error` the code a job must fail with.
    """

    kind: str
    noun: str
    tag: str
    body: Json
    upload: bytes | None = None
    rows: int = 0
    rejected: int = 0
    expected: str | None = None
    error: str | None = None
    cancel_after_s: float | None = None
    posted_twice: bool = False
    retried: bool = False


@dataclass(slots=True)
class Wishes:
    """What client number `client` asks for, one after the other."""

    seed: int
    client: int
    _number: int = field(default=0)

    def __iter__(self) -> Iterator[Wish]:
        return self

    def __next__(self) -> Wish:
        number, self._number = self._number, self._number + 1
        draw = drawing(self.seed, "wish", self.client, number)
        tag = f"s{self.seed}c{self.client}n{number}"
        (kind,) = draw.choices(list(WEIGHTS), list(WEIGHTS.values()))
        common: Json = {
            "kind": kind,
            "tag": tag,
            "cancel_after_s": draw.choice((0.0, draw.uniform(0, 0.3), draw.uniform(0, 1.5))) if draw.random() < CANCELLED else None,
            "posted_twice": draw.random() < POSTED_TWICE,
            "retried": draw.random() < RETRIED,
        }
        if kind.endswith("export"):
            name = draw.choice(SMALL_EXPORTS if kind == "small export" else LARGE_EXPORTS)
            return Wish(noun="exports", body=EXPORTS[name], expected=name, **common)
        return _import(draw, kind, self.client, number, common)


def _import(draw: random.Random, kind: str, client: int, number: int, common: Json) -> Wish:
    tag: str = common["tag"]
    own, shared = f"own_{client}_{number}", f"shared_{draw.randrange(SHARED)}_{number // SHARED_FOR}"
    rows = draw.randrange(1, 12)
    match kind:
        case "own records" | "shared records":
            body = {"dataset": own if kind.startswith("own") else shared, "source": {"records": _records(tag, rows)}}
            return Wish(noun="imports", body=body, rows=rows, **common)
        case "replace":
            body = {"dataset": f"turned_{draw.randrange(2)}", "mode": "replace", "source": {"records": _records(tag, rows)}}
            return Wish(noun="imports", body=body, rows=rows, **common)
        case "fails":
            records = [{"tag": tag, "n": "no number"} for _ in range(rows)]
            body = {"dataset": draw.choice((own, shared)), "source": {"records": records}, "schema": {"n": "int64"}}
            return Wish(noun="imports", body=body, error="too_many_rejects", **common)
        case _:
            rows = draw.randrange(20_000, 50_000) if kind == "large upload" else draw.randrange(20, 300)
            rejected = draw.randrange(2)
            body = {"dataset": shared if kind.startswith("shared") else own}
            return Wish(noun="imports", body=body, upload=_csv(tag, rows, rejected), rows=rows, rejected=rejected, **common)


def _records(tag: str, rows: int) -> list[Json]:
    return [{"tag": tag, "n": number, "text": f"row {number} of {rows}"} for number in range(rows)]


def _csv(tag: str, rows: int, rejected: int) -> bytes:
    """`rejected` rows at the end have a cell too many."""
    lines = [f"{tag},{number},row {number} of {rows}\n" for number in range(rows)]
    return "".join(["tag,n,text\n", *lines, *[f"{tag},0,one,too many\n"] * rejected]).encode()
