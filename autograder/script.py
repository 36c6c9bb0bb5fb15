"""What there is to do for one submission: its code cells in order, and which of them are checks."""

from __future__ import annotations

import ast
import hashlib
import hmac
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from course_lib.checking.source import text_in

if TYPE_CHECKING:
    from nbformat import NotebookNode  # slow to import, and a worker needs none

SKIP = "skip-execution"


@dataclass(frozen=True)
class Check:
    """One call of check in a grade cell: of which exercise, and whether with hidden cases."""

    exercise: str
    hidden: bool


@dataclass(frozen=True)
class Step:
    """One code cell: its place in the notebook and what to do with it.

    kind: ``run`` it, judge its ``checks`` in the examiner, or run its plain ``assert`` statements (weak: they run
    beside the learner's code).
    """

    index: int
    kind: Literal["run", "check", "assert"]
    source: str = ""
    grade_id: str = ""
    points: float = 0.0
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True)
class Script:
    """A submission's steps, and the text of each solution cell by its grade_id."""

    steps: tuple[Step, ...]
    solutions: dict[str, str]

    def digest(self) -> str:
        """sha256 of everything that the outcome depends on in the submission."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()

    def seeds(self, secret: str) -> dict[str, str]:
        """The seed of each exercise's hidden cases, which the secret and the learner's text make."""
        hidden = {check.exercise for step in self.steps for check in step.checks if check.hidden}
        texts = {name: text_in(name, self.solutions.get(name, "")).encode() for name in hidden}
        return {name: hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()[:8] for name, text in texts.items()}

    def as_json(self) -> dict[str, Any]:
        steps = [vars(step) | {"checks": [vars(check) for check in step.checks]} for step in self.steps]
        return {"steps": steps, "solutions": self.solutions}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Script:
        checks = [tuple(Check(**check) for check in step["checks"]) for step in data["steps"]]
        steps = [Step(**step | {"checks": made}) for step, made in zip(data["steps"], checks, strict=True)]
        return cls(tuple(steps), data["solutions"])


def script(notebook: NotebookNode) -> Script:
    """Reads the steps from a normalised notebook."""
    steps, solutions = [], {}
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        meta = cell.metadata.get("nbgrader", {})
        grade_id = meta.get("grade_id", "")
        if meta.get("solution"):
            solutions[grade_id] = cell.source
        if meta.get("grade") and not meta.get("solution"):
            checks = checks_of(cell.source)
            kind: Literal["check", "assert"] = "check" if checks else "assert"
            source = "" if checks else cell.source
            steps.append(Step(index, kind, source, grade_id, float(meta.get("points", 0)), checks))
        elif SKIP not in cell.metadata.get("tags", []) and cell.source.strip():
            steps.append(Step(index, "run", cell.source, grade_id))
    return Script(tuple(steps), solutions)


@lru_cache(1000)  # the cells are the instructor's, and so the same for a whole class
def checks_of(source: str) -> tuple[Check, ...]:
    """The checks of a grade cell, if it holds nothing else; else none, and its cell is one of plain asserts.

    >>> checks_of("check(max_pool)\\ncheck(max_pool, hidden=True)")
    (Check(exercise='max_pool', hidden=False), Check(exercise='max_pool', hidden=True))
    >>> checks_of("assert max_pool(x) == 3")
    ()
    """
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return ()
    found = [_check(statement) for statement in body]
    return tuple(each for each in found if each) if found and all(found) else ()


def _check(statement: ast.stmt) -> Check | None:
    match statement:
        case ast.Expr(ast.Call(ast.Name("check"), [ast.Name(name)], [])):
            return Check(name, hidden=False)
        case ast.Expr(
            ast.Call(ast.Name("check"), [ast.Name(name)], [ast.keyword("hidden", ast.Constant(bool(hidden)))])
        ):
            return Check(name, hidden=hidden)
    return None
