"""Pooling a signal in time, and where its samples then stand."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.exercises.pooling.shared import LINE


def _pool_signal(signal, kernel_size, stride, mode):
    pool = F.max_pool1d if mode == "max" else F.avg_pool1d
    pooled = pool(signal, kernel_size, stride)
    return pooled, torch.arange(pooled.shape[-1]) * stride + (kernel_size - 1) / 2


def _signal_wrong(pooled=None, centres=None):
    def pool_signal(signal, kernel_size, stride, mode):
        right, where = _pool_signal(signal, kernel_size, stride, mode)
        right = pooled(signal, kernel_size, stride, mode) if pooled else right
        return right, centres(torch.arange(right.shape[-1]).float(), kernel_size, stride) if centres else where

    return pool_signal


def _draw_signal(draw: Draw) -> Case:
    kernel_size = draw.integer(1, 6)
    signal = draw.distinct(draw.integer(1, 3), draw.integer(kernel_size, 24))
    return Case(
        (signal,),
        {"kernel_size": kernel_size, "stride": draw.integer(1, 5), "mode": draw.choice(["max", "avg"])},
    )


SIGNAL_CASES = (
    Case((LINE[None],), {"kernel_size": 3, "stride": 2, "mode": "max"}, "one channel, three windows"),
    Case(
        (LINE[None],),
        {"kernel_size": 2, "stride": 2, "mode": "avg"},
        "an odd length, so the last sample is left over",
    ),
    Case((torch.stack([LINE, -LINE]),), {"kernel_size": 4, "stride": 3, "mode": "avg"}, "two channels"),
    Case((torch.stack([LINE, -LINE]),), {"kernel_size": 4, "stride": 1, "mode": "max"}, "a running maximum"),
)

POOL_SIGNAL = Exercise(
    name="pool_signal",
    title="Pooling a signal, and where its samples then stand",
    lesson="01_pooling",
    oracle=_pool_signal,
    banned=("pooling",),
    instead="Use what you built: max_pool takes a signal too, or take slices along time as you did there.",
    difficulty=2,
    minutes=8,
    facets=(
        Facet(
            "pooled",
            1,
            "The largest value (mode='max') or the mean (mode='avg') of each window in time.",
            SIGNAL_CASES,
            lambda draw: [_draw_signal(draw) for _ in range(6)],
            part=0,
        ),
        Facet(
            "centres",
            1,
            "The position of each window's centre on the old time axis, in samples.",
            SIGNAL_CASES,
            lambda draw: [_draw_signal(draw) for _ in range(6)],
            part=1,
        ),
    ),
    misconceptions=(
        Misconception(
            "the start of the window instead of its centre",
            _signal_wrong(centres=lambda i, k, s: i * s),
            "i · stride is where window number i begins. Its centre lies (kernel_size − 1) / 2 further on: a window over the samples 0, 1 and 2 has its centre at 1.",
        ),
        Misconception(
            "half a window too far",
            _signal_wrong(centres=lambda i, k, s: i * s + k / 2),
            "You add kernel_size / 2. A window over the samples 0 and 1 has its centre halfway between them, at 0.5, and not at 1: add (kernel_size − 1) / 2.",
        ),
        Misconception(
            "the index of the output",
            _signal_wrong(centres=lambda i, k, s: i),
            "These are the positions on the new, shorter axis. On the old one the windows stand stride samples apart.",
        ),
        Misconception(
            "stride ignored",
            _signal_wrong(
                pooled=lambda x, k, s, mode: _pool_signal(x, k, k, mode)[0],
                centres=lambda i, k, s: i * k + (k - 1) / 2,
            ),
            "Your windows stand kernel_size apart. They should stand stride apart.",
        ),
        Misconception(
            "the mode ignored",
            _signal_wrong(pooled=lambda x, k, s, mode: _pool_signal(x, k, s, "max")[0]),
            "You take the maximum whatever mode says. mode='avg' asks for the mean of each window.",
        ),
        Misconception(
            "the modes exchanged",
            _signal_wrong(pooled=lambda x, k, s, mode: _pool_signal(x, k, s, "avg" if mode == "max" else "max")[0]),
            "mode='max' gives you the mean and mode='avg' the maximum.",
        ),
    ),
    hints=(
        "Your max_pool wants (N, C, T); the signal is (C, T). An axis of size 1 in front, signal[None], makes it fit, and [0] takes it away again.",
        "For the mean, use the slices of max_pool with a sum in the place of the maximum, divided by kernel_size; or signal.unfold(-1, kernel_size, stride), which puts every window on a last axis of its own.",
        "Window i reads the samples i * stride … i * stride + kernel_size − 1. The middle of the first and the last of these is the centre; torch.arange(n) * stride gives all the starts at once.",
    ),
)
