"""A bundled class of learners, graded from end to end as an instructor would do it: ``python -m autograder demo``."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from autograder import grade, messages, report, results
from autograder import summary as scores
from autograder.course import SECRET, Course, CourseError, settings
from autograder.demo import answers, feedback, submissions, summary

# The demonstration's hidden cases are the same for everybody.
OUR_SECRET = "the secret of the demonstration\n"


def prepare(root: Path, course: Path) -> dict[str, list[answers.Answers]]:
    """Makes a scratch course in which the bundled class has handed in; returns the class, by assignment.

    root: the repository. course: the folder of the scratch course; what is in it is deleted.
    Errors: CourseError where a lesson is not built.
    """
    everyone = answers.everyone()
    shutil.rmtree(course, ignore_errors=True)
    for assignment, learners in everyone.items():
        for part in ("solutions", "notebooks"):
            name = Path(part, assignment, f"{assignment}.ipynb")
            if not (root / name).is_file():
                raise CourseError(messages.NOT_BUILT.format(path=root / name))
            (course / name).parent.mkdir(parents=True)
            shutil.copy(root / name, course / name)
        for learner in learners:
            handed_in = course / "submitted" / learner.student_id / assignment / f"{assignment}.ipynb"
            submissions.write(learner, course / name, handed_in)
    shutil.copy(root / "nbgrader_config.py", course)
    (course / SECRET).write_text(OUR_SECRET, encoding="utf-8")
    return everyone


def run(course: Path, everyone: dict[str, list[answers.Answers]]) -> list[grade.Row]:
    """Enrols and grades the class, and has nbgrader write its feedback."""
    enrol(course, {learner.student_id: learner.name for learners in everyone.values() for learner in learners})
    rows = list(grade.with_bar(grade.Grading(course)))
    for assignment in everyone:
        feedback.generate(course, assignment)
    return rows


def enrol(course: Path, names: dict[str, str]) -> None:
    """Puts the learners into the gradebook: their names by student_id."""
    from nbgrader.api import Gradebook

    where = Course(config=settings(course))
    with Gradebook(where.db_url, where.course_id) as gradebook:
        for student_id, name in names.items():
            first, _, last = name.partition(" ")
            gradebook.update_or_create_student(student_id, first_name=first, last_name=last)


def lines(root: Path) -> Iterator[str]:
    """Grades the whole class in build/demo and says, line by line, what an instructor wants to know."""
    course, begun = root / "build" / "demo", time.monotonic()
    everyone = prepare(root, course)
    yield messages.DEMO.format(
        learners=len({one.student_id for each in everyone.values() for one in each}), lessons=" and ".join(everyone)
    )
    rows = run(course, everyone)
    seconds = time.monotonic() - begun
    for assignment, learners in everyone.items():
        yield from summary.lines(results.read(course, assignment), learners)
        report.write(course, assignment)
    yield from scores.lines(rows, seconds)
    yield from summary.addresses(course, everyone)
