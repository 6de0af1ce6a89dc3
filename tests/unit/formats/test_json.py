"""A JSON array is cut into the elements that the standard library finds in it, wherever its blocks end."""

import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from krai.errors import Terminal
from krai.formats.json_split import Splitter
from tests.unit.formats.reading_files import read_json, read_ndjson

BLOCKS = [1, 2, 7, 1 << 20]
TEXT = st.text(
    alphabet=st.one_of(st.sampled_from('"\\,[]{}: \nx'), st.characters(exclude_categories=["Cs"], exclude_characters="\0")), max_size=8
)
VALUE = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), TEXT), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner)
)
RECORDS = st.lists(st.dictionaries(st.sampled_from(["a", "b", 'c"', "[", "}"]), VALUE, max_size=3), max_size=6)


def spelled(records: list[Any], layout: str) -> str:
    """The same array as different programs write it."""
    match layout:
        case "tight":
            return json.dumps(records, separators=(",", ":"), ensure_ascii=False)
        case "tabs":
            return "\ufeff \r\n" + json.dumps(records, indent="\t").replace("\n", "\r\n") + "\n\n"
        case "lines":
            return "[\n" + ",\n".join(json.dumps(record) for record in records) + "\n]\n"
        case _:
            return json.dumps(records, indent=1, separators=(" ,", " : "))


@settings(max_examples=200)
@given(RECORDS, st.sampled_from(["tight", "tabs", "lines", "airy"]), st.sampled_from([1, 2, 3, 5, 8, 64, 1 << 20]))
def test_an_array_is_read_like_its_elements_line_by_line(records: list[dict[str, Any]], layout: str, block_bytes: int) -> None:
    data = spelled(records, layout).encode()
    read = read_json(data, block_bytes=block_bytes)
    if not any(records):
        assert read.rows == [()] * len(records)
        return
    assert read == read_ndjson("".join(json.dumps(record) + "\n" for record in records).encode())


@given(st.lists(VALUE, max_size=6), st.sampled_from(["tight", "lines", "airy"]), st.sampled_from(BLOCKS))
def test_elements_that_are_no_objects_are_rejected_with_their_bytes(values: list[Any], layout: str, block_bytes: int) -> None:
    read = read_json(spelled(values, layout).encode(), block_bytes=block_bytes)
    assert read.total == len(values)
    assert len(read.rows) == sum(isinstance(value, dict) for value in values)
    assert [json.loads(reject.raw) for reject in read.rejected] == [value for value in values if not isinstance(value, dict)]


@pytest.mark.parametrize(
    "element",
    [
        *(b"nope", b"[1]", b"1", b'"x"', b"null", b"", b'{"a":1,}', b"{'a':1}", b'{"a":01}', b'{"a":NaN}', b'{"a":1,"a":2}'),
        *(
            b'{"a":1}}',
            b'{"a":1} {"a":2}',
            b'{"a":1]',
            b'{"a":"x\ty"}',
            b'{"a":"x\ny"}',
            b'{"a":"\\ud800"}',
            b'{"a":' + b"[" * 200 + b"]" * 200 + b"}",
        ),
    ],
)
@pytest.mark.parametrize("block_bytes", BLOCKS)
def test_a_bad_element_is_rejected_as_it_came_and_its_neighbours_are_imported(element: bytes, block_bytes: int) -> None:
    read = read_json(b'[{"a":1},\n' + element + b' ,{"a":3}, {"a":4}]', block_bytes=block_bytes)
    assert read.rows == [("1",), ("3",), ("4",)]
    assert read.rejected == [(2, "malformed_json", element)]


@pytest.mark.parametrize("block_bytes", [16, 64])
@pytest.mark.parametrize("after", [b"]", b',{"a":3}]', b",]"])
def test_an_element_that_is_too_long_is_passed_over(block_bytes: int, after: bytes) -> None:
    long = b'{"a":"' + b'\\"],{' * 500 + b'"}'
    read = read_json(b'[{"a":1},' + long + after, block_bytes=block_bytes, max_row_bytes=200)
    assert read.rows == ([("1",), ("3",)] if b"3" in after else [("1",)])
    number, code, raw = read.rejected[0]
    assert (number, code, long.startswith(raw)) == (2, "row_too_large", True)
    assert [reject.code for reject in read.rejected[1:]] == (["malformed_json"] if after == b",]" else [])


def test_a_single_object_is_a_row() -> None:
    read = read_json(b' {"records": [{"a": 1}, {"a": 2}], "b": "}"}\n')
    assert (read.names, read.rows) == (["records", "b"], [('[{"a":1},{"a":2}]', "}")])


@pytest.mark.parametrize(
    ("data", "code"),
    [
        *((data, "empty_file") for data in (b"", b" \n", b"\xef\xbb\xbf")),
        *((data, "format_mismatch") for data in (b"1", b'"x"', b"null", b"a,b\n1,2\n", b"]")),
        *((data, "encoding_unsupported") for data in ("[]".encode("utf-16"), b"\xfe\xff\0[\0]")),
        *((data, "corrupt_file") for data in (b"[", b"[1", b'[{"a":1}', b'[{"a":1},', b'[{"a":"x]', b'[{"a":[1}, {"a":2}]', b'{"a":1')),
        *((data, "corrupt_file") for data in (b"[1]]", b"[1] x", b"[1]\n[2]", b'{"a":1}\n{"a":2}', b"[1]\0", b"[1" + b" " * 100 + b"]x")),
    ],
)
@pytest.mark.parametrize("block_bytes", BLOCKS)
def test_what_is_not_one_array_is_no_file_to_import(data: bytes, code: str, block_bytes: int) -> None:
    with pytest.raises(Terminal) as error:
        read_json(data, block_bytes=block_bytes)
    assert error.value.code == code


@pytest.mark.parametrize("pieces", [[b'{"a\\', b'\\"},', b"1]"], [b'{"a\\', b'","b":[1,2', b"]},", b"]"], [b'"\\\\\\', b'",', b'",]']])
def test_a_backslash_at_the_end_of_a_piece_counts_in_the_next_one(pieces: list[bytes]) -> None:
    whole, parts = Splitter(b"[").feed(b"".join(pieces)), Splitter(b"[")
    found, offset = [], 0
    for piece in pieces:
        found += [int(comma) + offset for comma in parts.feed(piece).commas]
        offset += len(piece)
    assert found == whole.commas.tolist()
