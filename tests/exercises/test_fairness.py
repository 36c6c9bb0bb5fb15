"""A mistake costs the same whatever the seed: hidden cases catch who knows the visible inputs, nobody else."""

from __future__ import annotations

import pytest

from course_lib import exercises
from course_lib.checking.examine import examine

PAIRS = [
    pytest.param(exercises.find(name), misconception, id=f"{name}-{misconception.name}")
    for name in exercises.names()
    for misconception in exercises.find(name).misconceptions
]


def test_there_are_misconceptions() -> None:
    assert len(PAIRS) > 30


@pytest.mark.parametrize(("exercise", "misconception"), PAIRS)
def test_hidden_cases_take_no_facet_that_the_visible_ones_give(exercise, misconception) -> None:
    visible = examine(exercise, misconception.wrong).points
    for seed in ("a", "b", "c"):
        assert examine(exercise, misconception.wrong, seed).points == visible, seed
