"""Grades the same class by stock nbgrader and by this grader, in one run: python benchmarks/grading.py --save

Four ways: stock nbgrader, one submission after the other; stock nbgrader, one process a core, each with a part of the
class and a gradebook of its own; this grader from nothing; this grader again, with nothing changed. The submissions are
the demonstration's honest ones, each learner's text made unique, so that nothing is graded once for two. Scores are
compared cell for cell.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import nbformat

from autograder.demo import answers, submissions

ROOT = Path(__file__).parents[1]
LESSON = "01_pooling"
TABLE = ROOT / "docs" / "benchmarks" / "grading.md"
# An endless loop costs its time limit whoever grades it; the others hand in no notebook or change a test cell.
LEFT_OUT = ("aiko", "chidi", "ingrid", "oleksandr")

Scores = Mapping[tuple[str, str], float | None]


def make_course(root: Path, learners: Sequence[int]) -> Path:
    """A course with the submissions of these learners."""
    root.mkdir(parents=True)
    shutil.copy(ROOT / "nbgrader_config.py", root)
    for room in ("solutions", "notebooks"):
        shutil.copytree(ROOT / room / LESSON, root / room / LESSON)
    released = nbformat.read(ROOT / "notebooks" / LESSON / f"{LESSON}.ipynb", as_version=4)
    texts = [path for path in sorted(answers.LEARNERS.glob("*.txt")) if path.stem not in LEFT_OUT]
    for number in learners:
        handed = submissions.answered(released, answers.read(texts[number % len(texts)]))
        for cell in submissions.by_grade_id(handed).values():
            if cell.metadata.nbgrader.solution:
                cell.source += f"\n# learner {number}"
        path = root / "submitted" / f"learner{number:03d}" / LESSON / f"{LESSON}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(handed, path)
    return root


def run(root: Path, *arguments: str, stock: bool) -> subprocess.Popen:
    bin_ = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    environment["DOWN_AND_UP_SECRET"] = "benchmark"
    if stock:
        environment["DOWN_AND_UP_GRADER"] = "stock"
    log = open(root / "log", "ab")  # noqa: SIM115
    return subprocess.Popen([sys.executable, "-m", *arguments], cwd=root, env=environment, stdout=log, stderr=log)


def timed(*started: subprocess.Popen) -> float:
    """Seconds until all of these are done."""
    began = time.monotonic()
    for process in started:
        if process.wait():
            raise SystemExit(f"{process.args} failed with status {process.returncode}")
    return time.monotonic() - began


def prepared(root: Path) -> Path:
    """The course with the assignment in its gradebook."""
    timed(run(root, "nbgrader", "generate_assignment", LESSON, "--force", stock=True))
    return root


def scores(root: Path) -> Scores:
    """Each learner's automatic score of each cell, from the gradebook."""
    query = """
        SELECT submitted_assignment.student_id, base_cell.name, grade.auto_score FROM grade
        JOIN base_cell ON base_cell.id = grade.cell_id
        JOIN submitted_notebook ON submitted_notebook.id = grade.notebook_id
        JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id
        WHERE grade.auto_score IS NOT NULL
    """
    with sqlite3.connect(root / "gradebook.db") as gradebook:
        return {(student, cell): score for student, cell, score in gradebook.execute(query)}


def measure(scratch: Path, learners: int) -> tuple[dict[str, float], int]:
    """Seconds of each way, and how many scores agreed."""
    everyone, cores = range(learners), len(os.sched_getaffinity(0))
    seconds = {}

    ours = make_course(scratch / "ours", everyone)
    seconds["this grader, from nothing"] = timed(run(ours, "autograder", "grade", LESSON, stock=False))
    seconds["this grader, nothing changed"] = timed(run(ours, "autograder", "grade", LESSON, stock=False))

    serial = prepared(make_course(scratch / "serial", everyone))
    seconds["stock, one after the other"] = timed(run(serial, "nbgrader", "autograde", LESSON, stock=True))

    parts = [prepared(make_course(scratch / f"core{n}", everyone[n::cores])) for n in range(cores)]
    started = [run(part, "nbgrader", "autograde", LESSON, stock=True) for part in parts]
    seconds[f"stock, a process on each of {cores} cores"] = timed(*started)

    expected, found = scores(serial), scores(ours)
    apart = {key: score for part in parts for key, score in scores(part).items()}
    if not expected or expected != found or expected != apart:
        different = {key for key in expected | found if expected.get(key) != found.get(key)}
        raise SystemExit(f"the scores differ: {sorted(different)[:10]}")
    return seconds, len(expected)


def table(seconds: Mapping[str, float], learners: int, agreed: int) -> str:
    first = seconds["this grader, from nothing"]
    rows = [
        f"| {name} | {taken:.1f} | {1000 * taken / learners:.0f} | {taken / first:.1f} |"
        for name, taken in seconds.items()
    ]
    return "\n".join(
        [
            "# Grading, measured",
            "",
            f"{learners} submissions to lesson 01, {date.today():%Y-%m-%d}, {len(os.sched_getaffinity(0))} cores, "
            f"Python {platform.python_version()}; each of {agreed} scores is the same whichever way it was graded. "
            "Made by `python benchmarks/grading.py --save`.",
            "",
            "| | seconds | ms for one submission | times this grader from nothing |",
            "|---|--:|--:|--:|",
            *rows,
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learners", type=int, default=60)
    parser.add_argument("--save", action="store_true", help=f"write {TABLE.relative_to(ROOT)}")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        seconds, agreed = measure(Path(scratch), chosen.learners)
        text = table(seconds, chosen.learners, agreed)
    print(text)
    if chosen.save:
        TABLE.parent.mkdir(parents=True, exist_ok=True)
        TABLE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
