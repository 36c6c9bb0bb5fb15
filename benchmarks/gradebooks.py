"""What writing one submission costs, into a file and into a PostgreSQL database: ``--db postgresql://…``.

Nothing runs: the results are made up, and nbgrader writes them as `python -m autograder grade` lets it. The database
has to be empty. Without --db only the file is measured.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from grading import make_course

from autograder import grade
from autograder.course import Course, settings
from autograder.ledger import Ledger
from autograder.record import Record
from autograder.sandbox import Limits
from autograder.script import script
from autograder.writer import Graded, Writer

LESSON = "01_pooling"


def measure(root: Path, db_url: str | None) -> tuple[list[float], list[float]]:
    """Milliseconds of each submission when it is written for the first time, and once more."""
    course = Course(config=settings(root, db_url))
    master = course.masters(LESSON)[LESSON]
    ledger = Ledger(root / ".made-up", "benchmark", Limits())
    rounds: tuple[list[float], list[float]] = [], []
    with Writer(course) as writer:
        writer.prepare(LESSON)
        for taken in rounds:
            for student in course.students(LESSON):
                found = course.normalised(LESSON, student, LESSON, master)
                steps = script(found.notebook)
                result = {"output_type": "execute_result", "execution_count": None, "metadata": {}}
                outputs = {
                    step.index: [result | {"data": {"text/plain": f"{step.points}"}}]
                    for step in steps.steps
                    if step.kind == "check"
                }
                graded = Graded(found, steps, ledger.key(steps), Record(outputs=outputs))
                began = time.perf_counter()
                writer.write(LESSON, student, {LESSON: graded})
                taken.append(1000 * (time.perf_counter() - began))
    return rounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--db", metavar="URL", help="of an empty PostgreSQL database")
    parser.add_argument("--learners", type=int, default=60)
    chosen = parser.parse_args()
    os.environ["DOWN_AND_UP_SECRET"] = "benchmark"
    grade.environment()
    print("Milliseconds for one submission, the median and the least, when it is written first and once more:\n")
    print("| gradebook | first | least | once more | least |\n|---|--:|--:|--:|--:|")
    for name, url in (("SQLite", None), ("PostgreSQL", chosen.db)):
        if name == "SQLite" or url:
            with tempfile.TemporaryDirectory() as scratch:
                root = make_course(Path(scratch) / "course", LESSON, range(chosen.learners))
                rounds = measure(root, url)
            cells = [f"{f(taken):.0f}" for taken in rounds for f in (statistics.median, min)]
            print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
