"""What one output sees of the input: by the law of the layers, and by the gradient.

The law: A. Araujo, W. Norris, J. Sim, "Computing Receptive Fields of Convolutional Neural Networks" (Distill, 2019).
What the gradient shows inside the field: W. Luo et al., "Understanding the Effective Receptive Field in Deep
Convolutional Neural Networks" (NeurIPS 2016).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from course_lib.functional._windows import check_tensor
from course_lib.geometry import check_int, is_int, per_axis


class Layer(NamedTuple):
    """What one convolution or pooling does along one axis; the defaults are those of a convolution."""

    kernel_size: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1


class Field(NamedTuple):
    """Which input positions the outputs of a stack see, along one axis.

    size: positions from the first to the last that an output sees. jump: how far apart the fields of two neighbouring
    outputs lie. centre: the middle of output 0's field, in positions of the input (position 0 is the first pixel's
    centre).
    """

    size: int
    jump: int
    centre: float

    def of(self, index: int) -> range:
        """The positions that output `index` sees; those below 0 or past the end are padding.

        >>> Field(size=5, jump=2, centre=1.0).of(3)
        range(5, 10)
        """
        first = round(self.centre - (self.size - 1) / 2) + index * self.jump
        return range(first, first + self.size)


def receptive_field(layers: Iterable[Sequence[int]]) -> Field:
    """The field of a stack of layers (kernel_size, stride, padding, dilation), the one next to the input first.

    Each layer widens the field by its own reach, dilation·(kernel_size - 1), counted in steps of all strides before it:
    size += reach·jump, centre += (reach / 2 - padding)·jump, and then jump *= stride. Trailing numbers of a layer may
    be left out, as in `Layer`. Raises ValueError for a number out of range.

    >>> receptive_field([(7, 2, 3), (3, 2, 1)])
    Field(size=11, jump=4, centre=0.0)
    """
    size, jump, centre = 1, 1, 0.0
    if not isinstance(layers, Iterable):
        raise TypeError(f"layers={layers!r} must be layers one after the other, not {type(layers).__name__}")
    for layer in layers:
        kernel_size, stride, padding, dilation = _checked(layer)
        reach = dilation * (kernel_size - 1)
        size += reach * jump
        centre += (reach / 2 - padding) * jump
        jump *= stride
    return Field(size, jump, centre)


# Leaves that look at one position at a time, and so widen no field.
POINTWISE = (
    nn.Identity,
    nn.ReLU,
    nn.LeakyReLU,
    nn.GELU,
    nn.SiLU,
    nn.Sigmoid,
    nn.Tanh,
    nn.Dropout,
    nn.modules.batchnorm._BatchNorm,
    nn.modules.dropout._DropoutNd,
)
WINDOWED = (nn.modules.conv._ConvNd, nn.modules.pooling._MaxPoolNd, nn.modules.pooling._AvgPoolNd)


def layers_of(module: nn.Module, axis: int = -1) -> tuple[Layer, ...]:
    """The layers of a module whose parts run one after the other, in the order in which they are registered.

    axis: the spatial axis to read the layers' arguments for. Raises ValueError for a part whose field isn't known, and
    for transposed convolutions: a chain with branches or layers of that kind is asked by `gradient_field` instead.

    >>> layers_of(nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)))
    (Layer(kernel_size=3, stride=1, padding=1, dilation=1), Layer(kernel_size=2, stride=2, padding=0, dilation=1))
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"module must be an nn.Module, not {type(module).__name__}")
    if not is_int(axis):
        raise TypeError(f"axis={axis!r} must be an int")
    layers = []
    for name, leaf in module.named_modules():
        if any(leaf.children()) or isinstance(leaf, (*POINTWISE, nn.Sequential)):
            continue
        if not isinstance(leaf, WINDOWED) or getattr(leaf, "transposed", False):
            raise ValueError(
                f"the field of {name or 'the module'}, {type(leaf).__name__}, isn't known from its arguments"
            )
        layers.append(Layer(*(_argument(leaf, field, axis) for field in Layer._fields)))
    return tuple(layers)


