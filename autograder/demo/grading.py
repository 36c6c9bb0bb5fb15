"""Grades a class with nbgrader itself: its generate_assignment, autograde and generate_feedback, learner by learner."""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from logging.handlers import BufferingHandler
from pathlib import Path

from traitlets.config import Config

LOG = "nbgrader.log"
# One learner's notebook needs about 0.7 GB while it runs.
MOST_AT_ONCE = 4
# What must not reach a learner's kernel: the demonstration's scores are the same for everybody.
UNSET = ("DOWN_AND_UP_SECRET", "DOWN_AND_UP_PROGRESS", "JPY_SESSION_NAME")


@dataclass(frozen=True)
class Graded:
    """How the grading of one submission ended. problem: why nbgrader could not grade it, else None."""

    student_id: str
    problem: str | None


def settings(course: Path, assignment: str, student_id: str = "*") -> Config:
    """The settings of a course's nbgrader_config.py, for one assignment."""
    from traitlets.config import PyFileConfigLoader

    config = PyFileConfigLoader("nbgrader_config.py", path=str(course)).load_config()
    config.CourseDirectory.root = str(course)
    config.CourseDirectory.assignment_id = assignment
    config.CourseDirectory.student_id = student_id
    # Two processes share the gradebook: one waits while the other writes.
    config.CourseDirectory.db_url = f"{database(course)}?timeout=60"
    return config


def database(course: Path) -> str:
    return f"sqlite:///{course / 'gradebook.db'}"


@contextmanager
def processes(course: Path) -> Iterator[Executor]:
    """A few processes that grade: nbgrader's converters change folder and environment, so threads won't do."""
    spawn = multiprocessing.get_context("spawn")
    jobs = min(os.cpu_count() or 1, MOST_AT_ONCE)
    pool = ProcessPoolExecutor(jobs, spawn, initializer=_start, initargs=(course,))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _start(course: Path) -> None:
    """Sets up one grading process: its environment, and the log for what it and its kernels print."""
    # nbgrader calls alembic by its name.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    # Several kernels run at once, each with one thread.
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["DOWN_AND_UP_GRADER"] = "stock"
    for name in UNSET:
        os.environ.pop(name, None)
    log = os.open(course / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(log, stream.fileno())


def prepare(course: Path, assignment: str, names: Mapping[str, str]) -> None:
    """Makes the release and the gradebook, and enrols the learners: their names by student_id."""
    from nbgrader.api import Gradebook
    from nbgrader.converters import GenerateAssignment

    problem = _run(GenerateAssignment, settings(course, assignment))
    if problem:
        raise RuntimeError(f"{assignment}: nbgrader cannot make the release. {problem}")
    with Gradebook(database(course)) as gradebook:
        for student_id, name in names.items():
            first, _, last = name.partition(" ")
            gradebook.update_or_create_student(student_id, first_name=first, last_name=last)


def grade(pool: Executor, course: Path, assignment: str, student_ids: Iterable[str]) -> Iterator[Graded]:
    """Grades the submissions in the pool and yields each as it ends. A submission that fails stops no other."""
    waiting = {pool.submit(_grade, course, assignment, student_id): student_id for student_id in student_ids}
    for done in as_completed(waiting):
        error = done.exception()
        yield done.result() if error is None else Graded(waiting[done], f"{type(error).__name__}: {error}")


def _grade(course: Path, assignment: str, student_id: str) -> Graded:
    from nbgrader.converters import Autograde, GenerateFeedback

    config = settings(course, assignment, student_id)
    return Graded(student_id, _run(Autograde, config) or _run(GenerateFeedback, config))


def _run(converter: type, config: Config) -> str | None:
    """Runs one of nbgrader's converters; None where it ends well, else why not."""
    from nbgrader.converters import NbGraderException
    from nbgrader.coursedir import CourseDirectory

    log = logging.Logger("nbgrader", logging.INFO)
    said = BufferingHandler(capacity=sys.maxsize)
    said.setLevel(logging.ERROR)
    log.addHandler(said)
    kept = logging.FileHandler(Path(config.CourseDirectory.root, LOG), encoding="utf-8")
    kept.setFormatter(logging.Formatter(f"{config.CourseDirectory.student_id} | %(levelname)s | %(message)s"))
    log.addHandler(kept)
    try:
        converter(coursedir=CourseDirectory(config=config), config=config, log=log).start()
    except NbGraderException:
        return _reason([record.getMessage() for record in said.buffer])
    finally:
        for handler in log.handlers:
            handler.close()
    return None


def _reason(errors: list[str]) -> str:
    """What went wrong in nbgrader's own words: the end of the traceback that it logged, else its first error."""
    for error in errors:
        if error.startswith("Traceback"):
            kind, colon, message = error.strip().splitlines()[-1].partition(": ")
            return kind.rpartition(".")[-1] + colon + message
    return errors[0].splitlines()[0]
