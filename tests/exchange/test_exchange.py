"""A lesson goes out through nbgrader's exchange and comes back from learners, one of whom cheats; so does feedback."""

from __future__ import annotations

import shutil
import sys
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
LESSON = "00_start_here"
NOTEBOOK = f"{LESSON}.ipynb"
GRADE = ("python", "-m", "autograder", "grade", "--jobs", "1")
# One worker runs this file, because its tests look at one class.
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="hardened grading needs Linux"),
    pytest.mark.xdist_group("exchange"),
]

WRONG = "def output_size(size, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):\n    return size"


def worked() -> dict[str, str]:
    """The instructor's answers, by grade_id."""
    cells = nbformat.read(ROOT / "solutions" / LESSON / NOTEBOOK, as_version=4).cells
    named = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell.source for cell in cells}
    return {name: named[name] for name in ("output_size", "probe_outputs")}


def prepare(course: Path) -> None:
    """The course as its instructor has it: settings, a secret, one lesson."""
    (course / "solutions" / LESSON).mkdir(parents=True)
    shutil.copy(ROOT / "solutions" / LESSON / NOTEBOOK, course / "solutions" / LESSON)
    shutil.copy(ROOT / "nbgrader_config.py", course)
    (course / ".course_secret").write_text("known to grace\n", encoding="utf-8")


def cheat(machine: Any) -> None:
    """What somebody leaves in inbound who knows how nbgrader's exchange works; later dates would be taken first."""
    eve, course = machine.eve, machine.grace.home / "course"
    copy = f"cp {eve.home / LESSON / NOTEBOOK} ."

    def leave(learner: str, date: str, *commands: str) -> None:
        folder = machine.inbound / f"{learner}+{LESSON}+{date}+x"
        eve("sh", "-ec", "\n".join(('mkdir "$0"; cd "$0"', *commands)), str(folder))

    leave("bob", "2099-01-01 00:00:00 UTC", copy)
    leave("eve", "yesterday", copy)
    leave("eve", "2098-01-01 00:00:00 UTC", copy, "truncate -s 101M large")
    eve(
        "ln",
        "-s",
        str(course / "submitted" / "bob" / LESSON),
        str(machine.inbound / f"eve+{LESSON}+2097-01-01 00:00:00 UTC+x"),
    )
    leave(
        "eve",
        "2025-01-01 00:00:00 UTC",
        f"ln -s {course / 'solutions' / LESSON / NOTEBOOK} {NOTEBOOK}",
        f"ln -s {course} course",
        "echo yesterday > timestamp.txt; echo ../../.. > submission_secret.txt; echo mine > notes.txt",
    )


