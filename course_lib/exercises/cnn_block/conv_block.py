"""Conv → BatchNorm → ReLU → Pool as a module, judged by its outputs, its buffers and the gradients of its parameters."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception


class _ConvBlock(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size=3, pool=2, inplace=False):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace)
        self.pool = nn.MaxPool2d(pool)

    def forward(self, x):
        return self.pool(self.relu(self.bn(self.conv(x))))


def _wrong(forward) -> type[nn.Module]:
    """A block with the right parts and another forward."""
    return type("ConvBlock", (_ConvBlock,), {"forward": forward})


def _normalised(self, h: Tensor, training: bool) -> Tensor:
    return F.batch_norm(h, self.bn.running_mean, self.bn.running_var, self.bn.weight, self.bn.bias, training)


def _twice(self, x):
    self.bn(self.conv(x))
    return self.pool(self.relu(self.bn(self.conv(x))))


def _average(self, x):
    return F.avg_pool2d(self.relu(self.bn(self.conv(x))), self.pool.kernel_size)


def _conv_cut(self, x):
    return self.pool(self.relu(self.bn(F.conv2d(x, self.conv.weight.detach(), padding=self.conv.padding))))


# Cases ------------------------------------------------------------------------------------------------------------

PICTURE = torch.arange(35.0).reshape(1, 1, 5, 7) * 11 % 37 - 18
PICTURES = torch.cat([PICTURE, -PICTURE.flip(3)]).repeat(1, 2, 1, 1) * torch.tensor([1.0, 0.5])[:, None, None]


def _state(weight: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, var: Tensor, steps: int = 7) -> dict[str, Tensor]:
    return {
        "conv.weight": weight,
        "bn.weight": gamma,
        "bn.bias": beta,
        "bn.running_mean": mean,
        "bn.running_var": var,
        "bn.num_batches_tracked": torch.tensor(steps),
    }


def _numbers(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


# One channel becomes two: the pixel itself, and the pixel above minus the one below, its sign turned by γ.
TWO_FILTERS = torch.zeros(2, 1, 3, 3)
TWO_FILTERS[0, 0, 1, 1], TWO_FILTERS[1, 0, 0, 1], TWO_FILTERS[1, 0, 2, 1] = 1, 1, -1
EDGES = _state(TWO_FILTERS, _numbers(2, -3), _numbers(1, 2), _numbers(1, -2), _numbers(4, 9))
TWO_TO_THREE = torch.arange(54.0).reshape(3, 2, 3, 3) * 5 % 11 - 5
MIXED = _state(TWO_TO_THREE, _numbers(1, -2, 0.5), _numbers(3, 1, -1), _numbers(2, 0, -3), _numbers(100, 400, 900))
ONE_TO_TWO = {"in_channels": 1, "out_channels": 2}
TWO_TO_THREE_SIZES = {"in_channels": 2, "out_channels": 3}


def _draw(draw: Draw, training: bool, gradient: bool = False) -> Case:
    channels, filters, kernel_size = (
        draw.integer(1, 3),
        draw.integer(2, 4),
        draw.choice([3, 5] if gradient else [1, 3, 5]),
    )
    pool, inplace = draw.choice([2, 3]), draw.choice([False, True])
    x = draw.distinct(draw.integer(2, 3), channels, draw.integer(4, 8), draw.integer(4, 8)) / 8
    state = _state(
        draw.normal(filters, channels, kernel_size, kernel_size),
        draw.normal(filters),
        draw.normal(filters),
        draw.normal(filters),
        draw.normal(filters).abs() + 0.5,
        draw.integer(0, 9),
    )
    # An odd number of filters turned round: a pooling in the wrong place shows.
    state["bn.weight"][0] = -state["bn.weight"][0].abs() - 0.5
    if gradient:
        # Small gradients, so that the rounding of a sum in another order stays below the tolerance. (And above no filter
        # of a single pixel: a batch norm takes its scale away, and rounding is all that its gradient is.)
        state["bn.weight"] /= 64
        state["bn.bias"] /= 64
    build = {"in_channels": channels, "out_channels": filters, "kernel_size": kernel_size, "pool": pool}
    return Case((x,), build=build | {"inplace": inplace}, state=state, training=training, gradient=gradient)


CONV_BLOCK = Exercise(
    name="ConvBlock",
    title="The block as a module",
    lesson="05_cnn_block",
    kind="module",
    oracle=_ConvBlock,
    difficulty=1,
    minutes=12,
    banned=("block",),
    instead="Put it together from torch's own layers: nn.Conv2d, nn.BatchNorm2d, nn.ReLU and nn.MaxPool2d.",
    facets=(
        Facet(
            "eval",
            1,
            "Conv, batch norm, ReLU, pool, in this order; (N, C, H, W) becomes (N, out_channels, H // pool, W // pool).",
            (
                Case((PICTURE,), note="two filters over one picture of 5 × 7", build=ONE_TO_TWO, state=EDGES),
                Case(
                    (PICTURES,),
                    note="two channels become three, written in place",
                    build=TWO_TO_THREE_SIZES | {"inplace": True},
                    state=MIXED,
                ),
                Case(
                    (PICTURE,),
                    note="a filter of one pixel, windows of 3 × 3",
                    build=ONE_TO_TWO | {"kernel_size": 1, "pool": 3},
                    state=EDGES | {"conv.weight": _numbers(2, -1).reshape(2, 1, 1, 1)},
                ),
                Case((PICTURES[:0],), note="a batch of no pictures at all", build=TWO_TO_THREE_SIZES, state=MIXED),
            ),
            lambda draw: [_draw(draw, training=False) for _ in range(4)],
        ),
        Facet(
            "training",
            1,
            "In training the batch's own statistics normalise, and the running ones move once a call.",
            (
                Case(
                    (PICTURES,), note="two pictures in training", build=TWO_TO_THREE_SIZES, state=MIXED, training=True
                ),
                Case(
                    (PICTURE,),
                    note="one picture in training, written in place",
                    build=ONE_TO_TWO | {"inplace": True},
                    state=EDGES,
                    training=True,
                ),
            ),
            lambda draw: [_draw(draw, training=True) for _ in range(4)],
        ),
        Facet(
            "gradients",
            1,
            "Gradients reach the input and every parameter, with inplace and without.",
            (
                Case((PICTURE,), note="in eval", build=ONE_TO_TWO, state=EDGES, gradient=True),
                Case(
                    (PICTURES / 8,),
                    note="in training",
                    build=TWO_TO_THREE_SIZES,
                    state=MIXED,
                    training=True,
                    gradient=True,
                ),
                Case(
                    (PICTURES / 8,),
                    note="in training, written in place",
                    build=TWO_TO_THREE_SIZES | {"inplace": True},
                    state=MIXED,
                    training=True,
                    gradient=True,
                ),
            ),
            lambda draw: [_draw(draw, training, gradient=True) for training in (True, False, True)],
        ),
    ),
    misconceptions=(
        Misconception(
            "ReLU before the batch norm",
            _wrong(lambda self, x: self.pool(self.bn(self.relu(self.conv(x))))),
            "You cut off the negative values first and normalise then, so that the output has negative values again. The block's order is convolution, batch norm, ReLU, pool.",
        ),
        Misconception(
            "no ReLU",
            _wrong(lambda self, x: self.pool(self.bn(self.conv(x)))),
            "The ReLU is missing. Without it two blocks in a row are little more than one linear map.",
        ),
        Misconception(
            "pooled before the batch norm",
            _wrong(lambda self, x: self.relu(self.bn(self.pool(self.conv(x))))),
            "You pool first. A maximum may change places with the ReLU, but not with the batch norm: a negative weight turns the largest value into the smallest, and in training the statistics are those of all values.",
        ),
        Misconception(
            "average pooling",
            _wrong(_average),
            "These are the averages of the windows. The block ends in a max pooling.",
        ),
        Misconception(
            "no batch norm",
            _wrong(lambda self, x: self.pool(self.relu(self.conv(x)))),
            "Your forward leaves the batch norm out. The convolution's output goes through self.bn before the ReLU.",
        ),
        Misconception(
            "always the batch's own statistics",
            _wrong(lambda self, x: self.pool(self.relu(_normalised(self, self.conv(x), True)))),
            "In eval your block still normalises by the batch. F.batch_norm has to be told training=self.training; the layer self.bn knows it by itself.",
        ),
        Misconception(
            "always the running statistics",
            _wrong(lambda self, x: self.pool(self.relu(_normalised(self, self.conv(x), False)))),
            "In training your block normalises by the running statistics, and they never move. F.batch_norm has to be told training=self.training; the layer self.bn knows it by itself.",
        ),
        Misconception(
            "through the batch norm twice",
            _wrong(_twice),
            "The output is right, but self.bn was called twice, so that its running statistics have moved twice. Keep its result in a variable and use that.",
        ),
        Misconception(
            "the filters cut off from the gradient",
            _wrong(_conv_cut),
            "The values are right, but the filters get no gradient, so that they would never learn. Call self.conv(x), without .detach() or .data around its weight.",
        ),
    ),
    hints=(
        "nn.Conv2d, nn.BatchNorm2d, nn.ReLU and nn.MaxPool2d do all the work. What padding keeps the size for kernel_size 3, and for 5? And why would a bias of the convolution be in vain?",
        "In the constructor: super().__init__() first, then self.conv, self.bn, self.relu and self.pool. padding=kernel_size // 2 keeps the size, and bias=False leaves the bias out: the batch norm would subtract it again.",
        "forward is one line: return self.pool(self.relu(self.bn(self.conv(x)))). self.relu is nn.ReLU(inplace=inplace), and self.pool is nn.MaxPool2d(pool).",
    ),
)
