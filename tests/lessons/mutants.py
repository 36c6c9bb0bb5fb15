"""Single-point mutants of a function: its source with one small mistake in it, as a tired person makes them."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

OPERATORS: dict[type, tuple[type, ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.FloorDiv, ast.Add),
    ast.MatMult: (ast.Mult,),
    ast.Div: (ast.Mult, ast.FloorDiv),
    ast.FloorDiv: (ast.Mult, ast.Div),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
}
# Names and texts that mean the opposite, or nearly the same.
PAIRS = (
    ("max", "min"),
    ("amax", "amin"),
    ("maximum", "minimum"),
    ("argmax", "argmin"),
    ("sum", "mean"),
    ("ones_like", "zeros_like"),
    ("floor", "ceil"),
    ("inf", "-inf"),
)
NAMES = dict(PAIRS) | {second: first for first, second in PAIRS}


@dataclass(frozen=True)
class Mutant:
    """A mutated source. change: the lines in which it differs, before and after; it names the mutant."""

    source: str
    change: str


def mutants(source: str) -> list[Mutant]:
    """Every single-point mutant of the function or class in the source. Signatures and docstrings stay.

    >>> [mutant.change for mutant in mutants("def triple(x):\\n    return 3 * x")]
    ['return 3 * x → pass', 'return 3 * x → return 3 // x', 'return 3 * x → return 3 + x',
     'return 3 * x → return 4 * x', 'return 3 * x → return 2 * x']
    """
    tree = ast.parse(source)
    work = next(node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef))
    before = ast.unparse(work)
    found: dict[str, Mutant] = {}
    for body, n in _statements(work):
        statement = body[n]
        for node in ast.walk(statement):
            for other in _others(node):
                # A copy in which the other node already stands for this one.
                body[n] = ast.fix_missing_locations(copy.deepcopy(statement, {id(node): other}))
                after = ast.unparse(work)
                if after != before:
                    found.setdefault(after, Mutant(after, _change(before.splitlines(), after.splitlines())))
        body[n] = statement
    return list(found.values())


def _statements(work: ast.FunctionDef | ast.ClassDef) -> Iterator[tuple[list[ast.stmt], int]]:
    """Where the statements of a function stand; of a class, those of its methods."""
    for n in range(ast.get_docstring(work) is not None, len(work.body)):
        if isinstance(work, ast.FunctionDef):
            yield work.body, n
        elif isinstance(method := work.body[n], ast.FunctionDef):
            yield from _statements(method)


def _others(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in the place of a node by mistake."""
    if isinstance(node, ast.stmt):
        yield ast.Pass()
    match node:
        case ast.AugAssign(target, op, value):
            yield from (_with(node, op=other()) for other in OPERATORS[type(op)])
            yield ast.Assign([target], value)
        case ast.BinOp(_, op, _) | ast.BoolOp(op, _):
            yield from (_with(node, op=other()) for other in OPERATORS[type(op)])
        case ast.Compare(_, [op, *rest]):
            yield from (_with(node, ops=[other(), *rest]) for other in OPERATORS[type(op)])
        case ast.UnaryOp(ast.Not() | ast.USub(), operand):
            yield operand
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() | float() as value):
            yield from (ast.Constant(value + 1), ast.Constant(value - 1))
        case ast.Constant(str() as value) if value in NAMES:
            yield ast.Constant(NAMES[value])
        case ast.Attribute(_, name) if name in NAMES:
            yield _with(node, attr=NAMES[name])
        case ast.Name(name) if name in NAMES:
            yield _with(node, id=NAMES[name])
        case ast.Call(_, args, keywords):
            yield from (_with(node, args=swapped) for swapped in _swapped(args))
            yield from (_with(node, keywords=[k for k in keywords if k is not one]) for one in keywords)
        case ast.Tuple(parts, ast.Load()):
            yield from (_with(node, elts=swapped) for swapped in _swapped(parts))
        case ast.IfExp(test, body, orelse):
            yield ast.IfExp(test, orelse, body)
        case ast.If(test) | ast.While(test) if not isinstance(test, ast.Compare | ast.UnaryOp):
            yield _with(node, test=ast.UnaryOp(ast.Not(), test))
        case ast.Slice(lower, upper, step):
            given = {"lower": lower, "upper": upper, "step": step}
            yield from (_with(node, **{name: None}) for name, value in given.items() if value is not None)


def _with(node: ast.AST, **fields) -> ast.AST:
    """The node with some of its fields changed."""
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def _swapped(parts: Sequence[ast.expr]) -> Iterator[list[ast.expr]]:
    """The parts with two neighbours exchanged."""
    for n in range(len(parts) - 1):
        yield [*parts[:n], parts[n + 1], parts[n], *parts[n + 2 :]]


def _change(before: list[str], after: list[str]) -> str:
    """The lines in which two sources differ; with the number of the first where such a line stands twice."""
    head = next(n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b)
    tail = next(n for n, (a, b) in enumerate(zip(before[::-1], after[::-1], strict=False)) if a != b)
    tail = min(tail, len(before) - head - 1, len(after) - head - 1)
    was, now = (" ⏎ ".join(line.strip() for line in lines[head : len(lines) - tail]) for lines in (before, after))
    again = [line.strip() for line in before].count(before[head].strip()) > 1
    return f"{was} → {now}" + (f" (line {head + 1})" if again else "")
