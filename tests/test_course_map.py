"""The lessons of the course, and that no topic is lost on the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.build import course_map, sync
from course_lib import exercises
from course_lib.course_map import LESSONS, Lesson, find

ROOT = Path(__file__).parents[1]

# What the course promises to cover, in words that some lesson's topics contain.
PROMISED = """
max pooling · average pooling · min pooling · 1-D pooling · strided convolution · spatial pyramid pooling
size alignment · receptive field · cost · Conv → BatchNorm → ReLU → Pool · in-place ReLU
interpolate and Upsample · nearest, linear, bilinear, bicubic, trilinear · size and scale_factor · align_corners
recompute_scale_factor · max unpooling · average unpooling · residual up-sampling block · ConvTranspose2d
its output size · checkerboards · PixelShuffle · UpsamplingNearest2d and UpsamplingBilinear2d · U-Net · skips
symmetric encoder and decoder · where it is used: classification · where it is used: detection
where it is used: segmentation · where it is used: speech · where it is used: GANs
where it is used: super-resolution
"""


@pytest.mark.parametrize("topic", PROMISED.strip().replace("\n", " · ").split(" · "))
def test_every_promised_topic_has_its_lesson(topic: str) -> None:
    assert any(topic in each for lesson in LESSONS for each in lesson.topics)


def test_lessons_are_numbered_in_their_order() -> None:
    assert [lesson.stem[:3] for lesson in LESSONS] == [f"{number:02}_" for number in range(11)]


def test_a_built_lesson_has_exercises_and_no_plan() -> None:
    assert [lesson.stem for lesson in LESSONS if lesson.built] == list(exercises.MODULES) == sync.stems(ROOT)
    assert [lesson.stem for lesson in LESSONS if lesson.planned] == [
        lesson.stem for lesson in LESSONS if not lesson.built
    ]


def test_points_come_from_the_exercises_or_the_plan() -> None:
    assert find("01_pooling").points == sum(each.points for each in exercises.of_lesson("01_pooling")) == 16
    assert Lesson("97_none", "None", 5, (), (("One", 1), ("Two", 2))).points == 3
    with pytest.raises(KeyError, match="no lesson is named '97_none'; there are 00_start_here"):
        find("97_none")


def test_the_table_links_what_is_built_and_says_what_is_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    planned = Lesson("97_none", "None", 5, ("nothing",), (("One", 1), ("Two", 2)))
    monkeypatch.setattr(course_map, "LESSONS", (*LESSONS, planned))
    head, _, *rows, total = course_map.table("notebooks").splitlines()
    assert head == "| lesson | topics | exercises | points | status |"
    assert len(rows) == len(LESSONS) + 1
    assert rows[1].startswith("| [01 Pooling: maximum, average, minimum](notebooks/01_pooling/01_pooling.ipynb) | max")
    assert rows[1].endswith("| 16 | built |")
    assert rows[-1] == "| 97 None | nothing | One (1), Two (2) | 3 | planned |"
    assert total.endswith("| **148** | |")
