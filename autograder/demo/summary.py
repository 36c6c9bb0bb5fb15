"""What an instructor wants to know of a graded class, as lines for a terminal of 100 columns."""

from __future__ import annotations

import os
import shlex
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder.demo.results import Result, Results
from autograder.table import cut, pad, width

NO_SCORE = "–"
TO_WIN = "points to win"
# How a score is marked, and what the mark means.
MARKS = {
    "edited": ("e", "The test cell was edited. nbgrader put the released one back before it graded."),
    "deleted": ("d", "The test cell was deleted. nbgrader counts 0 and asks for manual grading."),
    "ungraded": ("n", "nbgrader could not grade this, for the reason below. It counts 0 and asks for manual grading."),
}


@dataclass(frozen=True)
class Shared:
    """A misconception of the class. learners: how many have it. exercises: how many have it in each exercise."""

    name: str
    learners: int
    exercises: Mapping[str, int]


def misconceptions(results: Results) -> list[Shared]:
    """The misconceptions of a class, the most frequent one first."""
    who: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in results.rows:
        for exercise, diagnosis in row.diagnoses.items():
            if diagnosis.misconception:
                who[diagnosis.misconception][exercise].add(row.student_id)
    shared = [
        Shared(name, len(set().union(*by.values())), {one: len(by[one]) for one in results.points if one in by})
        for name, by in who.items()
    ]
    return sorted(shared, key=lambda one: (-one.learners, one.name))


def lines(results: Results, course: Path) -> Iterator[str]:
    """The whole summary: misconceptions, scores, diagnoses, and where everything lies."""
    yield from _titled("The class's most frequent misconceptions", _misconceptions(results))
    yield from _titled("Scores", _scores(results))
    yield from _titled("Diagnoses", _diagnoses(results))
    yield from _titled("Where it all lies", _addresses(results, course))


def _titled(title: str, body: Iterator[str]) -> Iterator[str]:
    yield from ("", title, "─" * len(title))
    yield from body


def _misconceptions(results: Results) -> Iterator[str]:
    shared = misconceptions(results)
    if not shared:
        yield "No misconception was recognised."
    for one in shared:
        exercises = ", ".join(
            exercise if count == one.learners else f"{exercise} ({count})" for exercise, count in one.exercises.items()
        )
        yield f"{one.learners:2} {'learner ' if one.learners == 1 else 'learners'}  {pad(one.name, 48)}{exercises}"


def _scores(results: Results) -> Iterator[str]:
    ids = max(len(row.student_id) for row in results.rows) + 2
    names = max(width(name) for name in (TO_WIN, *(row.name for row in results.rows)))
    # Behind each number there is room for a mark.
    columns = [max(len(exercise), 5) + 3 for exercise in results.points]

    def line(student_id: str, name: str, cells: list[str], total: str) -> str:
        numbers = "".join(f"{cell:>{room}}" for cell, room in zip(cells, columns, strict=True))
        return f"{student_id:{ids}}{pad(name, names)}{numbers}{total:>8}".rstrip()

    yield line("", "", [f"{exercise} " for exercise in results.points], "total ")
    most = results.points.values()
    yield line("", TO_WIN, [_score(points, None) for points in most], _score(sum(most), None))
    for row in results.rows:
        cells = [_score(points, row.changes.get(exercise)) for exercise, points in row.points.items()]
        yield line(row.student_id, row.name, cells, _score(row.total, "ungraded" if row.problem else None))
    seen: set[str] = {change for row in results.rows for change in row.changes.values()}
    seen |= {"ungraded" for row in results.rows if row.problem}
    if seen:
        yield ""
    yield from (f"{mark}  {meaning}" for name, (mark, meaning) in MARKS.items() if name in seen)


def _score(points: float | None, mark: str | None) -> str:
    return (NO_SCORE if points is None else f"{points:g}") + (MARKS[mark][0] if mark else " ")


def _diagnoses(results: Results) -> Iterator[str]:
    widest = max(map(len, results.points))
    for row in results.rows:
        if row.problem:
            yield row.name
            yield cut("  ", row.problem)
        elif row.diagnoses:
            yield row.name
            yield from (_diagnosis(row, results, exercise, widest) for exercise in row.diagnoses)


def _diagnosis(row: Result, results: Results, exercise: str, widest: int) -> str:
    points, diagnosis = row.points[exercise], row.diagnoses[exercise]
    score = f"{NO_SCORE if points is None else f'{points:g}'}/{results.points[exercise]:g}"
    name = f"{diagnosis.misconception} · " if diagnosis.misconception else ""
    return cut(f"  {exercise:{widest}}  {score:>5}  ", name + diagnosis.text)


def _addresses(results: Results, course: Path) -> Iterator[str]:
    here = Path(os.path.relpath(course))
    yield f"The gradebook              {here / 'gradebook.db'}"
    yield f"What was handed in         {here / 'submitted'}{os.sep}"
    yield f"What nbgrader made of it   {here / 'autograded'}{os.sep}"
    yield f"What nbgrader said         {here / 'nbgrader.log'}"
    yield "The feedback"
    ids = max(len(row.student_id) for row in results.rows) + 2
    for row in results.rows:
        where = "none, because there is no graded notebook" if row.feedback is None else os.path.relpath(row.feedback)
        yield f"  {row.student_id:{ids}}{where}"
    yield "Open it all in formgrader"
    yield f"  {formgrader(course)}"


def formgrader(course: Path) -> str:
    """The command that opens nbgrader's formgrader on a course."""
    jupyter = os.path.relpath(Path(sys.executable).with_name("jupyter"), course)
    # Jupyter wants to be told that root is meant, as in a container.
    root = " --allow-root" if getattr(os, "geteuid", lambda: 1)() == 0 else ""
    folder = shlex.quote(os.path.relpath(course))
    return f"cd {folder} && {shlex.quote(jupyter)} lab{root} --LabApp.default_url=/formgrader"
