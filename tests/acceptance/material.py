"""Data that tests make for themselves, the same in every run."""

import random
from collections.abc import Iterator

SEED = 20130101
CITIES = ("Erlangen", "Göttingen", "Bryn Mawr", "København", "São Paulo", "東京")
BLOCK_ROWS = 10_000

# Seven cells where the header has six: every import of this table rejects one row, so that it has a rejects file to store.
BAD_ROW = b"0,one,cell,too,many,in,this\n"


def people_csv(rows: int) -> bytes:
    """A table of `rows` good rows with numbers, text, days and times, and one bad row at its end."""
    return b"".join(_blocks(rows)) + BAD_ROW


def _blocks(rows: int) -> Iterator[bytes]:
    chosen = random.Random(SEED)  # noqa: S311 - not a secret
    yield b"id,code,city,amount,day,at\n"
    tails = []
    for _ in range(BLOCK_ROWS):
        day = f"20{chosen.randrange(10, 26)}-{chosen.randrange(1, 13):02}-{chosen.randrange(1, 29):02}"
        amount = chosen.randrange(-10_000, 10_000) / 4
        tails.append(f"{chosen.randrange(1000):04},{chosen.choice(CITIES)},{amount},{day},{day}T{chosen.randrange(24):02}:30:00Z\n")
    for start in range(0, rows, BLOCK_ROWS):
        block = tails[: min(BLOCK_ROWS, rows - start)]
        yield "".join(f"{start + offset},{tail}" for offset, tail in enumerate(block)).encode()
