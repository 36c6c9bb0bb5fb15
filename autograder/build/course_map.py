"""The course map as a table: in the README between two markers, and in lesson 00."""

from __future__ import annotations

from pathlib import Path

from autograder.build import BuildError
from course_lib.course_map import LESSONS, Lesson

BEGIN, END = "<!-- map:begin -->", "<!-- map:end -->"


def table(folder: str) -> str:
    """The table of lessons, topics, exercises, points and status; built lessons link into ``folder``."""
    rows = [
        f"| {_title(lesson, folder)} | {', '.join(lesson.topics)} | {_exercises(lesson)} | {lesson.points:g} "
        f"| {'built' if lesson.built else 'planned'} |"
        for lesson in LESSONS
    ]
    total = f"| | | **together** | **{sum(lesson.points for lesson in LESSONS):g}** | |"
    return "\n".join(["| lesson | topics | exercises | points | status |", "|---|---|---|--:|---|", *rows, total])


def readme(text: str) -> str:
    """The README with the table between its markers brought up to date; BuildError without the markers."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise BuildError(f"README.md needs one line {BEGIN} and, below it, one line {END}.")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{table('notebooks')}\n{END}{after}"


def write_readme(root: Path) -> None:
    """Brings the README's table up to date, if it is not."""
    path = root / "README.md"
    old = path.read_text(encoding="utf-8")
    new = readme(old)
    if new != old:
        path.write_text(new, encoding="utf-8")


def _title(lesson: Lesson, folder: str) -> str:
    number = lesson.stem.partition("_")[0]
    if not lesson.built:
        return f"{number} {lesson.title}"
    return f"[{number} {lesson.title}]({folder}/{lesson.stem}/{lesson.stem}.ipynb)"


def _exercises(lesson: Lesson) -> str:
    return ", ".join(f"{title} ({points:g})" for title, points in lesson.exercises)
