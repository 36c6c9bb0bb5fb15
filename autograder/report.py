"""One page about a graded class: ``python -m autograder report``.

The page is a single file that loads nothing and runs nothing. report.html is its template; every text is escaped.
"""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from autograder import messages
from autograder.course import CourseError
from autograder.receipts import write_text
from autograder.results import Diagnosis, Exercise, Learner, Results, read
from autograder.table import printable

SLOWEST = 5
BINS = 10  # bars of the totals, where there are more whole points than that


@dataclass(frozen=True)
class Bar:
    """How many learners have this many points."""

    label: str
    count: int


@dataclass(frozen=True)
class Column:
    """One exercise of the class. mean: of the points. full: who has them all. untried: who left the starter."""

    title: str
    most: float
    mean: float
    full: int
    untried: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Shared:
    """A misconception of the class: how many have it, in which exercises, and what the check said to one of them.

    sentence: what the exercise says of it; nothing where the exercise is none of this course.
    """

    name: str
    sentence: str
    learners: int
    exercises: tuple[str, ...]
    example: Learner
    diagnosis: Diagnosis


def page(results: Results, made: datetime) -> str:
    """The page as HTML."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["points"] = _number
    environment.filters["printable"] = printable
    template = environment.from_string(Path(__file__).with_name("report.html").read_text(encoding="utf-8"))
    totals = [learner.score for learner in results.learners]
    outcomes = {code: [one for one in results.learners if one.code == code] for code in messages.OUTCOMES}
    timed = [one for one in results.learners if one.seconds is not None]
    return template.render(
        results=results,
        made=f"{made:%Y-%m-%d %H:%M}",
        mean=statistics.mean(totals),
        median=statistics.median(totals),
        totals=bars(totals, results.most),
        columns=[column(results, exercise) for exercise in results.exercises],
        misconceptions=misconceptions(results),
        outcomes=[(messages.OUTCOMES_TOLD[code], code, who) for code, who in outcomes.items() if who],
        strange=[one for one in results.learners if one.anomalies],
        weak=sorted({cell for one in results.learners for cell in one.weak}),
        slowest=sorted(timed, key=lambda one: -(one.seconds or 0.0))[:SLOWEST],
    )


def column(results: Results, exercise: Exercise) -> Column:
    """What the class did in one exercise."""
    scores = [one.scores[exercise].score for one in results.learners if exercise in one.scores]
    faces = [one.diagnoses[exercise].face for one in results.learners if exercise in one.diagnoses]
    full = sum(score >= exercise.most for score in scores)
    untried = faces.count("not attempted")
    return Column(exercise.title, exercise.most, statistics.mean(scores), full, untried, bars(scores, exercise.most))


def bars(scores: Sequence[float], most: float) -> tuple[Bar, ...]:
    """How the scores are spread: a bar for each whole number of points, or for each of some equal spans.

    >>> bars([0, 2, 2, 1.5], 2)
    (Bar(label='0', count=1), Bar(label='1', count=1), Bar(label='2', count=2))
    """
    whole = max(1, round(most))
    step = max(1, -(-(whole + 1) // (2 * BINS)))
    counts = Counter(min(whole, max(0, int(score))) // step for score in scores)
    spans = [(first, min(first + step - 1, whole)) for first in range(0, whole + 1, step)]
    return tuple(
        Bar(f"{first}" if first == last else f"{first}–{last}", counts[position])
        for position, (first, last) in enumerate(spans)
    )


def misconceptions(results: Results) -> list[Shared]:
    """The misconceptions of a class, the most frequent one first."""
    found: dict[str, list[tuple[Learner, Exercise, Diagnosis]]] = defaultdict(list)
    for learner in results.learners:
        for exercise, diagnosis in learner.diagnoses.items():
            if diagnosis.misconception:
                found[diagnosis.misconception].append((learner, exercise, diagnosis))
    shared = []
    for name, those in found.items():
        who = {learner.student_id for learner, _, _ in those}
        where = {exercise for _, exercise, _ in those}
        titles = tuple(one.title for one in results.exercises if one in where)
        shared.append(Shared(name, _sentence(titles, name), len(who), titles, those[0][0], those[0][2]))
    return sorted(shared, key=lambda one: (-one.learners, one.name))


def _sentence(titles: Sequence[str], name: str) -> str:
    # Only here: the exercises need torch, and a page without a misconception does not.
    from course_lib import exercises

    known = [exercises.find(title).misconceptions for title in titles if title in exercises.names()]
    return next((one.sentence for found in known for one in found if one.name == name), "")


def _number(value: float) -> str:
    """Points as people write them.

    >>> _number(2.0), _number(2.345)
    ('2', '2.3')
    """
    return f"{value:.1f}".removesuffix(".0")


def write(root: Path, assignment: str, to: Path | None = None, db_url: str | None = None) -> Path:
    """Writes the page; returns where it lies. Errors: CourseError, OSError."""
    target = to or root / "build" / "report" / f"{assignment}.html"
    if target.is_dir():
        raise CourseError(messages.IS_A_FOLDER.format(path=target))
    write_text(target, page(read(root, assignment, db_url), datetime.now()))
    return target
