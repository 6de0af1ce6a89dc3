import contextlib
import json

import pytest
from hypothesis import given, strategies as st

from krai import strict_json
from krai.errors import Terminal

REFUSED = {
    "nothing": b"",
    "cut short": b'{"a":1',
    "two values": b"{}{}",
    "a comment": b"{} // x",
    "single quotes": b"{'a':1}",
    "a trailing comma": b'{"a":1,}',
    "a name twice": b'{"a":1,"a":1}',
    "a name twice, once escaped": b'{"a":1,"\\u0061":1}',
    "a name twice, further in": b'{"x":[{"b":1,"b":2}]}',
    "NaN": b'{"a":NaN}',
    "infinity": b'{"a":-Infinity}',
    "a fraction too large": b'{"a":1e400}',
    "a fraction too small": b'{"a":1e-400}',
    "an exponent beyond reason": b'{"a":1e-99999999999999999999}',
    "a fraction too exact": b'{"a":0.12345678901234567891}',
    "65 bits": b'{"a":18446744073709551616}',
    "65 bits below zero": b'{"a":-9223372036854775809}',
    "5,000 digits": b'{"a":' + b"9" * 5000 + b"}",
    "a leading zero": b'{"a":007}',
    "33 levels": b"[" * 33 + b"]" * 33,
    "33 levels of objects": b'{"a":' * 33 + b"1" + b"}" * 33,
    "200,000 levels": b"[" * 200_000,
    "200,000 levels, closed": b"[" * 200_000 + b"]" * 200_000,
    "200,000 objects": b'{"a":' * 200_000,
    "half a pair": b'{"a":"\\ud800"}',
    "half a pair as a name": b'{"\\uDfff":1}',
    "a pair the wrong way round": b'{"a":"\\ude00\\ud83d"}',
    "an encoded surrogate": b'{"a":"\xed\xa0\x80"}',
    "an overlong slash": b'{"a":"\xc0\xaf"}',
    "Latin-1": '{"a":"é"}'.encode("latin-1"),
    "a byte order mark": b'\xef\xbb\xbf{"a":1}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "UTF-16 without a mark": '{"a":1}'.encode("utf-16-le"),
    "UTF-32": '{"a":1}'.encode("utf-32"),
    "a raw control character": b'{"a":"\n"}',
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_it_refuses(body: bytes) -> None:
    with pytest.raises(Terminal) as refused:
        strict_json.parse(body)
    assert refused.value.code == "malformed_json"


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b" {} ", {}),
        (b'{"a":[1,-2,0.1,1e3,true,null]}', {"a": [1, -2, 0.1, 1000.0, True, None]}),
        (b'{"a":18446744073709551615,"b":-9223372036854775808}', {"a": 2**64 - 1, "b": -(2**63)}),
        (b'{"a":"\\ud83d\\ude00","b":"\\u00e9"}', {"a": "😀", "b": "é"}),
        (b'{"a":"\\\\ud800"}', {"a": "\\ud800"}),
        (b'{"a":"\\ud83d\\ude00\\\\ud800"}', {"a": "😀\\ud800"}),
        (b'{"a":"]]]]' + b"[" * 100 + b'"}', {"a": "]]]]" + "[" * 100}),
        (b'{"a":1,"A":2}', {"a": 1, "A": 2}),
    ],
)
def test_it_reads(body: bytes, value: object) -> None:
    assert strict_json.parse(body) == value


def test_32_levels_are_read() -> None:
    assert strict_json.parse(b"[" * 32 + b"]" * 32) is not None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES)
def test_whatever_any_writer_makes_of_a_value_is_read_back(value: object) -> None:
    for escaped in (True, False):
        assert strict_json.parse(json.dumps(value, ensure_ascii=escaped).encode()) == value


@given(st.binary(max_size=60))
def test_no_bytes_make_it_stumble(body: bytes) -> None:
    with contextlib.suppress(Terminal):
        strict_json.parse(body)
