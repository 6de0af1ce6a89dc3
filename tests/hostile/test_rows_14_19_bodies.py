"""Rows 14 to 19 and 21: bodies that are not what they say, or that two readers would take two ways."""

import json

import pytest

from tests.hostile.case import IMPORTS, Case
from tests.hostile.ground import CANARY, JSON, Ground

MALFORMED, UNKNOWN, INVALID, MEDIA = (
    (400, "malformed_json"),
    (422, "unknown_field"),
    (422, "invalid_field"),
    (415, "unsupported_media_type"),
)
SOUND = '{"description": "CANARY"}'
CONTROLS = {
    "NUL": "\\u0000",
    "CR-LF": '\\r\\n{\\"event\\": \\"forged\\"}',
    "right-to-left": "\\u202e",
    "ANSI": "\\u001b[2J\\u001b[31m",
    "line-separator": "\\u2028",
    "isolate": "\\u2066",
    "C1": "\\u009b31m",
}


@pytest.fixture(scope="module")
def mode() -> str:
    """A body is read before any store is asked."""
    return "embedded"


def body(row: int, name: str, text: str | bytes, answers: tuple[int, str] = MALFORMED) -> Case:
    return Case(row=row, name=name, body=text.encode() if isinstance(text, str) else text, answers=answers)


def typed(name: str, *headers: tuple[str, str]) -> Case:
    return Case(row=21, name=name, headers=headers, body=SOUND.encode(), answers=MEDIA)


FOREIGN = ("owner", "status", "id", "job_id", "created_by", "download_url", "__proto__", "constructor", "Dataset", "dataset ", "a/b~c")
CASES = [
    *(body(14, f"field-{name}", json.dumps({name: CANARY}), UNKNOWN) for name in FOREIGN),
    # A name that is plain wherever it is shown is named by the pointer; any other is not.
    body(14, "field-with-a-tag-for-a-name", json.dumps({f"<b>{CANARY}": 1}), UNKNOWN),
    body(14, "field-of-70-letters", json.dumps({CANARY + "a" * 70: CANARY}), UNKNOWN),
    body(14, "field-within", json.dumps({"labels": {}, "__proto__": {"admin": True, CANARY: [CANARY]}}), UNKNOWN),
    body(15, "twice", '{"dataset": "users", "dataset": "CANARY"}'),
    body(15, "twice-by-an-escape", '{"dataset": "users", "d\\u0061taset": "CANARY"}'),
    body(15, "twice-within", '{"labels": {"a": "1", "a": "CANARY"}}'),
    *(body(16, f"number-{name}", f'{{"limit": {name}}}') for name in ("NaN", "Infinity", "-Infinity", "1e400", "01", "0x1", "+1", "1.")),
    body(16, "5000-digits", '{"limit": ' + "9" * 5000 + "}"),
    body(16, "5000-digits-of-a-fraction", '{"limit": 0.' + "9" * 5000 + "}"),
    *(body(16, f"no-integer-{name}", f'{{"limit": {name}}}', INVALID) for name in ('"5"', "5.0", "true", "[5]", '{"CANARY": 5}')),
    body(17, "30k-arrays", '{"labels": ' + "[" * 30_000 + "]" * 30_000 + "}"),
    body(17, "60k-arrays-open", "[" * 60_000),
    body(17, "10k-objects", '{"a":' * 10_000 + "1" + "}" * 10_000),
    body(17, "33-deep", '{"labels": ' + "[" * 32 + "]" * 32 + "}"),
    Case(row=17, name="200k-arrays-in-records", target=IMPORTS, body=b"[" * 200_000 + b"]" * 200_000, answers=MALFORMED),
    body(18, "half-a-pair", '{"description": "CANARY\\ud800"}'),
    body(18, "pair-the-wrong-way-round", '{"description": "CANARY\\udc00\\ud800"}'),
    body(18, "half-a-pair-as-a-name", '{"CANARY\\udfff": 1}'),
    body(18, "not-UTF-8", b'{"description": "CANARY\xff"}'),
    body(18, "overlong-UTF-8", b'{"description": "CANARY\xc0\xaf"}'),
    body(18, "surrogate-in-UTF-8", b'{"description": "CANARY\xed\xa0\x80"}'),
    body(18, "byte-order-mark", b"\xef\xbb\xbf" + SOUND.encode()),
    *(body(18, encoding, SOUND.encode(encoding)) for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le")),
    *(
        body(18, f"not-an-object-{name}", name, answers)
        for name, answers in (("[]", INVALID), ("7", INVALID), ("{", MALFORMED), (" ", MALFORMED))
    ),
    *(body(19, f"{name}-in-a-text", f'{{"description": "CANARY{text}CANARY"}}', INVALID) for name, text in CONTROLS.items()),
    *(body(19, f"{name}-in-a-name", f'{{"dataset": "users{text}CANARY"}}', INVALID) for name, text in CONTROLS.items()),
    *(body(19, f"{name}-in-a-label", f'{{"labels": {{"team": "{text}CANARY"}}}}', INVALID) for name, text in CONTROLS.items()),
    *(body(19, f"{name}-as-a-field", f'{{"CANARY{text}": 1}}', UNKNOWN) for name, text in CONTROLS.items()),
    typed("no-type"),
    typed("text", ("Content-Type", "text/plain")),
    typed("form", ("Content-Type", "application/x-www-form-urlencoded")),
    typed("multipart", ("Content-Type", f"multipart/form-data; boundary={CANARY}")),
    typed("two-types", JSON, JSON),
    typed("another-charset", ("Content-Type", "application/json; charset=utf-7")),
    typed("packed", JSON, ("Content-Encoding", "gzip")),
    typed("html-is-wanted", ("Content-Type", f"text/{CANARY}"), ("Accept", "text/html")),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_hostile(ground: Ground, case: Case) -> None:
    case.ask(ground)


@pytest.mark.parametrize("accept", ["text/html", "image/*", "*/*;q=0", "a" * 1000])
def test_21_a_problem_is_json_whatever_is_wanted(ground: Ground, accept: str) -> None:
    answer = ground.ask("GET", "/api/v1/jobs/nothing", ground.as_admin(("Accept", accept)))
    assert (answer.status, answer.code) == (404, "not_found")
