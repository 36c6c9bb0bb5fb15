"""Max unpooling: every number goes back to the position that its index names."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.exercises.pooling.shared import COLD, FOUR, WIDE, batched, strided
from course_lib.geometry import per_axis

# All winners stand so far up that their indices fit into 4 × 4 as well: nothing raises where output_size is forgotten.
HIGH = torch.tensor(
    [
        [1.0, 2.0, 3.0, 4.0, 0.0],
        [9.0, 0.0, 1.0, 8.0, 0.0],
        [2.0, 7.0, 1.0, 6.0, 0.0],
        [1.0, 3.0, 2.0, 5.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0],
    ]
)
# The same for 6 × 4 and a batch of two with two channels, all different.
HIGHER = torch.stack([torch.stack([HIGH, HIGH + 10]), torch.stack([20 - HIGH.flip(1), 40 + HIGH])])


def _max_unpool(y, indices, kernel_size, stride=None, padding=0, output_size=None):
    # The kernel behind F.max_unpool2d, which would import sympy for its checks: a second or more.
    return torch.ops.aten.max_unpool2d(y, indices, _sizes(y, kernel_size, stride, padding, output_size))


def _sizes(y: Tensor, kernel_size, stride=None, padding=0, output_size=None) -> tuple[int, ...]:
    """The height and width of the output."""
    if output_size is not None:
        return tuple(output_size)
    steps = (kernel_size if stride is None else stride, kernel_size, padding)
    stride, kernel_size, padding = (per_axis(value, 2, "argument") for value in steps)
    return tuple((n - 1) * s + k - 2 * p for n, s, k, p in zip(y.shape[2:], stride, kernel_size, padding, strict=True))


def _put(y: Tensor, at: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """Each number at its position of a map of zeros; the map is large enough for every position."""
    count = max(sizes[0] * sizes[1], int(at.max()) + 1) if at.numel() else sizes[0] * sizes[1]
    out = y.new_zeros(*y.shape[:2], count).scatter(-1, at.flatten(2), y.flatten(2))
    return out[..., : sizes[0] * sizes[1]].unflatten(-1, sizes)


def _changed(change):
    """Max unpooling of which ``change`` replaces some arguments."""

    def max_unpool(y, indices, kernel_size, stride=None, padding=0, output_size=None):
        arguments = {"kernel_size": kernel_size, "stride": stride, "padding": padding, "output_size": output_size}
        arguments |= change(arguments)
        return _put(y, indices, _sizes(y, **arguments))

    return max_unpool


def _upper_left(y, indices, kernel_size, stride=None, padding=0, output_size=None):
    sizes = _sizes(y, kernel_size, stride, padding, output_size)
    stride = per_axis(kernel_size if stride is None else stride, 2, "stride")
    starts = zip(y.shape[2:], stride, per_axis(padding, 2, "padding"), strict=True)
    rows, columns = ((torch.arange(n) * s - p).clamp(min=0) for n, s, p in starts)
    return _put(y, (rows[:, None] * sizes[1] + columns).expand(y.shape), sizes)


def _copied(y, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Every position of a window gets the number."""
    sizes = _sizes(y, kernel_size, stride, padding, output_size)
    steps = (kernel_size, kernel_size if stride is None else stride, padding)
    k, s, p = (per_axis(value, 2, "argument") for value in steps)
    whole = y.new_zeros(*y.shape[:2], *(n + 2 * pad + step for n, pad, step in zip(sizes, p, s, strict=True)))
    for i in range(y.shape[2]):
        for j in range(y.shape[3]):
            whole[:, :, i * s[0] : i * s[0] + k[0], j * s[1] : j * s[1] + k[1]] = y[:, :, i : i + 1, j : j + 1]
    return whole[:, :, p[0] : p[0] + sizes[0], p[1] : p[1] + sizes[1]]


