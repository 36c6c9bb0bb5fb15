"""Every small mistake in a solution costs points: what the checks do not see, they do not check.

Run with -s to see how many mutants there were, how many died, and of what.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jupytext
import pytest

from course_lib import exercises
from course_lib.checking.examine import examine
from course_lib.checking.exercise import Exercise
from tests.lessons.mutants import mutants

ROOT = Path(__file__).parents[2]
# Mutants that no check could tell from the solution, each with the reason why.
EQUIVALENT = tomllib.loads(Path(__file__).with_name("equivalent_mutants.toml").read_text(encoding="utf-8"))
SEEDS = ["mutants"]
NAMES = exercises.names()


@cache
def code_cells(stem: str) -> list[Any]:
    """The code cells of a lesson's source."""
    path = ROOT / "solutions" / stem / f"{stem}.py"
    return [cell for cell in jupytext.read(path).cells if cell.cell_type == "code"]


def solution(name: str) -> str:
    """The source of an exercise's solution cell."""
    cells = code_cells(exercises.find(name).lesson)
    [cell] = [cell for cell in cells if cell.metadata.get("nbgrader", {}).get("grade_id") == name]
    return cell.source


@cache
def namespace(stem: str) -> dict[str, Any]:
    """What a solution finds around it in its notebook: the lesson's imports, and the other solutions."""
    names: dict[str, Any] = {}
    for cell in code_cells(stem):
        tree = ast.parse(cell.source)
        found = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        if cell.metadata.get("nbgrader", {}).get("solution"):
            found = tree.body
        exec(compile(ast.Module(found, []), f"<{stem}>", "exec"), names)
    return names


def made(exercise: Exercise, source: str) -> Callable:
    """The function or class that a source defines, in its lesson's surroundings."""
    names = dict(namespace(exercise.lesson))
    exec(source, names)
    return names[exercise.name]


def loses(exercise: Exercise, source: str, seed: str | None) -> bool:
    """Whether a source loses points: each facet is asked on its own, and none behind the first that says so.

    An answer is one call for all its facets. Without a search for the misconception behind it, and with less patience.
    """
    work = made(exercise, source)
    impatient = replace(exercise, misconceptions=(), seconds=2.0)
    parts = [exercise.facets] if exercise.kind == "answer" else [(facet,) for facet in exercise.facets]
    each = (replace(impatient, facets=facets) for facets in parts)
    return any(examine(alone, work, seed).points < alone.points for alone in each)


def test_there_are_solutions_and_all_that_is_listed_belongs_to_one() -> None:
    assert NAMES
    assert set(EQUIVALENT) <= set(NAMES)
    for listed in EQUIVALENT.values():
        assert all(len(entry["reason"]) > 20 for entry in listed)
        assert len({entry["change"] for entry in listed}) == len(listed)


@pytest.mark.parametrize("name", NAMES)
def test_every_mutant_of_a_solution_loses_points(name: str) -> None:
    exercise = exercises.find(name)
    source = solution(name)
    # With all patience: what a solution imports is imported here, and no mutant waits for it.
    assert examine(exercise, made(exercise, source), SEEDS[0]).points == exercise.points
    made_of_it = mutants(source)
    assert len(made_of_it) > 10
    visible = {mutant.change for mutant in made_of_it if loses(exercise, mutant.source, None)}
    survived = {
        mutant.change
        for mutant in made_of_it
        if mutant.change not in visible and not any(loses(exercise, mutant.source, seed) for seed in SEEDS)
    }
    equivalent = {entry["change"] for entry in EQUIVALENT.get(name, [])}
    died = len(made_of_it) - len(survived)
    print(f"\n{name}: {len(made_of_it)} mutants, {died} died, {len(visible)} of them in the public cases,", end=" ")
    print(f"{len(survived & equivalent)} are equivalent")
    assert survived - equivalent == set(), "these lose nothing: add a case that tells them, or a reason to the list"
    assert equivalent - survived == set(), "these are no longer there, or lose points now: take them off the list"


# The mutants themselves.


def changes(source: str) -> set[str]:
    return {mutant.change for mutant in mutants(source)}


@pytest.mark.parametrize(
    ("line", "others"),
    [
        ("return a + 1", {"pass", "return a - 1", "return a + 2", "return a + 0"}),
        ("return f(a, b)", {"pass", "return f(b, a)"}),
        ("return f(a, key=b)", {"pass", "return f(a)"}),
        ("return (a, b)", {"pass", "return (b, a)"}),
        ("a += b", {"pass", "a -= b", "a = b"}),
        ("return a < b", {"pass", "return a <= b", "return a >= b"}),
        ("return a and (not b)", {"pass", "return a or not b", "return a and b"}),
        ("return x.amax(1)", {"pass", "return x.amin(1)", "return x.amax(2)", "return x.amax(0)"}),
        ("return -1", {"pass", "return 1", "return -2", "return -0"}),
        ("return True", {"pass", "return False"}),
        ("return a if b else c", {"pass", "return c if b else a"}),
        ("return x[a:]", {"pass", "return x[:]"}),
        ("return float('inf')", {"pass", "return float('-inf')"}),
    ],
)
def test_what_a_mutant_changes(line: str, others: set[str]) -> None:
    source = f'def work(a, b=1):\n    """1 + 1 stays."""\n    {line}'
    line = ast.unparse(ast.parse(line)) if "return" not in line else line
    assert {change.split(" → ")[1] for change in changes(source)} == others


def test_statements_are_dropped_one_at_a_time() -> None:
    source = "def work(a):\n    if a:\n        a = b\n    return a"
    assert changes(source) == {
        "if a: ⏎ a = b → pass",
        "if a: → if not a:",
        "a = b → pass",
        "return a → pass",
    }


def test_the_methods_of_a_class_are_mutated_and_their_signatures_stay() -> None:
    methods = "    def __init__(self, size=1):\n        self.n = 0\n\n    def two(self):\n        return 2"
    source = f'class Work:\n    """1 + 1 stays."""\n\n{methods}'
    assert changes(source) == {
        "self.n = 0 → pass",
        "self.n = 0 → self.n = 1",
        "self.n = 0 → self.n = -1",
        "return 2 → pass",
        "return 2 → return 3",
        "return 2 → return 1",
    }


def test_mutants_of_lines_that_stand_twice_have_names_of_their_own() -> None:
    source = "def work(a):\n    a = a + 1\n    a = a + 1\n    return a"
    found = mutants(source)
    assert len({mutant.change for mutant in found}) == len(found)
    assert "a = a + 1 → a = a - 1 (line 3)" in {mutant.change for mutant in found}


def test_a_mutant_is_a_function_of_its_own_and_the_source_is_never_one() -> None:
    source = "def work(a):\n    return [a * n for n in range(3)]"
    sources = [mutant.source for mutant in mutants(source)]
    assert len(set(sources)) == len(sources)
    assert ast.unparse(ast.parse(source)) not in sources
    for mutated in sources:
        exec(mutated, names := {})
        assert callable(names["work"])
