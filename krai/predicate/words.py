"""The words of a filter, before anything is made of them: only those that filters are written with, and not too many."""

from collections.abc import Iterator, Sequence

from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from krai.predicate.refusal import refusal

LONGEST_CHARACTERS = 16 << 10
MOST_TERMS = 1000
DEEPEST = 20  # each pair of parentheses costs the parser thirty frames

_TIMES = frozenset({TokenType.DATE, TokenType.TIMESTAMP, TokenType.TIMESTAMPTZ})
_KEPT = frozenset(
    {
        TokenType.STRING,
        TokenType.NUMBER,
        TokenType.AND,
        TokenType.OR,
        TokenType.NOT,
        TokenType.IN,
        TokenType.BETWEEN,
        TokenType.LIKE,
        TokenType.ESCAPE,
        TokenType.IS,
        TokenType.DISTINCT,
        TokenType.FROM,
        TokenType.NULL,
        TokenType.TRUE,
        TokenType.FALSE,
        TokenType.EQ,
        TokenType.NEQ,
        TokenType.LT,
        TokenType.LTE,
        TokenType.GT,
        TokenType.GTE,
        TokenType.L_PAREN,
        TokenType.R_PAREN,
        TokenType.COMMA,
        TokenType.DASH,
        TokenType.PLUS,
    }
)
_JOINTS = frozenset({TokenType.AND, TokenType.OR, TokenType.NOT, TokenType.COMMA, TokenType.L_PAREN})
_SIGNS = frozenset({TokenType.NOT, TokenType.DASH})


def read_words(text: str, columns: frozenset[str]) -> list[Token]:
    """The tokens of `text`; every name of a column comes as a quoted identifier. Raises Terminal invalid_filter."""
    if len(text) > LONGEST_CHARACTERS:
        raise refusal(f"A filter has at most {LONGEST_CHARACTERS} characters.")
    try:
        tokens = Postgres().tokenize(text)
    except TokenError:
        raise refusal("A text or a quoted name does not end.") from None
    if not tokens:
        raise refusal("A filter is a condition on the columns of the dataset.")
    _measure(tokens)
    return list(_allowed(list(_with_fractions(tokens)), columns))


def _measure(tokens: Sequence[Token]) -> None:
    if sum(token.token_type in _JOINTS for token in tokens) > MOST_TERMS:
        raise refusal(f"A filter has at most {MOST_TERMS} terms, counting each AND, OR, NOT, comma and parenthesis.")
    opened = signs = 0
    for token in tokens:
        opened += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(token.token_type, 0)
        signs = signs + 1 if token.token_type in _SIGNS else 0
        if opened + signs > DEEPEST:
            raise refusal(f"Conditions stand within each other at most {DEEPEST} deep.", token.start)


def _with_fractions(tokens: Sequence[Token]) -> Iterator[Token]:
    """The tokens, with `.5` as one, which comes as a point and a whole number."""
    number = 0
    while number < len(tokens):
        token, after = tokens[number], tokens[number + 1 : number + 2]
        if token.token_type is TokenType.DOT and after and _continues(token, after[0]):
            comments = [*token.comments, *after[0].comments]
            yield Token(TokenType.NUMBER, f"0.{after[0].text}", token.line, token.col, token.start, after[0].end, comments)
            number += 1
        else:
            yield token
        number += 1


def _continues(point: Token, digits: Token) -> bool:
    return digits.token_type is TokenType.NUMBER and digits.start == point.end + 1 and "." not in digits.text


def _allowed(tokens: Sequence[Token], columns: frozenset[str]) -> Iterator[Token]:
    for number, token in enumerate(tokens):
        following = tokens[number + 1].token_type if number + 1 < len(tokens) else None
        if token.comments:
            raise refusal("A filter has no comments.", token.start)
        if (token.token_type in _KEPT and not _foreign(token)) or (token.token_type in _TIMES and following is TokenType.STRING):
            yield token
        elif token.token_type is not TokenType.IDENTIFIER and not _is_name(token.text):
            raise refusal("Filters have no such word or sign.", token.start)
        elif following is TokenType.L_PAREN:
            raise refusal("A filter calls no functions.", token.start)
        elif token.text in columns:
            yield Token(TokenType.IDENTIFIER, token.text, token.line, token.col, token.start, token.end)
        else:
            detail = "No column has this name, letter for letter, and no word of filters; text stands in single quotes."
            raise refusal(detail, token.start)


def _is_name(text: str) -> bool:
    return text.replace("$", "_").isidentifier()


def _foreign(token: Token) -> bool:
    return token.token_type is TokenType.EQ and token.text != "="