def _one_plane(y, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Indices counted through the whole batch, so that everything lands in its first map."""
    sizes = _sizes(y, kernel_size, stride, padding, output_size)
    out = y.new_zeros(y.shape[:2].numel() * sizes[0] * sizes[1])
    return out.scatter(0, indices.flatten(), y.flatten()).reshape(*y.shape[:2], *sizes)


def _added(y, indices, kernel_size, stride=None, padding=0, output_size=None):
    sizes = _sizes(y, kernel_size, stride, padding, output_size)
    out = y.new_zeros(*y.shape[:2], sizes[0] * sizes[1])
    return out.scatter_add(-1, indices.flatten(2), y.flatten(2)).unflatten(-1, sizes)


def _by_columns(y, indices, kernel_size, stride=None, padding=0, output_size=None):
    height, width = _sizes(y, kernel_size, stride, padding, output_size)
    return _put(y, indices, (width, height)).transpose(2, 3)


def _cropped_or_padded(y, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Unpooled to the default size, and cropped or padded with zeros afterwards."""
    default = _sizes(y, kernel_size, stride, padding)
    height, width = default if output_size is None else output_size
    return F.pad(_put(y, indices, default), (0, width - default[1], 0, height - default[0]))


def _pooled(x: Tensor, kernel_size, stride=None, padding=0, ceil_mode=False, note="", gradient=False, to=None) -> Case:
    """The call that goes back to where x was pooled; ``output_size`` only where it is needed, or as ``to`` says."""
    y, indices = F.max_pool2d(x, kernel_size, stride, padding, ceil_mode=ceil_mode, return_indices=True)
    kwargs = {"kernel_size": kernel_size}
    kwargs |= ({} if stride is None else {"stride": stride}) | ({"padding": padding} if padding else {})
    if _sizes(y, **kwargs) != tuple(x.shape[2:]):
        kwargs["output_size"] = tuple(x.shape[2:])
    return Case((strided(y) if to == "strided" else y, indices), kwargs, note, gradient)


def _draw(draw: Draw, *, step: str = "touch", rest: bool = False, lead=(1, 1), gradient: bool = False) -> Case:
    kernel_size = draw.integer(2, 3), draw.integer(2, 3)
    stride, padding = None, 0
    if step == "overlap":
        stride, padding = tuple(draw.integer(1, k - 1) for k in kernel_size), draw.integer(0, 1)
    strides = kernel_size if stride is None else stride
    least = [draw.integer(1, 3) * s + k - 2 * padding for k, s in zip(kernel_size, strides, strict=True)]
    extra = [draw.integer(0, s - 1) for s in strides] if rest else [0, 0]
    if rest and not any(extra):
        extra[draw.integer(0, 1)] = 1
    x = draw.distinct(*lead, *(a + b for a, b in zip(least, extra, strict=True)))
    return _pooled(x, kernel_size, stride, padding, gradient=gradient)


COUNTED = torch.arange(96.0).reshape(2, 3, 4, 4) * 29 % 97

MAX_UNPOOL = Exercise(
    name="max_unpool",
    title="Max unpooling from indices",
    lesson="07_unpooling",
    oracle=_max_unpool,
    banned=("pooling", "unpooling"),
    instead="Begin with zeros, and write each number to the position that its index names: Tensor.scatter does it for a flattened map.",
    difficulty=2,
    minutes=15,
    facets=(
        Facet(
            "places",
            1.5,
            "Each number goes to the position that its index names, counted row by row within its own map; all else is 0.",
            (
                _pooled(batched(FOUR), 2, note="four windows that touch"),
                _pooled(batched(COLD[:2, :2]), 2, note="a single number, below zero"),
                _pooled(batched(WIDE[:4, :6]), 2, note="a wide map"),
                _pooled(COUNTED, 2, note="a batch of two with three channels: each map counts from 0"),
            ),
            lambda draw: [_draw(draw, lead=(draw.integer(1, 2), draw.integer(1, 3))) for _ in range(6)],
        ),
        Facet(
            "kernel, stride and padding",
            1,
            "Without output_size the map has (size − 1) · stride + kernel_size − 2 · padding rows or columns.",
            (
                _pooled(batched(WIDE[:5, :5]), 3, 1, note="windows overlap: one winner wins several times"),
                _pooled(batched(WIDE), 3, 2, note="stride 2 and kernel size 3"),
                _pooled(batched(WIDE), 3, 2, 1, note="padding is no part of the map"),
                _pooled(batched(WIDE), 3, 2, (1, 0), note="padding above and below alone"),
                _pooled(batched(WIDE), (2, 3), (3, 2), note="pairs (H, W)"),
            ),
            lambda draw: [_draw(draw, step="overlap") for _ in range(6)],
        ),
        Facet(
            "output_size",
            1,
            "Where output_size is given, the map has that size, and the indices are counted along its rows.",
            (
                _pooled(batched(HIGH), 2, note="5 × 5 was pooled to 2 × 2"),
                _pooled(batched(WIDE), 2, note="5 × 7 was pooled to 2 × 3"),
                _pooled(batched(WIDE), 3, 3, note="two columns were read by no window"),
                _pooled(batched(WIDE), 2, ceil_mode=True, note="rounded up: 5 × 7 was pooled to 3 × 4"),
            ),
            lambda draw: [_draw(draw, rest=True) for _ in range(6)],
        ),
        Facet(
            "gradient and dtype",
            0.5,
            "The gradient of each number is what arrives at its position; the dtype stays, any batch and layout is taken.",
            (
                _pooled(batched(FOUR), 2, note="the gradient of a plain call", gradient=True),
                _pooled(batched(WIDE.double() / 3)[..., :4, :], (2, 7), note="float64 stays float64"),
                Case(
                    (torch.zeros(0, 2, 3, 4), torch.zeros(0, 2, 3, 4, dtype=torch.int64)),
                    {"kernel_size": 2},
                    "a batch of no maps at all",
                ),
                _pooled(batched(WIDE[:4, :6]), 2, note="memory that is not contiguous", to="strided"),
                _pooled(batched(WIDE[:1, :1]), 1, note="a single pixel"),
            ),
            lambda draw: [_draw(draw, gradient=True) for _ in range(4)],
        ),
    ),
    misconceptions=(
        Misconception(
            "the upper left corner of each window",
            _upper_left,
            "You put each number into the first position of its window. The index says which of the positions it came from.",
        ),
        Misconception(
            "copied to the whole window",
            _copied,
            "You write each number to all positions of its window. That is average unpooling, which comes next; here a number goes to one position only, and the others are 0.",
        ),
        Misconception(
            "one map for all",
            _one_plane,
            "Your indices count through the whole tensor, so that all numbers land in its first map. Every sample and every channel counts its positions from 0: flatten the last two axes alone.",
        ),
        Misconception(
            "counted along the columns",
            _by_columns,
            "You count positions down the columns. Torch counts along the rows: index = row · W + column.",
        ),
        Misconception(
            "added where windows overlap",
            _added,
            "Where windows overlap, one position can win in several of them, and its number arrives several times. It is the same number each time: put it there, do not add it up.",
        ),
        Misconception(
            "stride taken for kernel_size",
            _changed(lambda a: {"stride": None}),
            "Your map is as large as windows that touch would make it. Neighbouring windows stand stride apart: (size − 1) · stride + kernel_size − 2 · padding.",
        ),
        Misconception(
            "size times stride",
            _changed(lambda a: {"kernel_size": a["kernel_size"] if a["stride"] is None else a["stride"]}),
            "Your map has size · stride rows and columns. The last window does not end after stride positions but after kernel_size of them: (size − 1) · stride + kernel_size − 2 · padding.",
        ),
        Misconception(
            "the padding is still there",
            _changed(lambda a: {"padding": 0}),
            "Your map is as large as the padded one. Padding is no part of the map, and no index counts it: take 2 · padding off.",
        ),
        Misconception(
            "output_size ignored",
            _changed(lambda a: {"output_size": None}),
            "Several sizes pool to the same one, and without output_size you go back to only one of them. Your map has another width than the pooled one had, so every index below the first row names a wrong place.",
        ),
        Misconception(
            "unpooled first, fitted afterwards",
            _cropped_or_padded,
            "The size is right, but you have unpooled to the default size and brought it to output_size afterwards. An index counts along rows of the right width: take that width from the beginning.",
        ),
    ),
    hints=(
        "Forget the windows. An index is a position in the flattened map: row · W + column. What remains is to write numbers into a list of zeros.",
        "y.new_zeros(N, C, H * W) is the list for every map, and indices.flatten(2) are the positions in it. Which H and W? output_size where it is given, and otherwise (size − 1) · stride + kernel_size − 2 · padding.",
        "zeros.scatter(-1, indices.flatten(2), y.flatten(2)) writes them all and lets gradients through. Give the last axis its two sizes back with .reshape(N, C, H, W).",
    ),
)
