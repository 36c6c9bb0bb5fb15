"""Linear maps as differentiable operations: the derivative of a linear map is the map, its gradient the transposed map.

So whoever writes a map and its transpose gets derivatives of every order, forwards and backwards.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class LinearMap(Protocol):
    """A linear map of one tensor. (One opaque object: torch.func takes the tuples given to a Function apart.)"""

    def forward(self, x: Tensor) -> Tensor: ...

    def transpose(self, y: Tensor) -> Tensor:
        """⟨forward(x), y⟩ = ⟨x, transpose(y)⟩."""
        ...


def apply(linear: LinearMap, x: Tensor, transpose: bool = False) -> Tensor:
    """The map of `x`, or its transpose."""
    return (_Apply if torch.compiler.is_compiling() else _DualApply).apply(x, linear, transpose)


def apply_slices(linear: LinearMap, x: Tensor, transpose: bool = False) -> Tensor:
    """The same for a map that is made of slices and sums alone: torch.compile finds the gradient of those itself."""
    if torch.compiler.is_compiling():
        return linear.transpose(x) if transpose else linear.forward(x)
    return apply(linear, x, transpose)


class _Apply(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x, linear, transpose):
        return linear.transpose(x) if transpose else linear.forward(x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, ctx.linear, ctx.transpose = inputs

    @staticmethod
    def backward(ctx, g):
        return apply(ctx.linear, g, not ctx.transpose), None, None


class _DualApply(_Apply):
    """The same with a forward-mode derivative, apart because torch.compile takes no Function that has one."""

    @staticmethod
    def jvp(ctx, tangent, *_):
        return apply(ctx.linear, tangent, ctx.transpose)
