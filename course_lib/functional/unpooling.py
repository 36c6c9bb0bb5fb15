"""Unpooling: back from one number for each window to a map with a place for every position.

max_unpool* are drop-ins for those of torch.nn.functional; avg_unpool* is what torch lacks. Shapes are (N, C, L),
(N, C, H, W) or (N, C, D, H, W), N may be missing. Several sizes pool to the same one: `output_size` says which of them
to go back to; by default the smallest, (size - 1)·stride + kernel_size - 2·padding. A refusal is of the kind
that torch raises: TypeError for a wrong kind of argument, ValueError for a size out of range, RuntimeError or
IndexError for a shape, NotImplementedError for a dtype.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence

import torch

from course_lib import geometry
from course_lib.functional._average import WindowSum
from course_lib.functional._linear import apply_slices
from course_lib.functional._resample import resample
from course_lib.functional._taps import Axis as Resized
from course_lib.functional._windows import FLOATS, SHAPES, Axis, check_dtype, check_tensor, is_channels_last
from course_lib.geometry import is_int

Ints = int | Sequence[int]


def max_unpool1d(
    input: torch.Tensor,
    indices: torch.Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    output_size: Sequence[int] | None = None,
) -> torch.Tensor:
    """Put each number of a signal back at its index: (N, C, L) to (N, C, L'). See max_unpool2d.

    >>> max_unpool1d(torch.tensor([[5.0, 4.0]]), torch.tensor([[1, 3]]), 2)
    tensor([[0., 5., 0., 4.]])
    """
    return _max_unpool("max_unpool1d", 1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: torch.Tensor,
    indices: torch.Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    output_size: Sequence[int] | None = None,
) -> torch.Tensor:
    """Put each number of an image back at its index, y·W + x of the new plane: (N, C, H, W) to (N, C, H', W').

    `indices` are those that max_pool2d returns. All else is 0. So max_pool2d(max_unpool2d(y, indices)) is y for y ≥ 0;
    the other way round only the maxima are left. Of several numbers with one index the last stays, and the
    gradient goes to each of them, as in torch. `output_size` lies less than a stride from the default.

    >>> max_unpool2d(torch.tensor([[[5.0, 7.0]]]), torch.tensor([[[4, 2]]]), 2, output_size=(2, 4))
    tensor([[[0., 0., 7., 0.],
             [5., 0., 0., 0.]]])
    """
    return _max_unpool("max_unpool2d", 2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: torch.Tensor,
    indices: torch.Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    output_size: Sequence[int] | None = None,
) -> torch.Tensor:
    """Put each number of a volume back at its index: (N, C, D, H, W) to (N, C, D', H', W'). See max_unpool2d.

    >>> max_unpool3d(torch.tensor([[[[7.0]]]]), torch.tensor([[[[5]]]]), 2)
    tensor([[[[0., 0.],
              [0., 0.]],
    <BLANKLINE>
             [[0., 7.],
              [0., 0.]]]])
    """
    return _max_unpool("max_unpool3d", 3, input, indices, kernel_size, stride, padding, output_size)


def avg_unpool1d(
    input: torch.Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    output_size: Sequence[int] | None = None,
    convention: str = "copy",
) -> torch.Tensor:
    """Spread each number of a signal over its window: (N, C, L) to (N, C, L'). See avg_unpool2d.

    >>> avg_unpool1d(torch.tensor([[2.0, 4.0]]), 2)
    tensor([[2., 2., 4., 4.]])
    """
    return _avg_unpool("avg_unpool1d", 1, input, kernel_size, stride, padding, output_size, convention)


def avg_unpool2d(
    input: torch.Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    output_size: Sequence[int] | None = None,
    convention: str = "copy",
) -> torch.Tensor:
    """Spread each number of an image over its window: (N, C, H, W) to (N, C, H', W').

    `convention` "copy": each position of a window gets the number itself. Where windows neither overlap nor meet
    padding this is a right inverse: avg_pool2d(avg_unpool2d(y)) = y.
    "adjoint": it gets the number over the window's number of entries, which keeps the sum. It is the transpose of
    avg_pool2d with the same arguments, ⟨avg_pool2d(x), y⟩ = ⟨x, avg_unpool2d(y)⟩, and so its gradient.
    Where windows overlap, both add up. A position that no window reads is 0. `output_size` is less than a stride above
    the default.

    >>> avg_unpool2d(torch.tensor([[[4.0, 8.0]]]), 2)
    tensor([[[4., 4., 8., 8.],
             [4., 4., 8., 8.]]])
    >>> avg_unpool2d(torch.tensor([[[4.0, 8.0]]]), 2, convention="adjoint")
    tensor([[[1., 1., 2., 2.],
             [1., 1., 2., 2.]]])
    """
    return _avg_unpool("avg_unpool2d", 2, input, kernel_size, stride, padding, output_size, convention)


def avg_unpool3d(
    input: torch.Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    output_size: Sequence[int] | None = None,
    convention: str = "copy",
) -> torch.Tensor:
    """Spread each number of a volume over its window: (N, C, D, H, W) to (N, C, D', H', W'). See avg_unpool2d.

    >>> avg_unpool3d(torch.tensor([[[[8.0]]]]), 2, convention="adjoint").sum()
    tensor(8.)
    """
    return _avg_unpool("avg_unpool3d", 3, input, kernel_size, stride, padding, output_size, convention)


def _max_unpool(name, n, input, indices, kernel_size, stride, padding, output_size) -> torch.Tensor:
    check_tensor(name, input)
    check_tensor(name, indices, "indices")
    if input.dim() < n:
        _check_axes(name, n, input, IndexError)
    k, s, p = _arguments(name, n, kernel_size, stride, padding)
    if n == 3 and min(s) < 1:
        raise RuntimeError(f"{name}(): stride={stride!r} must be at least 1")
    least = [(size - 1) * s + k - 2 * p for size, s, k, p in zip(input.shape[-n:], s, k, p, strict=True)]
    bounds = [(size - step + 1, size + step - 1) for size, step in zip(least, s, strict=True)]
    sizes = _sizes(name, n, output_size, least, bounds)
    if min(sizes) < 0:
        raise ValueError(f"{name}(): padding={padding!r} must be less: it leaves the sizes {tuple(sizes)}")
    _check_axes(name, n, input, RuntimeError)
    if 0 in input.shape[1:]:
        raise RuntimeError(
            f"{name}(): input must have at least 1 entry on every axis but the first, "
            f"but its shape is {tuple(input.shape)}"
        )
    if indices.dtype is not torch.int64:
        raise RuntimeError(f"{name}(): indices.dtype={indices.dtype} must be torch.int64")
    if indices.shape != input.shape:
        raise RuntimeError(
            f"{name}(): indices must have the shape of the input, {tuple(input.shape)}, not {tuple(indices.shape)}"
        )
    check_dtype(name, input, FLOATS)
    return _put(name, input, indices, sizes)


def _put(name: str, input: torch.Tensor, indices: torch.Tensor, sizes: list[int]) -> torch.Tensor:
    """Each entry at its index of a map of zeros."""
    n, count = len(sizes), math.prod(sizes)
    if count == 0:
        return input.flatten(-n)[..., :0].unflatten(-1, sizes)
    # In 3-D torch's unpooling has no channels_last.
    if is_channels_last(input, 2) and n == 2:
        planes, at, dim = input.movedim(1, -1).flatten(1, 2), indices.movedim(1, -1).flatten(1, 2), 1
        zeros = planes.new_zeros(len(planes), count, planes.shape[-1])
    else:
        planes, at, dim = input.flatten(-n), indices.flatten(-n), -1
        zeros = planes.new_zeros(*planes.shape[:-1], count)
    try:
        if torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active():
            y = zeros.scatter(dim, at, planes)  # vmap may have made zeros smaller than planes
        else:
            y = zeros.scatter_(dim, at, planes)
    except (RuntimeError, IndexError):
        low, high = at.min().item(), at.max().item()
        raise RuntimeError(
            f"{name}(): indices must be between 0 and {count - 1}, the positions of a map of {tuple(sizes)}, "
            f"but {high if low >= 0 else low} is among them"
        ) from None
    return y.unflatten(dim, sizes) if dim == -1 else y.unflatten(1, sizes).movedim(-1, 1)


def _avg_unpool(name, n, input, kernel_size, stride, padding, output_size, convention) -> torch.Tensor:
    check_tensor(name, input)
    if convention not in ("copy", "adjoint"):
        raise ValueError(f"{name}(): convention={convention!r} must be 'copy' or 'adjoint'")
    _check_axes(name, n, input, RuntimeError)
    check_dtype(name, input, FLOATS)
    k, s, p = _arguments(name, n, kernel_size, stride, padding)
    try:
        least = [geometry.transposed_size(*each) for each in zip(input.shape[-n:], k, s, p, strict=True)]
    except ValueError as error:
        raise ValueError(f"{name}(): {error}") from None
    for k_, p_ in zip(k, p, strict=True):
        if p_ > k_ // 2:
            raise ValueError(f"{name}(): padding={p_} must be between 0 and {k_ // 2}, half of kernel_size={k_}")
    bounds = [(size, size + step - 1) for size, step in zip(least, s, strict=True)]
    sizes = _sizes(name, n, output_size, least, bounds)
    axes = tuple(Axis(dim, sizes[dim], input.shape[dim], k[dim], s[dim], p[dim], dilation=1) for dim in range(-n, 0))
    # Each window is one larger pixel, and nothing has to be added. (torch.compile would be given a table for it.)
    if all(axis.is_tiling() for axis in axes) and not torch.compiler.is_compiling():
        larger = tuple(Resized(axis.dim, axis.out, axis.size, "area") for axis in axes)
        x = input.contiguous() if n == 3 else input  # in 3-D torch's averages have no channels_last
        return resample(x / math.prod(k) if convention == "adjoint" else x, larger)
    x = input.float() if input.dtype in FLOATS[:2] else input
    x = x / math.prod(k) if convention == "adjoint" else x
    return apply_slices(WindowSum(axes), x, transpose=True).to(input.dtype)


def _check_axes(name: str, n: int, input: torch.Tensor, kind: type[Exception]) -> None:
    if input.dim() not in (n + 1, n + 2):
        raise kind(
            f"{name}(): input must have {n + 1} or {n + 2} axes, {SHAPES[n]}, but its shape is {tuple(input.shape)}"
        )


def _arguments(name: str, n: int, kernel_size, stride, padding) -> list[tuple[int, ...]]:
    """kernel_size, stride and padding for each axis. Unlike in pooling, a sequence has one entry for each."""
    arguments = {"kernel_size": kernel_size, "stride": kernel_size if stride is None else stride, "padding": padding}
    spread = []
    for argument, value in arguments.items():
        if isinstance(value, Sequence) and not isinstance(value, str) and len(value) != n:
            kind = RuntimeError if argument == "kernel_size" and len(value) < n else IndexError
            raise kind(f"{name}(): {argument}={value!r} must be an int or have {n} entries, one for each axis")
        try:
            spread.append(geometry.per_axis(value, n, argument))
        except TypeError as error:
            raise TypeError(f"{name}(): {error}") from None
    return spread


def _sizes(name: str, n: int, output_size, least: list[int], bounds: list[tuple[int, int]]) -> list[int]:
    """The sizes to go back to: those of output_size, which may stand behind N and C, or the default."""
    if output_size is None:
        return least
    if not isinstance(output_size, Sequence) or not all(map(is_int, output_size)):
        raise TypeError(f"{name}(): output_size={output_size!r} must be a sequence of {n} ints, one for each axis")
    if len(output_size) not in (n, n + 2):
        raise ValueError(f"{name}(): output_size={output_size!r} must have {n} entries, or {n + 2} with N and C")
    sizes = [operator.index(size) for size in output_size[-n:]]
    for dim, (size, (low, high)) in enumerate(zip(sizes, bounds, strict=True)):
        if not low <= size <= high:
            raise ValueError(
                f"{name}(): output_size={output_size!r} must be between {low} and {high} on axis {dim}: "
                "less than a stride from what the windows cover"
            )
    return sizes
