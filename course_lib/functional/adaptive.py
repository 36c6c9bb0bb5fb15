"""Adaptive pooling: as many outputs as you ask for, whatever the size of the input.

Drop-ins for those of torch.nn.functional. The axis is cut into `output_size` bins (geometry.adaptive_bins), which share
a position with their neighbours where the sizes don't divide, and each bin becomes one number. Shapes are (N, C, L),
(N, C, H, W) or (N, C, D, H, W), N may be missing. A refusal is of the kind that torch raises: TypeError for a wrong
kind of argument, RuntimeError for a value or a shape out of range, NotImplementedError for a dtype.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence

import torch

from course_lib.functional._average import average
from course_lib.functional._bins import bins_of
from course_lib.functional._extremum import LARGEST, extremum
from course_lib.functional._windows import FLOATS, SHAPES, Windows, check_dtype, check_tensor
from course_lib.geometry import is_int

Size = int | Sequence[int | None]


def adaptive_max_pool1d(
    input: torch.Tensor, output_size: int | Sequence[int], return_indices: bool = False
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """Maximum of each bin of a signal: (N, C, L) to (N, C, output_size). See adaptive_max_pool2d.

    >>> adaptive_max_pool1d(torch.tensor([[1.0, 5.0, 2.0, 4.0, 3.0]]), 2)
    tensor([[5., 4.]])
    """
    return adaptive_max("adaptive_max_pool1d", 1, input, output_size, return_indices)


def adaptive_max_pool2d(
    input: torch.Tensor, output_size: Size, return_indices: bool = False
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """Maximum of each bin of an image: (N, C, H, W) to (N, C, *output_size).

    `output_size` is one int for both axes or a pair; None in it keeps the input's size. With `return_indices` also
    returns where each maximum lies in the flattened plane, y·W + x: of equals the first, of NaNs the last. The
    whole gradient of an output goes to that position.

    >>> adaptive_max_pool2d(torch.arange(16.0).reshape(1, 4, 4), (2, None))
    tensor([[[ 4.,  5.,  6.,  7.],
             [12., 13., 14., 15.]]])
    """
    return adaptive_max("adaptive_max_pool2d", 2, input, output_size, return_indices)


def adaptive_max_pool3d(
    input: torch.Tensor, output_size: Size, return_indices: bool = False
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """Maximum of each bin of a volume: (N, C, D, H, W) to (N, C, *output_size). See adaptive_max_pool2d.

    >>> adaptive_max_pool3d(torch.arange(8.0).reshape(1, 2, 2, 2), 1)
    tensor([[[[7.]]]])
    """
    return adaptive_max("adaptive_max_pool3d", 3, input, output_size, return_indices)


def adaptive_avg_pool1d(input: torch.Tensor, output_size: int | Sequence[int]) -> torch.Tensor:
    """Average of each bin of a signal: (N, C, L) to (N, C, output_size). See adaptive_avg_pool2d.

    >>> adaptive_avg_pool1d(torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]]), 2)
    tensor([[2., 4.]])
    """
    return adaptive_avg("adaptive_avg_pool1d", 1, input, output_size)


def adaptive_avg_pool2d(input: torch.Tensor, output_size: Size) -> torch.Tensor:
    """Average of each bin of an image: (N, C, H, W) to (N, C, *output_size).

    `output_size` is one int for both axes or a pair; None in it keeps the input's size. 1 is the mean of the plane:
    global average pooling.

    >>> adaptive_avg_pool2d(torch.arange(16.0).reshape(1, 4, 4), (2, None))
    tensor([[[ 2.,  3.,  4.,  5.],
             [10., 11., 12., 13.]]])
    """
    return adaptive_avg("adaptive_avg_pool2d", 2, input, output_size)


def adaptive_avg_pool3d(input: torch.Tensor, output_size: Size) -> torch.Tensor:
    """Average of each bin of a volume: (N, C, D, H, W) to (N, C, *output_size). See adaptive_avg_pool2d.

    >>> adaptive_avg_pool3d(torch.arange(8.0).reshape(1, 2, 2, 2), (1, 1, 2))
    tensor([[[[3., 4.]]]])
    """
    return adaptive_avg("adaptive_avg_pool3d", 3, input, output_size)


def adaptive_max(
    name: str, n: int, input: torch.Tensor, output_size, return_indices=False
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    sizes = _sizes(name, n, input, output_size, mean=False)
    _check_not_empty(name, input, 1)
    check_dtype(name, input, FLOATS)
    if 0 in sizes:
        values = _nothing(input, sizes)
        return (values, values.detach().long()) if return_indices else values
    # In 3-D torch's adaptive pooling has no channels_last.
    values, indices = extremum(input.contiguous() if n == 3 else input, _windows(input, sizes), LARGEST, return_indices)
    return values if indices is None else (values, indices)


def adaptive_avg(name: str, n: int, input: torch.Tensor, output_size) -> torch.Tensor:
    sizes = _sizes(name, n, input, output_size, mean=True)
    if all(size == 1 for size in sizes):
        if not (input.is_floating_point() or input.is_complex()):
            raise RuntimeError(f"{name}(): input.dtype={input.dtype} must be one of floating point or complex numbers")
        return input.mean(tuple(range(-n, 0)), keepdim=True)
    _check_not_empty(name, input, 1 if n == 3 else input.dim() - n)
    check_dtype(name, input, FLOATS)
    if 0 in sizes:
        return _nothing(input, sizes)
    return average(input.contiguous() if n == 3 else input, _windows(input, sizes), True, None)


def _windows(input: torch.Tensor, sizes: tuple[int, ...]) -> Windows:
    n = len(sizes)
    return Windows(tuple(bins_of(dim, input.shape[dim], size) for dim, size in enumerate(sizes, start=-n)))


def _nothing(input: torch.Tensor, sizes: tuple[int, ...]) -> torch.Tensor:
    """No output on some axis: an empty tensor, whose gradient is zero."""
    return input[..., :0].flatten(-len(sizes)).unflatten(-1, sizes)


def _sizes(name: str, n: int, input: torch.Tensor, output_size, mean: bool) -> tuple[int, ...]:
    """Read output_size, or refuse it and the input's shape with an error of the kind that torch raises."""
    check_tensor(name, input)
    shape, several = tuple(input.shape), isinstance(output_size, (tuple, list))
    given = tuple(output_size) if several else (output_size,) * n
    if several and n > 1 and len(given) >= len(shape):
        raise ValueError(_wrong_count(name, n, output_size))
    none = several and n > 1
    for value in given:
        if not (is_int(value) or none and value is None):
            keep = " or None, which keeps the input's size" if n > 1 else ""
            raise TypeError(f"{name}(): output_size={output_size!r} must be an int or a sequence of {n} ints{keep}")
    anything = mean and n > 1 and all(value == 1 for value in given)  # torch takes a mean over any input's last axes
    if len(shape) not in (n + 1, n + 2) and not (anything and len(shape) >= n):
        raise (IndexError if anything else RuntimeError)(
            f"{name}(): input must have {n + 1} or {n + 2} axes, {SHAPES[n]}, but its shape is {shape}"
        )
    if len(given) != n:
        raise RuntimeError(_wrong_count(name, n, output_size))
    sizes = tuple(
        size if value is None else operator.index(value) for value, size in zip(given, shape[-n:], strict=True)
    )
    if min(sizes) < 0:
        raise RuntimeError(f"{name}(): output_size={output_size!r} must be at least 0 on every axis")
    return sizes


def _wrong_count(name: str, n: int, output_size) -> str:
    return f"{name}(): output_size={output_size!r} must be an int or have {n} entries, one for each axis"


def _check_not_empty(name: str, input: torch.Tensor, first: int) -> None:
    if 0 in input.shape[first:]:
        which = "every axis but the first" if first == 1 else "every spatial axis"
        raise RuntimeError(
            f"{name}(): input must have at least 1 entry on {which}, but its shape is {tuple(input.shape)}"
        )
