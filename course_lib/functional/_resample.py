"""Sparse matrices along the axes of a tensor, one axis after the other, forwards and backwards.

On a CPU a block of planes that fits the cache goes through all axes before the next one starts, and each axis is a
handful of operations on whole slices where its matrix repeats itself. Elsewhere, and for torch.compile, which fuses
them, each axis is a gather and a weighted sum.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_lib.functional._sparse import Matrix, Run, Weight
from course_lib.functional._taps import Axis
from course_lib.functional._windows import constant, is_channels_last

WIDE = 16  # channels, to be worth working on side by side
BLOCK = 1 << 20  # entries that go through all axes at a time; no more than the result has, whose size scratch may add
COPIES = ("identity", "nearest", "nearest-exact")
HALF = (torch.float16, torch.bfloat16)


@dataclass(frozen=True)
class Plan:
    """The matrices of all axes. (One opaque object: torch.func takes the tuples given to a Function apart.)"""

    axes: tuple[Axis, ...]


def resample(x: Tensor, axes: tuple[Axis, ...]) -> Tensor:
    """Apply each axis' matrix, of plain numbers. The result is a new tensor in the input's memory format."""
    return (_Resample if torch.compiler.is_compiling() else _DualResample).apply(x, Plan(axes), False)


def plain(value: Any) -> Any:
    """torch.compile may pass a symbol for a number. Only a number can be spelt out."""
    if not torch.compiler.is_compiling():
        return value
    number = float.fromhex(float(value).hex())
    return int(number) if isinstance(value, int) else number


class _Resample(torch.autograd.Function):
    """A linear map. Its gradient is the transposed map, whose gradient is the map."""

    @staticmethod
    def forward(x, plan, transpose):
        sizes = [axis.size if transpose else axis.out for axis in plan.axes]
        if 0 in (*sizes, *x.shape):
            return x.new_zeros(*x.shape[: -len(sizes)], *sizes)
        if x.device.type == "cpu" and not torch.compiler.is_compiling():
            return _in_blocks(x, plan.axes, transpose)
        return _gathered(x, plan.axes, transpose)

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, ctx.plan, ctx.transpose = inputs

    @staticmethod
    def backward(ctx, g):
        function = _Resample if torch.compiler.is_compiling() else _DualResample
        return function.apply(g, ctx.plan, not ctx.transpose), None, None

    @staticmethod
    def vmap(info, in_dims, x, plan, transpose):
        function = _Resample if torch.compiler.is_compiling() else _DualResample
        return function.apply(x.movedim(in_dims[0], 0), plan, transpose), 0


class _DualResample(_Resample):
    """The same with a forward-mode derivative, apart because torch.compile takes no Function that has one."""

    @staticmethod
    def jvp(ctx, tangent, *_):
        return _DualResample.apply(tangent, ctx.plan, ctx.transpose)


def _working_dtype(x: Tensor, axes: tuple[Axis, ...]) -> torch.dtype:
    """Half precision adds in float32, torch's uint8 in integers; what only copies keeps its dtype."""
    if all(axis.kernel in COPIES for axis in axes) and not x.dtype.is_floating_point:
        return x.dtype
    if x.dtype is torch.uint8:
        return torch.int32
    return torch.float32 if x.dtype in HALF else x.dtype


def _finish(z: Tensor, matrix: Matrix) -> Tensor:
    """Round fixed-point sums to the nearest whole number from 0 to 255."""
    if matrix.shift is not None:
        z.add_((1 << matrix.shift) >> 1).bitwise_right_shift_(matrix.shift).clamp_(0, 255)
    return z


def _table(*arguments):
    *axis, transpose = arguments
    matrix = Axis(*axis).matrix(transpose)
    table = [(index.tolist(), weight.tolist(), _repeats(index, matrix.size)) for index, weight in matrix.table]
    return table, matrix.shift, matrix.empty.tolist()


def _repeats(index: np.ndarray, size: int) -> int:
    """How many times each of `size` positions stands in `index`, one after the other; 0 if that can't be said so."""
    each = len(index) // size
    return each if np.array_equal(index, np.arange(size).repeat(each)) else 0


# What torch.compiler.assume_constant_result sets; calling that would import all of torch.compile, a second or more.
_table._dynamo_marked_constant = True  # type: ignore[attr-defined]


