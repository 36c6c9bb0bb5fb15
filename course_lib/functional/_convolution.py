"""Convolution as matrix products, for any number of axes, with its derivatives of every order.

⟨g, conv(x, w)⟩ is linear in each of x, w and g. Its derivative by g is the convolution, by x the transposed
convolution, by w the gradient of the weight. Each of the three is linear in the two others, so their own derivatives
are the same three again, and one Function with one rule serves them all.

Each is a few matrix products, cut as _pieces.py says. Only where each channel has a group of its own there is no sum
over channels, so nothing to multiply matrices for: _depthwise.py. To torch.compile it is one operation, as torch's own
is: there are no loops to fuse, and the pieces, of which the graph would be long, keep the columns in the cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from course_lib.functional import _depthwise
from course_lib.functional._columns import gather, scatter
from course_lib.functional._pieces import Convolution, Piece, pieces_of
from course_lib.functional._windows import Axis, is_channels_last

INPUT, WEIGHT, OUTPUT = ROLES = ("input", "weight", "output")
# What the sums of narrow numbers are kept in.
WIDE = {torch.float16: torch.float32, torch.bfloat16: torch.float32, torch.complex32: torch.complex64}


def convolve(role: str, first: Tensor, second: Tensor, conv: Convolution) -> Tensor:
    """The derivative of ⟨output, conv(input, weight)⟩ by `role`, given the two others in the order of ROLES."""
    return (_Convolve if torch.compiler.is_compiling() else _DualConvolve).apply(role, first, second, conv)


class _Convolve(torch.autograd.Function):
    @staticmethod
    def forward(role, first, second, conv):
        if torch.compiler.is_compiling():
            numbers = [(a.dim, a.size, a.out, a.kernel_size, a.stride, a.padding, a.dilation) for a in conv.axes]
            return torch.ops.course_lib.convolve(role, first, second, sum(numbers, ()), conv.groups, conv.channels)
        return _computed(role, first, second, conv)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.role, first, second, ctx.conv = inputs
        ctx.save_for_backward(first, second)
        ctx.save_for_forward(first, second)

    @staticmethod
    def backward(ctx, g):
        others = _others(ctx.role)
        known = {ctx.role: g} | {role: t.conj() for role, t in zip(others, ctx.saved_tensors, strict=True)}
        grads: list[Tensor | None] = []
        for role, needed in zip(others, ctx.needs_input_grad[1:3], strict=True):
            first, second = (known[r] for r in _others(role))
            grads.append(convolve(role, first, second, ctx.conv) if needed else None)
        return None, *grads, None


class _DualConvolve(_Convolve):
    """The same for forward mode and vmap, apart because torch.compile takes no Function that has rules for them."""

    @staticmethod
    def jvp(ctx, _, first_tangent, second_tangent, __):
        first, second = ctx.saved_tensors
        pairs = [(first_tangent, second), (first, second_tangent)]
        parts = [convolve(ctx.role, a, b, ctx.conv) for a, b in pairs if a is not None and b is not None]
        return sum(parts[1:], parts[0])

    @staticmethod
    def vmap(info, in_dims, role, first, second, conv):
        """Many inputs for one weight make a larger batch. Many weights make more groups: each sees its own input."""
        n, others, dims = info.batch_size, _others(role), in_dims[1:3]
        one_weight = role != WEIGHT and dims[others.index(WEIGHT)] is None
        merged = []
        for r, t, dim in zip(others, (first, second), dims, strict=True):
            at = 0 if one_weight or r == WEIGHT else 1
            if dim is not None:
                t = t.movedim(dim, at).flatten(at, at + 1)
            elif not one_weight:
                t = t.unsqueeze(at).expand(*t.shape[:at], n, *t.shape[at:]).flatten(at, at + 1)
            merged.append(t)
        y = convolve(role, merged[0], merged[1], conv if one_weight else replace(conv, groups=n * conv.groups))
        at = 0 if one_weight or role == WEIGHT else 1
        return y.unflatten(at, (n, y.shape[at] // n)), at


def _computed(role: str, first: Tensor, second: Tensor, conv: Convolution, shape_alone: bool = False) -> Tensor:
    dtype, last = WIDE.get(first.dtype, first.dtype), _channels_last(first, second)
    depthwise = conv.channels == 1 < conv.groups
    by_rows = last and (depthwise or conv.groups == 1)
    tensors = dict(zip(_others(role), (first, second), strict=True))
    tensors[role] = _zeros(role, first, second, conv, dtype, by_rows and role != WEIGHT)
    x, w, y = (tensors[r] for r in ROLES)
    if depthwise and not shape_alone:
        ADD_DEPTHWISE[role](x.to(dtype), w.to(dtype), y.to(dtype), conv)
    elif not shape_alone:
        ADD[role](x, w, y, conv, by_rows)
    return _arranged(tensors[role], last and role != WEIGHT).to(first.dtype)


def _one_operation(role, first, second, axes, groups, channels):
    return _computed(role, first, second, _read(axes, groups, channels))


def _its_shape(role, first, second, axes, groups, channels):
    return _computed(role, first, second, _read(axes, groups, channels), shape_alone=True)


# By hand, because torch.library.custom_op looks through every loaded module for the line on which it stands: 60 ms.
_OURS = torch.library.Library("course_lib", "FRAGMENT")
_OURS.define("convolve(str role, Tensor first, Tensor second, int[] axes, int groups, int channels) -> Tensor")
_OURS.impl("convolve", _one_operation, "CompositeExplicitAutograd")
_OURS.impl("convolve", _its_shape, "Meta")


def _read(axes: Sequence[int], groups: int, channels: int) -> Convolution:
    """A convolution from plain numbers, seven for each axis."""
    return Convolution(tuple(Axis(*axes[i : i + 7]) for i in range(0, len(axes), 7)), groups, channels)


def _others(role: str) -> list[str]:
    return [r for r in ROLES if r != role]


def _add_output(x: Tensor, w: Tensor, y: Tensor, conv: Convolution, by_rows: bool) -> None:
    """The convolution: the weight times the columns of the input."""
    weights = conv.matrices(w.to(y.dtype))
    for piece, columns in _columns(x, conv, by_rows, y.dtype):
        outputs = piece.matrix(y)
        for weight, column in zip(weights, columns, strict=True):
            outputs.baddbmm_(piece.spread(weight), column)


def _add_input(x: Tensor, w: Tensor, y: Tensor, conv: Convolution, by_rows: bool) -> None:
    """The transposed convolution: the transposed weight times the output makes columns, to be scattered."""
    y, weights = _arranged(y.to(x.dtype), by_rows), conv.matrices(w.to(x.dtype)).mT
    for piece in pieces_of(x, conv, by_rows):
        room, matrix = (None, piece.matrix(x)) if conv.pointwise else piece.columns(x, x.dtype, zero=True)
        for weight, columns in zip(weights, piece.slices(matrix), strict=True):
            columns.baddbmm_(piece.spread(weight), piece.matrix(y))
        if room is not None:
            scatter(room, piece.axes, piece.part(x))


def _add_weight(x: Tensor, w: Tensor, y: Tensor, conv: Convolution, by_rows: bool) -> None:
    """The gradient of the weight: the output times the transposed columns of the input, summed over samples."""
    y, weights = _arranged(y.to(w.dtype), by_rows), conv.matrices(torch.zeros_like(w))
    for piece, columns in _columns(x, conv, by_rows, w.dtype):
        outputs = piece.matrix(y)
        for weight, column in zip(weights, columns, strict=True):
            if conv.groups == 1:
                weight[0].addbmm_(outputs, column.mT)
            else:
                parts = [t.unflatten(0, (-1, conv.groups)) for t in (outputs, column)]
                weight.add_(torch.einsum("ngol,ngel->goe", *parts))
    w.copy_(conv.weight(weights))


def _columns(x: Tensor, conv: Convolution, by_rows: bool, dtype: torch.dtype) -> Iterator[tuple[Piece, list[Tensor]]]:
    """The pieces of a convolution, each with what every slicing tap reads of the columns of `x`."""
    if conv.pointwise:
        x = _arranged(x.to(dtype), by_rows)
    for piece in pieces_of(x, conv, by_rows):
        if conv.pointwise:
            matrix = piece.matrix(x)
        else:
            columns, matrix = piece.columns(x, dtype, zero=False)
            gather(piece.part(x), piece.axes, columns)
        yield piece, piece.slices(matrix)


def _zeros(role: str, first: Tensor, second: Tensor, conv: Convolution, dtype: torch.dtype, last: bool) -> Tensor:
    """Room for the tensor of `role`, given the two others."""
    if role == INPUT:
        shape = (len(second), conv.groups * conv.channels, *(axis.size for axis in conv.axes))
    elif role == WEIGHT:
        shape = (second.shape[1], conv.channels, *(axis.kernel_size for axis in conv.axes))
    else:
        shape = (len(first), len(second), *(axis.out for axis in conv.axes))
    if last:
        return first.new_zeros((shape[0], *shape[2:], shape[1]), dtype=dtype).movedim(-1, 1)
    return first.new_zeros(shape, dtype=dtype)


def _arranged(x: Tensor, channels_last: bool) -> Tensor:
    return x.movedim(1, -1).contiguous().movedim(-1, 1) if channels_last else x.contiguous()


def _channels_last(x: Tensor, other: Tensor) -> bool:
    """Does the result run over channels first in memory? If one of both does. Volumes of float64 never do in torch."""
    if x.numel() == 0 or x.dim() == 5 and x.dtype not in (torch.float16, torch.bfloat16, torch.float32):
        return False
    return is_channels_last(x) or is_channels_last(other)


ADD = {INPUT: _add_input, WEIGHT: _add_weight, OUTPUT: _add_output}
ADD_DEPTHWISE = {INPUT: _depthwise.add_input, WEIGHT: _depthwise.add_weight, OUTPUT: _depthwise.add_output}
