"""A bundled class of learners, graded by nbgrader from end to end: ``python -m autograder demo``."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from autograder.demo import answers, grading, results, submissions, summary
from autograder.table import WIDTH

ASSIGNMENT = "01_pooling"


class DemoError(Exception):
    """The demonstration cannot run here; the message says what to do."""


def run(root: Path, course: Path, learners: Sequence[answers.Answers]) -> results.Results:
    """Grades a class in a scratch course, which is made anew.

    root: the repository. course: the folder of the scratch course; what is in it is deleted.
    Errors: DemoError where the lesson is not built.
    """
    worked = root / "solutions" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    if not worked.is_file():
        raise DemoError(f"There is no {worked}. Run this at the repository's root, after: make build")
    shutil.rmtree(course, ignore_errors=True)
    source = course / "solutions" / ASSIGNMENT / worked.name
    source.parent.mkdir(parents=True)
    shutil.copy(worked, source)
    shutil.copy(root / "nbgrader_config.py", course)

    names = {learner.student_id: learner.name for learner in learners}
    with grading.processes(course) as pool:
        pool.submit(grading.prepare, course, ASSIGNMENT, names).result()
        released = course / "notebooks" / ASSIGNMENT / worked.name
        for learner in learners:
            handed_in = course / "submitted" / learner.student_id / ASSIGNMENT / worked.name
            submissions.write(learner, released, handed_in)
        graded = list(_with_bar(grading.grade(pool, course, ASSIGNMENT, names), len(names)))
    return results.read(course, ASSIGNMENT, learners, graded)


def _with_bar(graded: Iterator[grading.Graded], total: int) -> Iterator[grading.Graded]:
    failures = 0
    # On a terminal only: a log needs no bar.
    with tqdm(graded, total=total, desc="Grading", unit="learner", ncols=WIDTH, disable=None) as bar:
        for one in bar:
            failures += one.problem is not None
            bar.set_postfix_str(f"failures: {failures}")
            yield one


def lines(root: Path) -> Iterator[str]:
    """Grades the whole class in build/demo and says, line by line, what an instructor wants to know."""
    course, learners, begun = root / "build" / "demo", answers.everyone(), time.monotonic()
    yield f"{len(learners)} learners have handed in lesson {ASSIGNMENT}. nbgrader grades them, in about a minute."
    found = run(root, course, learners)
    yield f"Graded in {time.monotonic() - begun:.0f} seconds."
    yield from summary.lines(found, course)