def _gathered(x: Tensor, axes: tuple[Axis, ...], transpose: bool) -> Tensor:
    z = x.to(_working_dtype(x, axes))
    for axis in reversed(axes):
        a = axis
        table, shift, empty = _table(
            a.dim, a.size, a.out, a.kernel, a.scale_factor, a.align_corners, a.antialias, a.arithmetic, transpose
        )
        parts = []
        for index, weight, repeats in table:
            if repeats:
                part = z.repeat_interleave(repeats, axis.dim)
            else:
                part = z.index_select(axis.dim, constant(index, z.device, torch.long))
            if set(weight) != {1.0} or len(table) > 1:
                part = part * constant(weight, z.device, z.dtype).reshape(-1, *(1,) * (-1 - axis.dim))
            parts.append(part)
        z = functools.reduce(torch.add, parts)
        if empty:
            z = z.index_fill(axis.dim, constant(empty, z.device, torch.long), 0)
        if shift is not None:
            z = ((z + ((1 << shift) >> 1)) >> shift).clamp(0, 255)
    z = z.to(x.dtype)
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    return z.contiguous(memory_format=formats[x.dim()] if is_channels_last(x) else torch.contiguous_format)


def _in_blocks(x: Tensor, axes: tuple[Axis, ...], transpose: bool) -> Tensor:
    n = len(axes)
    channels_last = is_channels_last(x) and x.dim() == n + 2
    wide = channels_last and x.shape[1] >= WIDE
    # (planes, spatial…, inner): inner are the channels where they lie next to each other, and enough of them.
    source = x.movedim(1, -1) if wide else x.reshape(math.prod(x.shape[:-n]), *x.shape[-n:], 1)
    source = source.contiguous()
    outs = [axis.size if transpose else axis.out for axis in axes]
    result = x.new_empty((source.shape[0], *outs, source.shape[-1]))
    matrices = {1 + k: axis.matrix(transpose) for k, axis in enumerate(axes)}
    factor = math.prod([matrix.factor for matrix in matrices.values()])
    matrices = {k: matrix.without_factor for k, matrix in matrices.items()}
    dtype = _working_dtype(x, axes)
    products = {k for k, matrix in matrices.items() if not wide and dtype.is_floating_point and matrix.is_dense}
    finite = bool(products or any(matrix.blends for matrix in matrices.values())) and _is_finite(x)
    steps = [_Step(k, matrices[k], finite, k in products) for k in _order(matrices)]
    if factor != 1 and result.numel() > source.numel():
        source, factor = source.to(dtype) * factor, 1
    if not steps:
        result.copy_(source)
    elif wide and all(matrix.copies for matrix in matrices.values()):
        _copy_pixels(source, result, matrices)
    else:
        entries = max(math.prod(source.shape[1:]), math.prod(result.shape[1:]))
        planes = max(1, min(BLOCK, result.numel()) // entries)
        for source_block, result_block in zip(source.split(planes), result.split(planes), strict=True):
            z = source_block.to(dtype)
            for step in steps:
                last = step is steps[-1] and dtype == result.dtype
                z = step(z, result_block if last else None)
            if factor != 1:
                z.mul_(factor)
            if dtype != result.dtype:
                result_block.copy_(z)
    if wide:
        return result.movedim(-1, 1)
    y = result.reshape(*x.shape[:-n], *outs)
    if channels_last:
        y = y.contiguous(memory_format=torch.channels_last if n == 2 else torch.channels_last_3d)
    return y


def _is_finite(x: Tensor) -> bool:
    """Only finite numbers can be mixed as a + w·(b - a), where b = a = ∞ gives NaN, or be multiplied by a matrix's 0.

    A sum shows whether they are, at little cost.

    (Tensors without values, as torch's tracers have, can't tell.)
    """
    return type(x) in (Tensor, torch.nn.Parameter) and bool(
        x.sum(dtype=torch.promote_types(x.dtype, torch.float32)).isfinite()
    )


def _copy_pixels(source: Tensor, result: Tensor, matrices: dict[int, Matrix]) -> None:
    """Each output pixel is an input pixel, all channels of it: one gather for all axes, or one slice."""
    runs = [matrix.structure[1] for matrix in matrices.values() if matrix.structure and matrix.structure[0] == 1]
    if len(runs) == len(matrices) and all(len(run) == 1 for run in runs):
        result.copy_(source[(slice(None), *(run[0].taps[0][0] for run in runs))])
        return
    index = np.zeros(1, dtype=np.int64)
    for matrix in matrices.values():
        index = (index[:, None] * matrix.size + matrix.index[:, 0]).ravel()
    torch.index_select(source.flatten(1, -2), 1, torch.from_numpy(index), out=result.flatten(1, -2))


def _order(matrices: dict[int, Matrix]) -> list[int]:
    """Axes that shrink first, so that the others have less to do; the costly last axis where it finds least to do.

    torch's fixed-point kernel rounds after each axis and begins with the last.
    """
    if any(matrix.shift is not None for matrix in matrices.values()):
        return sorted((k for k, m in matrices.items() if not m.is_identity), reverse=True)

    def growth(k: int) -> tuple[float, int]:
        ratio = len(matrices[k]) / matrices[k].size
        return ratio, -k if ratio > 1 else k

    return sorted((k for k, matrix in matrices.items() if not matrix.is_identity), key=growth)


class _Step:
    """One matrix along one axis of a block (planes, spatial…, inner)."""

    def __init__(self, axis: int, matrix: Matrix, finite: bool, product: bool):
        self.axis, self.matrix = axis, matrix
        self.blend, self.product = finite and matrix.blends, finite and product
        self.tensors: dict[object, Tensor] = {}
        self.scaled_of: Tensor | None = None

    def __call__(self, z: Tensor, y: Tensor | None) -> Tensor:
        out, k = len(self.matrix), self.axis
        if y is None:
            y = self.scratch(z, "result", (*z.shape[:k], out, *z.shape[k + 1 :]))
        outer, inner = math.prod(z.shape[:k]), math.prod(z.shape[k + 1 :])
        rows, result = z.view(outer, self.matrix.size, inner), y.view(outer, out, inner)
        if self.product and inner > 1:
            torch.bmm(self.column(self.matrix.dense, z)[:, 0].expand(outer, -1, -1), rows, out=result)
        elif self.product:
            torch.mm(rows[..., 0], self.column(self.matrix.dense, z)[:, 0].t(), out=result[..., 0])
        elif inner > 1:
            self.along_rows(rows, result)
        else:
            self.along_last(rows, result)
        _finish(y, self.matrix)
        return y

    def along_rows(self, z: Tensor, y: Tensor) -> None:
        """z (outer, size, inner) to y (outer, out, inner). Rows written in their order take half the time of phases."""
        if self.blend and self.matrix.blocks is not None:
            for rows, first, second, weight in self.matrix.blocks:
                part = y[:, rows].unflatten(1, (-1, len(weight)))
                torch.lerp(z[:, first, None], z[:, second, None], self.column(weight, z), out=part)
            return
        if self.matrix.structure is None or (self.matrix.copies and z.shape[2] > 1):
            self.gather(z, y)
            return
        period, runs = self.matrix.structure
        for run in runs:
            start = run.phase + period * run.first
            self.run(run, z, y[:, start : start + period * (run.count - 1) + 1 : period])

    def along_last(self, z: Tensor, y: Tensor) -> None:
        """z (outer, size, 1) to y (outer, out, 1): entries of the last axis lie next to each other."""
        outer, size, _ = z.shape
        out = y.shape[1]
        period, runs = self.matrix.structure or (0, ())
        if period == 1:
            self.along_rows(z, y)
        elif period in (2, 4) and out % period == 0:
            _interleave(self.phases(period, runs, z, out // period), y.view(outer, out // period, period))
        elif len(self.matrix.table) < 4:
            self.gather_last(z.view(outer, size), y.view(outer, out))
        else:
            columns, turned = self.scratch(z, "columns", (1, size, outer)), self.scratch(z, "turned", (1, out, outer))
            columns[0].copy_(z.view(outer, size).t())
            self.along_rows(columns, turned)
            y.view(outer, out).copy_(turned[0].t())

    def phases(self, period: int, runs: tuple[Run, ...], z: Tensor, count: int) -> list[Tensor]:
        """Every phase of the outputs on its own: (outer, count) each."""
        if self.matrix.copies and len(runs) == period:
            return [z[:, run.taps[0][0], 0] for run in runs]
        phases = self.scratch(z, "phases", (period, len(z), count, 1))
        for run in runs:
            self.run(run, z, phases[run.phase, :, run.first : run.first + run.count])
        return list(phases.squeeze(-1))

    def gather_last(self, z: Tensor, y: Tensor) -> None:
        for number, row in enumerate(self.matrix.table):
            index, weight = self.column(row[0], z, torch.long).view(-1), self.column(row[1], z).view(-1)
            part = self.scratch(z, "part", y.shape) if number else y
            if torch.get_num_threads() > 1:
                torch.gather(z, 1, index.expand(len(z), -1), out=part)
            else:  # faster, but on one thread
                torch.index_select(z, 1, index, out=part)
            if self.blend:
                if number:
                    torch.lerp(y, part, weight, out=y)
            elif number:
                y.addcmul_(part, weight)
            elif not self.matrix.copies:
                y.mul_(weight)
        if len(self.matrix.empty):
            y.index_fill_(1, self.column(self.matrix.empty, z, torch.long).view(-1), 0)

    def run(self, run: Run, z: Tensor, y: Tensor) -> None:
        """One run of outputs: the sum over its taps of weight times slice.

        An axis that grows reads each input several times. So the input is multiplied by its commonest weight once, and
        the first two taps of a run become one operation.
        """
        if not run.taps:
            y.zero_()
            return
        taps = list(run.taps)
        if self.blend:
            (first, _), (second, weight) = taps
            torch.lerp(z[:, first], z[:, second], self.number(weight, z), out=y)
            return
        common = self.matrix.common_weight
        shares = [tap for tap in taps if not isinstance(tap[1], np.ndarray) and tap[1] == common]
        scaled = shares[0] if len(taps) > 1 and shares else None
        if scaled is not None:
            taps.remove(scaled)
            inputs, weight = taps.pop(0)
            if isinstance(weight, np.ndarray):
                torch.addcmul(self.scaled(z)[:, scaled[0]], z[:, inputs], self.column(weight, z), out=y)
            else:
                torch.add(self.scaled(z)[:, scaled[0]], z[:, inputs], alpha=weight, out=y)
        else:
            inputs, weight = taps.pop(0)
            if isinstance(weight, np.ndarray):
                torch.mul(z[:, inputs], self.column(weight, z), out=y)
            elif weight == 1 and len(run.taps) > 1 and not isinstance(taps[0][1], np.ndarray):
                second, alpha = taps.pop(0)
                torch.add(z[:, inputs], z[:, second], alpha=self.number(alpha, z), out=y)
            elif weight == 1:
                y.copy_(z[:, inputs])
            else:
                torch.mul(z[:, inputs], weight, out=y)
        for inputs, weight in taps:
            if isinstance(weight, np.ndarray):
                y.addcmul_(z[:, inputs], self.column(weight, z))
            else:
                y.add_(z[:, inputs], alpha=weight)

    def scaled(self, z: Tensor) -> Tensor:
        if self.scaled_of is not z:
            self.scaled_of = z
            torch.mul(z, self.matrix.common_weight or 0, out=self.scratch(z, "scaled", z.shape))
        return self.scratch(z, "scaled", z.shape)

    def gather(self, z: Tensor, y: Tensor) -> None:
        for number, (index, weight) in enumerate(self.matrix.table):
            part = self.scratch(z, "part", y.shape) if number else y
            torch.index_select(z, 1, self.column(index, z, torch.long).view(-1), out=part)
            if self.blend:
                if number:
                    torch.lerp(y, part, self.column(weight, z), out=y)
            elif number:
                y.addcmul_(part, self.column(weight, z))
            elif not self.matrix.copies:
                y.mul_(self.column(weight, z))
        if len(self.matrix.empty):
            y.index_fill_(1, self.column(self.matrix.empty, z, torch.long).view(-1), 0)

    def scratch(self, z: Tensor, name: str, shape: tuple[int, ...]) -> Tensor:
        """Memory that every block uses again: fresh memory costs more than the arithmetic."""
        if name not in self.tensors:
            self.tensors[name] = z.new_empty(math.prod(shape))
        return self.tensors[name][: math.prod(shape)].view(shape)

    def number(self, weight: Weight, z: Tensor) -> Any:
        """A weight as an operation takes it: a column, if each output has its own."""
        return self.column(weight, z) if isinstance(weight, np.ndarray) else weight

    def column(self, values: np.ndarray, z: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        key = (id(values), dtype)
        if key not in self.tensors:
            self.tensors[key] = torch.from_numpy(values).to(dtype or z.dtype)[:, None]
        return self.tensors[key]


def _interleave(phases: list[Tensor], y: Tensor) -> None:
    """Write each of the phases (outer, n) into its place of y (outer, n, period).

    Two numbers side by side are a complex one, and torch makes complex numbers fast.
    """
    period, size = len(phases), y.element_size()
    if size * period not in (8, 16) or size < 4:
        for phase, part in zip(phases, y.unbind(-1), strict=True):
            part.copy_(phase)
        return
    real = torch.float32 if size == 4 else torch.float64
    phases, y = [phase.view(real) for phase in phases], y.view(real)
    if period == 4:
        phases = [torch.complex(*pair).view(torch.float64) for pair in (phases[:2], phases[2:])]
        y = y.view(torch.float64)
    torch.complex(*phases, out=torch.view_as_complex(y))
