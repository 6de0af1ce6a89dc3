"""A seed means one plan, or no run could be replayed."""

from itertools import islice

from tests.chaos import faults
from tests.chaos.plan import WEIGHTS, Wishes, moments

LASTS_S = 600


def test_a_seed_gives_the_same_faults_and_requests_again() -> None:
    for mode in ("embedded", "gcp"):
        every_s = faults.every_s(mode)
        assert moments(1, LASTS_S, every_s) == moments(1, LASTS_S, every_s) != moments(2, LASTS_S, every_s)
    assert list(islice(Wishes(1, 3), 50)) == list(islice(Wishes(1, 3), 50)) != list(islice(Wishes(2, 3), 50))


def test_one_more_kind_of_fault_leaves_the_moments_of_the_others() -> None:
    few, more = {"one": 5.0}, {"one": 5.0, "two": 7.0}
    assert moments(1, LASTS_S, few) == [moment for moment in moments(1, LASTS_S, more) if moment.fault == "one"]


def test_ten_minutes_hold_every_kind_of_fault_and_of_request() -> None:
    for mode in ("embedded", "gcp"):
        every_s = faults.every_s(mode)
        assert {moment.fault for moment in moments(1, LASTS_S, every_s)} == every_s.keys()
    assert {wish.kind for wish in islice(Wishes(1, 0), 500)} == WEIGHTS.keys()


def test_no_two_imports_share_a_tag() -> None:
    tags = [wish.tag for client in range(5) for wish in islice(Wishes(1, client), 100)]
    assert len(set(tags)) == len(tags)
