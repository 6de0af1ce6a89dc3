"""Whatever a body holds, it is taken or refused in words of krai's own."""

from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydantic import BaseModel

from krai.api.exports import ExportBody
from krai.api.fields import MISSING, validate
from krai.api.imports import ImportBody
from krai.api.uploads import UploadBody
from krai.errors import PROBLEMS, Terminal

BODIES = (ExportBody, ImportBody, UploadBody)
NAMES = sorted({name for body in BODIES for name in body.model_json_schema()["properties"]} | {"upload_id", "url", "records", "kil/r~oy"})
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.sampled_from(["kilroy", "csv", "\u202e", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*NAMES, "kilroy was here"]), inner, max_size=3),
    max_leaves=8,
)


def led_to(document: Any, pointer: str, code: str) -> bool:
    """Whether an RFC 6901 pointer leads into the document; what is missing is pointed at in the object that lacks it."""
    *steps, last = pointer.split("/")[1:] or [""]
    for step in steps:
        document = document[int(step)] if isinstance(document, list) else document[step]
    if pointer == "":
        return True
    if code == MISSING:
        return isinstance(document, dict) and last not in document
    return int(last) < len(document) if isinstance(document, list) else last in document


def refusal(body: type[BaseModel], document: Any) -> Terminal | None:
    try:
        validate(body, document)
    except Terminal as refused:
        return refused
    return None


@pytest.mark.parametrize("body", BODIES)
@given(document=VALUES | st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4))
def test_every_body_is_taken_or_refused_with_pointers_into_it(body: type[BaseModel], document: Any) -> None:
    refused = refusal(body, document)
    if refused is None:
        return
    assert refused.problem.status == 422
    assert refused.errors
    for error in refused.errors:
        assert error.code in PROBLEMS
        assert led_to(document, error.pointer, error.code), (document, error)
        assert "kilroy" not in error.detail
        assert "\u202e" not in error.detail + error.pointer


def test_a_name_that_is_not_plain_is_left_out() -> None:
    with pytest.raises(Terminal) as refused:
        validate(ImportBody, {"source": "x", "schema": {"a/b": 5, "plain": 5}})
    assert [error.pointer for error in refused.value.errors] == ["/schema", "/schema/plain"]
