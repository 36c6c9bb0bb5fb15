"""Interpolation: resize an axis by looking between its pixels.

`interpolate` and its old names are drop-ins for those of torch.nn.functional. Shapes are (N, C, L), (N, C, H, W) or
(N, C, D, H, W). Where an output looks on the input says geometry.source_coordinates; what it then reads, and with which
weights, stands in _taps.py; how that is applied to a tensor, fast, in _resample.py. One implementation serves any
number of axes, because every mode here works along one axis at a time.
"""

from __future__ import annotations

import math
import numbers
import operator
import warnings
from collections.abc import Sequence
from typing import Any

import torch

from course_lib.functional._resample import plain, resample
from course_lib.functional._taps import Axis
from course_lib.functional._windows import FLOATS, SHAPES, check_dtype, check_tensor, is_channels_last

Size = int | Sequence[int]
Factor = float | Sequence[float]

# For each mode the kernel along an axis and the numbers of spatial axes that torch has it for.
MODES: dict[str, tuple[str, tuple[int, ...]]] = {
    "nearest": ("nearest", (1, 2, 3)),
    "nearest-exact": ("nearest-exact", (1, 2, 3)),
    "area": ("area", (1, 2, 3)),
    "linear": ("linear", (1,)),
    "bilinear": ("linear", (2,)),
    "trilinear": ("linear", (3,)),
    "bicubic": ("cubic", (2,)),
    "lanczos": ("lanczos", (2,)),
}
WITHOUT_CORNERS = ("nearest", "nearest-exact", "area")
ANTIALIASED = ("bilinear", "bicubic", "lanczos")


