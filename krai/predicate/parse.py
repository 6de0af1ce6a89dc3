"""A filter, which is one condition of standard SQL, as a predicate on the columns of a dataset.

sqlglot makes a tree of the words (`krai.predicate.words`), and of that tree only the nodes named here are taken.
"""

from collections.abc import Sequence

from sqlglot import exp
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import ParseError

from krai.dataset import Column
from krai.predicate.literals import Literal, value_of
from krai.predicate.refusal import refusal
from krai.predicate.tree import And, Compare, ComparePair, Comparison, Constant, In, IsNull, Like, Not, Or, Predicate, Value
from krai.predicate.words import read_words

_COMPARISONS: dict[type[exp.Expr], Comparison] = {
    exp.EQ: Comparison.EQ,
    exp.NEQ: Comparison.NE,
    exp.LT: Comparison.LT,
    exp.LTE: Comparison.LE,
    exp.GT: Comparison.GT,
    exp.GTE: Comparison.GE,
}
_TURNED = {Comparison.LT: Comparison.GT, Comparison.LE: Comparison.GE, Comparison.GT: Comparison.LT, Comparison.GE: Comparison.LE}
_READ = {"this", "expression", "expressions", "low", "high", "negate"}
_NO_CONDITION = "This is no condition; those are comparisons, IN, BETWEEN, LIKE, IS NULL and boolean columns."
_OPERANDS = "A comparison is between a column and a value, or between two columns."
_NULLS = "Nothing is equal to NULL, nor greater or less; write IS NULL or IS NOT NULL."
_WILD = ("%", "_", "\\")


def parse(text: str, columns: Sequence[Column]) -> Predicate:
    """The filter on these columns. Raises Terminal invalid_filter, which says where and why."""
    known = {column.name: column for column in columns}
    words = read_words(text, frozenset(known))
    try:
        (tree,) = Postgres().parser().parse_into(exp.Condition, words, text)
    except ParseError as error:
        raise refusal("This is not a condition, or only the beginning of one.", _place(text, error)) from None
    except RecursionError:
        raise refusal("Conditions stand too deep within each other.") from None
    if tree is None:
        raise refusal("A filter is a condition on the columns of the dataset.")
    return _Reading(known).condition(tree)


