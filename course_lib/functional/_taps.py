"""Interpolation along one axis as a sparse matrix: for each output the inputs that it reads, and their weights.

A resampled axis is y = A·x, whatever the mode. The mode only says which entries a row of A has. So the gradient is Aᵀ,
the gradient's gradient is A again, and several axes are one matrix after the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from course_lib import geometry
from course_lib.functional._sparse import Matrix


@dataclass(frozen=True)
class Axis:
    """What determines the matrix of one axis: `dim` counts from the end, `out` is the new size.

    `arithmetic` is in what torch's kernel counts positions: "single", "double", or "byte" for its fixed-point kernel
    for uint8.
    """

    dim: int
    size: int
    out: int
    kernel: str
    scale_factor: float | None = None
    align_corners: bool = False
    antialias: bool = False
    arithmetic: str = "single"

    def matrix(self, transpose: bool = False) -> Matrix:
        """The matrix, or its transpose, from a cache: pure numbers, so it serves every device and transform."""
        whole = _matrix(
            self.kernel,
            self.size,
            self.out,
            self.scale_factor,
            self.align_corners,
            self.antialias,
            self.arithmetic,
        )
        return whole.transposed if transpose else whole


def _single(value):
    """The nearest float32 to a number, or to each of an array."""
    return np.float64(np.float32(value))


@lru_cache(maxsize=256)
def _matrix(kernel, size, out, scale_factor, align_corners, antialias, arithmetic) -> Matrix:
    rounded = _single if arithmetic == "single" else np.float64
    outputs = np.arange(out)
    if kernel == "identity":
        return Matrix.of_rows(size, outputs[:, None], np.ones((out, 1)))
    if kernel == "area":
        bins = geometry.adaptive_bins(size, out)
        count = np.array([len(bin) for bin in bins])
        first = np.array([bin.start for bin in bins])
        return Matrix.of_windows(size, first, count, np.tile(1 / count[:, None], (1, count.max())))
    if kernel in ("nearest", "nearest-exact"):
        edges = geometry.source_coordinate(outputs, size, out, kernel, scale_factor, rounded)
        # torch takes the floor in float32, in double precision too.
        index = np.minimum(np.floor(_single(edges)), size - 1)
        return Matrix.of_rows(size, index[:, None], np.ones((out, 1)))
    if kernel == "linear" and size == out and not antialias:
        # torch weighs the pixel itself with 1 and with 0, whatever the step. So an infinite one becomes NaN.
        return Matrix.of_rows(size, np.stack([outputs, outputs], 1), np.tile([1.0, 0.0], (out, 1)))
    convention = "align_corners" if align_corners else "half-pixel"
    if antialias:
        step = geometry.source_step(size, out, convention, scale_factor, rounded)
        matrix = _antialiased(step, outputs, size, *ANTIALIAS[kernel], rounded)
    else:
        places = geometry.source_coordinate(outputs, size, out, convention, scale_factor, rounded)
        matrix = _interpolated(places, size, *FILTERS[kernel], rounded)
    return matrix.fixed_point() if arithmetic == "byte" else matrix


def _interpolated(places: np.ndarray, size: int, width: int, weight: Callable, rounded: Callable) -> Matrix:
    """The `width` pixels around a place on the input, weighted by their distance; past an edge its pixel repeats."""
    if width == 2:
        places = np.maximum(places, 0.0)
    floor = np.minimum(np.floor(_single(places)), size - 1)[:, None]
    fraction = np.clip(rounded(places[:, None] - floor), 0.0, 1.0)
    taps = np.arange(1 - width // 2, 1 + width // 2)
    return Matrix.of_rows(size, np.clip(floor + taps, 0, size - 1), rounded(weight(taps - fraction)))


def _antialiased(
    step: float, outputs: np.ndarray, size: int, width: int, weight: Callable, rounded: Callable
) -> Matrix:
    """The filter, stretched over `step` pixels when the axis shrinks, cut off at the edges and divided by its sum."""
    stretch = max(step, 1.0)
    reach = rounded(width / 2 * stretch)
    centre = rounded(step * (outputs + 0.5))
    first = np.maximum(np.trunc(rounded(centre - reach) + 0.5), 0)
    end = np.minimum(np.trunc(rounded(centre + reach) + 0.5), size)
    most = min(math.ceil(reach) * 2 + 1, size)
    count = np.clip(end - first, 0, most)
    places = first[:, None] + np.arange(most)
    distance = (rounded(places - centre[:, None]) + 0.5) * rounded(1.0 / stretch)
    weights = np.where(np.arange(most) < count[:, None], rounded(weight(distance)), 0.0)
    total = weights.sum(1, keepdims=True)
    return Matrix.of_windows(size, first, count, rounded(weights / np.where(total == 0, 1.0, total)))


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(0.0, 1.0 - abs(x))


def _cubic(x: np.ndarray, a: float) -> np.ndarray:
    """Keys' cubic convolution, 1981. It is 1 at 0, 0 at every other whole number, and a is its slope at 1."""
    x = abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def _lanczos(x: np.ndarray) -> np.ndarray:
    return np.where(abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


# Number of taps and the filter of each kernel. a = -0.75 is OpenCV's cubic, a = -0.5 is Keys' own and Pillow's.
FILTERS: dict[str, tuple[int, Callable]] = {
    "linear": (2, _triangle),
    "cubic": (4, lambda x: _cubic(x, -0.75)),
}
ANTIALIAS: dict[str, tuple[int, Callable]] = {
    "linear": (2, _triangle),
    "cubic": (4, lambda x: _cubic(x, -0.5)),
    "lanczos": (6, _lanczos),
}
