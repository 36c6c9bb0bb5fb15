"""The residual up-sampling block, to be repaired: true indices, a second path of its own, statistics once."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.exercises.unpooling.max_unpool import HIGH


def _unpooled(x, indices, output_size=None):
    sizes = [2 * n for n in x.shape[2:]] if output_size is None else list(output_size)
    return torch.ops.aten.max_unpool2d(x, indices, sizes)


class _UpProjection(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 5, padding=2, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.conv3 = nn.Conv2d(in_channels, out_channels, 5, padding=2, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)

    def main(self, unpooled):
        return self.bn2(self.conv2(self.relu(self.bn1(self.conv1(unpooled)))))

    def projection(self, unpooled):
        return self.bn3(self.conv3(unpooled))

    def forward(self, x, indices, output_size=None):
        unpooled = _unpooled(x, indices, output_size)
        return self.relu(self.main(unpooled) + self.projection(unpooled))


def _wrong(forward) -> type[nn.Module]:
    return type("UpProjection", (_UpProjection,), {"forward": forward})


def _of_another_map(self, x, indices, output_size=None):
    """Indices of pooling a map that holds nothing: each window's first position."""
    rows, columns = (2 * n for n in x.shape[2:]) if output_size is None else output_size
    _, indices = F.max_pool2d(x.new_zeros(*x.shape[:2], rows, columns), 2, return_indices=True)
    return _UpProjection.forward(self, x, indices, output_size)


def _without_size(self, x, indices, output_size=None):
    return _UpProjection.forward(self, x, indices)


def _shared_path(self, x, indices, output_size=None):
    unpooled = _unpooled(x, indices, output_size)
    residual = self.bn1(self.conv1(unpooled))
    return self.relu(self.main(unpooled) + residual)


def _written_over(self, x, indices, output_size=None):
    unpooled = _unpooled(x, indices, output_size)
    residual = self.bn1(self.conv1(unpooled))
    out = self.relu(residual)
    return self.relu(self.bn2(self.conv2(out)) + residual)


def _not_activated(self, x, indices, output_size=None):
    unpooled = _unpooled(x, indices, output_size)
    return self.main(unpooled) + self.projection(unpooled)


def _activated_apart(self, x, indices, output_size=None):
    unpooled = _unpooled(x, indices, output_size)
    return self.relu(self.main(unpooled)) + self.relu(self.projection(unpooled))


def _not_normalised(self, x, indices, output_size=None):
    unpooled = _unpooled(x, indices, output_size)
    return self.relu(self.main(unpooled) + self.conv3(unpooled))


def _main_alone(self, x, indices, output_size=None):
    return self.relu(self.main(_unpooled(x, indices, output_size)))


def _one_after_the_other(self, x, indices, output_size=None):
    """The same convolution and batch norm for both ways, but called once."""
    unpooled = _unpooled(x, indices, output_size)
    residual = self.bn1(self.conv1(unpooled))
    return self.relu(self.bn2(self.conv2(self.relu(residual.clone()))) + residual)


def _weights(numbers, in_channels: int, out_channels: int, twin: bool = False) -> dict[str, Tensor]:
    """Parameters and buffers of the block; ``numbers(*shape)`` draws them around 0. twin: both paths begin alike, and
    what comes out is above zero, so that only the places matter."""
    kernels = {
        "conv1": numbers(out_channels, in_channels, 5, 5),
        "conv2": numbers(out_channels, out_channels, 3, 3),
        "conv3": numbers(out_channels, in_channels, 5, 5).flip(2, 3),
    }
    state = {f"{name}.weight": kernel for name, kernel in kernels.items()}
    for name in ("bn1", "bn2", "bn3"):
        state[f"{name}.weight"] = 1 + numbers(out_channels).abs()
        state[f"{name}.bias"] = numbers(out_channels) * (-1 if name == "bn3" else 1)
        state[f"{name}.running_mean"] = numbers(out_channels) / (2 if name == "bn3" else 1)
        state[f"{name}.running_var"] = 1 + numbers(out_channels).abs()
        state[f"{name}.num_batches_tracked"] = torch.tensor(7)
    if twin:
        state = {name: value.abs() for name, value in state.items()}
        for name in ("bn1", "bn2", "bn3"):
            state[f"{name}.running_mean"] = torch.zeros(out_channels)
        state |= {name.replace("1", "3"): value for name, value in state.items() if name.startswith(("conv1", "bn1"))}
    return state


def _counted(*shape: int) -> Tensor:
    count = torch.Size(shape).numel()
    return ((torch.arange(count) * 7 + 3 * count) % 9 - 4).reshape(shape) / 8


def _called(x: Tensor, numbers, out_channels: int = 2, *, twin=False, training=False, note="", gradient=False) -> Case:
    """The block gets what pooling x has left of it, and the indices."""
    y, indices = F.max_pool2d(x, 2, return_indices=True)
    kwargs = {"output_size": tuple(x.shape[2:])} if x.shape[2] % 2 or x.shape[3] % 2 else {}
    build = {"in_channels": x.shape[1], "out_channels": out_channels}
    state = _weights(numbers, x.shape[1], out_channels, twin)
    return Case((y, indices), kwargs, note, gradient, build=build, state=state, training=training)