class _Reading:
    def __init__(self, columns: dict[str, Column]) -> None:
        self._columns = columns

    def condition(self, node: exp.Expr) -> Predicate:
        match node:
            case exp.And():
                return And(tuple(self.condition(term) for term in _flat(node)))
            case exp.Or():
                return Or(tuple(self.condition(term) for term in _flat(node)))
            case exp.Not():
                return Not(self.condition(node.this))
            case exp.Paren():
                return self.condition(node.this)
            case exp.Boolean():
                return Constant(node.this)
            case exp.Column():
                return self._flag(node)
            case _:
                return self._term(node)

    def _term(self, node: exp.Expr) -> Predicate:
        if not {name for name, value in node.args.items() if value} <= _READ:
            raise refusal(_NO_CONDITION, _at(node))
        positive = self._positive(node)
        return Not(positive) if node.args.get("negate") else positive

    def _positive(self, node: exp.Expr) -> Predicate:
        match node:
            case exp.NullSafeEQ():
                return self._same(node)
            case exp.NullSafeNEQ():
                return Not(self._same(node))
            case exp.Is():
                return self._is(node)
            case exp.In():
                return self._in(node)
            case exp.Between():
                return self._between(node)
            case exp.Like():
                return self._like(node, "\\")
            case exp.Escape():
                return self._escaped(node)
            case _ if type(node) in _COMPARISONS:
                return self._compare(node, _COMPARISONS[type(node)])
            case _:
                raise refusal(_NO_CONDITION, _at(node))

    def _flag(self, node: exp.Column) -> Predicate:
        column = self._column(node)
        if column.type != "boolean":
            raise refusal(f"A column of type {column.type} is no condition by itself.", _at(node))
        return Compare(column.name, Comparison.EQ, True)  # noqa: FBT003 (a value of the column)

    def _compare(self, node: exp.Expr, op: Comparison) -> Compare | ComparePair:
        left, right = _bare(node.this), _bare(node.expression)
        if isinstance(right, exp.Column) and not isinstance(left, exp.Column):
            left, right, op = right, left, _TURNED.get(op, op)
        column = self._column(left)
        if isinstance(right, exp.Column):
            other = self._column(right)
            if other.type != column.type:
                raise refusal("Two columns that are compared have the same type.", _at(node))
            return ComparePair(column.name, op, other.name)
        return Compare(column.name, op, self._value(right, column))

    def _same(self, node: exp.Expr) -> Predicate:
        """IS NOT DISTINCT FROM, where NULL is like any other value."""
        if isinstance(node.expression, exp.Null):
            return IsNull(self._column(node.this).name)
        equal = self._compare(node, Comparison.EQ)
        if isinstance(equal, Compare):
            return And((Not(IsNull(equal.column)), equal))
        left, right = IsNull(equal.left), IsNull(equal.right)
        return Or((And((left, right)), And((Not(left), Not(right), equal))))

    def _is(self, node: exp.Is) -> Predicate:
        column = self._column(_bare(node.this))
        if isinstance(node.expression, exp.Null):
            return IsNull(column.name)
        if isinstance(node.expression, exp.Boolean) and column.type == "boolean":
            return And((Not(IsNull(column.name)), Compare(column.name, Comparison.EQ, node.expression.this)))
        raise refusal("IS takes NULL, and of a boolean column TRUE and FALSE.", _at(node))

    def _in(self, node: exp.In) -> Predicate:
        column = self._column(_bare(node.this))
        if not node.expressions:
            raise refusal("IN takes a list of values in parentheses.", _at(node))
        return In(column.name, tuple(self._value(item, column) for item in node.expressions))

    def _between(self, node: exp.Between) -> Predicate:
        column = self._column(_bare(node.this))
        low, high = (self._value(node.args[name], column) for name in ("low", "high"))
        return And((Compare(column.name, Comparison.GE, low), Compare(column.name, Comparison.LE, high)))

    def _escaped(self, node: exp.Escape) -> Predicate:
        escape = node.expression
        if not isinstance(node.this, exp.Like) or not (isinstance(escape, exp.Literal) and escape.is_string and len(escape.this) == 1):
            raise refusal("ESCAPE takes one character in single quotes, after LIKE.", _at(escape))
        like = self._like(node.this, escape.this)
        return Not(like) if node.this.args.get("negate") else like

    def _like(self, node: exp.Like, escape: str) -> Predicate:
        column = self._column(_bare(node.this))
        pattern = node.expression
        if column.type != "string" or not (isinstance(pattern, exp.Literal) and pattern.is_string):
            raise refusal("LIKE is between a column of type string and a text in single quotes.", _at(node))
        return Like(column.name, _pattern(pattern.this, escape, _at(pattern)))

    def _column(self, node: exp.Expr) -> Column:
        # The names of columns come quoted; what does not is a word of SQL in a place where one may stand for a name.
        if not isinstance(node, exp.Column) or node.table or not node.this.quoted:
            raise refusal(_OPERANDS, _at(node))
        return self._columns[node.name]

    def _value(self, node: exp.Expr, column: Column) -> Value:
        return value_of(_literal(node), column)


def _literal(node: exp.Expr) -> Literal:
    bare = _bare(node)
    match bare:
        case exp.Literal():
            return Literal("text" if bare.is_string else "number", bare.this, _at(bare))
        case exp.Neg() if isinstance(bare.this, exp.Literal) and not bare.this.is_string:
            return Literal("number", f"-{bare.this.this}", _at(bare))
        case exp.Boolean():
            return Literal("boolean", "true" if bare.this else "false", None)
        case exp.Cast() if isinstance(bare.this, exp.Literal):
            return Literal(bare.to.this.name, bare.this.this, _at(bare))
        case exp.Null():
            raise refusal(_NULLS)
        case _:
            raise refusal(_OPERANDS, _at(bare))


def _bare(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def _flat(node: exp.Expr) -> list[exp.Expr]:
    """The terms of `a AND b AND c`, which come as a tree that is as deep as there are terms."""
    kind, terms = type(node), []
    while type(node) is kind:
        terms.append(node.expression)
        node = node.this
    return [node, *reversed(terms)]


def _pattern(text: str, escape: str, at: int | None) -> str:
    """The pattern with a backslash as its escape."""
    if "\0" in text:
        raise refusal("A pattern has no NUL character.", at)
    pieces, letters = [], iter(text)
    for letter in letters:
        if letter != escape:
            pieces.append("\\\\" if letter == "\\" else letter)
            continue
        taken = next(letters, None)
        if taken is None:
            raise refusal("A pattern does not end with its escape character.", at)
        pieces.append(f"\\{taken}" if taken in _WILD else taken)
    return "".join(pieces)


def _at(node: exp.Expr) -> int | None:
    """Where the first word of a node stands that still knows."""
    if "start" in node.meta:
        return int(node.meta["start"])
    places = [found.meta["start"] for found in node.walk() if "start" in found.meta]
    return min(places, default=None)


def _place(text: str, error: ParseError) -> int | None:
    """Where the parser stopped."""
    found = error.errors[0] if error.errors else {}
    line, column = found.get("line"), found.get("col")
    if not line or not column:
        return None
    before = sum(map(len, text.splitlines(keepends=True)[: line - 1]))
    return int(before + column - 1)
