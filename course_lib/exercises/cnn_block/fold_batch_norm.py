"""Batch norm folded into the convolution before it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.utils import fusion

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception


def _fold_batch_norm(weight, bias, running_mean, running_var, gamma=None, beta=None, eps=1e-5):
    return fusion.fuse_conv_bn_weights(weight, bias, running_mean, running_var, eps, gamma, beta)


def _rows(scale: Tensor, weight: Tensor) -> Tensor:
    """One number for each filter, in a shape that broadcasts over the weights."""
    return scale.reshape(-1, *(1,) * (weight.dim() - 1))


def _columns(scale: Tensor, weight: Tensor) -> Tensor:
    """The same along the input channels, where there are as many of them."""
    fits = weight.shape[1] == len(scale)
    return scale.reshape(-1, *(1,) * (weight.dim() - 2)) if fits else _rows(scale, weight)


def _last(scale: Tensor, weight: Tensor) -> Tensor:
    """The same along the last axis, where it is as long."""
    return scale if weight.shape[-1] == len(scale) else _rows(scale, weight)


def _wrong(
    root=lambda var, eps: torch.sqrt(var + eps),
    shaped=_rows,
    shift=lambda bias, mean, scale, beta: beta + (bias - mean) * scale,
    forgotten: str = "",
):
    """A folding of which one part is a wrong one."""

    def fold_batch_norm(weight, bias, running_mean, running_var, gamma=None, beta=None, eps=1e-5):
        zeros, ones = torch.zeros_like(running_mean), torch.ones_like(running_mean)
        gamma = ones if gamma is None or forgotten == "gamma" else gamma
        beta = zeros if beta is None or forgotten == "beta" else beta
        scale = gamma / root(running_var, eps)
        shifted = shift(zeros if bias is None else bias, running_mean, scale, beta)
        return weight * shaped(scale, weight), shifted

    return fold_batch_norm


# Cases ------------------------------------------------------------------------------------------------------------

# Two filters over two channels, 2 × 2 each, so that a scale along any axis would fit.
FILTERS = torch.arange(1.0, 17.0).reshape(2, 2, 2, 2)
THREE = torch.arange(54.0).reshape(3, 2, 3, 3) * 5 % 11 - 5


def _numbers(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


STATISTICS = (_numbers(1, -2), _numbers(9, 25), _numbers(6, 10), _numbers(7, 8))
FOLDED = (
    Case(
        (FILTERS, _numbers(4, 3), *STATISTICS),
        {"eps": 0.0},
        "the scales are 6 / √9 = 2 and 10 / √25 = 2, the biases 7 + (4 − 1) · 2 and 8 + (3 + 2) · 2",
    ),
    Case(
        (FILTERS, _numbers(4, 3), _numbers(1, -2), _numbers(3, 15), _numbers(6, -8), _numbers(7, 8)),
        {"eps": 1.0},
        "with eps the roots are √(3 + 1) and √(15 + 1), so the scales are 3 and −2",
    ),
    Case(
        (THREE, _numbers(1, 2, 3), _numbers(0, 5, -5), _numbers(1, 4, 100), _numbers(2, 1, -5), _numbers(0, 1, 10)),
        note="three filters",
    ),
)


def _draw(draw: Draw, missing: bool = False, shapes: bool = False) -> Case:
    filters, channels, size = draw.integer(2, 4), draw.integer(1, 4), draw.integer(1, 4)
    axes = draw.choice([0, 1, 3]) if shapes else 2
    dtype = draw.choice([torch.float32, torch.float64]) if shapes else torch.float32

    def numbers(optional: bool = True) -> Tensor | None:
        drawn = draw.normal(filters, dtype=dtype)
        return None if missing and optional and draw.choice([True, False]) else drawn

    weight = draw.distinct(filters, channels, *[size] * axes, dtype=dtype)
    running_var = draw.normal(filters, dtype=dtype).abs() + 0.5
    bias, gamma, beta = numbers(), numbers(), numbers()
    return Case((weight, bias, numbers(optional=False), running_var, gamma, beta))


FOLD_BATCH_NORM = Exercise(
    name="fold_batch_norm",
    title="Fold batch norm into the convolution",
    lesson="05_cnn_block",
    oracle=_fold_batch_norm,
    difficulty=2,
    minutes=15,
    banned=("folding", "normalization"),
    instead="Write the batch norm of a channel as a scale and a shift, and put both into the filter's numbers.",
    facets=(
        Facet(
            "weight",
            1,
            "Every filter is multiplied by the scale of its own output channel.",
            FOLDED,
            lambda draw: [_draw(draw) for _ in range(5)],
            part=0,
        ),
        Facet(
            "bias",
            1,
            "The bias is what the batch norm makes of it.",
            FOLDED,
            lambda draw: [_draw(draw) for _ in range(5)],
            part=1,
        ),
        Facet(
            "what may be missing",
            0.5,
            "A convolution without a bias gets one; without gamma and beta the scale is 1 and the shift 0.",
            (
                Case((FILTERS, None, *STATISTICS), note="a convolution without a bias"),
                Case((FILTERS, _numbers(4, 3), *STATISTICS[:2]), note="a batch norm without weight and bias"),
                Case((FILTERS, None, *STATISTICS[:2], None, _numbers(7, 8)), note="a shift alone"),
                Case((FILTERS, None, *STATISTICS[:3]), note="a scale alone"),
            ),
            lambda draw: [_draw(draw, missing=True) for _ in range(6)],
        ),
        Facet(
            "any convolution",
            0.5,
            "Convolutions along one or three axes and linear layers fold alike; the dtype stays.",
            (
                Case((FILTERS[0], _numbers(4, 3), *STATISTICS), note="a convolution of signals"),
                Case((FILTERS[None, 0, 0].repeat(2, 1, 1)[:, 0], _numbers(4, 3), *STATISTICS), note="a linear layer"),
                Case((THREE[:, :, None], _numbers(1, 2, 3), *(s.repeat(2)[:3] for s in STATISTICS)), note="volumes"),
                Case((FILTERS.double() / 3, *(s.double() for s in (_numbers(4, 3), *STATISTICS))), note="float64"),
                Case((FILTERS[:, :1], _numbers(4, 3), *STATISTICS), note="one channel, as a depthwise filter has"),
            ),
            lambda draw: [_draw(draw, shapes=True) for _ in range(5)],
        ),
    ),
    misconceptions=(
        Misconception(
            "eps forgotten",
            _wrong(root=lambda var, eps: torch.sqrt(var)),
            "You leave eps out. The batch norm divides by √(running_var + eps), so the folded filter has to as well.",
        ),
        Misconception(
            "eps outside the root",
            _wrong(root=lambda var, eps: torch.sqrt(var) + eps),
            "You add eps to the root. It is added to the variance, under the root: √(running_var + eps).",
        ),
        Misconception(
            "divided by the variance",
            _wrong(root=lambda var, eps: var + eps),
            "You divide by the variance. The batch norm divides by its root, the standard deviation.",
        ),
        Misconception(
            "scaled along the input channels",
            _wrong(shaped=_columns),
            "The scales were laid along axis 1 of the weights, the input channels. Batch norm comes behind the convolution: its channels are the filters, axis 0.",
        ),
        Misconception(
            "scaled along the last axis",
            _wrong(shaped=_last),
            "weight * scale lays the scales along the last axis, the columns of each filter. Give them the shape (C_out, 1, 1, 1) first.",
        ),
        Misconception(
            "gamma forgotten",
            _wrong(forgotten="gamma"),
            "The scale is gamma divided by the root, and yours leaves gamma out.",
        ),
        Misconception(
            "the bias as it was",
            _wrong(shift=lambda bias, mean, scale, beta: beta + bias - mean * scale),
            "The convolution's own bias goes through the batch norm like everything else: subtract the mean from it, and multiply by the scale.",
        ),
        Misconception(
            "the mean not scaled",
            _wrong(shift=lambda bias, mean, scale, beta: beta + bias * scale - mean),
            "The mean is subtracted before the scale is applied, so it is multiplied as well: (bias − mean) · scale.",
        ),
        Misconception(
            "the mean forgotten",
            _wrong(shift=lambda bias, mean, scale, beta: beta + bias * scale),
            "The batch norm subtracts the running mean. That is a shift of each channel, so it belongs into the bias.",
        ),
        Misconception(
            "the mean added",
            _wrong(shift=lambda bias, mean, scale, beta: beta + (bias + mean) * scale),
            "The sign of the mean is wrong. The batch norm subtracts it: (bias − mean) · scale.",
        ),
        Misconception(
            "beta forgotten",
            _wrong(forgotten="beta"),
            "The batch norm ends by adding beta, and yours leaves it out. It belongs into the bias as it is.",
        ),
    ),
    hints=(
        "In eval a batch norm does one thing to channel o: it multiplies by a number and adds another one. Write down both numbers.",
        "scale = gamma / √(running_var + eps), and the batch norm of y is (y − running_mean) · scale + beta. Put y = weight ∗ x + bias into it and sort: what stands before x is the new weight, the rest is the new bias.",
        "return weight * scale.reshape(-1, 1, 1, 1), beta + (bias - running_mean) * scale. For any number of axes the shape is (-1, *[1] * (weight.dim() - 1)). Where bias or beta is None take zeros, where gamma is None take ones.",
    ),
)
