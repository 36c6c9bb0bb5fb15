"""The exercises, one module a lesson. ``find`` and ``of_lesson`` load a lesson's module when it is first needed."""

from __future__ import annotations

import importlib
from functools import cache

from course_lib.checking.exercise import Exercise

# Which module defines the exercises of which lesson.
MODULES = {
    "00_start_here": "start_here",
    "01_pooling": "pooling",
    "02_backward_and_shift": "backward_and_shift",
    "03_strided_convolution": "strided_convolution",
    "04_adaptive_pooling": "adaptive_pooling",
    "05_cnn_block": "cnn_block",
    "06_interpolation": "interpolation",
    "07_unpooling": "unpooling",
    "08_transposed_convolution": "transposed_convolution",
    "09_pixel_shuffle": "pixel_shuffle",
    "10_unet": "unet",
}


@cache
def of_lesson(stem: str) -> tuple[Exercise, ...]:
    """The exercises of one lesson, in its order; empty for a lesson that is not built yet.

    >>> [exercise.name for exercise in of_lesson("00_start_here")]
    ['output_size', 'probe_outputs']
    """
    if stem not in MODULES:
        return ()
    return importlib.import_module(f"course_lib.exercises.{MODULES[stem]}").EXERCISES


def names() -> tuple[str, ...]:
    """The names of all exercises of the course, in its order."""
    return tuple(exercise.name for stem in MODULES for exercise in of_lesson(stem))


def find(name: str) -> Exercise:
    """The exercise of this name; KeyError where there is none.

    >>> find("max_pool").lesson
    '01_pooling'
    """
    for stem in MODULES:
        for exercise in of_lesson(stem):
            if exercise.name == name:
                return exercise
    raise KeyError(f"no exercise is named {name!r}; there are {', '.join(names())}")