def gradient_field(module: Callable[[Tensor], Tensor], x: Tensor, index: Sequence[int] | None = None) -> Tensor:
    """How strongly one output depends on each input position: `(N, C, *spatial)` → `(*spatial)`.

    The absolute gradient of the output at `index` (in the middle, where none is given), all its channels added up;
    summed over the input's channels and averaged over the N pictures. Max pooling and ReLU pass a gradient on where
    they are active only, so give them many pictures. Put a module with batch norm into eval mode first, or every
    picture sees the others.

    >>> gradient_field(nn.AvgPool1d(4, stride=2), torch.zeros(1, 1, 8), [1])
    tensor([0.0000, 0.0000, 0.2500, 0.2500, 0.2500, 0.2500, 0.0000, 0.0000])
    """
    _check_call("gradient_field", module, x)
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        output = module(x)
        for place in [size // 2 for size in output.shape[2:]] if index is None else index:
            output = output[:, :, place]
        (gradient,) = torch.autograd.grad(output.sum(), x)
    return gradient.abs().sum(1).mean(0)


def reach(gradient: Tensor) -> tuple[range, ...]:
    """For each axis of a gradient field, the positions from the first to the last that is not zero.

    >>> reach(torch.tensor([0.0, 1.0, 0.0, 2.0, 0.0]))
    (range(1, 4),)
    """
    check_tensor("reach", gradient, "gradient")
    places = gradient.nonzero()
    if not len(places):
        return tuple(range(0) for _ in gradient.shape)
    return tuple(range(int(low), int(high) + 1) for low, high in zip(places.amin(0), places.amax(0), strict=True))


def measured_field(module: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Field, ...]:
    """The field that the gradient shows, for each spatial axis of x `(N, C, *spatial)`: size, jump and centre.

    Two neighbouring outputs in the middle are asked. x must be so large that both of their fields lie inside.

    >>> measured_field(nn.Conv1d(1, 1, 5, stride=2, padding=1), torch.zeros(1, 1, 20))
    (Field(size=5, jump=2, centre=1.0),)
    """
    _check_call("measured_field", module, x)
    with torch.no_grad():
        middle = [size // 2 for size in module(x).shape[2:]]
    fields = []
    for axis, index in enumerate(middle):
        beside = [i - (a == axis) for a, i in enumerate(middle)]
        here, before = (reach(gradient_field(module, x, at))[axis] for at in (middle, beside))
        jump = here.start - before.start
        fields.append(Field(len(here), jump, (here.start + here.stop - 1) / 2 - index * jump))
    return tuple(fields)


def conv_stack(layers: Iterable[Sequence[int]], random: bool = False, nets: int = 64, seed: int = 0) -> nn.Sequential:
    """Convolutions without bias along one axis, `(N, C, L)` → `(N, C, L_out)`, to ask for their gradient.

    With all weights 1 and C = 1, the gradient at a position is the number of ways from there to the output. `random`: C
    = `nets` independent nets side by side, with standard normal weights, so that their mean says what is typical.

    >>> gradient_field(conv_stack([(3,), (3,)]), torch.zeros(1, 1, 7))
    tensor([0., 1., 2., 3., 2., 1., 0.])
    """
    channels = nets if random else 1
    generator = torch.Generator().manual_seed(seed)
    stack = nn.Sequential()
    for layer in layers:
        kernel_size, stride, padding, dilation = _checked(layer)
        shape = (channels, 1, kernel_size)
        weight = torch.randn(shape, generator=generator) if random else torch.ones(shape)
        conv = nn.Conv1d(
            channels, channels, kernel_size, stride, padding, dilation, channels, bias=False, device="meta"
        )
        conv.weight = nn.Parameter(weight)
        stack.append(conv)
    return stack


def _check_call(name: str, module: object, x: object) -> None:
    check_tensor(name, x, "x")
    if not callable(module):
        raise TypeError(f"{name}(): module must be an nn.Module or a function, not {type(module).__name__}")


def _checked(numbers: Sequence[int]) -> Layer:
    if not isinstance(numbers, Sequence) or isinstance(numbers, str) or not 1 <= len(numbers) <= len(Layer._fields):
        raise TypeError(f"layers must be (kernel_size, stride, padding, dilation) each, but {numbers!r} is among them")
    layer = Layer(*numbers)
    for name, value in layer._asdict().items():
        check_int(name, value, 0 if name == "padding" else 1)
    return layer


def _argument(leaf: nn.Module, name: str, axis: int) -> int:
    """One argument of a convolution or pooling along one axis; average pooling has no dilation."""
    value: Any = getattr(leaf, name, 1)
    if isinstance(value, str):
        raise ValueError(f"padding={value!r} must be given in numbers, in {leaf}")
    value = leaf.kernel_size if value is None else value
    return per_axis(value, len(value), name)[axis] if isinstance(value, tuple) else int(value)