def interpolate(
    input: torch.Tensor,
    size: Size | None = None,
    scale_factor: Factor | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> torch.Tensor:
    """Resize the spatial axes of (N, C, L), (N, C, H, W) or (N, C, D, H, W), to `size` or by `scale_factor`.

    mode, along each axis:
    "nearest" and "nearest-exact" copy one pixel. The exact one lies under the output's centre.
    "linear" (1-D), "bilinear" (2-D), "trilinear" (3-D) weigh the two pixels around the place where the output looks.
    "bicubic" (2-D) weighs four (Keys 1981, a = -0.75); it overshoots edges.
    "area" averages: adaptive average pooling to the new size.
    "lanczos" (2-D, with antialias only) is a sinc windowed by its own third harmonic.

    `align_corners` (None is False; not for nearest and area): geometry.source_coordinates has both formulas.
    `scale_factor` s gives ⌊size·s⌋ outputs that lie 1/s apart. With `recompute_scale_factor` they lie
    size/outputs apart instead, as with an explicit `size`: other values where ⌊ ⌋ cut something off.
    `antialias` (bilinear, bicubic with a = -0.5, lanczos): stretches the filter when an axis shrinks.

    Half precision is added up in float32; uint8 (nearest, bilinear, bicubic, lanczos) in whole numbers, rounded after
    each axis. Raises ValueError for arguments that exclude each other, NotImplementedError for a mode, a dtype or a
    number of axes that torch doesn't have, TypeError for a wrong kind of argument, RuntimeError for a size below 1.

    >>> x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> interpolate(x, scale_factor=(1, 2))
    tensor([[[[1., 1., 2., 2.],
              [3., 3., 4., 4.]]]])
    >>> interpolate(x, size=(1, 4), mode="bilinear")
    tensor([[[[2.0000, 2.2500, 2.7500, 3.0000]]]])
    """
    return _interpolate(
        "interpolate", input, size, scale_factor, mode, align_corners, recompute_scale_factor, antialias
    )


def upsample(
    input: torch.Tensor,
    size: Size | None = None,
    scale_factor: Factor | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> torch.Tensor:
    """The old name of interpolate; warns that it is one."""
    _warn("`upsample` is deprecated. Use `interpolate` instead.")
    return _interpolate("upsample", input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: torch.Tensor, size: Size | None = None, scale_factor: Factor | None = None) -> torch.Tensor:
    """interpolate with mode="nearest" under its old name; warns that it is one."""
    _warn("`upsample_nearest` is deprecated. Use `interpolate` instead.")
    return _interpolate("upsample_nearest", input, size, scale_factor, "nearest")


def upsample_bilinear(
    input: torch.Tensor, size: Size | None = None, scale_factor: Factor | None = None
) -> torch.Tensor:
    """interpolate with mode="bilinear" and align_corners=True under its old name; warns that it is one.

    So `interpolate(input, size, mode="bilinear")` does not replace it: there align_corners is False.
    """
    _warn("`upsample_bilinear` is deprecated. Use `interpolate` with mode='bilinear', align_corners=True instead.")
    return _interpolate("upsample_bilinear", input, size, scale_factor, "bilinear", True)


def _warn(words: str) -> None:
    """Warn the caller's caller; torch.compile takes no function that warns."""
    if not torch.compiler.is_compiling():
        warnings.warn(words, stacklevel=3)


def _interpolate(
    name, input, size, scale_factor, mode, align_corners=None, recompute_scale_factor=None, antialias=False
):
    check_tensor(name, input)
    shape, n = tuple(map(plain, input.shape)), input.dim() - 2
    if mode in WITHOUT_CORNERS and align_corners is not None:
        raise ValueError(
            f"{name}(): align_corners={align_corners!r} must be None with mode={mode!r}: "
            "linear, bilinear, bicubic and trilinear alone have it"
        )
    if (size is None) == (scale_factor is None):
        raise ValueError(f"{name}(): give size or scale_factor, one of them, not size={size!r} and {scale_factor=}")
    if size is not None:
        sizes, factors = _sizes(name, size, n), None
        if recompute_scale_factor:
            raise ValueError(f"{name}(): recompute_scale_factor=True must go with scale_factor, not with {size=}")
    else:
        factors = _factors(name, scale_factor, n)
    if antialias and (mode not in ANTIALIASED or n != 2):
        raise ValueError(
            f"{name}(): antialias=True must go with an input (N, C, H, W) and mode 'bilinear', 'bicubic' or 'lanczos', "
            f"but the input's shape is {shape} and {mode=}"
        )
    _check_mode(name, mode, shape, align_corners, antialias)
    if factors is not None:
        recompute = bool(recompute_scale_factor) or mode == "area"
        sizes = tuple(_scaled(name, s, f, recompute) for s, f in zip(shape[2:], factors, strict=True))
        factors = None if recompute else factors
    _check_sizes(name, mode, shape, sizes)
    _check_dtype(name, input, mode, antialias, sizes)
    if mode == "area" and n == 3:
        input = input.contiguous()  # torch's adaptive average has no channels_last in 3-D
    return resample(input, _axes(input, sizes, factors, mode, bool(align_corners), bool(antialias)))


def _sizes(name: str, size: Any, n: int) -> tuple[int, ...]:
    several = isinstance(size, (tuple, list))
    _check_count(name, "size", size, n)
    values = tuple(size) if several else (size,) * n
    if not several and isinstance(size, bool):
        values = (None,)
    try:
        return tuple(int(plain(v)) if isinstance(v, int) else operator.index(v) for v in values)
    except TypeError:
        raise TypeError(f"{name}(): {size=} must be an int or a tuple of {n} ints, one for each spatial axis") from None


def _factors(name: str, scale_factor: Any, n: int) -> tuple[float, ...]:
    _check_count(name, "scale_factor", scale_factor, n)
    values = tuple(scale_factor) if isinstance(scale_factor, (tuple, list)) else (scale_factor,) * n
    if not all(isinstance(value, numbers.Real) for value in values):
        raise TypeError(
            f"{name}(): {scale_factor=} must be a number or a tuple of {n} numbers, one for each spatial axis"
        )
    return tuple(float(plain(value)) for value in values)


def _check_count(name: str, argument: str, value: object, n: int) -> None:
    if isinstance(value, (tuple, list)) and len(value) != n:
        raise ValueError(f"{name}(): {argument}={value!r} must have {n} entries, one for each spatial axis")


def _scaled(name: str, size: int, factor: float, recompute: bool) -> int:
    """Outputs on an axis: the whole part of size·factor."""
    product = size * float(factor)
    if not abs(product) < 2**63:
        kind = RuntimeError if not recompute else ValueError if math.isnan(product) else OverflowError
        raise kind(f"{name}(): scale_factor={factor!r} must be finite, and size·scale_factor below 2^63")
    return int(product)


def _check_mode(name: str, mode: object, shape: tuple[int, ...], align_corners: object, antialias: bool) -> None:
    n = len(shape) - 2
    if not isinstance(mode, str) or mode not in MODES:
        raise NotImplementedError(f"{name}(): {mode=} must be one of {', '.join(map(repr, MODES))}")
    axes = MODES[mode][1]
    if n not in axes:
        forms = " or ".join(f"{n + 2} axes, {SHAPES[n].split(' or ')[1]}" for n in axes)
        raise NotImplementedError(f"{name}(): input must have {forms} with {mode=}, but its shape is {shape}")
    if mode == "lanczos" and (align_corners or not antialias):
        raise ValueError(f"{name}(): mode='lanczos' must go with antialias=True and align_corners=False")
    if not isinstance(align_corners, bool | None):
        raise TypeError(f"{name}(): {align_corners=} must be True, False or None")


def _check_sizes(name: str, mode: str, shape: tuple[int, ...], sizes: tuple[int, ...]) -> None:
    least = 0 if mode == "area" else 1
    for dim, size in enumerate(sizes, start=-len(sizes)):
        if size < least:
            raise RuntimeError(f"{name}(): the new size is {size} on dim {dim}, but it must be at least {least}")
    if 0 in shape[2:] or (shape[1] == 0 and (mode != "area" or len(sizes) == 3)):
        raise RuntimeError(
            f"{name}(): input must have at least 1 entry on every axis but the batch, but its shape is {shape}"
        )


def _check_dtype(name: str, input: torch.Tensor, mode: str, antialias: bool, sizes: tuple[int, ...]) -> None:
    """Refuse what torch's kernels don't take. Where they have nothing to compute, they take everything."""
    if mode == "area" and set(sizes) == {1} and not input.dtype.is_floating_point:
        raise RuntimeError(f"{name}(): {input.dtype=} must be a floating point dtype with mode='area'")
    if mode == "area" and len(sizes) < 3 and 0 in (*input.shape, *sizes):
        return
    if antialias and sizes == tuple(input.shape[2:]):
        return
    takes_bytes = mode in ("nearest", "nearest-exact", "bilinear", "bicubic", "lanczos")
    if input.device.type == "cuda":
        permitted: tuple[torch.dtype, ...] = () if mode == "lanczos" else FLOATS
        takes_bytes = mode.startswith("nearest")
    else:
        permitted = FLOATS[2:] if antialias else FLOATS
    check_dtype(name, input, (*permitted, *((torch.uint8,) if takes_bytes else ())))


def _axes(input, sizes, factors, mode: str, align_corners: bool, antialias: bool) -> tuple[Axis, ...]:
    """Each axis with the step and the precision that torch's kernel for this input has."""
    kernel, n = MODES[mode][0], len(sizes)
    arithmetic = "double" if input.dtype is torch.float64 else "single"
    whole_steps = False
    if mode.startswith("nearest"):
        # Where torch has a kernel for channels_last or small images, it counts in float32, and its "nearest" keeps an
        # equal or doubled size apart from other steps.
        vectorised = is_channels_last(input) and input.shape[1] > 3 or n == 2 and sum(sizes) <= 128
        if input.device.type == "cuda" or (n > 1 and vectorised):
            arithmetic = "single"
        whole_steps = mode == "nearest" and n > 1 and vectorised and input.device.type != "cuda"
    elif input.dtype is torch.uint8:
        arithmetic = "byte"
    axes = []
    for dim, (size, out) in enumerate(zip(map(plain, input.shape[2:]), sizes, strict=True), start=-n):
        factor = None if factors is None else factors[dim]
        if whole_steps and out in (size, 2 * size):
            factor = None
        same = size == out and (antialias or arithmetic == "byte")
        axes.append(Axis(dim, size, out, "identity" if same else kernel, factor, align_corners, antialias, arithmetic))
    return tuple(axes)
