"""What an instructor wants to know of a graded class besides its scores, as lines for a terminal of 100 columns."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from autograder import report
from autograder.demo.answers import Answers
from autograder.demo.feedback import LOG
from autograder.results import Learner, Results
from autograder.table import cut, pad


def lines(results: Results, learners: Sequence[Answers]) -> Iterator[str]:
    """The misconceptions of a class in one assignment, what its learners did, and what each was told."""
    yield from _titled(f"{results.assignment}: the class's most frequent misconceptions", _misconceptions(results))
    yield from _titled(f"{results.assignment}: what they did, and what they are told", _diagnoses(results, learners))


def _titled(title: str, body: Iterator[str]) -> Iterator[str]:
    yield from ("", title, "─" * len(title))
    yield from body


def _misconceptions(results: Results) -> Iterator[str]:
    shared = report.misconceptions(results)
    if not shared:
        yield "No misconception was recognised."
    for one in shared:
        who = f"{one.learners:2} {'learner ' if one.learners == 1 else 'learners'}"
        yield cut(f"{who}  {pad(one.name, 48)}", ", ".join(one.exercises))


def _diagnoses(results: Results, learners: Sequence[Answers]) -> Iterator[str]:
    widest = max(len(exercise.title) for exercise in results.exercises)
    told = {learner.student_id: learner for learner in results.learners}
    for learner in learners:
        graded = told[learner.student_id]
        yield cut(f"{learner.name} ({learner.student_id}), {graded.score:g} of {results.most:g}: ", learner.did)
        yield from (cut(f"  {'':{widest}}         ", anomaly) for anomaly in graded.anomalies)
        yield from _told(graded, widest)


def _told(learner: Learner, widest: int) -> Iterator[str]:
    for exercise, diagnosis in learner.diagnoses.items():
        score = f"{learner.scores[exercise].score:g}/{exercise.most:g}"
        name = f"{diagnosis.misconception} · " if diagnosis.misconception else ""
        yield cut(f"  {exercise.title:{widest}}  {score:>5}  ", name + diagnosis.text)


def addresses(course: Path, assignments: Mapping[str, Sequence[Answers]]) -> Iterator[str]:
    """Where everything lies."""
    here = Path(os.path.relpath(course))
    yield from _titled("Where it all lies", iter(()))
    yield f"The gradebook               {here / 'gradebook.db'}"
    yield f"What was handed in          {here / 'submitted'}{os.sep}"
    yield f"The graded notebooks        {here / 'autograded'}{os.sep}"
    yield f"What nbgrader said          {here / LOG}"
    for assignment, learners in assignments.items():
        yield f"A page about the class      {here / 'build' / 'report' / assignment}.html"
        yield f"The feedback of {assignment}"
        for learner in learners:
            name = Path("feedback", learner.student_id, assignment, f"{assignment}.html")
            yield f"  {pad(learner.student_id, 12)}{here / name}"
    yield "Open it all in formgrader"
    yield f"  {formgrader(course)}"


def formgrader(course: Path) -> str:
    """The command that opens nbgrader's formgrader on a course."""
    jupyter = os.path.relpath(Path(sys.executable).with_name("jupyter"), course)
    # Jupyter wants to be told that root is meant, as in a container.
    root = " --allow-root" if getattr(os, "geteuid", lambda: 1)() == 0 else ""
    folder = shlex.quote(os.path.relpath(course))
    return f"cd {folder} && {shlex.quote(jupyter)} lab{root} --LabApp.default_url=/formgrader"