FIRST = torch.tensor([[9.0, 1.0, 8.0, 2.0], [3.0, 4.0, 5.0, 6.0], [7.0, 0.0, 6.0, 1.0], [2.0, 3.0, 4.0, 5.0]])
LAST = FIRST.flip(0, 1)
EVEN = torch.stack([FIRST, FIRST + 10])[None]
ODD = torch.stack([HIGH, HIGH + 10])[None]


def _first_wins(draw: Draw) -> Tensor:
    """A map in which the first position of every window is the largest, so that its indices hold no surprise."""
    x = draw.distinct(draw.integer(1, 2), 2, 2 * draw.integer(1, 3), 2 * draw.integer(2, 3))
    x[:, :, ::2, ::2] += 200
    return x / 100


UP_PROJECTION = Exercise(
    name="UpProjection",
    title="Repair an up-projection block",
    lesson="07_unpooling",
    kind="module",
    oracle=_UpProjection,
    difficulty=2,
    minutes=12,
    facets=(
        Facet(
            "places",
            0.75,
            "The numbers go back to the true positions, and an odd size is found again.",
            (
                _called(torch.stack([LAST, LAST + 10])[None], _counted, twin=True, note="4 × 4, two channels"),
                _called(ODD, _counted, twin=True, note="5 × 5, of which no window reads the last row and column"),
            ),
            lambda draw: [
                _called(draw.distinct(1, 2, draw.integer(4, 7), draw.integer(4, 7)).abs() / 50, draw.normal, twin=True)
                for _ in range(4)
            ],
        ),
        Facet(
            "two paths",
            0.75,
            "The unpooled map goes through both paths, each with weights of its own, and their sum through one ReLU.",
            (
                _called(EVEN, _counted, note="two channels become two"),
                _called(EVEN, _counted, 3, note="two channels become three"),
                _called(EVEN / 4, _counted, note="with gradient", gradient=True),
            ),
            lambda draw: [_called(_first_wins(draw), draw.normal, draw.integer(1, 3)) for _ in range(4)],
        ),
        Facet(
            "training",
            0.5,
            "In training each batch norm sees one map, and takes its statistics into its running ones once.",
            (_called(torch.cat([EVEN, EVEN.flip(1)]), _counted, training=True, note="two samples, in training"),),
            lambda draw: [_called(_first_wins(draw), draw.normal, training=True) for _ in range(3)],
        ),
    ),
    misconceptions=(
        Misconception(
            "indices of another map",
            _wrong(_of_another_map),
            "The indices in your forward come from pooling a map that has nothing to do with x. Take those that the caller hands in: they say where the encoder found each number.",
        ),
        Misconception(
            "output_size ignored",
            _wrong(_without_size),
            "Your block always makes the map twice as large. Where the encoder's map had an odd size, its indices count along rows of that size: hand output_size on to the unpooling.",
        ),
        Misconception(
            "the residual is the main path's own",
            _wrong(_shared_path),
            "Your shortcut goes through conv1 and bn1, as the main path does, so it adds the main path's own beginning to its end, and bn1 counts every batch twice. The second path is conv3 and bn3.",
        ),
        Misconception(
            "the main path's own, computed once",
            _wrong(_one_after_the_other),
            "bn1 runs only once now, but what you add is still the beginning of the main path. The second path has weights of its own: bn3(conv3(unpooled)).",
        ),
        Misconception(
            "the residual was written over",
            _wrong(_written_over),
            "You keep the output of bn1 for the sum, and then a ReLU in place writes over it: what you add is the activated map. Take bn3(conv3(unpooled)), which nobody writes to.",
        ),
        Misconception(
            "no ReLU behind the sum",
            _wrong(_not_activated),
            "The sum of the two paths goes through a ReLU. Your output still has values below zero.",
        ),
        Misconception(
            "a ReLU before the sum",
            _wrong(_activated_apart),
            "You activate the two paths and then add them. What is below zero in one path must be able to lower the other: add first, then activate.",
        ),
        Misconception(
            "the projection without its batch norm",
            _wrong(_not_normalised),
            "conv3 is followed by bn3. Without it the two paths have different scales.",
        ),
        Misconception(
            "the projection left out",
            _wrong(_main_alone),
            "You return the main path alone. The block is residual: bn3(conv3(unpooled)) is added to it.",
        ),
    ),
    hints=(
        "Where have the numbers of x stood before the encoder pooled them? Who knows that: torch.empty, or the caller?",
        "unpooled = max_unpool(x, indices, 2, output_size=output_size). From it two paths begin, and neither may use a layer of the other: conv1, bn1, relu, conv2, bn2 for one, conv3 and bn3 for the other.",
        "In the end return self.relu(main + projection). Beware of self.relu on something that you need again: it works in place.",
    ),
)
