"""Grades the same class by stock nbgrader and by this grader, in one run: python benchmarks/grading.py --save

Four ways: stock nbgrader, one submission after the other; stock nbgrader, one process a core, each with a part of the
class and a gradebook of its own; this grader from nothing; this grader again, with nothing changed. The submissions to
lesson 01 are the demonstration's honest ones; to another lesson, the worked one with an exercise left open in turn.
Each learner's text is made unique, so that nothing is graded once for two. Scores are compared cell for cell. Then the
stages of one submission are timed, on one core, and in turn with that what its cells take by themselves, without a
grader.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import platform
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from unittest import mock

import nbformat
import psutil

from autograder.cells import Cells
from autograder.demo import answers, submissions
from autograder.script import Script, script
from course_lib import exercises
from course_lib.checking.examine import examine
from course_lib.checking.report import report

ROOT = Path(__file__).parents[1]
LESSONS = ("01_pooling", "10_unet")
IN_TURN = 10  # submissions that are graded, and then as many by themselves, so that both find the machine the same
TABLE = ROOT / "docs" / "benchmarks" / "grading.md"
# An endless loop costs its time limit whoever grades it; the others are hostile, hand in no notebook or change a test
# cell, all of which stock nbgrader takes in another way.
LEFT_OUT = ("aiko", "chidi", "eve", "ingrid", "mallory", "oleksandr", "trudy")

Scores = Mapping[tuple[str, str], float | None]


def answered(lesson: str) -> list[nbformat.NotebookNode]:
    """Submissions to a lesson, all different."""
    worked, released = (
        nbformat.read(ROOT / room / lesson / f"{lesson}.ipynb", 4) for room in ("solutions", "notebooks")
    )
    texts = sorted((answers.LEARNERS / lesson).glob("*.txt"))
    if texts:
        return [submissions.answered(released, answers.read(text)) for text in texts if text.stem not in LEFT_OUT]
    solved = {
        name: cell.source for name, cell in submissions.by_grade_id(worked).items() if cell.metadata.nbgrader.solution
    }
    cells = [{name: source for name, source in solved.items() if name != open_} for open_ in ("", *solved)]
    return [submissions.answered(released, answers.Answers("", "", "", each)) for each in cells]


def make_course(root: Path, lesson: str, learners: Sequence[int]) -> Path:
    """A course with the submissions of these learners."""
    root.mkdir(parents=True)
    shutil.copy(ROOT / "nbgrader_config.py", root)
    for room in ("solutions", "notebooks"):
        shutil.copytree(ROOT / room / lesson, root / room / lesson)
    kinds = answered(lesson)
    for number in learners:
        handed = deepcopy(kinds[number % len(kinds)])
        for cell in submissions.by_grade_id(handed).values():
            if cell.metadata.nbgrader.solution:
                cell.source += f"\n# learner {number}"
        path = root / "submitted" / f"learner{number:03d}" / lesson / f"{lesson}.ipynb"
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


def prepared(root: Path, lesson: str) -> Path:
    """The course with the assignment in its gradebook."""
    timed(run(root, "nbgrader", "generate_assignment", lesson, "--force", stock=True))
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


def measure(scratch: Path, lesson: str, learners: int) -> tuple[dict[str, float], int]:
    """Seconds of each way, and how many scores agreed."""
    everyone, cores = range(learners), len(os.sched_getaffinity(0))
    seconds = {}

    ours = make_course(scratch / "ours", lesson, everyone)
    seconds["this grader, from nothing"] = timed(run(ours, "autograder", "grade", lesson, stock=False))
    seconds["this grader, nothing changed"] = timed(run(ours, "autograder", "grade", lesson, stock=False))

    serial = prepared(make_course(scratch / "serial", lesson, everyone), lesson)
    seconds["stock, one after the other"] = timed(run(serial, "nbgrader", "autograde", lesson, stock=True))

    parts = [prepared(make_course(scratch / f"core{n}", lesson, everyone[n::cores]), lesson) for n in range(cores)]
    started = [run(part, "nbgrader", "autograde", lesson, stock=True) for part in parts]
    seconds[f"stock, a process on each of {cores} cores"] = timed(*started)

    expected, found = scores(serial), scores(ours)
    apart = {key: score for part in parts for key, score in scores(part).items()}
    if not expected or expected != found or expected != apart:
        different = {key for key in expected | found if expected.get(key) != found.get(key)}
        raise SystemExit(f"the scores differ: {sorted(different)[:10]}")
    return seconds, len(expected)


def alone(cells: Cells, steps: Script) -> float:
    """Seconds of CPU that a submission's cells take, its checks too, in a fork of this process, without any grader."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        began = time.process_time()
        seeds = steps.seeds("benchmark")
        for step in steps.steps:
            if step.kind == "run":
                cells.run(step.source)
            for check in {each.exercise: each for each in step.checks}.values():
                with contextlib.suppress(KeyError):  # a name that no cell has defined
                    work = cells.get(check.exercise)
                    seed = seeds[check.exercise] if check.hidden else None
                    report(examine(exercises.find(check.exercise), work, seed))._repr_mimebundle_()
        os.write(writing, struct.pack("d", time.process_time() - began))
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as told:
        (taken,) = struct.unpack("d", told.read())
    os.wait()
    return taken


