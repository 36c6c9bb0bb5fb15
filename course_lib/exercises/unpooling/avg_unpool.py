"""Average unpooling in its two conventions: the right inverse of average pooling, and its adjoint."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Law, Misconception
from course_lib.exercises.pooling.shared import FOUR, batched, strided
from course_lib.geometry import per_axis


def _avg_unpool(y, kernel_size, stride=None, output_size=None, convention="copy"):
    weights, share = _kernel(kernel_size)
    whole = _spread(y, weights, kernel_size if stride is None else stride, output_size)
    return whole / share if convention == "adjoint" else whole


def _kernel(kernel_size) -> tuple[Tensor, int]:
    kernel = torch.ones(per_axis(kernel_size, 2, "kernel_size"))
    return kernel, kernel.numel()


def _spread(y: Tensor, weights: Tensor, stride, output_size=None) -> Tensor:
    """Each number times the weights, added up at its window; zeros up to output_size."""
    kernel = weights.to(y.dtype).expand(y.shape[1], 1, *weights.shape)
    whole = F.conv_transpose2d(y, kernel, stride=stride, groups=y.shape[1])
    if output_size is None:
        return whole
    height, width = output_size
    return F.pad(whole, (0, width - whole.shape[3], 0, height - whole.shape[2]))


def _changed(change):
    """Average unpooling of which ``change`` replaces some arguments."""

    def avg_unpool(y, kernel_size, stride=None, output_size=None, convention="copy"):
        arguments = {"kernel_size": kernel_size, "stride": stride, "output_size": output_size, "convention": convention}
        return _avg_unpool(y, **arguments | change(arguments))

    return avg_unpool


def _divided_once(y, kernel_size, stride=None, output_size=None, convention="copy"):
    whole = _avg_unpool(y, kernel_size, stride, output_size)
    return whole / per_axis(kernel_size, 2, "kernel_size")[0] if convention == "adjoint" else whole


def _first_only(y, kernel_size, stride=None, output_size=None, convention="copy"):
    corner, share = _kernel(kernel_size)
    corner = F.pad(corner[:1, :1], (0, corner.shape[1] - 1, 0, corner.shape[0] - 1))
    whole = _spread(y, corner, kernel_size if stride is None else stride, output_size)
    return whole / share if convention == "adjoint" else whole


def _averaged(y, kernel_size, stride=None, output_size=None, convention="copy"):
    counts = _avg_unpool(torch.ones_like(y), kernel_size, stride, output_size)
    return _avg_unpool(y, kernel_size, stride, output_size, convention) / counts.clamp(min=1)


def _assigned(y, kernel_size, stride=None, output_size=None, convention="copy"):
    """The last window that reaches a position has it."""
    (high, wide), (down, right) = (per_axis(v, 2, "argument") for v in (kernel_size, stride or kernel_size))
    out = torch.zeros_like(_avg_unpool(y, kernel_size, stride, output_size))
    share = high * wide if convention == "adjoint" else 1
    for i in range(y.shape[2]):
        for j in range(y.shape[3]):
            place = (..., slice(i * down, i * down + high), slice(j * right, j * right + wide))
            out[place] = y[:, :, i, j, None, None] / share
    return out


def _blocks(y, kernel_size, stride=None, output_size=None, convention="copy"):
    """Every number becomes a block, side by side, whatever the stride."""
    return _avg_unpool(y, kernel_size, None, output_size, convention)


def _filled(y, kernel_size, stride=None, output_size=None, convention="copy"):
    """What no window reads repeats the last row and column."""
    whole = _avg_unpool(y, kernel_size, stride, None, convention)
    if output_size is None or not whole.numel():
        return _avg_unpool(y, kernel_size, stride, output_size, convention)
    rows, columns = (torch.arange(n).clamp(max=m - 1) for n, m in zip(output_size, whole.shape[2:], strict=True))
    return whole[:, :, rows][:, :, :, columns]


def _laws_hold(outputs, cases) -> bool:
    return all(_law_holds(output, case) for output, case in zip(outputs, cases, strict=True))


def _law_holds(output: Tensor, case: Case) -> bool:
    [y], kwargs = case.args, case.kwargs
    arguments = kwargs["kernel_size"], kwargs.get("stride")
    if kwargs.get("convention", "copy") == "copy":
        return torch.allclose(F.avg_pool2d(output, *arguments), y)
    n = torch.arange(output.numel(), dtype=torch.float64).reshape(output.shape)
    for x in (torch.sin(n), torch.cos(3 * n), n.remainder(7) - 3):
        left, right = (F.avg_pool2d(x, *arguments) * y).sum(), (x * output).sum()
        if not torch.isclose(left, right, rtol=1e-6, atol=1e-6):
            return False
    return True


def _case(*size, kernel_size, lead=(1, 1), dtype=torch.float32, note="", gradient=False, **kwargs) -> Case:
    """A call whose numbers count in steps of 36, which 2 · 2, 3 · 3 and 2 · 3 divide."""
    shape = torch.Size((*lead, *size))
    y = 36 * torch.arange(1, shape.numel() + 1).reshape(shape).to(dtype)
    return Case((y,), {"kernel_size": kernel_size, **kwargs}, note, gradient)


def _draw(draw: Draw, convention: str, *, overlap: bool = False, normal: bool = False, gradient: bool = False) -> Case:
    kernel_size = draw.integer(2, 3), draw.integer(2, 3)
    far = 0 if overlap else 2
    stride = tuple(draw.integer(1, k) if overlap else k + draw.integer(0, far) for k in kernel_size)
    size = draw.integer(1, 3), draw.integer(2, 3)
    shape = (draw.integer(1, 2), draw.integer(1, 2), *size)
    y = draw.normal(*shape, dtype=torch.float64) if normal else 36 * (draw.distinct(*shape) + 40)
    kwargs = {"kernel_size": kernel_size, "stride": stride, "convention": convention}
    covered = [(n - 1) * s + k for n, s, k in zip(size, stride, kernel_size, strict=True)]
    if not normal:
        kwargs["output_size"] = tuple(n + draw.integer(0, s - 1) for n, s in zip(covered, stride, strict=True))
    return Case((y,), kwargs, gradient=gradient)


AVG_UNPOOL = Exercise(
    name="avg_unpool",
    title="Average unpooling, two conventions",
    lesson="07_unpooling",
    oracle=_avg_unpool,
    banned=("pooling", "unpooling", "convolution"),
    instead="Begin with zeros, and add to each window its number, or its number's share.",
    difficulty=2,
    minutes=12,
    facets=(
        Facet(
            "copy",
            1,
            'With convention="copy" every position of a window gets the number itself, and all other positions are 0.',
            (
                Case((batched(FOUR[:2, :3]),), {"kernel_size": 2}, "windows that touch"),
                _case(2, 3, kernel_size=(2, 3), note="two rows and three columns for each"),
                _case(2, 2, kernel_size=2, stride=3, note="a gap between the windows"),
                _case(
                    2, 3, kernel_size=2, output_size=(5, 7), note="an odd size: no window reads the last row and column"
                ),
                _case(2, 2, kernel_size=2, lead=(2, 3), note="a batch of two with three channels"),
                _case(1, 1, kernel_size=1, note="a single pixel"),
            ),
            lambda draw: [_draw(draw, "copy") for _ in range(5)],
        ),
        Facet(
            "adjoint",
            1,
            'With convention="adjoint" every position gets the number divided by the size of the window; where windows overlap, shares add up.',
            (
                _case(2, 3, kernel_size=2, convention="adjoint", note="windows that touch"),
                _case(1, 2, kernel_size=(2, 3), convention="adjoint", note="six shares"),
                _case(2, 3, kernel_size=3, stride=1, convention="adjoint", note="windows that overlap"),
                _case(
                    2, 3, kernel_size=3, stride=2, output_size=(6, 8), convention="adjoint", note="overlap, and a rest"
                ),
                _case(2, 2, kernel_size=2, convention="adjoint", dtype=torch.float64, note="float64 stays float64"),
                _case(2, 2, kernel_size=2, convention="adjoint", lead=(0, 2), note="a batch of no maps at all"),
                Case(
                    (strided(36 * torch.arange(1.0, 7).reshape(1, 1, 2, 3)),),
                    {"kernel_size": 2, "convention": "adjoint"},
                    "memory that is not contiguous",
                ),
                _case(
                    2, 3, kernel_size=2, convention="adjoint", note="the gradient is an average again", gradient=True
                ),
            ),
            lambda draw: [_draw(draw, "adjoint", overlap=True, gradient=True) for _ in range(5)],
        ),
        Facet(
            "laws",
            1,
            'avg_pool(avg_unpool(y)) = y for "copy", and ⟨avg_pool(x), y⟩ = ⟨x, avg_unpool(y)⟩ for "adjoint".',
            (
                _case(2, 3, kernel_size=2, dtype=torch.float64, note="copy, and average again"),
                _case(2, 2, kernel_size=2, stride=3, dtype=torch.float64, note="the same with gaps"),
                _case(2, 3, kernel_size=2, convention="adjoint", dtype=torch.float64, note="the adjoint law"),
                _case(
                    2, 3, kernel_size=3, stride=2, convention="adjoint", dtype=torch.float64, note="and with overlap"
                ),
            ),
            lambda draw: [
                *(_draw(draw, "copy", normal=True) for _ in range(3)),
                *(_draw(draw, "adjoint", overlap=True, normal=True) for _ in range(3)),
            ],
            law=Law(
                'With "copy", averaging the unpooled map again must give back y. With "adjoint", for every x the numbers ⟨avg_pool(x), y⟩ and ⟨x, avg_unpool(y)⟩ must be equal.',
                _laws_hold,
            ),
        ),
    ),
    misconceptions=(
        Misconception(
            "always copied",
            _changed(lambda a: {"convention": "copy"}),
            "You copy the number whatever the convention. In an average each position counts one part in kernel_size · kernel_size only; the adjoint gives it that part.",
        ),
        Misconception(
            "always shared",
            _changed(lambda a: {"convention": "adjoint"}),
            "You share the number out whatever the convention. The average of four quarters of y is a quarter of y: for the way there and back to give y, each position must get y itself.",
        ),
        Misconception(
            "the two exchanged",
            _changed(lambda a: {"convention": "adjoint" if a["convention"] == "copy" else "copy"}),
            "You have the two conventions exchanged: copy writes the number itself everywhere, adjoint writes its share.",
        ),
        Misconception(
            "divided by kernel_size alone",
            _divided_once,
            "A window has as many positions as its height times its width. You divide by one of the two only.",
        ),
        Misconception(
            "one position a window",
            _first_only,
            "You write each number to the first position of its window and leave the others at 0. In an average no position is the winner: they all get the same.",
        ),
        Misconception(
            "assigned instead of added",
            _assigned,
            "Where windows overlap, a position has a share in each of them. Yours keeps the last one only: add with +=.",
        ),
        Misconception(
            "averaged where windows overlap",
            _averaged,
            "You divide by the number of windows that reach a position. That would make it even, but no adjoint: a position that two windows read has had a part in both averages, and both shares come back.",
        ),
        Misconception(
            "blocks side by side",
            _blocks,
            "You enlarge each number to a block and set the blocks side by side. That is right only where the windows touch: they begin stride apart, which may leave gaps or overlap.",
        ),
        Misconception(
            "output_size ignored",
            _changed(lambda a: {"output_size": None}),
            "Where output_size is given, the map has that size. The rows and columns that no window reads are 0.",
        ),
        Misconception(
            "the rest is filled",
            _filled,
            "You repeat the last values up to output_size. No window has read these positions, so none gives anything back to them: they are 0.",
        ),
    ),
    hints=(
        "Take one number y[i, j] and its window: rows from i · stride on, kernel_size of them, columns alike. What does every position in it get, in each of the two conventions?",
        "Begin with zeros of the size output_size, or of (size − 1) · stride + kernel_size. Add y[:, :, i : i + 1, j : j + 1] to its window, in a loop over i and j.",
        'Turn the loops round for speed: for each position (a, b) inside a window, out[:, :, a : a + stride * (rows − 1) + 1 : stride, and the same for the columns] += share, where share is y for "copy" and y / (kernel height · kernel width) for "adjoint".',
    ),
)
