"""Batch norm in training and in eval, with running statistics that move in place."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception

# Two values of two channels: the means are 2 and 20, the variances 1 and 100.
PAIR = torch.tensor([[1.0, 10.0], [3.0, 30.0]])
# (N, C, L) and (N, C, H, W); in the second a row is as long as there are channels.
SIGNALS = torch.tensor([[[1.0, 5.0, 3.0], [2.0, 0.0, -2.0]], [[7.0, 9.0, 5.0], [4.0, 8.0, 12.0]]])
MAPS = torch.tensor([[[[1.0, 3.0], [5.0, 7.0]], [[0.0, 4.0], [0.0, -4.0]]]]).repeat(2, 1, 1, 1)
MAPS[1] = torch.tensor([[[9.0, 9.0], [2.0, 4.0]], [[8.0, 1.0], [1.0, 6.0]]])
VOLUMES = torch.arange(48.0).reshape(2, 2, 2, 2, 3) * 7 % 19


def _batch_norm(x, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    return F.batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps)


# What the wrong functions are put together from; each part may be a wrong one.


def _column(value: Tensor, x: Tensor) -> Tensor:
    """One number a channel in a shape that broadcasts over x; what has more axes than one is left alone."""
    return value.reshape(-1, *(1,) * (x.dim() - 2)) if value.dim() == 1 else value


def _of_channels(x: Tensor, correction: int = 0) -> tuple[Tensor, Tensor]:
    axes = (0, *range(2, x.dim()))
    return x.mean(axes), x.var(axes, correction=correction)


def _over(axes: Callable[[Tensor], tuple[int, ...]]) -> Callable:
    """Mean and variance over some axes."""

    def statistics(x: Tensor) -> tuple[Tensor, Tensor]:
        if not axes(x):
            return x, torch.zeros_like(x)
        return x.mean(axes(x), keepdim=True), x.var(axes(x), correction=0, keepdim=True)

    return statistics


def _root(var: Tensor, eps: float) -> Tensor:
    return torch.sqrt(var + eps)


def _scaled(y: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    y = y if weight is None else y * _column(weight, y)
    return y if bias is None else y + _column(bias, y)


def _along_columns(y: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    for value in (weight, bias):
        if value is not None and len(value) != y.shape[-1]:
            return _scaled(y, weight, bias)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def _bias_first(y: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    return _scaled(y if bias is None else y + _column(bias, y), weight, None)


def _moved(running_mean: Tensor, running_var: Tensor, x: Tensor, momentum: float) -> None:
    mean, var = _of_channels(x.detach(), correction=1)
    running_mean.mul_(1 - momentum).add_(mean, alpha=momentum)
    running_var.mul_(1 - momentum).add_(var, alpha=momentum)


def _moved_biased(running_mean: Tensor, running_var: Tensor, x: Tensor, momentum: float) -> None:
    mean, var = _of_channels(x.detach())
    running_mean.mul_(1 - momentum).add_(mean, alpha=momentum)
    running_var.mul_(1 - momentum).add_(var, alpha=momentum)


def _moved_deviation(running_mean: Tensor, running_var: Tensor, x: Tensor, momentum: float) -> None:
    mean, var = _of_channels(x.detach(), correction=1)
    running_mean.mul_(1 - momentum).add_(mean, alpha=momentum)
    running_var.mul_(1 - momentum).add_(var.sqrt(), alpha=momentum)


def _moved_attached(running_mean: Tensor, running_var: Tensor, x: Tensor, momentum: float) -> None:
    mean, var = _of_channels(x, correction=1)
    running_mean.mul_(1 - momentum).add_(mean, alpha=momentum)
    running_var.mul_(1 - momentum).add_(var, alpha=momentum)


def _wrong(
    statistics=_of_channels,
    root=_root,
    affine=_scaled,
    moved=_moved,
    of_batch=lambda training: training,
    moves=lambda training: training,
    refuses: bool = True,
):
    """A batch norm of which one part is a wrong one."""

    def batch_norm(x, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
        if refuses and training and x.numel() == x.shape[1]:
            raise ValueError("one value a channel")
        mean, var = statistics(x) if of_batch(training) else (running_mean, running_var)
        y = affine((x - _column(mean, x)) / _column(root(var, eps), x), weight, bias)
        if moves(training) and running_mean is not None:
            moved(running_mean, running_var, x, momentum)
        return y

    return batch_norm


# Cases ------------------------------------------------------------------------------------------------------------


def _numbers(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


def _strided(x: Tensor) -> Tensor:
    return x.transpose(0, -1).contiguous().transpose(0, -1)


def _trained(x: Tensor, *affine: Tensor, note: str = "", gradient: bool = False, **options) -> Case:
    """A call in training without running statistics."""
    return Case((x, None, None, *affine), {"training": True} | options, note, gradient)


def _draw(draw: Draw, training: bool, statistics=True, affine=True, gradient=False, **options) -> Case:
    channels = draw.integer(2, 4)
    shape = [draw.integer(1, 3) for _ in range(draw.integer(0, 3))]
    dtype = draw.choice([torch.float32, torch.float64]) if affine else torch.float32
    x = 4 * draw.distinct(draw.integer(2, 4), channels, *shape, dtype=dtype)
    running: tuple[Tensor | None, ...] = (None, None)
    if statistics or not training:
        running = draw.normal(channels, dtype=dtype), draw.normal(channels, dtype=dtype).abs() + 0.5
    last = [draw.normal(channels, dtype=dtype), draw.normal(channels, dtype=dtype)][: draw.integer(0, 2)]
    return Case((x, *running, *(last if affine else ())), {"training": training} | options, gradient=gradient)


def _draw_alone(draw: Draw) -> Case:
    channels = draw.integer(1, 5)
    x = draw.distinct(1, channels, *[1] * draw.integer(0, 3))
    return Case((x, torch.zeros(channels), torch.ones(channels)), {"training": True}, raises="ValueError")


BATCH_NORM = Exercise(
    name="batch_norm",
    title="Batch norm in training and in eval",
    lesson="05_cnn_block",
    oracle=_batch_norm,
    updates=("running_mean", "running_var"),
    difficulty=3,
    minutes=25,
    banned=("normalization",),
    instead="Build it from x.mean and x.var over several axes, and from plain arithmetic.",
    facets=(
        Facet(
            "eval",
            1,
            "In eval the running statistics normalise, and stay as they are; weight and bias come last, for each channel.",
            (
                Case((PAIR, _numbers(1, 20), _numbers(4, 100)), note="means 1 and 20, variances 4 and 100"),
                Case(
                    (PAIR, _numbers(1, 20), _numbers(4, 100), _numbers(2, 3), _numbers(1, 5)),
                    note="the same, times 2 and 3, plus 1 and 5",
                ),
                Case((PAIR, _numbers(1, 20), _numbers(4, 11)), {"eps": 5.0}, "a large eps: the roots are √9 and √16"),
                Case((MAPS, _numbers(1, 2), _numbers(4, 16), _numbers(10, 1), _numbers(0, 7)), note="two maps"),
                Case((SIGNALS, _numbers(3, 2), _numbers(4, 1), None, _numbers(100, 200)), note="a bias alone"),
                Case((PAIR[:1], _numbers(1, 20), _numbers(4, 100)), note="one value a channel is no trouble here"),
                Case((MAPS[:0], _numbers(1, 2), _numbers(4, 16)), note="a batch of no maps at all"),
            ),
            lambda draw: [_draw(draw, training=False) for _ in range(5)],
        ),
        Facet(
            "training",
            1,
            "In training the batch's own mean and variance normalise, one of each a channel, whatever N, H and W are.",
            (
                Case(
                    (PAIR, _numbers(0, 0), _numbers(1, 1)),
                    {"training": True, "momentum": 0.0},
                    "two values a channel become −1 and 1 (momentum 0: the running statistics stay)",
                ),
                Case(
                    (MAPS, _numbers(5, 5), _numbers(4, 4), _numbers(1, 2), _numbers(3, -1)),
                    {"training": True, "momentum": 0.0},
                    "two maps of two channels, with weight and bias",
                ),
                _trained(SIGNALS, note="signals, and no running statistics to be moved"),
                _trained(VOLUMES, _numbers(2, 1), note="volumes, and a weight alone"),
                _trained(PAIR, eps=3.0, note="a large eps: the first root is √(1 + 3)"),
                _trained(MAPS[:1], note="a batch of one map: its positions are values enough"),
            ),
            lambda draw: [_draw(draw, training=True, statistics=False) for _ in range(5)],
        ),
        Facet(
            "running statistics",
            1,
            "In training running_mean and running_var move, in place, by momentum towards the batch's mean and unbiased variance.",
            (
                Case(
                    (PAIR, _numbers(0, 0), _numbers(1, 1)),
                    {"training": True, "momentum": 0.25},
                    "a quarter of the way: the means become 0.5 and 5, the variances 1.25 and 50.75",
                ),
                Case((MAPS, _numbers(1, 2), _numbers(3, 4)), {"training": True}, "a tenth, as it is by default"),
                Case(
                    (SIGNALS, _numbers(9, 9), _numbers(9, 9), _numbers(2, 3), _numbers(1, 1)),
                    {"training": True, "momentum": 1.0},
                    "all of the way",
                ),
            ),
            lambda draw: [_draw(draw, True, affine=False, momentum=draw.choice([0.1, 0.2, 0.7])) for _ in range(5)],
        ),
        Facet(
            "gradient and dtype",
            0.5,
            "Gradients flow through mean and variance too, but not into the running statistics; the dtype stays.",
            (
                _trained(MAPS, _numbers(1, 2), _numbers(3, -1), gradient=True, note="the gradients in training"),
                Case(
                    (MAPS, _numbers(1, 2), _numbers(4, 16), _numbers(10, 1), _numbers(0, 7)),
                    note="the gradients in eval",
                    gradient=True,
                ),
                Case(
                    (SIGNALS, _numbers(1, 2), _numbers(3, 4)),
                    {"training": True, "momentum": 0.0},
                    "the running statistics stay out of the graph",
                    gradient=True,
                ),
                _trained(VOLUMES.double() / 3, note="float64 stays float64"),
                _trained(_strided(MAPS), note="memory that is not contiguous"),
            ),
            lambda draw: [_draw(draw, training=True, statistics=False, gradient=True) for _ in range(4)],
        ),
        Facet(
            "one value a channel",
            0.5,
            "In training a single value a channel raises a ValueError.",
            (
                Case((PAIR[:1], _numbers(0, 0), _numbers(1, 1)), {"training": True}, "one row", raises="ValueError"),
                Case((MAPS[:1, :, :1, :1], None, None), {"training": True}, "one pixel", raises="ValueError"),
            ),
            lambda draw: [_draw_alone(draw) for _ in range(3)],
        ),
    ),
    misconceptions=(
        Misconception(
            "the batch's own statistics in eval",
            _wrong(of_batch=lambda training: True),
            "In eval your output depends on what else is in the batch. There the running statistics normalise, so that a picture gets the same answer in any company.",
        ),
        Misconception(
            "running statistics in training",
            _wrong(of_batch=lambda training: False),
            "In training the batch is normalised by its own mean and variance. The running ones are only collected, for eval.",
        ),
        Misconception(
            "moved in eval too",
            _wrong(moves=lambda training: True),
            "Your running statistics move in eval. They are learned in training alone, or the pictures that you test on would change the network.",
        ),
        Misconception(
            "one mean for all channels",
            _wrong(statistics=_over(lambda x: tuple(range(x.dim())))),
            "You take one mean and one variance of everything. Each channel has its own: all axes are averaged but axis 1.",
        ),
        Misconception(
            "a mean for each position",
            _wrong(statistics=_over(lambda x: (0,))),
            "You average over the batch alone, so each position has statistics of its own. A channel has one mean and one variance: average over N, H and W together.",
        ),
        Misconception(
            "each picture by itself",
            _wrong(statistics=_over(lambda x: tuple(range(2, x.dim())))),
            "You normalise every map of every picture by itself, which is called instance norm. Batch norm averages over the pictures of the batch too.",
        ),
        Misconception(
            "over the channels",
            _wrong(statistics=_over(lambda x: tuple(range(1, x.dim())))),
            "You normalise each picture over all its channels, which is called layer norm. Batch norm keeps the channels apart and averages over everything else.",
        ),
        Misconception(
            "the unbiased variance normalises",
            _wrong(statistics=lambda x: _of_channels(x, correction=1)),
            "You divide by the unbiased variance, torch's default. The batch is normalised with correction=0; the unbiased variance is for running_var.",
        ),
        Misconception(
            "the biased variance in running_var",
            _wrong(moved=_moved_biased),
            "running_var moves towards the variance that you normalise with. It should move towards the unbiased one, count / (count − 1) times as large, since it estimates the variance of pictures to come.",
        ),
        Misconception(
            "the standard deviation in running_var",
            _wrong(moved=_moved_deviation),
            "running_var moves towards the standard deviation. It holds a variance; the root is taken when it is used.",
        ),
        Misconception(
            "momentum the wrong way round",
            _wrong(moved=lambda mean, var, x, momentum: _moved(mean, var, x, 1 - momentum)),
            "You keep momentum of the old value and take the rest from the batch, as other libraries do. In torch momentum is the share of the new: 0.1 keeps 0.9 of the old.",
        ),
        Misconception(
            "bound to the name, not written into the tensor",
            _wrong(moves=lambda training: False),
            "The running statistics come out as they went in. running_mean = … binds a name inside your function to a new tensor; mul_, add_ and copy_ write into the tensor that was given.",
        ),
        Misconception(
            "eps outside the root",
            _wrong(root=lambda var, eps: torch.sqrt(var) + eps),
            "You add eps to the root. It is added to the variance, under the root: √(var + eps).",
        ),
        Misconception(
            "divided by the variance",
            _wrong(root=lambda var, eps: var + eps),
            "You divide by the variance. To get the variance 1, divide by its root, the standard deviation.",
        ),
        Misconception(
            "eps forgotten",
            _wrong(root=lambda var, eps: torch.sqrt(var)),
            "You leave eps out. Without it a channel whose values are all equal is divided by zero.",
        ),
        Misconception(
            "weight and bias along the columns",
            _wrong(affine=_along_columns),
            "Weight and bias were laid along the last axis. They belong to the channels, axis 1: give them the shape (C, 1, 1) first.",
        ),
        Misconception(
            "the bias before the weight",
            _wrong(affine=_bias_first),
            "You add the bias and multiply afterwards. First times the weight, then plus the bias.",
        ),
        Misconception(
            "statistics cut off from the gradient",
            _wrong(statistics=lambda x: _of_channels(x.detach())),
            "You treat mean and variance as constants. They depend on every value of the batch, and the gradient flows through them: no .detach() and no torch.no_grad() around them.",
        ),
        Misconception(
            "running statistics on the graph",
            _wrong(moved=_moved_attached),
            "The values are right, but your running statistics have become a part of the graph. The next step's backward pass would raise, since it would have to go through this one again. Move them under torch.no_grad().",
        ),
        Misconception(
            "a variance of one value",
            _wrong(refuses=False),
            "A single value is its own mean: it becomes 0, whatever it was, and its unbiased variance is 0 / 0. Raise a ValueError before you compute anything.",
        ),
    ),
    hints=(
        "Which axes does a channel's mean go over? All but axis 1; for any number of axes that is (0, *range(2, x.dim())). Which of the two means, and which of the two variances, is used where?",
        "x.mean(axes) and x.var(axes, correction=0) normalise in training. Reshape them to (C, 1, 1, …) before you subtract. running_var moves towards var · count / (count − 1), where count is x.numel() // x.shape[1].",
        "with torch.no_grad(): running_mean.mul_(1 - momentum).add_(momentum * mean), and running_var alike. Then y = (x - mean) / torch.sqrt(var + eps), times weight, plus bias, each in the shape (1, C, 1, …). At the start: if training and count is 1, raise a ValueError.",
    ),
)
