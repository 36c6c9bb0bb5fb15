"""Activations: relu, a drop-in for torch.nn.functional.relu."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.functional._blocks import blocks
from course_lib.functional._folds import traced
from course_lib.functional._windows import FLOATS, INTEGERS, check_dtype, check_tensor


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0) of each entry, of any shape; with `inplace` written over the input. A NaN stays NaN.

    The gradient passes where x > 0. At 0, where there is a choice, it is 0, as in torch. Takes floats and signed and
    8-bit unsigned integers. What a view expanded from fewer numbers stands for can't be written in place.

    >>> relu(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([0., 0., 2.])
    """
    check_tensor("relu", input)
    if input.dtype is torch.bool:
        raise RuntimeError("relu(): input.dtype=torch.bool must be one of numbers: a truth value has no sign")
    check_dtype("relu", input, FLOATS + INTEGERS)
    function = _Relu if torch.compiler.is_compiling() else _DualRelu
    if inplace and torch._C._are_functorch_transforms_active():  # they let no Function save what it wrote over
        return input.copy_(function.apply(input, False))
    return function.apply(input, bool(inplace))


class _Relu(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x, inplace):
        if not inplace:
            return x.clamp_min(0)
        x.clamp_min_(0)
        return x

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, inplace = inputs
        ctx.inplace = inplace
        if inplace:
            ctx.mark_dirty(x)
        ctx.save_for_backward(output)
        ctx.save_for_forward(output)

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return (_Gate if torch.compiler.is_compiling() else _DualGate).apply(g, y), None


class _DualRelu(_Relu):
    """The same with a forward-mode derivative, apart because torch.compile takes no Function that has one."""

    @staticmethod
    def jvp(ctx, tangent, _):
        (y,) = ctx.saved_tensors
        passed = _DualGate.apply(tangent, y)
        return tangent.copy_(passed) if ctx.inplace else passed


BITS = {torch.float16: torch.int16, torch.bfloat16: torch.int16, torch.float32: torch.int32, torch.float64: torch.int64}


class _Gate(torch.autograd.Function):
    """`g` where y is not 0, and 0 where it is, whatever g is there: an infinity times 0 would be NaN."""

    generate_vmap_rule = True

    @staticmethod
    def forward(g, y):
        if traced() or g.device.type != "cpu":
            return torch.where(y == 0, 0, g)
        # The bits of |y| are a whole number, 0 only for 0. Cut off at 1 and times g's bits they select, several times
        # faster than torch.where, which asks number by number.
        dx = torch.empty_like(g)
        for some_g, some_y, some_dx in blocks(g, y, dx) if g.dim() else [(g, y, dx)]:
            bits = torch.abs(some_y, out=some_dx).view(BITS[g.dtype])
            bits.clamp_max_(1).mul_(some_g.view(BITS[g.dtype]))
        return dx

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, y = inputs
        ctx.save_for_backward(y)
        ctx.save_for_forward(y)

    @staticmethod
    def backward(ctx, h):
        (y,) = ctx.saved_tensors
        return (_Gate if torch.compiler.is_compiling() else _DualGate).apply(h, y), None


class _DualGate(_Gate):
    """The same with a forward-mode derivative."""

    @staticmethod
    def jvp(ctx, tangent, _):
        (y,) = ctx.saved_tensors
        return _DualGate.apply(tangent, y)
