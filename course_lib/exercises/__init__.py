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

# How they are called, in the order of the lesson, so that a check loads its own lesson alone.
NAMES = {
    "00_start_here": ("output_size", "probe_outputs"),
    "01_pooling": ("max_pool_loops", "max_pool", "avg_pool", "min_pool", "pool_signal"),
    "02_backward_and_shift": (
        "max_pool_backward",
        "tie_routing",
        "avg_pool_backward",
        "shift_consistency",
        "blur_pool",
    ),
    "03_strided_convolution": ("strided_conv", "receptive_field", "cost_audit"),
    "04_adaptive_pooling": ("adaptive_bins", "adaptive_pool", "spatial_pyramid_pool", "RepairedPyramid"),
    "05_cnn_block": ("batch_norm", "ConvBlock", "fold_batch_norm", "sort_snippets", "audit_memory"),
    "06_interpolation": (
        "source_coordinates",
        "linear_matrix",
        "bilinear",
        "choose_flag",
        "bicubic",
        "downsample",
        "trilinear",
    ),
    "07_unpooling": ("max_unpool", "avg_unpool", "which_identity", "UpProjection"),
    "08_transposed_convolution": (
        "conv_transpose_scatter",
        "conv_transpose_by_matrix",
        "conv_transpose_by_zeros",
        "transposed_output_size",
        "overlap_count",
    ),
    "09_pixel_shuffle": ("pixel_shuffle", "depth_to_space", "sub_pixel_as_transposed", "icnr", "phase_energy"),
    "10_unet": ("fit_skip", "UNet", "iou", "ablation_verdict"),
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
    return tuple(name for own in NAMES.values() for name in own)


def find(name: str) -> Exercise:
    """The exercise of this name; KeyError where there is none.

    >>> find("max_pool").lesson
    '01_pooling'
    """
    for stem, own in NAMES.items():
        if name in own:
            return next(exercise for exercise in of_lesson(stem) if exercise.name == name)
    raise KeyError(f"no exercise is named {name!r}; there are {', '.join(names())}")
