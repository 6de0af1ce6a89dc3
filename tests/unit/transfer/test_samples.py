"""The samples of a new installation: made once, the same everywhere, and left alone afterwards."""

from pathlib import Path

from krai.job import Kind
from krai.transfer import samples
from tests.unit.transfer.desk import Desk


def test_the_samples_are_there_and_come_out_the_same_everywhere(desk: Desk, tmp_path: Path) -> None:
    found = samples.seed(desk.tools)
    assert [(dataset.name, dataset.rows) for dataset in found] == [("users", 10_000), ("default", 365)]
    other = Desk(tmp_path / "other")
    samples.seed(other.tools)
    for name in ("users", "default"):
        assert desk.exported(name) == other.exported(name)


def test_seeding_again_changes_nothing(desk: Desk) -> None:
    first = samples.seed(desk.tools)
    assert samples.seed(desk.tools) == first


def test_what_was_dropped_or_changed_stays_so(desk: Desk) -> None:
    samples.seed(desk.tools)
    desk.run(desk.drop_job("default"))
    desk.load(b"id\n1\n", "users", mode="replace")
    assert [(dataset.name, dataset.rows) for dataset in samples.seed(desk.tools)] == [("users", 1)]


def test_seeding_that_was_interrupted_is_finished(desk: Desk) -> None:
    samples.seed(desk.tools)
    desk.run(desk.drop_job("default"))
    desk.tools.blobs.delete(samples.CONTACTS_PATH)
    assert [(dataset.name, dataset.rows) for dataset in samples.seed(desk.tools)] == [("users", 10_000), ("default", 365)]


def test_the_contacts_can_be_imported(desk: Desk) -> None:
    samples.seed(desk.tools)
    result = desk.run(desk.job(Kind.IMPORT, "contacts", source={"path": samples.CONTACTS_PATH})).result
    assert (result["records_processed"], result["records_rejected"]) == (500, 0)
    kinds = desk.types("contacts")
    assert (kinds["postal_code"], kinds["created_at"], kinds["opted_in"]) == ("string", "timestamptz", "boolean")
