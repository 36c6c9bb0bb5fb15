"""What all windowed operators share: reading their arguments, and which slices of a tensor the windows read.

A window of `kernel_size` positions has that many *taps*. Tap number t of every output together is one strided slice of
the input, so an operator over windows is a few operations on whole slices, never a loop over outputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from course_lib import geometry

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
SHAPES = {1: "(C, L) or (N, C, L)", 2: "(C, H, W) or (N, C, H, W)", 3: "(C, D, H, W) or (N, C, D, H, W)"}


@dataclass(frozen=True)
class Axis:
    """The windows along one axis of a tensor: `dim` counts from the end, `out` is their number."""

    dim: int
    size: int
    out: int
    kernel_size: int
    stride: int
    padding: int
    dilation: int

    def taps(self) -> Iterator[tuple[int, slice, slice]]:
        """For each tap its number, the outputs for which it lies inside the input, and what it reads for them."""
        for tap in range(self.kernel_size):
            offset = tap * self.dilation - self.padding
            first = max(0, -(offset // self.stride))
            last = min(self.out - 1, (self.size - 1 - offset) // self.stride)
            if first <= last:
                inputs = slice(first * self.stride + offset, last * self.stride + offset + 1, self.stride)
                yield tap, slice(first, last + 1), inputs

    def starts(self) -> list[int]:
        """Position of tap 0 of each output; below 0 in the left padding."""
        return [index * self.stride - self.padding for index in range(self.out)]

    def read(self, tap: int, *tensors: Tensor) -> list[Tensor]:
        """What every output reads at a tap: where that lies outside of the input, its window's nearest entry inside."""
        first = tap * self.dilation - self.padding
        last = first + (self.out - 1) * self.stride
        if first >= 0 and last < self.size:
            return [self.part(x, slice(first, last + 1, self.stride)) for x in tensors]
        at = self.nearest(tap, tensors[0].device)
        return [x.index_select(self.dim, at) for x in tensors]

    def nearest(self, tap: int, device: torch.device) -> Tensor:
        """The positions of what `read` returns."""
        start = torch.arange(self.out, device=device) * self.stride - self.padding
        first, last = -(start // self.dilation), (self.size - 1 - start) // self.dilation
        return (start + first.clamp_min(tap).minimum(last) * self.dilation).clamp(0, self.size - 1)

    def windows(self) -> list[slice]:
        """What each output reads, without dilation."""
        counts = self.counts(count_include_pad=False)
        return [slice(max(at, 0), max(at, 0) + count) for at, count in zip(self.starts(), counts, strict=True)]

    def counts(self, count_include_pad: bool) -> list[int]:
        """How many positions each window has: inside the padded input, or inside the input alone.

        What a window of ceil_mode hangs over the padded input counts in neither.
        """
        left, right = (-self.padding, self.size + self.padding) if count_include_pad else (0, self.size)
        return [min(start + self.kernel_size, right) - max(start, left) for start in self.starts()]

    def is_whole(self) -> bool:
        """Is there one window alone, and does it read all there is?"""
        return (self.out, self.kernel_size, self.padding, self.dilation) == (1, self.size, 0, 1)

    def is_tiling(self) -> bool:
        """Does each position belong to one window, and to one alone?"""
        whole = self.out * self.kernel_size == self.size and (self.padding, self.dilation) == (0, 1)
        return whole and (self.stride == self.kernel_size or self.out == 1)

    def runs(self, count: int) -> Iterator[tuple[Axis, slice, slice]]:
        """Cut the outputs into about `count` runs: for each its axis, what its windows read, and its outputs."""
        step = -(-self.out // max(1, count))
        for start in range(0, self.out, step):
            outputs = slice(start, min(start + step, self.out))
            first = start * self.stride - self.padding
            last = (outputs.stop - 1) * self.stride - self.padding + (self.kernel_size - 1) * self.dilation
            inputs = slice(max(0, first), min(self.size, last + 1))
            size = inputs.stop - inputs.start
            yield replace(self, size=size, out=outputs.stop - start, padding=inputs.start - first), inputs, outputs

    def with_border(self, x: Tensor) -> tuple[Tensor, Axis]:
        """`x` with its border repeated as far as windows hang over it, and the same windows over that."""
        before, behind = self.padding, self.behind()
        if self.dilation > 1 or before <= 0 and behind <= 0:
            return x, self
        first, last = self.part(x, slice(0, 1)), self.part(x, slice(self.size - 1, self.size))
        x = torch.cat([first] * before + [x] + [last] * behind, self.dim)
        return x, Axis(self.dim, x.shape[self.dim], self.out, self.kernel_size, self.stride, 0, 1)

    def behind(self) -> int:
        """By how much the last window hangs over the right end; below 0 if it ends before."""
        return (self.out - 1) * self.stride - self.padding + self.dilation * (self.kernel_size - 1) + 1 - self.size

    def with_padding(self, x: Tensor, value: float) -> Tensor:
        """`x` with `value` wherever windows lie outside of it."""
        behind = self.behind()
        if self.padding == 0 and behind <= 0:
            return x
        return torch.constant_pad_nd(x, [*(0, 0) * (-1 - self.dim), self.padding, behind], value)

    def slices(self, padded: Tensor) -> list[Tensor]:
        """What all windows read at each tap, of an input that has its padding."""
        length = (self.out - 1) * self.stride + 1
        starts = range(0, self.dilation * self.kernel_size, self.dilation)
        return [self.part(padded, slice(start, start + length, self.stride)) for start in starts]

    def part(self, x: Tensor, positions: slice) -> Tensor:
        """The view of `x` at some positions of this axis."""
        return x[(..., positions) + (slice(None),) * (-1 - self.dim)]

    def resized(self, x: Tensor, size: int) -> Tensor:
        """A new tensor like `x` with `size` positions on this axis, filled with anything."""
        shape = list(x.shape)
        shape[self.dim] = size
        return x.new_empty(shape)


@dataclass(frozen=True)
class Windows:
    """The windows over all spatial axes. (One opaque object: torch.func takes the tuples given to a Function apart.)"""

    axes: tuple[Axis, ...]

    def before_channels(self) -> Windows:
        """The same for a tensor whose channels stand behind the spatial axes."""
        return Windows(tuple(replace(axis, dim=axis.dim - 1) for axis in self.axes))


def windows_of(name: str, input: Tensor, n: int, kernel_size, stride, padding, dilation=1, ceil_mode=False) -> Windows:
    """Read a pooling operator's arguments, or refuse them with an error of the kind that torch raises."""
    check_tensor(name, input)
    check_bool(name, "ceil_mode", ceil_mode)
    if stride is None or (isinstance(stride, (tuple, list)) and not stride):
        stride = kernel_size
    try:
        kernel_size = geometry.per_axis(kernel_size, n, "kernel_size")
        stride = geometry.per_axis(stride, n, "stride")
        padding = geometry.per_axis(padding, n, "padding")
        dilation = geometry.per_axis(dilation, n, "dilation")
    except TypeError as error:
        raise TypeError(f"{name}(): {error}") from None
    except ValueError as error:
        raise RuntimeError(f"{name}(): {error}") from None
    check_shape(name, input, n)
    axes = []
    for dim, (size, k, s, p, d) in enumerate(
        zip(input.shape[-n:], kernel_size, stride, padding, dilation, strict=True), start=-n
    ):
        try:
            out = geometry.output_size(size, k, s, p, d, ceil_mode)
        except ValueError as error:
            raise RuntimeError(f"{name}(): on dim {dim}, {error}") from None
        if p > k // 2:
            raise RuntimeError(
                f"{name}(): padding={p} must be between 0 and {k // 2} on dim {dim}: at most half of kernel_size={k}"
            )
        axes.append(Axis(dim, size, out, k, s, p, d))
    return Windows(tuple(axes))


def check_tensor(name: str, input: object, argument: str = "input") -> None:
    if not isinstance(input, Tensor):
        raise TypeError(f"{name}(): {argument} must be a Tensor, not {type(input).__name__}")


def check_bool(name: str, argument: str, value: object) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"{name}(): {argument}={value!r} must be True or False")


def check_shape(name: str, input: Tensor, n: int, too_few: type[Exception] = RuntimeError) -> None:
    check_tensor(name, input)
    shape = tuple(input.shape)
    if len(shape) not in (n + 1, n + 2):
        kind = too_few if len(shape) <= n else RuntimeError
        raise kind(f"{name}(): input must have {n + 1} or {n + 2} axes, {SHAPES[n]}, but its shape is {shape}")
    if 0 in shape[-n - 1 :]:
        raise RuntimeError(
            f"{name}(): input must have at least 1 entry on every axis but the batch, but its shape is {shape}"
        )


def check_dtype(name: str, input: Tensor, permitted: tuple[torch.dtype, ...]) -> None:
    if input.dtype not in permitted:
        names = ", ".join(str(dtype).removeprefix("torch.") for dtype in permitted)
        raise NotImplementedError(f"{name}(): input.dtype={input.dtype} must be one of {names} on {input.device.type}")


def constant(values: Sequence, device: torch.device, dtype: torch.dtype | None = None) -> Tensor:
    """A small table on a device. A GPU fetches it from pinned memory, and nobody waits until it has."""
    pinned = device.type == "cuda" and not torch.compiler.is_compiling()
    return torch.tensor(values, dtype=dtype, pin_memory=pinned).to(device, non_blocking=pinned)


def is_channels_last(x: Tensor, n: int | None = None) -> bool:
    """Does memory run over the channels first, then W, then H…? (torch.channels_last, torch.channels_last_3d)

    With `n` also asks for a batch: a volume without one has as many axes as a batch of images.
    """
    if x.dim() not in ((4, 5) if n is None else (n + 2,)) or x.dim() < 4:
        return False
    least = 1
    for dim in (1, *range(x.dim() - 1, 1, -1), 0):
        if x.stride(dim) < least:
            return False
        least = x.stride(dim) * x.shape[dim]
    return x.stride(0) != x.stride(1)