def scores(machine: Any) -> dict[str, tuple[float, bool]]:
    """Each learner's score, and whether they were late, as the gradebook has it."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{machine.grace.home}/course/gradebook.db", "down_and_up") as book:
        return {one.student.id: (one.score, one.total_seconds_late > 0) for one in book.assignment_submissions(LESSON)}


def feedback(learner: Any) -> list[str]:
    """The feedback that a learner has fetched, as text, from the first to the last submission."""
    found = sorted((learner.home / LESSON / "feedback").glob(f"*/{LESSON}.html"))
    return [unescape(path.read_text(encoding="utf-8")) for path in found]


@pytest.fixture(scope="module")
def term(machine: Any) -> SimpleNamespace:
    """What everybody said and got in a term of one lesson."""
    grace, ada, bob, eve = machine.grace, machine.ada, machine.bob, machine.eve
    seen = SimpleNamespace(machine=machine, course=grace.home / "course")

    def instructor(*command: str) -> str:
        return grace(*command, folder="course")

    prepare(seen.course)
    grace.own("course")
    instructor("nbgrader", "db", "assignment", "add", LESSON, "--duedate", "2026-01-01 00:00:00 UTC")
    instructor("nbgrader", "generate_assignment", LESSON)
    instructor("nbgrader", "release_assignment", LESSON)
    seen.listed = ada("nbgrader", "list")
    for learner in (ada, bob, eve):
        learner("nbgrader", "fetch_assignment", LESSON)
    ada.hand_in(LESSON, **worked() | {"output_size": WRONG})
    bob.hand_in(LESSON, **worked())
    cheat(machine)
    seen.collected = instructor("nbgrader", "collect", LESSON)
    instructor(*GRADE)
    seen.first = scores(machine)
    instructor("nbgrader", "generate_feedback", LESSON)
    instructor("nbgrader", "release_feedback", LESSON)
    ada("nbgrader", "fetch_feedback", LESSON)

    ada.hand_in(LESSON, **worked())
    instructor("nbgrader", "collect", LESSON, "--update")
    seen.again = instructor(*GRADE)
    seen.second = scores(machine)
    instructor("nbgrader", "generate_feedback", LESSON)
    instructor("nbgrader", "release_feedback", LESSON)
    ada("nbgrader", "fetch_feedback", LESSON)
    return seen


def test_a_learner_sees_what_is_released_and_gets_no_solution(term: SimpleNamespace) -> None:
    assert f"down_and_up {LESSON}" in term.listed
    files = [path.name for path in (term.machine.bob.home / LESSON).rglob("*") if path.is_file()]
    assert files == [NOTEBOOK]
    fetched = term.machine.exchange / "down_and_up" / "outbound" / LESSON / NOTEBOOK
    assert worked()["output_size"].splitlines()[-1] not in fetched.read_text(encoding="utf-8")
    assert "HIDDEN TESTS" not in fetched.read_text(encoding="utf-8")


def test_what_is_handed_in_is_graded_and_known_to_be_late(term: SimpleNamespace) -> None:
    assert term.first["bob"] == (6, True)
    assert 2 <= term.first["ada"][0] < 6


def test_who_hands_in_again_is_graded_again_and_nobody_else(term: SimpleNamespace) -> None:
    assert "1 graded, 2 unchanged" in term.again
    assert term.second == term.first | {"ada": (6, True)}


def test_a_learner_reads_feedback_on_each_submission(term: SimpleNamespace) -> None:
    first, second = feedback(term.machine.ada)
    assert f"(Score: {term.first['ada'][0]:.1f} / 6.0)" in first
    assert "(Score: 6.0 / 6.0)" in second


# What is nobody else's business --------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["inbound", "feedback"])
def test_what_others_handed_in_and_got_back_cannot_be_found(term: SimpleNamespace, folder: str) -> None:
    status, said = term.machine.eve.try_("ls", str(term.machine.exchange / "down_and_up" / folder))
    assert status != 0
    assert "Permission denied" in said


@pytest.mark.parametrize("name", [".course_secret", "gradebook.db", f"solutions/{LESSON}/{NOTEBOOK}"])
def test_what_is_the_instructors_cannot_be_read(term: SimpleNamespace, name: str) -> None:
    assert (term.course / name).is_file()
    status, said = term.machine.eve.try_("cat", str(term.course / name))
    assert status != 0
    assert "Permission denied" in said


def test_the_course_in_the_exchange_cannot_be_put_aside_for_another(term: SimpleNamespace) -> None:
    """The exchange is everybody's to write in; its sticky bit, which nbgrader does not ask for, is what stops this."""
    status, _ = term.machine.eve.try_(
        "mv", str(term.machine.exchange / "down_and_up"), str(term.machine.exchange / "x")
    )
    assert status != 0


# What collecting leaves out --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (f"bob+{LESSON}+2099-01-01 00:00:00 UTC+x", "It is handed in for 'bob' and belongs to 'eve'."),
        (f"eve+{LESSON}+yesterday+x", "It is no submission"),
        (f"eve+{LESSON}+2098-01-01 00:00:00 UTC+x", "It is larger than CourseDirectory.max_dir_size, 100000 kB."),
        (f"eve+{LESSON}+2097-01-01 00:00:00 UTC+x", "It is no folder, or a link, which is not followed."),
    ],
)
def test_what_is_not_collected_is_told(term: SimpleNamespace, name: str, reason: str) -> None:
    assert f"Not collected: {name}. {reason}" in term.collected


def test_who_dates_back_is_told_of(term: SimpleNamespace) -> None:
    assert f"eve+{LESSON}+2025-01-01 00:00:00 UTC+x was last changed at 20" in term.collected


def test_no_link_is_followed(term: SimpleNamespace) -> None:
    """nbgrader's own collect would have copied the solutions, and shown them in eve's feedback."""
    collected = term.course / "submitted" / "eve" / LESSON
    assert sorted(path.name for path in collected.iterdir()) == ["notes.txt", "submission_secret.txt", "timestamp.txt"]
    assert (collected / "timestamp.txt").read_text() == "2025-01-01 00:00:00 UTC"
    assert term.first["eve"] == (0, False)
