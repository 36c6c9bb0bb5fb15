"""Grades for other programs: ``python -m autograder export ASSIGNMENT --format csv|gradescope|canvas``.

Every score is the gradebook's. A table opened in a spreadsheet must not calculate what a learner's name says, so what
begins like a formula gets an apostrophe in front, as OWASP advises against CSV injection: at the beginning of a field,
and behind whatever a spreadsheet may take for the end of one, as a semicolon is in half of Europe.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from autograder import messages
from autograder.course import Course, CourseError, settings
from autograder.receipts import write_text
from autograder.results import Learner, Results, read

FORMULA = re.compile(r'(^|[,;|"\t\r\n])(?=\s*[=+@＝＋－＠\t\r\n-])')  # the wide ones are so in Japanese


def harmless(text: str) -> str:
    """A field that no spreadsheet takes for a formula.

    >>> harmless("=1+1"), harmless("a; =1+1"), harmless("Zoë")
    ("'=1+1", "a;' =1+1", 'Zoë')
    """
    return FORMULA.sub(r"\1'", text)


def table(rows: Iterable[Iterable[str]]) -> str:
    """Rows as CSV, every field harmless.

    >>> table([["a", "b,c", "@d"]])
    'a,"b,c",\\'@d\\r\\n'
    """
    file = io.StringIO()
    csv.writer(file).writerows([harmless(field) for field in row] for row in rows)
    return file.getvalue()


def export(root: Path, assignment: str, kind: str, to: Path | None = None, db_url: str | None = None) -> Path:
    """Writes the grades of an assignment; returns where they lie. kind: csv, gradescope or canvas.

    to: a file, or for gradescope a folder; else below build/export. Errors: CourseError, OSError.
    """
    ending = {"csv": ".csv", "canvas": "-canvas.csv", "gradescope": "-gradescope"}[kind]
    target = to or root / "build" / "export" / f"{assignment}{ending}"
    if kind != "gradescope" and target.is_dir():
        raise CourseError(messages.IS_A_FOLDER.format(path=target))
    results = read(root, assignment, db_url)
    if kind == "csv":
        _nbgrader(Course(config=settings(root, db_url)), assignment, target)
        return target
    if kind == "canvas":
        write_text(target, canvas(results))
        return target
    for learner in results.learners:
        text = json.dumps(gradescope(learner), ensure_ascii=False, indent=2)
        write_text(target / file_name(learner.student_id) / "results.json", text + "\n")
    return target


# nbgrader ------------------------------------------------------------------------------------------------------------


class _Readable:
    """A gradebook as nbgrader's exporter reads it. It writes no quotation marks, so its fields come with theirs."""

    def __init__(self, gradebook: Any):
        self._gradebook = gradebook
        self.assignments = gradebook.assignments
        self._ids = {_field(student.id): student.id for student in gradebook.students}
        names = ("id", "first_name", "last_name", "email")
        self.students = [
            SimpleNamespace(**{name: _field(getattr(student, name) or "") for name in names})
            for student in gradebook.students
        ]

    def find_submission(self, assignment: str, student: str) -> Any:
        return self._gradebook.find_submission(assignment, self._ids[student])


def _field(text: str) -> str:
    return table([[text]]).removesuffix("\r\n") if text else ""


def _nbgrader(course: Course, assignment: str, target: Path) -> None:
    """The file that ``nbgrader export`` writes."""
    from nbgrader.api import Gradebook
    from nbgrader.plugins import CsvExportPlugin

    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as scratch:
        whole = Path(scratch, "grades.csv")
        with Gradebook(course.db_url, course.course_id) as gradebook:
            CsvExportPlugin(to=str(whole), assignment=[assignment]).export(_Readable(gradebook))
        os.replace(whole, target)


# Canvas --------------------------------------------------------------------------------------------------------------


def canvas(results: Results) -> str:
    """A Canvas gradebook: a heading, the points possible, and a row for each learner.

    Who has no grade has an empty field, which Canvas leaves as it is. Canvas finds a learner by the SIS ids, for which
    nbgrader's id stands.
    """
    graded = [(one.student_id, one.name, f"{one.score:g}") for one in results.learners]
    missing = [(student, name, "") for student, name, _ in results.missing]
    return table(
        [
            ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", results.assignment],
            ["    Points Possible", "", "", "", "", f"{results.most:g}"],
            *([name or student, "", student, student, "", score] for student, name, score in sorted(graded + missing)),
        ]
    )


# Gradescope ----------------------------------------------------------------------------------------------------------


def gradescope(learner: Learner) -> dict[str, Any]:
    """One submission as Gradescope's autograders leave it in results.json: a test for each exercise."""
    tests = []
    for exercise, score in learner.scores.items():
        test: dict[str, Any] = {
            "name": exercise.title,
            "score": score.score,
            "max_score": score.most,
            "visibility": "visible",
        }
        if diagnosis := learner.diagnoses.get(exercise):
            known = messages.RECOGNISED.format(name=diagnosis.misconception) if diagnosis.misconception else ""
            test["output"] = f"{diagnosis.text} {known}".rstrip()
        tests.append(test)
    told = [*([messages.OUTCOMES_TOLD[learner.code]] if learner.code != "OK" else []), *learner.anomalies]
    facts: dict[str, Any] = {"score": learner.score, "tests": tests, "output_format": "text", "output": "\n".join(told)}
    if learner.seconds is not None:
        facts["execution_time"] = learner.seconds
    return facts


def file_name(student: str) -> str:
    """A folder's name for a learner, whatever their id is: what could lead elsewhere is written as in a web address.

    >>> file_name("zoe"), file_name("../a b")
    ('zoe', '%2E.%2Fa b')
    """
    safe = "".join(f"%{ord(one):02X}" if one in "/\\%" or not one.isprintable() else one for one in student)
    return f"%2E{safe[1:]}" if safe.startswith(".") else safe
