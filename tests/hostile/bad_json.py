"""What looks like JSON and is none, made class by class: numbers, strings, words, arrays and objects gone wrong in every way we know of."""

from collections.abc import Iterator
from itertools import product

DIGITS = (b"1", b"0", b"12", b"-1", b"-0")
POINTS = (b".", b".e1", b".5.5", b".e", b"..5")
EXPONENTS = (b"e", b"E", b"e+", b"E-", b"eE2", b"e+-2", b"e2.5", b"e1e1")
NUMBERS = (
    *(
        b"+1",
        b"++1",
        b"-01",
        b"012",
        b"-",
        b"--1",
        b"- 1",
        b".5",
        b"-.5",
        b"+.5",
        b"0x1",
        b"0x42",
        b"0b1",
        b"0o7",
        b"1_000",
        b"1,000",
        b"1 000",
    ),
    *(
        b"NaN",
        b"-NaN",
        b"nan",
        b"Inf",
        b"+Inf",
        b"Infinity",
        b"-Infinity",
        b"+Infinity",
        b"1.0a",
        b"1a",
        b"-a",
        b"1+2",
        b"1/2",
        b"1f",
        b"1L",
    ),
    *("\uff11".encode(), b"\xe21", b"1\xe2", b"1e\xe2"),
)
ESCAPES = (
    rb"\a",
    rb"\x00",
    rb"\u",
    rb"\u1",
    rb"\u00A",
    rb"\uQQQQ",
    rb"\U0041",
    rb"\ ",
    b"\\\t",
    b"\\\xf0\x9f\x8c\x80",
    rb"\u\"",
    b"\\\xe5",
    rb"\'",
)
SURROGATES = (rb"\uD800", rb"\uDFAA", rb"\uD800\\", rb"\uD800\u", rb"\uD800\u1", rb"\uD800\u1x", rb"\uD834\uD834", rb"\uDd1e\uD834")
STRINGS = (
    *(
        b'"' + content + b'"'
        for content in (*ESCAPES, *SURROGATES, b"a\tb", b"a\x1fb", b"a\0b", b"\x80", b"\xc0\xaf", b"\xed\xa0\x80", b"\xff")
    ),
    *(
        b'"',
        b'"abc',
        rb'"\"',
        b'"\\',
        b"'x'",
        b"'x\"",
        b"x",
        "\u00e9".encode(),
        b'"x" "y"',
        b'"x"y',
        "\u201cx\u201d".encode(),
        b'"a"+"b"',
        b"`x`",
    ),
)
WORDS = (
    b"nul",
    b"nulL",
    b"NULL",
    b"None",
    b"tru",
    b"True",
    b"TRUE",
    b"fals",
    b"undefined",
    b"yes",
    b"true1",
    b"nullnull",
    "a\u00e5".encode(),
)
ARRAYS = (
    *(
        b"[",
        b"[1",
        b"[1,",
        b"[,1]",
        b"[1,,2]",
        b"[1,]",
        b"[,]",
        b"[1:2]",
        b"[1;2]",
        b"[1 true]",
        b"[1 2]",
        b"[*]",
        b"[x",
        b"[\x0b]",
        b"[\xa0]",
    ),
    *(b"[1]]", b"]", b"[1}", b"[[1]", b"[-]", b"['a']", b"[1,\x0c2]", b"(1)", b"[/*c*/]", b"[1 // c", b"<null>", b"[\xff]", b"[1,\xe5]"),
)
OBJECTS = (
    *(b"{", b"{1:1}", b"{a:1}", b"{'a':1}", b'{"a"}', b'{"a":}', b'{"a" 1}', b'{"a"::1}', b'{"a",1}', b'{"a":1,}', b'{"a":1,,}', b"{,}"),
    *(
        b'{"a":1,"b"}',
        b'{"a":1 "b":2}',
        b'{"a":1;"b":2}',
        b'{"a":/*c*/1}',
        b'{"a":1}/**/',
        b'{"a":1}//',
        b'{"a":1}#',
        b'{"a":1}}',
        b"{null:1}",
    ),
    *(
        b'{"a":1}x',
        b'{"a":1}{',
        b'{"a":1',
        b'{"a',
        b'{"a":"x',
        b'{"a":[1}',
        b'{[:"x"}',
        b'{"\xb9":1,}',
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":2}',
    ),
    *(b"{null:null}", "{\u2060}".encode(), b"{\x0c}", b'{"a":1\0}', b'{"a":{"b":1,"b":2}}', b'{"a":1,"a":null}', b"}", b'{"a":1]'),
)
DEEP = (b"[" * 200 + b"]" * 200, b"[" * 100_000, b'{"a":' * 600 + b"1" + b"}" * 600, b'[{"a":' * 50_000)
NO_OBJECTS = (b"[]", b'[{"a":1}]', b"1", b'"x"', b"null", b"true", b"-0.5e3", b"[[]]")


def values() -> Iterator[bytes]:
    """Where a value should stand, there is none."""
    yield from (digits + ending for digits, ending in product(DIGITS, (*POINTS, *EXPONENTS)))
    yield from (*NUMBERS, *STRINGS, *WORDS, *ARRAYS, *OBJECTS, *DEEP)


def lines() -> list[bytes]:
    """Lines without a line end that are no JSON object; in each something is wrong, and the rest is as it should be."""
    inside = [b'{"id":1,"a":' + value + b"}" for value in values()]
    names = [b'{"id":1,' + name + b":2}" for name in (*STRINGS, *WORDS, b"1", b"[1]", b'"id"')]
    alone = [*OBJECTS, *NO_OBJECTS, b"\xef\xbb\xbf{}", b"{}\xef\xbb\xbf", b"\0", b"\xef\xbb", "\u2060{}".encode(), b'"\\u000a"', b"--"]
    return list(dict.fromkeys([*inside, *names, *alone]))
