"""What each kind of answer of Firestore means, and how often it is asked."""

# The exceptions of google.api_core have no types.
# mypy: disable-error-code="no-untyped-call"

import pytest
from google.api_core.exceptions import Aborted, AlreadyExists, DeadlineExceeded, FailedPrecondition, PermissionDenied, ServiceUnavailable
from google.auth.exceptions import RefreshError

from krai.errors import Transient
from krai.warehouse.firestore_catalog import Unanswered, answer

BUSY = ServiceUnavailable("try later")


class Asked:
    """Answers with what it was given, one after the other."""

    def __init__(self, *answers: Exception | str) -> None:
        self.left = list(answers)

    def __call__(self, *, retry: None, timeout: float) -> str:
        assert retry is None
        assert 0 < timeout <= 3
        said = self.left.pop(0)
        if isinstance(said, Exception):
            raise said
        return said


@pytest.mark.parametrize("first", [BUSY, Aborted("contention"), DeadlineExceeded("slow")])
def test_what_may_pass_is_asked_again(first: Exception) -> None:
    assert answer(Asked(first, BUSY, BUSY, "there")) == "there"


def test_four_tries_are_enough() -> None:
    asked = Asked(BUSY, BUSY, BUSY, BUSY, "too late")
    with pytest.raises(Unanswered, match="store_busy"):
        answer(asked)
    assert asked.left == ["too late"]


@pytest.mark.parametrize("refusal", [FailedPrecondition("changed"), AlreadyExists("taken")])
def test_a_refusal_is_an_answer_unless_an_earlier_try_may_be_its_cause(refusal: Exception) -> None:
    with pytest.raises(type(refusal)):
        answer(Asked(refusal, "never"))
    with pytest.raises(Unanswered, match="store_busy"):
        answer(Asked(BUSY, refusal, "never"))


@pytest.mark.parametrize("error", [PermissionDenied("no"), RefreshError("no token")])
def test_what_does_not_pass_by_itself_is_asked_once(error: Exception) -> None:
    asked = Asked(error, "never")
    with pytest.raises(Transient, match="store_busy") as raised:
        answer(asked)
    assert asked.left == ["never"]
    assert not isinstance(raised.value, Unanswered)
