"""Which rows of a snapshot BigQuery extracts together, and how they are handed on."""

from krai.warehouse.bigquery.extracts import bunches

MIB = 1 << 20


def test_a_job_extracts_up_to_32_mib_and_pieces_are_as_they_were_written() -> None:
    written = [(100 * number, 100, 8 * MIB) for number in range(9)]
    pieces = [(100 * number, 100 * number + 100) for number in range(9)]
    assert bunches(written, 900) == [pieces[:4], pieces[4:8], pieces[8:]]
    assert bunches(written, 450) == [pieces[:4], [(400, 450)]]
    assert bunches(written, 0) == bunches([], 0) == []


def test_small_imports_are_handed_on_together() -> None:
    assert bunches([(number, 1, 100) for number in range(1_000)], 1_000) == [[(0, 1_000)]]


def test_what_was_written_at_once_is_not_torn_apart() -> None:
    assert bunches([(0, 10, 100 * MIB), (10, 10, 100 * MIB)], 20) == [[(0, 10)], [(10, 20)]]
