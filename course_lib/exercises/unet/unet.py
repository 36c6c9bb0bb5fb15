"""A U-Net for any input size (O. Ronneberger, P. Fischer, T. Brox, "U-Net", MICCAI 2015), as a class to write."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.analysis.segmentation import double_conv
from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.exercises.unet.fit_skip import _fit_skip


class _UNet(nn.Module):
    def __init__(self, in_channels, out_channels, width=6, depth=3):
        super().__init__()
        channels = [width * 2**level for level in range(depth + 1)]
        self.down = nn.ModuleList()
        self.up = nn.ModuleList()
        self.merge = nn.ModuleList()
        for fine, coarse in zip(channels[:-1], channels[1:], strict=True):
            self.down.append(double_conv(in_channels, fine))
            self.up.insert(0, nn.ConvTranspose2d(coarse, fine, 2, stride=2))
            self.merge.insert(0, double_conv(2 * fine, fine))
            in_channels = fine
        self.bottom = double_conv(*channels[-2:])
        self.head = nn.Conv2d(width, out_channels, 1)

    def forward(self, x):
        return through(self, x)


def _joined(skip: Tensor, x: Tensor) -> Tensor:
    return torch.cat([skip, _fit_skip(x, skip.shape[2:])], dim=1)


def through(
    net: _UNet,
    x: Tensor,
    join: Callable[[Tensor, Tensor], Tensor] = _joined,
    pool: Callable[[Tensor, int], Tensor] = F.max_pool2d,
    kept: Callable[[Tensor], Tensor] = lambda skip: skip,
    again: bool = False,
) -> Tensor:
    """Down, up and out. join puts a skip and the map from below together; kept is what is stored as a skip."""
    skips = []
    for block in net.down:
        fine = block(x)
        skips.append(kept(fine))
        x = pool(block(x) if again else fine, 2)
    x = net.bottom(x)
    for up, merge in zip(net.up, net.merge, strict=True):
        x = merge(join(skips.pop(), up(x)))
    return net.head(x)


def _module(forward: Callable) -> type[nn.Module]:
    return type("UNet", (_UNet,), {"forward": forward})


def _wrong(**how) -> type[nn.Module]:
    return _module(lambda self, x: through(self, x, **how))


def _fitted_by(fit: Callable[[Tensor, torch.Size], Tensor]) -> type[nn.Module]:
    return _wrong(join=lambda skip, x: torch.cat([skip, fit(x, skip.shape[2:])], dim=1))


def _at_the_front(x: Tensor, size) -> Tensor:
    return F.pad(x, (size[1] - x.shape[3], 0, size[0] - x.shape[2], 0))


def _cropped(skip: Tensor, x: Tensor) -> Tensor:
    return torch.cat([_fit_skip(skip, x.shape[2:]), x], dim=1)


def _behind_the_pooling(skip: Tensor) -> Tensor:
    return F.interpolate(F.max_pool2d(skip, 2), size=skip.shape[2:])


def _to_a_multiple(self, x):
    step = 2 ** len(self.down)
    larger = [math.ceil(n / step) * step for n in x.shape[2:]]
    return _fit_skip(through(self, _fit_skip(x, larger)), x.shape[2:])


# Cases ------------------------------------------------------------------------------------------------------


@cache
def _shapes(*build: int) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (value.shape, value.dtype) for name, value in _UNet(*build).state_dict().items()}


def _state(draw: Draw, build: Sequence[int]) -> dict[str, Tensor]:
    """Weights that keep the size of what goes through, and biases with which few units stay dark."""
    state = {}
    for name, (shape, dtype) in _shapes(*build).items():
        if len(shape) > 1:
            state[name] = draw.normal(*shape) * (2 / shape[1:].numel()) ** 0.5
        elif name.endswith("bias"):
            state[name] = 0.3 + 0.2 * draw.normal(*shape)
        else:  # of a batch norm, as it begins
            state[name] = torch.full(shape, float(name.endswith(("weight", "running_var"))), dtype=dtype)
    # Small gradients, so that the rounding of a sum in another order stays below the tolerance.
    state["head.weight"] /= 512
    state["head.bias"] *= -1
    return state


def _case(
    draw: Draw, size: tuple[int, int], build: tuple[int, int, int, int], count: int = 1, note: str = "", **how
) -> Case:
    """A call with a picture of that size; build is (in_channels, out_channels, width, depth)."""
    arguments = dict(zip(("in_channels", "out_channels", "width", "depth"), build, strict=True))
    x = draw.normal(count, build[0], *size)
    return Case((x,), note=note, build=arguments, state=_state(draw, build), **how)


BUILDS = ((1, 1, 3, 1), (2, 1, 3, 2), (1, 3, 4, 1), (3, 2, 4, 2))


def _draw_even(draw: Draw, count: int = 1, **how) -> Case:
    build = draw.choice(BUILDS)
    step = 2 ** build[-1]
    return _case(draw, (step * draw.integer(2, 3), step * draw.integer(2, 3)), build, count, **how)


def _draw_odd(draw: Draw) -> Case:
    return _case(draw, (draw.choice([5, 7]), draw.choice([5, 7, 9])), draw.choice(BUILDS))


FIXED = Draw("public")

UNET = Exercise(
    name="UNet",
    title="A U-Net for any input size",
    lesson="10_unet",
    kind="module",
    oracle=_UNet,
    banned=("unet",),
    instead="Build it from double_conv, nn.ConvTranspose2d, F.max_pool2d and your fit_skip.",
    difficulty=3,
    minutes=30,
    facets=(
        Facet(
            "even sizes",
            2,
            "Sizes that each pooling halves exactly: (N, in_channels, H, W) becomes (N, out_channels, H, W).",
            (
                _case(FIXED, (4, 6), (1, 1, 3, 1), note="one step down and one up"),
                _case(FIXED, (8, 4), (2, 3, 3, 2), note="two steps, two channels in, three out"),
                _case(FIXED, (8, 16), (1, 1, 2, 3), 2, note="three steps, two pictures"),
            ),
            lambda draw: [_draw_even(draw) for _ in range(2)],
        ),
        Facet(
            "any size",
            2,
            "Odd sizes too: the map from below is padded to the size of its skip, so the output is as large as the input.",
            (
                _case(FIXED, (5, 7), (1, 1, 3, 1), note="a row and a column are lost going down"),
                _case(FIXED, (7, 5), (2, 3, 3, 2), note="7 → 3 → 1: a row is lost twice"),
                _case(FIXED, (9, 11), (1, 1, 2, 3), note="three steps"),
            ),
            lambda draw: [_draw_odd(draw) for _ in range(2)],
        ),
        Facet(
            "training",
            1,
            "In training mode every batch norm updates its running statistics once a call.",
            (
                _case(FIXED, (4, 6), (1, 1, 3, 1), 2, note="two pictures in training mode", training=True),
                _case(FIXED, (8, 8), (2, 3, 3, 2), 3, note="two steps, three pictures", training=True),
            ),
            lambda draw: [_draw_even(draw, draw.integer(2, 3), training=True)],
        ),
        Facet(
            "gradient",
            1,
            "The gradient reaches the input and every parameter, through the bottom and through each skip.",
            (
                _case(FIXED, (4, 4), (1, 1, 3, 1), note="one step down and one up", gradient=True),
                _case(FIXED, (8, 4), (2, 3, 3, 2), note="two steps", gradient=True),
            ),
            lambda draw: [_draw_even(draw, gradient=True)],
        ),
    ),
    misconceptions=(
        Misconception(
            "no skips",
            _wrong(join=lambda skip, x: _joined(torch.zeros_like(skip), x)),
            "These are the values of a network whose skips hold zeros only: what the way down has seen does not reach the way up. Join each stored map with the one that comes from below.",
        ),
        Misconception(
            "the map from below twice",
            _wrong(join=lambda skip, x: torch.cat([_fit_skip(x, skip.shape[2:])] * 2, dim=1)),
            "You join the map from below with itself. The channels fit, but the skip is not in it.",
        ),
        Misconception(
            "the skip behind the map",
            _wrong(join=lambda skip, x: torch.cat([_fit_skip(x, skip.shape[2:]), skip], dim=1)),
            "The skip comes first and the map from below second: torch.cat([skip, x], dim=1). A network that is trained so would learn as well the other way round, but the weights that are loaded here expect this order.",
        ),
        Misconception(
            "the skip taken behind the pooling",
            _wrong(kept=_behind_the_pooling),
            "Your skips are stored after the pooling and enlarged again. What a skip is for, the fine detail, is gone by then. Store each map before it is pooled.",
        ),
        Misconception(
            "average pooling",
            _wrong(pool=F.avg_pool2d),
            "On the way down you take means. This U-Net takes the maximum of each 2 × 2 window.",
        ),
        Misconception(
            "the skip cropped to the map from below",
            _wrong(join=_cropped),
            "You crop the skip to the map from below, so the output is smaller than the input, and its last rows were seen by nobody. Here it is the other way round: pad the map from below to its skip.",
        ),
        Misconception(
            "padded at the top and at the left",
            _fitted_by(_at_the_front),
            "You pad at the top and at the left, so that the map from below lies one pixel off its skip. A pooling drops the last row: put it back at the end.",
        ),
        Misconception(
            "stretched to the size of its skip",
            _fitted_by(lambda x, size: F.interpolate(x, size=size)),
            "You resize the map from below to the size of its skip, so most of its pixels move. Pad it with your fit_skip.",
        ),
        Misconception(
            "the input padded to a multiple",
            _module(_to_a_multiple),
            "You pad the input until every pooling divides it, and crop the output. Many do so, and it works; but this U-Net is asked to mend each level where it loses a row, and gives other values.",
        ),
        Misconception(
            "probabilities instead of logits",
            _module(lambda self, x: torch.sigmoid(through(self, x))),
            "Your output lies between 0 and 1. The head gives logits: the loss and your iou both expect them.",
        ),
        Misconception(
            "a ReLU behind the head",
            _module(lambda self, x: F.relu(through(self, x))),
            "Your output is never negative. Behind the head comes no ReLU: a logit below 0 is how the network says no.",
        ),
        Misconception(
            "the last map at half size",
            _module(lambda self, x: F.interpolate(through(self, x), scale_factor=0.5)),
            "Your output has half the size of the input. There should be as many steps up as there are down.",
        ),
        Misconception(
            "every block called twice",
            _wrong(again=True),
            "The values are right, but a block is called twice, once for the skip and once for the way down. That costs double, and in training its batch norm updates the running statistics twice. Call it once and keep what it gives.",
        ),
        Misconception(
            "the skip cut from the graph",
            _wrong(kept=lambda skip: skip.detach()),
            "The values are right, but no gradient comes back through the skips: the encoder would learn from the bottom alone.",
        ),
    ),
    hints=(
        "Write down the channels first: for width 6 and depth 3 the levels have 6, 12, 24 and 48. down makes 6, 12 and 24 of what comes in, bottom makes 48, and on the way up each pair is undone, the last one first.",
        "In forward keep a list: on the way down append what each block gives, then pool it. On the way up take the last one off again with pop(). up[0] and merge[0] belong to the lowest level.",
        "A step up: x = up(x); skip = skips.pop(); x = fit_skip(x, skip.shape[2:]); x = merge(torch.cat([skip, x], dim=1)). For channels c = [width · 2^level …], up holds nn.ConvTranspose2d(2 · c, c, 2, stride=2) and merge holds double_conv(2 · c, c), from the lowest level to the highest.",
    ),
)
