"""What downsampling saves: six shares, decided by measuring."""

from __future__ import annotations

from functools import cache

import torch
from torch import nn

from course_lib.analysis.cost import Cost, cost
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception


def _next(channels: int, filters: int, size: int) -> Cost:
    """The 3 × 3 convolution that comes behind a map of size × size."""
    return cost(nn.Conv2d(channels, filters, 3, padding=1), torch.empty(1, channels, size, size, device="meta"))


def _cost_audit():
    return dict(_measured())


@cache
def _measured() -> dict[str, float]:
    """The shares on 64 channels of 56 × 56."""
    full = _next(64, 64, 56)
    x = torch.empty(1, 64, 56, 56, device="meta")
    pooled = cost(nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.MaxPool2d(2)), x)
    strided = cost(nn.Conv2d(64, 64, 3, stride=2, padding=1), x)
    return {
        "same_channels": _next(64, 64, 28).multiply_adds / full.multiply_adds,
        "twice_out": _next(64, 128, 28).multiply_adds / full.multiply_adds,
        "twice_in_and_out": _next(128, 128, 28).multiply_adds / full.multiply_adds,
        "parameters": _next(64, 64, 28).parameters / full.parameters,
        "strided_multiply_adds": strided.multiply_adds / pooled.multiply_adds,
        "strided_bytes": strided.activation_bytes / pooled.activation_bytes,
    }


def _believed(**wrong):
    return lambda: _cost_audit() | wrong


def _facet(name: str, asks: str) -> Facet:
    return Facet(name, 0.5, asks, (Case(),), part=name)


COST_AUDIT = Exercise(
    name="cost_audit",
    title="The cost audit: six shares, measured",
    lesson="03_strided_convolution",
    oracle=_cost_audit,
    kind="answer",
    difficulty=2,
    minutes=12,
    facets=(
        _facet("same_channels", "Multiply-adds of the next convolution, 64 → 64, behind a halved map."),
        _facet("twice_out", "The same, if that convolution doubles the channels, 64 → 128."),
        _facet("twice_in_and_out", "The same, if the halving has doubled the channels already, 128 → 128."),
        _facet("parameters", "Parameters of the next convolution, 64 → 64, behind a halved map."),
        _facet("strided_multiply_adds", "Multiply-adds of a strided convolution against convolution and pooling."),
        _facet("strided_bytes", "Activation bytes of a strided convolution against convolution and pooling."),
    ),
    misconceptions=(
        Misconception(
            "one axis halved instead of two",
            _believed(same_channels=0.5, twice_out=1.0, twice_in_and_out=2.0),
            "Halving a map halves its rows and its columns, so a quarter of the positions is left, not a half.",
        ),
        Misconception(
            "what is saved instead of what is left",
            _believed(
                same_channels=0.75, twice_in_and_out=0.0, parameters=0.0, strided_multiply_adds=0.75, strided_bytes=0.8
            ),
            "This is the part that is saved. Asked for is the cost afterwards, divided by the cost before.",
        ),
        Misconception(
            "always 75 % saved",
            _believed(twice_out=0.25, twice_in_and_out=0.25),
            "The well-known 75 % hold at equal channels only. The cost is proportional to C_in · C_out, so each doubling of one of them doubles it.",
        ),
        Misconception(
            "channels doubled once instead of twice",
            _believed(twice_in_and_out=0.5),
            "Here both channel numbers have doubled, C_in and C_out. That is a factor of 4, which eats up all that the smaller map saves.",
        ),
        Misconception(
            "parameters shrink with the map",
            _believed(parameters=0.25),
            "The same filter slides over a small map and over a large one. A convolution has C_out · C_in · kH · kW weights and C_out biases; the size of the map does not occur in it.",
        ),
        Misconception(
            "a stride that computes everything first",
            _believed(strided_multiply_adds=1.0),
            "A strided convolution does not compute the outputs that it leaves out. Of four outputs it computes one.",
        ),
        Misconception(
            "a strided convolution costs more",
            _believed(strided_multiply_adds=1.25, strided_bytes=1.25),
            "The pooling has no parameters, but the convolution in front of it computes the whole map. Where one strided convolution takes the place of both, it does a quarter of the work.",
        ),
        Misconception(
            "the pooled map forgotten",
            _believed(strided_bytes=0.25),
            "Convolution and pooling make two maps: the full one and the pooled one. Together that is 1 + ¼ of the full map, of which the strided convolution makes ¼.",
        ),
    ),
    hints=(
        'cost(layer, x) tells all of it; x may be torch.empty(1, 64, 56, 56, device="meta"). Measure before and after, and divide after by before.',
        "Before: nn.Conv2d(64, 64, 3, padding=1) on 56 × 56. After: the same layer on 28 × 28; then with 128 filters; then with 128 channels and 128 filters.",
        "For the last two, before is nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.MaxPool2d(2)) and after is nn.Conv2d(64, 64, 3, stride=2, padding=1), both on 56 × 56. The first makes a map of 56 × 56 and one of 28 × 28.",
    ),
)