@contextlib.contextmanager
def aside(cells: Cells) -> Iterator[Callable[[Script], float]]:
    """``alone`` in a process beside this one, which forks as little as a worker does."""
    ours, theirs = multiprocessing.Pipe()
    if os.fork() == 0:
        ours.close()
        with contextlib.suppress(EOFError):
            while True:
                theirs.send(alone(cells, theirs.recv()))
        os._exit(0)
    theirs.close()

    def ask(steps: Script) -> float:
        ours.send(steps)
        return ours.recv()

    yield ask
    ours.close()
    os.wait()


@contextlib.contextmanager
def on_one_core() -> Iterator[None]:
    """Everything that starts here is on one core, on which nothing hides behind anything else."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


@dataclass
class Stages:
    """Milliseconds of one submission. parts: by the clock. cpu: of all processes. own: of the cells by themselves."""

    parts: Mapping[str, float]
    cpu: float
    own: float


@on_one_core()
def stages(root: Path, lesson: str) -> Stages:
    """The stages of a submission: the mean over a class that is graded in this process.

    What a first submission alone has to do is done before, for one that does not count.
    """
    import torch

    from autograder import examiner, grade
    from autograder.course import Course, as_normalised, settings
    from autograder.learner import Learner
    from autograder.ledger import Ledger
    from autograder.sandbox import Limits
    from autograder.supervisor import Zygote
    from autograder.writer import Graded, Writer
    from autograder.zygote import warm

    torch.set_num_threads(1)
    grade.environment()
    os.environ["DOWN_AND_UP_SECRET"] = "benchmark"
    taken: Counter[str] = Counter()

    def timed_as(name: str, function: Callable) -> Callable:
        def call(*arguments, **options):
            began = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                taken[name] += time.perf_counter() - began

        return call

    class Timed(Learner):
        def ask_each(self, question, seconds=None):
            name = "the learner's cells" if question["op"] == "run" else "calls of the learner's work"
            answers = super().ask_each(question, seconds)
            while answer := timed_as(name, lambda: next(answers, None))():
                yield answer

    def cpu(zygote: Zygote) -> float:
        """Seconds of CPU that this process, the zygote and all its attempts have had."""
        times = psutil.Process(zygote.pid).cpu_times()
        return time.process_time() + times.user + times.system + times.children_user + times.children_system

    course = Course(config=settings(root))
    masters = course.masters(lesson)[lesson]
    students = course.students(lesson)
    ledger = Ledger(root / ".stages", "benchmark", Limits())
    (root / "gradebook.db").unlink(missing_ok=True)
    shutil.rmtree(root / "autograded", ignore_errors=True)
    with (
        aside(warm()) as by_themselves,
        Zygote(Limits()) as zygote,
        Writer(course) as writer,
        mock.patch("autograder.learner.Learner", Timed),
        mock.patch.object(examiner, "judge", timed_as("judging", examiner.judge)),
        mock.patch.object(zygote, "_end_last", timed_as("end of the sandbox", zygote._end_last)),
    ):
        writer.prepare(lesson)
        spawn = zygote.spawn
        read = timed_as(
            "reading and normalising", lambda one: as_normalised(*course.submitted(lesson, one, lesson), masters)
        )
        write = timed_as("writing, by nbgrader", writer.write)

        def started() -> Learner:
            zygote._end_last()
            return timed_as("start of the sandbox", spawn)()

        zygote.spawn = started  # type: ignore[method-assign]

        def whole(student: str) -> Script:
            found = read(student)
            steps = script(found.notebook)
            key, record = ledger.key(steps), examiner.grade(steps, zygote, "benchmark")
            timed_as("ledger", ledger.put)(key, record)
            write(lesson, student, {lesson: Graded(found, steps, key, record)})
            return steps

        whole(students[0])
        taken.clear()
        spent = own = clock = 0.0
        for first in range(0, len(students), IN_TURN):
            had, began = cpu(zygote), time.perf_counter()
            scripts = [whole(student) for student in students[first : first + IN_TURN]]
            zygote._end_last()  # before that, its CPU is nobody's
            clock += time.perf_counter() - began
            spent += cpu(zygote) - had
            own += sum(map(by_themselves, scripts))
    taken["messages, reports and the rest"] = clock - sum(taken.values())
    per_submission = 1000 / len(students)
    parts = {name: per_submission * seconds for name, seconds in taken.most_common()}
    return Stages(parts, per_submission * spent, per_submission * own)


def table(lesson: str, seconds: Mapping[str, float], learners: int, agreed: int, one: Stages) -> list[str]:
    first = seconds["this grader, from nothing"]
    rows = [
        f"| {name} | {taken:.1f} | {1000 * taken / learners:.0f} | {taken / first:.1f} |"
        for name, taken in seconds.items()
    ]
    return [
        f"## {learners} submissions to {lesson}",
        "",
        f"Each of {agreed} scores is the same whichever way it was graded.",
        "",
        "| | seconds | ms for one submission | times this grader from nothing |",
        "|---|--:|--:|--:|",
        *rows,
        "",
        "Where the time of one submission goes, on one core, once everything is started:",
        "",
        "| stage | ms |",
        "|---|--:|",
        *(f"| {name} | {taken:.1f} |" for name, taken in one.parts.items()),
        f"| together | {sum(one.parts.values()):.0f} |",
        "",
        f"That is {one.cpu:.0f} ms of CPU. The same cells with the same checks, by themselves in a fork of a warm "
        f"process, take {one.own:.0f} ms: the grader adds {one.cpu - one.own:.0f} ms of CPU, and "
        f"{sum(one.parts.values()) - one.own:.0f} by the clock.",
        "",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lessons", nargs="*", default=LESSONS, metavar="LESSON", help=f"else {' and '.join(LESSONS)}")
    parser.add_argument("--learners", type=int, default=60)
    parser.add_argument("--save", action="store_true", help=f"write {TABLE.relative_to(ROOT)}")
    chosen = parser.parse_args()
    text = [
        "# Grading, measured",
        "",
        f"{date.today():%Y-%m-%d}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}. "
        "Made by `python benchmarks/grading.py --save`.",
        "",
    ]
    for lesson in chosen.lessons:
        with tempfile.TemporaryDirectory() as scratch:
            seconds, agreed = measure(Path(scratch), lesson, chosen.learners)
            one = stages(Path(scratch) / "ours", lesson)
        text += table(lesson, seconds, chosen.learners, agreed, one)
    print("\n".join(text))
    if chosen.save:
        TABLE.parent.mkdir(parents=True, exist_ok=True)
        TABLE.write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main()
