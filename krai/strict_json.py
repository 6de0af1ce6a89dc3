"""Strict JSON: what a careless reader would take two ways is refused (RFC 8259, and I-JSON of RFC 7493 for numbers and names)."""

import json
import math
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NoReturn

from krai.errors import Terminal

DEEPEST = 32
LARGEST_INTEGER = 2**64 - 1
SMALLEST_INTEGER = -(2**63)
LONGEST_INTEGER = 20  # digits and sign: longer ones are not even read
SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def parse(body: bytes) -> Any:
    """The value of `body`. Raises Terminal malformed_json, whose detail never repeats the body.

    Refuses anything but UTF-8 without a byte order mark, duplicate names (also when escapes hide them), NaN and infinities,
    integers beyond 64 bits, fractions with more digits than a double keeps, lone surrogates, and more than 32 levels.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        _refuse("It is not UTF-8.")
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_int=_integer, parse_float=_fraction, parse_constant=_constant)
    except RecursionError:
        _refuse(f"It is more than {DEEPEST} levels deep.")
    except (ValueError, ArithmeticError):  # Decimal raises the latter for exponents beyond reason
        _refuse("It is not JSON.")
    _check_depth(value)
    if SURROGATE.search(text):
        _check_surrogates(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        _refuse("A name stands twice in one object.")
    return found


def _integer(digits: str) -> int:
    if len(digits) > LONGEST_INTEGER or not SMALLEST_INTEGER <= (value := int(digits)) <= LARGEST_INTEGER:
        _refuse("An integer is larger than 64 bits; send it as a string.")
    return value


def _fraction(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value) or Decimal(digits) != Decimal(repr(value)):
        _refuse("A number is larger or more exact than a double; send it as a string.")
    return value


def _constant(_: str) -> NoReturn:
    _refuse("NaN and infinities are not JSON.")


def _check_depth(value: Any) -> None:
    """Level by level, so that depth costs no stack."""
    level = [value]
    for _ in range(DEEPEST):
        level = [child for parent in level for child in _children(parent) if isinstance(child, dict | list)]
        if not level:
            return
    _refuse(f"It is more than {DEEPEST} levels deep.")


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _check_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        _refuse("A string has half a surrogate pair.")


def _refuse(detail: str) -> NoReturn:
    raise Terminal("malformed_json", detail) from None
