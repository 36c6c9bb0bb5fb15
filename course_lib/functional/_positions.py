"""The largest or smallest entry of each window, with where it lies: the first of equals in reading order, the last NaN.

A tournament along one axis after the other, columns first, then rows. At each tap a challenger beats the best so far or
doesn't, and the winner's position goes along. To beat takes more than to equal, so the first column stays, and of rows
with the same best the first. Positions are floats, exact up to EXACT: since a hit is 1.0 or 0.0, to choose between two
is then torch.lerp, one vectorised operation, where torch.where goes entry by entry.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.functional._folds import Fold, piece_count, pieces_and_runs, shapes_between, traced
from course_lib.functional._windows import Axis, Windows, constant, is_channels_last

EXACT = 2**24  # float32 holds whole numbers up to this


@dataclass(frozen=True)
class Extremum(Fold):
    """Of two entries one `beats` the other."""

    beats: Callable[..., Tensor]


def winners(x: Tensor, windows: Windows, op: Extremum) -> tuple[Tensor, Tensor]:
    """Values and positions in the flattened spatial axes; for a window of padding alone `op.nothing` and 0."""
    if is_channels_last(x, len(windows.axes)):
        values, at = _winners(x.movedim(1, -1), windows.before_channels(), op)
        values, at = values.movedim(-1, 1), at.movedim(-1, 1)
    else:
        values, at = _winners(x, windows, op)
    blank = blank_windows(windows, x.device)
    if blank is None:
        return values, at
    return values.masked_fill(blank, op.nothing(x.dtype)), at.masked_fill(blank, 0)


def _winners(x: Tensor, windows: Windows, op: Extremum) -> tuple[Tensor, Tensor]:
    axes, first = windows.axes, x.dim() + windows.axes[0].dim
    sizes, behind = x.shape[first : first + len(axes)], x.shape[first + len(axes) :]
    total = math.prod(sizes)
    at = torch.arange(total, dtype=torch.float32 if total <= EXACT else torch.float64, device=x.device)
    shapes = shapes_between(x.shape, axes[::-1])
    if all(axis.is_whole() for axis in axes):
        x, at = x.flatten(first, first + len(axes) - 1), at.reshape(total, *(1 for _ in behind))
        axes = (Axis(-1 - len(behind), total, 1, total, 1, 0, 1),)
    else:
        at = at.reshape(*sizes, *(1 for _ in behind))
    if traced() or x.device.type != "cpu":  # nobody can look for a NaN here, or should wait for what is found
        values, at = _tournaments(x, at, axes, op, nan=x.is_floating_point())
        return values.reshape(shapes[-1]).contiguous(), at.long().expand(values.shape).reshape(shapes[-1]).contiguous()
    values, indices = x.new_empty(shapes[-1]), x.new_empty(shapes[-1], dtype=torch.long)
    count = piece_count(x, shapes[:1])  # for the cache alone: what lies between is less than the gradient to come
    for some_axes, inputs, some_x, some_values, some_indices in pieces_and_runs(axes, count, x, values, indices):
        some_at = axes[0].part(at, inputs)
        best, best_at = _tournaments(some_x, some_at, some_axes, op, nan=math.isnan(some_x.sum().item()))
        some_values.copy_(best.view(some_values.shape))
        some_indices.copy_(best_at.expand(best.shape).view(some_values.shape))
    return values, indices


def _tournaments(x: Tensor, at: Tensor, axes: tuple[Axis, ...], op: Extremum, nan: bool) -> tuple[Tensor, Tensor]:
    for axis in reversed(axes):
        # Many taps and few windows: a reduction for each window is less work than a challenge for each tap.
        few = 4 * axis.out < axis.kernel_size and axis.dilation == 1
        play = _each_window if few else _each_tap
        x, at = play(x, at, axis, op, nan)
    return x, at


def _each_tap(x: Tensor, at: Tensor, axis: Axis, op: Extremum, nan: bool) -> tuple[Tensor, Tensor]:
    (x, bordered), (at, _) = axis.with_border(x), axis.with_border(at)
    axis = bordered
    best, best_at = axis.read(0, x, at)
    for tap in range(1, axis.kernel_size):
        challenger, its = axis.read(tap, x, at)
        if torch.compiler.is_compiling():  # which makes one loop of it all, where a choice costs least
            wins = op.beats(challenger, best)
            wins = wins | (challenger != challenger) if nan else wins
            best, best_at = torch.where(wins, challenger, best), torch.where(wins, its, best_at)
            continue
        if challenger.stride(-1) != 1:  # far apart in memory, numbers are compared one by one, 20 times as slowly
            challenger, best = challenger.contiguous(), best.contiguous()
        hit = _ones(op.beats, challenger, best)
        if nan:
            hit = torch.maximum(hit, _ones(torch.ne, challenger, challenger))
        best, best_at = op.pair(best, challenger), torch.lerp(best_at, its, hit.to(at.dtype))
    return best, best_at


def _each_window(x: Tensor, at: Tensor, axis: Axis, op: Extremum, nan: bool) -> tuple[Tensor, Tensor]:
    best, best_at = [], []
    top = 2 / torch.finfo(at.dtype).eps  # beyond every position, and exact
    for window in axis.windows():
        entries, where = axis.part(x, window), axis.part(at, window)
        extreme = op.along(entries, axis.dim, keepdim=True)
        hit = _ones(torch.eq, entries, extreme).to(at.dtype)
        first = top - (hit * (top - where)).amax(axis.dim, keepdim=True)
        if nan:
            last = (where * (entries != entries)).amax(axis.dim, keepdim=True)
            first = torch.where(extreme != extreme, last, first)
        best.append(extreme)
        best_at.append(first)
    return torch.cat(best, axis.dim), torch.cat(best_at, axis.dim)


def _ones(compare: Callable[..., Tensor], one: Tensor, other: Tensor) -> Tensor:
    """Where a comparison holds, 1. (Written over numbers it is vectorised, into bool it is not.)"""
    if traced():
        return compare(one, other).to(one.dtype)
    return compare(one, other, out=torch.empty_like(one, memory_format=torch.contiguous_format))


def blank_windows(windows: Windows, device: torch.device) -> Tensor | None:
    """Which windows read nothing but padding: dilated ones can straddle a short axis. Mostly none: then None."""
    if not any(axis.padding and axis.dilation > 1 for axis in windows.axes):
        return None
    blank = torch.zeros((), dtype=torch.bool, device=device)
    for axis in windows.axes:
        reached = {output for _, outputs, _ in axis.taps() for output in range(outputs.start, outputs.stop)}
        blank = blank | _column([output not in reached for output in range(axis.out)], axis, device)
    return blank


def first_tap(windows: Windows, device: torch.device) -> Tensor:
    """torch's index of a blank window: that of its first tap at or past position 0, even where it lies outside."""
    flat = torch.zeros((), dtype=torch.long, device=device)
    for axis in windows.axes:
        at = [start if start >= 0 else start % axis.dilation for start in axis.starts()]
        flat = flat * axis.size + _column(at, axis, device)
    return flat


def _column(values: list, axis: Axis, device: torch.device) -> Tensor:
    """One number for each output of an axis, in a shape that broadcasts along the others."""
    return constant(values, device).reshape(-1, *(1,) * (-1 - axis.dim))
