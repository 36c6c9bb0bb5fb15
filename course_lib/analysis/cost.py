"""What a forward pass costs: multiply-adds, parameters, and the bytes that it makes and keeps."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.flop_counter import flop_registry

from course_lib.geometry import output_size, per_axis, transposed_size


@dataclass(frozen=True)
class Cost:
    """What one call costs.

    multiply_adds: of convolutions and matrix products, where nearly all the work is; other operators count as 0.
    parameters: the numbers that the module learns. activation_bytes: of every tensor with floats that the forward pass
    makes; views and in-place results take no new memory and count as 0. saved_bytes: what autograd keeps of it, or of
    the input, until the backward pass; parameters don't count.
    """

    multiply_adds: int = 0
    parameters: int = 0
    activation_bytes: int = 0
    saved_bytes: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(Cost)))

    def __sub__(self, other: Cost) -> Cost:
        return Cost(*(getattr(self, field.name) - getattr(other, field.name) for field in fields(Cost)))


def cost(module: nn.Module, *inputs: Tensor) -> Cost:
    """The cost of calling `module(*inputs)` once, in the mode (train or eval) that it is in.

    It is measured while the module runs, on torch's device "meta": nothing is computed, nothing changes, and a module
    or a picture of any size takes no memory. The inputs may be on "meta" themselves: `torch.empty(1, 3, 224, 224,
    device="meta")`.

    >>> cost(nn.Conv2d(3, 8, 3, padding=1), torch.empty(1, 3, 32, 32, device="meta"))
    Cost(multiply_adds=221184, parameters=224, activation_bytes=32768, saved_bytes=12288)
    """
    return _measure(module, inputs)[0]


def layer_costs(module: nn.Module, *inputs: Tensor) -> dict[str, Cost]:
    """The cost of each leaf of a module by its name, in the order in which they first run.

    A leaf that runs several times costs their sum; its parameters count once. What `forward` computes by itself,
    outside the leaves, is in `cost` and not here. Bytes that two leaves keep count for the first.

    >>> net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.MaxPool2d(2))
    >>> {name: each.activation_bytes for name, each in layer_costs(net, torch.empty(1, 3, 32, 32)).items()}
    {'0': 32768, '1': 8192}
    """
    return _measure(module, inputs)[1]


def _measure(module: nn.Module, inputs: tuple) -> tuple[Cost, dict[str, Cost]]:
    if not isinstance(module, nn.Module):
        raise TypeError(f"module must be an nn.Module, not {type(module).__name__}")
    state = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    shadows = {name: _shadow(value) for name, value in state.items()}
    arguments = tree_map(lambda value: _shadow(value) if isinstance(value, Tensor) else value, inputs)
    ledger = _Ledger([value for value in tree_leaves(arguments) if isinstance(value, Tensor)], list(shadows.values()))
    rows: dict[str, Cost] = {}
    saving = torch.autograd.graph.saved_tensors_hooks(ledger.save, lambda kept: kept)
    with _watched(module, ledger, rows), torch.enable_grad(), ledger, saving:
        torch.func.functional_call(module, shadows, arguments)
    return ledger.cost + Cost(parameters=_parameters(module)), rows


def _shadow(value: Tensor) -> Tensor:
    """A tensor of the same kind on the device "meta": a shape without values."""
    shadow = torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")
    return shadow.requires_grad_(value.requires_grad)


def _parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _memory(tensor: Tensor) -> int:
    """Which memory a tensor lies in: the same number for it and its views."""
    return tensor.untyped_storage()._cdata


class _Ledger(TorchDispatchMode):
    """Sees every kernel that runs, and adds up."""

    def __init__(self, inputs: list[Tensor], state: list[Tensor]):
        super().__init__()
        self.cost = Cost()
        self.made = {
            _memory(tensor): tensor for tensor in [*inputs, *state]
        }  # kept alive, so that no number comes twice
        self.saved = {_memory(tensor): tensor for tensor in state}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Not to be wrapped for torch.compile: that would import all of it, more than a second, at the first call."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        output = SHAPES[func](*args) if func in SHAPES and not kwargs else None
        output = func(*args, **(kwargs or {})) if output is None else output
        formula = flop_registry.get(func.overloadpacket)
        flops = formula(*args, **(kwargs or {}), out_val=output) if formula else 0
        self.cost += Cost(multiply_adds=flops // 2)
        # Of several outputs the first is the result; the others are notes for the backward pass.
        result = output[0] if isinstance(output, tuple) and output else output
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor) and tensor.is_floating_point() and _memory(tensor) not in self.made:
                self.made[_memory(tensor)] = tensor
                self.cost += Cost(activation_bytes=tensor.untyped_storage().nbytes())
        return output

    def save(self, tensor: Tensor) -> Tensor:
        """Notes a tensor that autograd keeps."""
        if _memory(tensor) not in self.saved:
            self.saved[_memory(tensor)] = tensor
            self.cost += Cost(saved_bytes=tensor.untyped_storage().nbytes())
        return tensor


# The two operators that most networks downsample by. torch's own way to their shapes imports sympy first, which takes
# half a second in every process. None: let torch say what is wrong.


def _convolved(x, weight, bias, stride, padding, dilation, transposed, output_padding, groups) -> Tensor | None:
    channels = weight.shape[1] * groups
    filters, channels = (channels, len(weight)) if transposed else (len(weight), channels)
    if x.shape[1] != channels:
        return None
    try:
        axes = list(zip(x.shape[2:], weight.shape[2:], stride, padding, output_padding, dilation, strict=True))
        if transposed:
            sizes = [transposed_size(*axis) for axis in axes]
        else:
            sizes = [output_size(n, k, s, p, d) for n, k, s, p, _, d in axes]
    except ValueError:
        return None
    return x.new_empty(len(x), filters, *sizes)


def _max_pooled(x, kernel_size, stride=(), padding=0, dilation=1, ceil_mode=False) -> tuple[Tensor, Tensor] | None:
    pairs = [per_axis(value, 2, "argument") for value in (kernel_size, stride or kernel_size, padding, dilation)]
    try:
        axes = list(zip(x.shape[-2:], *pairs, strict=True))
        sizes = [output_size(n, k, s, p, d, ceil_mode) for n, k, s, p, d in axes]
    except ValueError:
        return None
    if x.dim() not in (3, 4) or not x.shape[-3] or any(2 * padding > kernel for _, kernel, _, padding, _ in axes):
        return None
    shape = *x.shape[:-2], *sizes
    return x.new_empty(shape), x.new_empty(shape, dtype=torch.int64)


SHAPES: dict[Any, Callable[..., Any]] = {
    torch.ops.aten.convolution.default: _convolved,
    torch.ops.aten.max_pool2d_with_indices.default: _max_pooled,
}


@contextmanager
def _watched(module: nn.Module, ledger: _Ledger, rows: dict[str, Cost]):
    """While open, what each leaf adds to the ledger is noted in `rows` under its name."""
    handles = []
    before: dict[str, Cost] = {}

    def enter(name: str) -> Callable[..., None]:
        return lambda *_: before.__setitem__(name, ledger.cost)

    def leave(name: str, leaf: nn.Module) -> Callable[..., None]:
        def note(*_: Any) -> None:
            first = Cost(parameters=_parameters(leaf))
            rows[name] = rows.get(name, first) + ledger.cost - before[name]

        return note

    for name, leaf in module.named_modules():
        if not any(leaf.children()):
            handles.append(leaf.register_forward_pre_hook(enter(name)))
            handles.append(leaf.register_forward_hook(leave(name, leaf)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
