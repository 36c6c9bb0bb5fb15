"""Batch normalization: each channel shifted and scaled to mean 0 and variance 1, then by a weight and a bias.

A drop-in for torch.nn.functional.batch_norm, in-place running statistics included.
"""

from __future__ import annotations

import math
import numbers

import torch
from torch import Tensor

from course_lib.functional._blocks import blocks
from course_lib.functional._windows import FLOATS, check_bool, check_dtype, check_tensor, is_channels_last


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-05,
) -> Tensor:
    """(input - mean) / √(var + eps) · weight + bias for each channel of (N, C), (N, C, L), (N, C, H, W)…

    In training mean and var are those of the batch, over all axes but C, var without Bessel's correction; the gradient
    flows through both. running_mean and running_var then move, in place, by `momentum` towards mean and towards var
    with Bessel's correction, and may both be None. Otherwise they are mean and var. Half precision adds in float32;
    weight, bias and running statistics have the input's dtype or, beside half precision, float32. ValueError in
    training for a single value per channel, whose variance says nothing. (Ioffe and Szegedy 2015.)

    >>> x, mean, var = torch.tensor([[1.0, 10.0], [3.0, 30.0]]), torch.zeros(2), torch.ones(2)
    >>> batch_norm(x, mean, var, training=True, momentum=0.5, eps=1e-9)
    tensor([[-1., -1.],
            [ 1.,  1.]])
    >>> mean, var
    (tensor([ 1., 10.]), tensor([  1.5000, 100.5000]))
    """
    _check(input, running_mean, running_var, weight, bias, training, momentum, eps)
    if input.numel() == 0:  # there is nothing to normalize, nor to learn statistics from
        return input.clone()
    _check_tensors(input, running_mean, running_var, weight, bias, training)
    return _batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def _batch_norm(input: Tensor, running_mean, running_var, weight, bias, training, momentum, eps) -> Tensor:
    dtype = input.dtype
    x = input.float() if dtype in (torch.float16, torch.bfloat16) else input
    weight, bias = (t if t is None else t.reshape(-1).to(x.dtype) for t in (weight, bias))
    law = _law if torch.compiler.is_compiling() else _Normalize.apply
    if not training:
        return law(x, weight, bias, running_mean.to(x.dtype), running_var.to(x.dtype), eps)[0].to(dtype)
    y, mean, var = law(x, weight, bias, None, None, eps)
    if running_mean is not None:
        count = x.numel() // x.shape[1]
        with torch.no_grad():
            running_mean.mul_(1 - momentum).add_(mean, alpha=momentum)
            running_var.mul_(1 - momentum).add_(var, alpha=momentum * count / (count - 1))
    return y.to(dtype)


