"""What a learner calls: check, hint and progress."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest
import torch
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from torch import nn

from course_lib import check, exercises, hint, learner, progress, record
from course_lib.exercises import find


@pytest.fixture(autouse=True)
def own_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins without a record and without hints given."""
    monkeypatch.setenv("DOWN_AND_UP_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setattr(learner, "_stages", {})


def output_size(size, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    stride = stride or kernel_size
    room = size + 2 * padding - dilation * (kernel_size - 1) - 1
    count = -(-room // stride) + 1 if ceil_mode else room // stride + 1
    return count - 1 if ceil_mode and (count - 1) * stride >= size + padding else count


TOTAL = f"{sum(find(name).points for name in exercises.names()):g}"


def told(capsys) -> str:
    """What was shown, on one line."""
    return " ".join(capsys.readouterr().out.split())


def test_check_shows_a_report_and_gives_the_points(capsys) -> None:
    points = check(output_size)
    assert (points, type(points)) == (4.0, float)
    cases = sum(len(cases) for _, cases in find("output_size").groups())
    assert told(capsys) == f"✓ output_size is right: 4 of 4 points. All {cases} cases are right."
    assert record.best() == {"output_size": 4.0}


def test_a_hidden_check_draws_from_the_secret_and_the_code(capsys, monkeypatch) -> None:
    assert check(output_size, hidden=True) == 4.0
    assert f"With further cases drawn from seed {learner.hidden_seed(output_size)}." in told(capsys)
    without = learner.hidden_seed(output_size)
    monkeypatch.setenv("DOWN_AND_UP_SECRET", "the instructor's")
    assert learner.hidden_seed(output_size) != without
    assert learner.hidden_seed(output_size) != learner.hidden_seed(told)
    assert learner.hidden_seed(output_size) == learner.hidden_seed(output_size)


def test_the_code_of_a_class_makes_a_seed_too() -> None:
    class One(nn.Module):
        def forward(self, x):
            return x

    class Other(nn.Module):
        def forward(self, x):
            return 2 * x

    assert learner.hidden_seed(One) != learner.hidden_seed(Other)
    assert learner.hidden_seed(len) == learner.hidden_seed(print)


def test_a_seed_replays_its_cases(capsys) -> None:
    check(output_size, seed="a1b2")
    assert "With further cases drawn from seed a1b2." in told(capsys)


class Odd:
    def __getattr__(self, name):
        raise RuntimeError("do not touch")

    def __repr__(self):
        raise RuntimeError("do not print")


@pytest.mark.parametrize(
    ("work", "sentence"),
    [
        (None, "check takes the function itself, but it was given a NoneType."),
        (torch.ones(2, 3), "but it was given the result of a call (a tensor of shape (2, 3))."),
        (2.5, "but it was given the result of a call (a float (2.5))."),
        ([1], "but it was given the result of a call (a list)."),
        (nn.MaxPool2d(2), "but it was given the result of a call (a MaxPool2d)."),
        (functools.partial(output_size, 3), "but it was given the result of a call (a partial)."),
        (Odd(), "but it was given the result of a call (an Odd)."),
        (lambda x: x, "check finds the exercise by the function's name, and a lambda has none."),
        (print, "No exercise is named print. The closest name is"),
        (told, "No exercise is named told. The closest name is"),
        ("max_pol", "No exercise is named max_pol. The closest name is max_pool"),
        ("max_pool", "max_pool should be a function that starts with def max_pool, but it is a str ('max_pool')."),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_exercise_is_told_and_gives_no_points(capsys, work, sentence: str) -> None:
    assert check(work) == 0.0
    assert sentence in told(capsys)


def test_hints_come_one_after_the_other_and_stay_at_the_last(capsys) -> None:
    stages = find("max_pool").hints
    shown = []
    for _ in range(len(stages) + 1):
        hint("max_pool")
        shown.append(told(capsys))
    for number, (text, words) in enumerate(zip(shown, [*stages, stages[-1]], strict=True), start=1):
        assert text.startswith(f"… Hint {min(number, 3)} of 3 for max_pool: {' '.join(words.split())}")
    assert "Call hint(max_pool) again for the next one." in shown[0]
    assert "That was the last hint." in shown[2]


def test_a_hint_can_be_picked_and_takes_a_function(capsys) -> None:
    for stage, expected in ((2, 2), (99, 3), (-1, 1)):
        hint(output_size, stage)
        assert f"Hint {expected} of 3 for output_size" in told(capsys)


def test_a_hint_for_nothing_says_so(capsys) -> None:
    hint("max_pol")
    assert "The closest name is max_pool" in told(capsys)
    hint(None)
    assert "check takes the function itself" in told(capsys)


def test_progress_lists_every_exercise_with_its_points(capsys) -> None:
    progress()
    shown = told(capsys)
    assert shown.startswith(f"… Your progress: 0 of {TOTAL} points. Nothing checked yet.")
    assert all(name in shown for name in exercises.names())
    check(output_size)
    told(capsys)
    progress()
    shown = capsys.readouterr().out
    assert shown.startswith(f"… Your progress: 4 of {TOTAL} points.")
    assert re.search(r"✓ output_size +4/4", shown)
    assert re.search(r"· max_pool +0/4", shown)


def test_progress_is_right_when_everything_is_won(capsys) -> None:
    for name in exercises.names():
        record.note(name, 100.0)
    progress()
    assert told(capsys).startswith(f"✓ Your progress: {TOTAL} of {TOTAL} points.")


def test_in_a_notebook_the_report_is_display_data_and_the_result_a_plain_number(
    kernels: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """nbgrader reads partial credit from a cell's result, so nothing else may be one."""
    for name, value in kernels.items():
        monkeypatch.setenv(name, value)
    (cell,) = cells = [new_code_cell("from course_lib import check\ndef output_size(): pass\ncheck(output_size)")]
    NotebookClient(new_notebook(cells=cells)).execute()
    report, result = cell.outputs
    assert (report.output_type, report.metadata.course_lib.face) == ("display_data", "refused")
    assert "text/html" in report.data
    assert (result.output_type, result.data) == ("execute_result", {"text/plain": "0.0"})


def test_the_three_names_are_found_in_the_package_and_nothing_else_is() -> None:
    import course_lib

    assert course_lib.__all__ == ["check", "hint", "progress"]
    with pytest.raises(AttributeError, match="module 'course_lib' has no attribute 'chek'"):
        course_lib.chek  # noqa: B018
