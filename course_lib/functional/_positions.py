"""Where in its window the largest or smallest entry lies: the first of equals in reading order, but the last NaN."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.functional._windows import Axis, Fold, Windows, fold, fold_all, is_channels_last

# Scores of less than so many bits, a NaN's bit on top, fit into these.
SCORES = {8: torch.uint8, 15: torch.int16, 31: torch.int32, 63: torch.int64}

# Whole numbers up to these are exact.
EXACT = {torch.float32: 2**24, torch.float64: 2**53}


def positions(x: Tensor, windows: Windows, op: Fold) -> Tensor:
    """Positions in the flattened spatial axes; 0 for a window of padding alone."""
    if all(axis.is_whole() for axis in windows.axes):
        extreme = fold_all(x, windows.axes, op)
        if not _has_nan(extreme):
            return _whole(x, extreme, len(windows.axes))
    extremes = [x]
    for axis in windows.axes:
        extremes.append(fold(extremes[-1], axis, op))
    flat = _flat_indices(_scores(extremes, windows, _has_nan(extremes[-1])), windows)
    blank = blank_windows(windows, x.device)
    return flat if blank is None else flat.masked_fill(blank, 0)


def _has_nan(extreme: Tensor) -> bool:
    """May there be a NaN? To look for one costs next to nothing, but only where values can be looked at."""
    if not extreme.is_floating_point():
        return False
    if extreme.device.type != "cpu" or torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active():
        return True
    return bool((extreme != extreme).any())


def _whole(x: Tensor, extreme: Tensor, n: int) -> Tensor:
    """A single window over everything: of the entries that equal the extreme one, the first scores most."""
    dim = 1 if is_channels_last(x, n) else -1
    x, extreme = (t.movedim(1, -1).flatten(1, -2) if dim == 1 else t.flatten(-n) for t in (x, extreme))
    count = x.shape[dim]
    # Written over floats, torch compares three times as fast as into bool.
    hit = x.clone().eq_(extreme) if count <= EXACT.get(x.dtype, 0) else (x == extreme).long()
    scores = torch.arange(count, 0, -1, dtype=hit.dtype, device=x.device).unsqueeze(-1 if dim == 1 else 0)
    best = hit.mul_(scores).amax(dim)
    return (count - best.long())[(..., *(None,) * n)]


def _scores(extremes: list[Tensor], windows: Windows, has_nan: bool) -> Tensor:
    """For each window a number that says which tap of each axis holds the extreme entry.

    Along an axis, a tap that holds the extreme entry scores kernel_size - tap, a NaN kernel_size + tap. So the highest
    score belongs to the first of equals, or to the last NaN, and the tap is how far it lies from kernel_size. A score
    has bits for every axis, rows above columns, and a NaN's bit on top: so the maximum over an axis carries along the
    bits of the axes before, and prefers the first row to the first column. (Scores are small integers because a
    maximum of those costs next to nothing, unlike a selection with torch.where.)
    """
    bits = _score_bits(windows)
    top = sum(bits)
    x, *extremes = extremes
    dtype = next(dtype for room, dtype in SCORES.items() if top < room)
    scores, shift = x, top
    for axis, width, extreme in zip(windows.axes, bits, extremes, strict=True):
        first, shift = shift == top, shift - width
        if not has_nan:
            nan = None
        elif first:
            nan = (x != x).view(torch.uint8).to(dtype)
        else:
            nan = scores >> top
        best = torch.zeros_like(extreme, dtype=dtype)
        for tap, outputs, inputs in axis.taps():
            before = 0 if first else axis.part(scores, inputs)
            hit = (axis.part(x, inputs) == axis.part(extreme, outputs)).view(torch.uint8).to(dtype)
            score = hit * (before + ((axis.kernel_size - tap) << shift))
            if nan is not None:
                score += axis.part(nan, inputs) * (before + ((axis.kernel_size + tap) << shift) + (first << top))
            axis.part(best, outputs).clamp_min_(score)
        x, scores = extreme, best
    return scores


def _score_bits(windows: Windows) -> list[int]:
    return [(2 * axis.kernel_size - 1).bit_length() for axis in windows.axes]


def _flat_indices(scores: Tensor, windows: Windows) -> Tensor:
    flat, later = torch.zeros_like(scores, dtype=torch.long), 1
    for axis, width in zip(reversed(windows.axes), reversed(_score_bits(windows)), strict=True):
        score = scores & ((1 << width) - 1)
        tap = torch.maximum(score, 2 * axis.kernel_size - score) - axis.kernel_size
        flat.add_(tap.long(), alpha=axis.dilation * later)
        flat.add_(_column([start * later for start in axis.starts()], axis, scores.device))
        scores, later = scores >> width, later * axis.size
    return flat


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
    return torch.tensor(values, device=device).reshape(-1, *(1,) * (-1 - axis.dim))
