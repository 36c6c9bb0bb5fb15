"""What a learner calls in a notebook: ``check``, ``hint`` and ``progress``."""

from __future__ import annotations

import difflib
import hashlib
import hmac
import os
from collections.abc import Callable
from typing import Any

from course_lib import exercises, record
from course_lib.checking import messages as say
from course_lib.checking.examine import examine
from course_lib.checking.exercise import Exercise
from course_lib.checking.judge import Problem
from course_lib.checking.numbers import number
from course_lib.checking.plain import kind_of
from course_lib.checking.report import Facets, Mark, Report, Text, Title, report
from course_lib.checking.source import source_of

_stages: dict[str, int] = {}
_places: dict[str, str] = {}


def check(work: Callable, *, hidden: bool = False, seed: str | None = None) -> float:
    """Checks your work on an exercise against torch, shows a report, and gives the points.

    work: the function or class, by its name and without parentheses; its name says which exercise it is.
    hidden: also run cases that nobody has typed out; their seed comes from the instructor's secret and your code.
    seed: also run the cases of this seed, to replay one that failed.

    >>> points = check(max_pool)  # doctest: +SKIP
    """
    found = _find(work)
    if isinstance(found, Problem):
        text = getattr(say, found.message).format(**found.facts)
        title = say.REFUSED.format(name=found.facts["name"], points=0, total=0).split(":")[0] + "."
        _show(Report((Title("refused", title), Text(text, strong=True))))
        return 0.0
    if hidden and seed is None:
        seed = hidden_seed(work)
    verdict = examine(found, work, seed)
    _show(report(verdict), found.name)
    record.note(found.name, verdict.points)
    return verdict.points


def hint(work: Callable | str, stage: int | None = None) -> None:
    """Shows the next hint for an exercise, from a nudge to nearly the answer; ``stage`` picks one by its number."""
    found = _find(work)
    if isinstance(found, Problem):
        _show(Report((Title("refused", getattr(say, found.message).format(**found.facts)),)))
        return
    stages = len(found.hints)
    if not stages:
        _show(Report((Title("not attempted", say.NO_HINTS.format(name=found.name)),)))
        return
    stage = min(_stages.get(found.name, 0) + 1 if stage is None else max(1, stage), stages)
    _stages[found.name] = stage
    title = say.HINT.format(stage=stage, stages=stages, name=found.name)
    after = say.HINT_LAST if stage == stages else say.HINT_MORE.format(name=found.name)
    _show(Report((Title("not attempted", title), Text(found.hints[stage - 1]), Text(after))))


def progress() -> None:
    """Shows the points that your checks have reached so far, exercise by exercise."""
    best = record.best()
    every = [exercise for stem in exercises.MODULES for exercise in exercises.of_lesson(stem)]
    won = sum(min(best.get(exercise.name, 0.0), exercise.points) for exercise in every)
    title = say.PROGRESS_TITLE.format(points=number(won), total=number(sum(e.points for e in every)))
    rows = tuple(_progress_row(exercise, best.get(exercise.name)) for exercise in every)
    face = "right" if all(mark == "right" for mark, *_ in rows) else "not attempted"
    note = () if best else (Text(say.PROGRESS_EMPTY),)
    _show(Report((Title(face, title), *note, Facets(rows))))


def _progress_row(exercise: Exercise, points: float | None) -> tuple[Mark, str, str, str]:
    won = float(points or 0.0)
    mark: Mark = "right" if won >= exercise.points else "open"
    return mark, exercise.name, f"{number(won)}/{number(exercise.points)}", exercise.title


def hidden_seed(work: Callable) -> str:
    """The seed of the hidden cases: the instructor's secret and the submitted code make it together."""
    secret = os.environ.get("DOWN_AND_UP_SECRET", "")
    return hmac.new(secret.encode(), source_of(work).encode(), hashlib.sha256).hexdigest()[:8]


def _find(work: Any) -> Exercise | Problem:
    name = work if type(work) is str else _name(work)
    if name is None:
        return Problem("NOT_A_FUNCTION" if work is None else "A_RESULT", {"name": "This", "given": kind_of(work)})
    if name == "<lambda>":
        return Problem("A_LAMBDA", {"name": "This"})
    try:
        return exercises.find(name)
    except KeyError:
        closest = difflib.get_close_matches(name, exercises.names(), n=1, cutoff=0.0)[0]
        return Problem("NO_EXERCISE", {"name": name, "closest": closest})


def _name(work: Any) -> str | None:
    """The name of a function or class; None for anything else."""
    try:
        name = work.__name__
    except Exception:
        return None
    return name if type(name) is str else None


def _show(shown: Report, place: str = "") -> None:
    """As display data in a notebook, so that a cell's result stays the plain number of points; else as text.

    place: a second report in the same place, by the same cell, takes the place of the first.
    """
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        get_ipython = None
    if get_ipython is not None and get_ipython() is not None:
        name = f"{place} {get_ipython().execution_count}"
        again = bool(place) and name == _places.get(place)
        _places[place] = name
        display(shown, display_id=name, update=again)
    else:
        print(shown)