def _law(x: Tensor, weight, bias, mean, var, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """The law, in operations that torch differentiates: the output, and the mean and variance that it used."""
    if mean is None:
        mean = x.mean(_others(x))
        var = (x - _column(mean, x)).square().mean(_others(x))
    scale, shift = _line(weight, bias, mean, var, eps)
    return torch.addcmul(_column(shift, x), x.contiguous(memory_format=_format(x)), _column(scale, x)), mean, var


def _line(weight, bias, mean: Tensor, var: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Scale and shift of each channel: output = input · scale + shift."""
    scale = torch.rsqrt(var + eps) if weight is None else weight * torch.rsqrt(var + eps)
    return scale, -mean * scale if bias is None else bias - mean * scale


def _write_line(x: Tensor, scale: Tensor, shift: Tensor, y: Tensor) -> None:
    """Write x · scale + shift into `y`."""
    scale, shift = _column(scale, x), _column(shift, x)
    if _is_one_operation(x):
        torch.addcmul(shift, x, scale, out=y)
    else:  # torch reads one number for a whole run fast, but not two
        torch.mul(x, scale, out=y).add_(shift)


def _is_one_operation(x: Tensor) -> bool:
    """Does `_write_line` walk through memory once, so that there is nothing to keep in the cache in between?"""
    return x.dim() == 2 or is_channels_last(x)


class _Normalize(torch.autograd.Function):
    """The law, and its derivative, in fewer walks through memory.

    With the batch's own statistics x̂ = (x - mean) / √(var + eps) has the derivative
    t ↦ (t - mean(t) - x̂·mean(x̂·t)) / √(var + eps), its own transpose; with given ones t ↦ t / √(var + eps).
    """

    @staticmethod
    def forward(x, weight, bias, mean, var, eps):
        if mean is None:
            mean = x.mean(_others(x))
            column, var = _column(mean, x), torch.zeros_like(mean)
            for (some_x,) in blocks(x):
                var += (some_x - column).square_().sum(_others(x))
            var /= x.numel() // x.shape[1]
        scale, shift = _line(weight, bias, mean, var, eps)
        y = torch.empty_like(x, memory_format=_format(x))
        for some_x, some_y in [(x, y)] if _is_one_operation(x) else blocks(x, y):
            _write_line(some_x, scale, shift, some_y)
        return y, mean.clone(), var.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, weight, bias, given, _, ctx.eps = inputs
        _, mean, var = output
        ctx.of_batch = given is None
        ctx.mark_non_differentiable(mean, var)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, weight, bias, mean, var)
        ctx.save_for_forward(x, weight, mean, var)

    @staticmethod
    def backward(ctx, g, *_):
        x, weight, bias, mean, var = ctx.saved_tensors
        if g is None:
            return (None,) * 6
        if torch.is_grad_enabled():  # this derivative may itself be differentiated: take it from the law
            given = (None, None) if ctx.of_batch else (mean, var)
            ones, zeros = torch.ones_like(mean), torch.zeros_like(mean)
            tensors = x, ones if weight is None else weight, zeros if bias is None else bias
            vjp = torch.func.vjp(lambda x, w, b: _law(x, w, b, given[0], given[1], ctx.eps)[0], *tensors)[1]
            dx, dw, db = vjp(g)
            return dx, None if weight is None else dw, None if bias is None else db, None, None, None
        others, rest, column = _others(x), torch.rsqrt(var + ctx.eps), _column(mean, x)
        scale = rest if weight is None else weight * rest
        total, dot, dx = torch.zeros_like(mean), torch.zeros_like(mean), torch.empty_like(g)
        for some_x, some_g, some_dx in blocks(x, g, dx):
            total += some_g.sum(others)
            dot += (some_x - column).mul_(some_g).sum(others)
            if not ctx.of_batch:
                torch.mul(some_g, _column(scale, x), out=some_dx)
        if ctx.of_batch:
            count = x.numel() // x.shape[1]
            slope = -scale * rest * rest * dot / count
            shift = -slope * mean - scale * total / count
            for some_x, some_g, some_dx in blocks(x, g, dx):
                _write_line(some_x, slope, shift, some_dx)
                some_dx.addcmul_(some_g, _column(scale, x))
        return dx, None if weight is None else dot * rest, None if bias is None else total, None, None, None

    @staticmethod
    def jvp(ctx, x_tangent, weight_tangent, bias_tangent, *_):
        x, weight, mean, var = ctx.saved_tensors
        rest, others, y = _column(torch.rsqrt(var + ctx.eps), x), _others(x), torch.zeros_like(x)
        standard = (x - _column(mean, x)) * rest
        if x_tangent is not None:
            t = x_tangent
            if ctx.of_batch:
                t = t - t.mean(others, keepdim=True)
                t = t - standard * (standard * t).mean(others, keepdim=True)
            y = t * rest if weight is None else t * rest * _column(weight, x)
        if weight_tangent is not None:
            y = y + standard * _column(weight_tangent, x)
        return y if bias_tangent is None else y + _column(bias_tangent, x), None, None

    @staticmethod
    def vmap(info, in_dims, x, weight, bias, mean, var, eps):
        """Many batches side by side are one batch with as many times the channels."""
        n = info.batch_size
        x = _stacked(x, in_dims[0], 1, n)
        rest = (
            t if t is None else _stacked(t, dim, 0, n)
            for t, dim in zip((weight, bias, mean, var), in_dims[1:5], strict=True)
        )
        y, mean, var = _Normalize.apply(x, *rest, eps)
        return (y.unflatten(1, (n, -1)), mean.unflatten(0, (n, -1)), var.unflatten(0, (n, -1))), (1, 0, 0)


def _others(x: Tensor) -> tuple[int, ...]:
    """The axes that a channel's statistics are taken over: all but the channels' own."""
    return (0, *range(2, x.dim()))


def _column(t: Tensor, x: Tensor) -> Tensor:
    """One number a channel, in a shape that broadcasts over `x`."""
    return t.reshape(-1, *(1,) * (x.dim() - 2))


def _format(x: Tensor) -> torch.memory_format:
    if not is_channels_last(x):
        return torch.contiguous_format
    return torch.channels_last if x.dim() == 4 else torch.channels_last_3d


def _stacked(t: Tensor, dim: int | None, at: int, n: int) -> Tensor:
    """Merge a batched axis, or n copies where there is none, into the axis of the channels."""
    if dim is None:
        return t.unsqueeze(at).expand(*t.shape[:at], n, *t.shape[at:]).flatten(at, at + 1)
    return t.movedim(dim, at).flatten(at, at + 1)


def _check(input, running_mean, running_var, weight, bias, training, momentum, eps) -> None:
    name = "batch_norm"
    check_tensor(name, input)
    check_bool(name, "training", training)
    given = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    for argument, value in given.items():
        if value is not None and not isinstance(value, Tensor):
            raise TypeError(f"{name}(): {argument} must be a Tensor or None, not {type(value).__name__}")
    for argument, number in (("momentum", momentum), ("eps", eps)):
        if not isinstance(number, numbers.Real):
            raise TypeError(f"{name}(): {argument}={number!r} must be a float")
    if eps < 0 or training and eps == 0:
        raise ValueError(f"{name}(): eps={eps} must be {'greater than' if training else 'at least'} 0")
    if input.dim() < 2:
        raise IndexError(f"{name}(): input must have 2 axes or more, (N, C, …), but its shape is {tuple(input.shape)}")
    if training and len(input) * math.prod(input.shape[2:]) == 1:
        raise ValueError(
            f"{name}(): input must have more than 1 value per channel in training, but its shape is "
            f"{tuple(input.shape)}: take a larger batch, or training=False"
        )


def _check_tensors(input: Tensor, running_mean, running_var, weight, bias, training: bool) -> None:
    name = "batch_norm"
    given = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    check_dtype(name, input, FLOATS)
    half = input.dtype in (torch.float16, torch.bfloat16)
    permitted, first = {input.dtype, torch.float32} if half else {input.dtype}, None
    for argument, value in given.items():
        if value is None:
            if argument.startswith("running") and not training:
                raise RuntimeError(f"{name}(): {argument} must be a Tensor in evaluation, where it is what normalizes")
            continue
        if value.numel() != input.shape[1] or argument.startswith("running") and value.dim() != 1:
            raise RuntimeError(
                f"{name}(): {argument} must have the shape ({input.shape[1]},), one number for each channel, "
                f"not {tuple(value.shape)}"
            )
        first = value.dtype if first is None else first
        if value.dtype not in permitted or value.dtype != first:
            raise RuntimeError(
                f"{name}(): {argument}.dtype={value.dtype} must be "
                f"{first if first in permitted else ' or '.join(map(str, permitted))}, beside {input.dtype} input"
            )
        if argument.startswith("running") and value.requires_grad:
            raise RuntimeError(f"{name}(): {argument} must not require a gradient: it is a statistic, not a parameter")
    if training and (running_mean is None) != (running_var is None):
        raise ValueError(f"{name}(): running_mean and running_var must both be Tensors, or both None, in training")
