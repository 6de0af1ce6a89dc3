"""A check that schemathesis does not have; loaded by it, as schemathesis.toml says."""

from typing import Any

import schemathesis

# What a schema can say of a request, and krai's should.
OF_FORM = {
    "malformed_json",
    "unsupported_media_type",
    "invalid_idempotency_key",
    "invalid_argument",
    "invalid_request",
    "invalid_field",
    "unknown_field",
    "missing_field",
    "invalid_dataset",
}

# Of these fields no schema says it all: names of encodings, days of the calendar, what must differ from something else, and what goes
# with one format or mode only.
BEYOND = {
    "/key",
    "/evolve",
    "/csv/encoding",
    "/csv/quote",
    "/columns",
    "/csv/null",
    "/csv",
    "/compression",
    "/sheet",
    "/order_by",
    "/as_of",
}


@schemathesis.check
def refused_for_its_form(_ctx: Any, response: Any, case: Any) -> None:
    """A request that the description allows is refused for what it is about, if at all."""
    sound = case.meta is not None and case.meta.generation.mode.is_positive and not _says_too_little(case.body)
    if not sound or response.status_code not in {400, 415, 422}:
        return
    problem = response.json()
    pointers = {error["pointer"] for error in problem.get("errors", ())}
    said = problem["code"] not in OF_FORM or (pointers and pointers <= BEYOND)
    assert said, f"the description allows what krai refuses: {problem['code']} {pointers}"


def _says_too_little(value: Any) -> bool:
    """5.0 is an integer to JSON Schema and none to krai (row 16), and no pattern says which scale goes with a precision."""
    if isinstance(value, dict | list):
        return any(map(_says_too_little, value.values() if isinstance(value, dict) else value))
    return value.startswith("decimal(") if isinstance(value, str) else isinstance(value, float) and value.is_integer()
