"""ICNR: a sub-pixel convolution that begins as nearest upsampling.

A. Aitken et al., "Checkerboard artifact free sub-pixel convolution" (2017).
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.exercises.pooling.shared import strided


def _icnr(weight, upscale_factor):
    copies = upscale_factor**2
    return weight[::copies].repeat_interleave(copies, dim=0)


def _tiled(weight, upscale_factor):
    copies = upscale_factor**2
    return weight[: len(weight) // copies].repeat(copies, *(1,) * (weight.dim() - 1))


def _first_ones(weight, upscale_factor):
    copies = upscale_factor**2
    return weight[: len(weight) // copies].repeat_interleave(copies, dim=0)


def _means(weight, upscale_factor):
    copies = upscale_factor**2
    return weight.unflatten(0, (-1, copies)).mean(1).repeat_interleave(copies, dim=0)


def _one_for_all(weight, upscale_factor):
    return weight[:1].expand_as(weight).clone() if len(weight) else weight.clone()


def _r_copies(weight, upscale_factor):
    return weight[::upscale_factor].repeat_interleave(upscale_factor, dim=0)


def _divided(weight, upscale_factor):
    return _icnr(weight, upscale_factor) / upscale_factor**2


def _numbers(*shape: int) -> Tensor:
    return torch.arange(1.0, torch.Size(shape).numel() + 1).reshape(shape)


def _draw(draw: Draw, outputs=(1,), factors=(2,), kernels=(1, 2, 3), dtype=torch.float32) -> Case:
    r = draw.choice(factors)
    shape = draw.choice(outputs) * r * r, draw.integer(1, 2), draw.choice(kernels), draw.choice(kernels)
    return Case((draw.distinct(*shape, dtype=dtype),), {"upscale_factor": r})


TWO = {"upscale_factor": 2}

ICNR = Exercise(
    name="icnr",
    title="ICNR: begin as nearest upsampling",
    lesson="09_pixel_shuffle",
    oracle=_icnr,
    banned=("icnr",),
    instead="Pick one kernel of each group, and repeat it.",
    difficulty=1,
    minutes=8,
    facets=(
        Facet(
            "one output channel",
            0.5,
            "All r² kernels of an output channel are copies of its first one.",
            (
                Case((_numbers(4, 1, 1, 1),), TWO, "four kernels of one number"),
                Case((_numbers(4, 1, 2, 2) * 4,), TWO, "four kernels of 2 × 2"),
                Case((_numbers(4, 2, 1, 1),), TWO, "two input channels"),
            ),
            lambda draw: [_draw(draw) for _ in range(4)],
        ),
        Facet(
            "several output channels",
            0.5,
            "Each output channel has its own group of r² neighbouring kernels, and keeps the first of it.",
            (
                Case((_numbers(8, 1, 1, 1),), TWO, "two groups of four: the kernels 0 and 4 are kept"),
                Case((_numbers(12, 1, 1, 1),), TWO, "three groups"),
            ),
            lambda draw: [_draw(draw, outputs=(2, 3)) for _ in range(4)],
        ),
        Facet(
            "any factor",
            0.5,
            "The groups have upscale_factor² kernels, and with a factor of 1 everything stays as it is.",
            (
                Case((_numbers(9, 1, 1, 2),), {"upscale_factor": 3}, "a group of nine"),
                Case((_numbers(16, 1, 1, 1),), {"upscale_factor": 4}, "a group of sixteen"),
                Case((_numbers(1, 2, 1, 1),), {"upscale_factor": 1}, "groups of one kernel"),
            ),
            lambda draw: [_draw(draw, factors=(3, 4)) for _ in range(4)],
        ),
        Facet(
            "any weight",
            0.5,
            "Shape, dtype and memory layout may be anything, and the weight that is handed in stays as it was.",
            (
                Case((_numbers(4, 1, 1, 3).double() / 3,), TWO, "float64 stays float64"),
                Case((strided(_numbers(4, 1, 3, 2)),), TWO, "memory that is not contiguous"),
                Case((_numbers(4, 2, 3),), TWO, "a weight with one axis less"),
                Case((_numbers(4),), TWO, "a bias"),
                Case((torch.zeros(0, 1, 3, 3),), TWO, "no kernels at all"),
            ),
            lambda draw: [
                _draw(draw, dtype=draw.choice([torch.float32, torch.float64]), kernels=(1, 3)) for _ in range(4)
            ],
        ),
    ),
    misconceptions=(
        Misconception(
            "nothing is copied",
            lambda weight, upscale_factor: weight.clone(),
            "The kernels are as they were, all different. Within each group of r² they must be equal, so that the r² pixels of a block begin equal.",
        ),
        Misconception(
            "repeat instead of repeat_interleave",
            _tiled,
            "Your copies come as 0, 1, 0, 1, … The kernels that make one block are neighbours, so the copies must be neighbours too: 0, 0, 0, 0, 1, 1, 1, 1. That is repeat_interleave.",
        ),
        Misconception(
            "the first kernels instead of the first of each group",
            _first_ones,
            "You keep the first C kernels. Each group has r² of them, and the first of each is at 0, r², 2 r², …: weight[::r * r].",
        ),
        Misconception(
            "the mean of each group",
            _means,
            "You fill each group with its mean. Its kernels are equal then, but r times smaller than the initialisation meant them to be, because independent numbers cancel in a mean. Keep one of them as it is.",
        ),
        Misconception(
            "one kernel for all",
            _one_for_all,
            "All your kernels are the same, across the groups too, so all output channels would learn the same. Only the r² of one group are equal.",
        ),
        Misconception(
            "r copies instead of r²",
            _r_copies,
            "You make r copies of a kernel. A block has r rows and r columns, so it needs r² of them.",
        ),
        Misconception(
            "divided among the copies",
            _divided,
            "You divide by r². Nothing is summed over the copies, each of them makes a pixel of its own, so each keeps the full size.",
        ),
    ),
    hints=(
        "pixel_shuffle makes a block of the channels c · r² … c · r² + r² − 1. What must be true of their kernels, so that all pixels of a block are equal?",
        "The first kernel of each group is weight[::r * r]: one for each output channel.",
        "Return weight[::r * r].repeat_interleave(r * r, dim=0). The word interleave matters: repeat alone would lay the copies C apart.",
    ),
)
