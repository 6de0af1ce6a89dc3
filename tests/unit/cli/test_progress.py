"""What is told of a transfer, by a clock that the test turns."""

from typing import Any

import pytest

from krai.cli.output import Output, count, plain, size, span
from krai.cli.progress import LINE_EVERY_S, Pace, Progress
from krai.client import Job


class Clock:
    def __init__(self) -> None:
        self.now_s = 50.0

    def __call__(self) -> float:
        return self.now_s


def job(**fields: Any) -> Job:
    return Job(job_id="1", type="import", **({"status": "PROCESSING", "stage": "writing"} | fields))


def test_without_a_terminal_there_is_a_line_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with Progress(Output(), clock) as progress:
        for rows in range(0, 30_000, 1000):
            progress.seen(job(progress=rows // 500, records_processed=rows, records_total=50_000))
            clock.now_s += 1
    said = capsys.readouterr()
    assert said.out == ""
    first, second = said.err.splitlines()
    assert first == "writing 20 %  10,000 of 50,000 rows · 1,000 rows/s · 0:40 left"
    assert second.startswith("writing 40 %  20,000 of 50,000 rows")
    assert progress.job is not None


def test_with_json_nothing_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    clock, output = Clock(), Output()
    output.json = True
    with Progress(output, clock) as progress:
        for done in range(3):
            clock.now_s += LINE_EVERY_S
            progress.sent(done, 3)
    assert capsys.readouterr() == ("", "")


def test_what_counts_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with Progress(Output(), clock) as progress:
        clock.now_s += LINE_EVERY_S
        progress.seen(job(status="PENDING", stage="queued"))
        clock.now_s += LINE_EVERY_S
        progress.seen(job(records_processed=10, records_rejected=2, attempt=3))
        clock.now_s += LINE_EVERY_S
        progress.sent(5_000_000, None)
        progress.arrived(0, 10_000_000)
        clock.now_s += LINE_EVERY_S
        progress.arrived(5_000_000, 10_000_000)
    assert capsys.readouterr().err.splitlines() == [
        "waiting 0 %  0 rows",
        "writing 0 %  10 rows · 2 rejected · attempt 3",
        "uploading 0 %  5.0 MB",
        "downloading 50 %  5.0 MB of 10.0 MB · 500.0 kB/s · 0:10 left",
    ]


def test_a_rate_is_that_of_lately_and_begins_again() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert pace.per_s(0) == 0
    for _ in range(100):
        clock.now_s += 1
        pace.per_s((clock.now_s - 50) * 10)
    assert pace.per_s(1000) == pytest.approx(10)
    assert pace.per_s(0) == 0


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (count(1), "1 row"),
        (count(2500), "2,500 rows"),
        (size(999), "999 bytes"),
        (size(1_500), "1.5 kB"),
        (size(2e15), "2000.0 TB"),
        (span(7.4), "0:07"),
        (span(3723), "1:02:03"),
        (plain("a\x1b[31m\u202eb\n"), "a�[31m�b\n"),
    ],
)
def test_words_for_people(said: str, expected: str) -> None:
    assert said == expected
