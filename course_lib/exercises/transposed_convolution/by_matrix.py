"""The transposed convolution by its name: the transpose of the matrix that an ordinary convolution is."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Law, Misconception
from course_lib.exercises.pooling.shared import strided
from course_lib.geometry import output_size


def _conv_transpose_by_matrix(x, weight, size, stride=1, padding=0):
    A = _matrix(weight, size, stride, padding)
    return (A.T @ x.flatten()).reshape(size), A


def _matrix(weight: Tensor, size, stride: int = 1, padding: int = 0) -> Tensor:
    """Column j of the matrix is what the convolution makes of a 1 at position j."""
    count = size[0] * size[1]
    ones = torch.eye(count, dtype=weight.dtype).reshape(count, 1, *size)
    return F.conv2d(ones, weight[None, None], stride=stride, padding=padding).flatten(1).T


def _changed(change=lambda a: {}, finish=lambda y, A, size: (y, A)):
    """The right function of which ``change`` replaces some arguments, or ``finish`` the result."""

    def conv_transpose_by_matrix(x, weight, size, stride=1, padding=0):
        arguments = {"x": x, "weight": weight, "size": size, "stride": stride, "padding": padding}
        arguments |= change(arguments)
        A = _matrix(*(arguments[name] for name in ("weight", "size", "stride", "padding")))
        return finish(_applied(A, arguments["x"], size), A, size)

    return conv_transpose_by_matrix


def _applied(A: Tensor, x: Tensor, size) -> Tensor:
    """The transpose on x; where a wrong stride has made another number of rows, on as many of x as there are."""
    flat = x.flatten()
    return (A[: flat.numel()].T @ flat[: len(A)]).reshape(size)


def _inverse(y: Tensor, A: Tensor, size) -> tuple[Tensor, Tensor]:
    return y, A.T


def _pseudo(x, weight, size, stride=1, padding=0):
    A = _matrix(weight, size, stride, padding)
    return (torch.linalg.pinv(A.double()).to(A.dtype) @ x.flatten()).reshape(size), A


def _by_columns(x, weight, size, stride=1, padding=0):
    y, A = _conv_transpose_by_matrix(x, weight, size, stride, padding)
    rows = torch.arange(x.numel()).reshape(x.shape).T.flatten()
    columns = torch.arange(y.numel()).reshape(size).T.flatten()
    return y, A[rows][:, columns]


def _wrapped(x, weight, size, stride=1, padding=0):
    """Taps that fall off the end of a row land in the next one, as a position in the flattened map does."""
    A = weight.new_zeros(x.numel(), size[0] * size[1])
    for out in range(x.numel()):
        i, j = divmod(out, x.shape[1])
        for a in range(weight.shape[0]):
            for b in range(weight.shape[1]):
                at = (i * stride - padding + a) * size[1] + j * stride - padding + b
                if 0 <= at < A.shape[1]:
                    A[out, at] += weight[a, b]
    return (A.T @ x.flatten()).reshape(size), A


def _is_adjoint(outputs, cases) -> bool:
    """Whether ⟨conv(u), x⟩ = ⟨u, y⟩ for three maps u, and y = Aᵀ x for the A that is returned beside it."""
    for output, case in zip(outputs, cases, strict=True):
        (y, A), (x, weight, size), kwargs = output, case.args, case.kwargs
        if A.shape != (x.numel(), y.numel()):
            return False
        n = torch.arange(y.numel(), dtype=torch.float64)
        for u in (torch.sin(n), torch.cos(3 * n), n.remainder(7) - 3):
            convolved = F.conv2d(u.reshape(1, 1, *size), weight.double()[None, None], **kwargs).flatten()
            if not torch.allclose(A.double() @ u, convolved, atol=1e-6):
                return False
            if not torch.isclose(convolved @ x.double().flatten(), u @ y.double().flatten(), rtol=1e-6, atol=1e-6):
                return False
    return True


def _case(size, kernel: Tensor, stride=1, padding=0, note="", gradient=False, wrap=lambda x: x) -> Case:
    """A call whose x counts from 1, as large as the convolution makes a map of ``size``."""
    shape = [output_size(n, k, stride, padding) for n, k in zip(size, kernel.shape, strict=True)]
    x = torch.arange(1, shape[0] * shape[1] + 1).reshape(shape).to(kernel.dtype)
    kwargs = ({"stride": stride} if stride != 1 else {}) | ({"padding": padding} if padding else {})
    return Case((wrap(x), kernel, size), kwargs, note, gradient)


def _draw(draw: Draw, *, padded: bool = False, normal: bool = False, gradient: bool = False) -> Case:
    kernel_size = draw.integer(1, 3), draw.integer(2, 3)
    stride, padding = draw.integer(1, 3), draw.integer(0, 1) if padded else 0
    size = draw.integer(3, 6), draw.integer(4, 6)
    shape = [output_size(n, k, stride, padding) for n, k in zip(size, kernel_size, strict=True)]
    if normal:
        x, weight = (draw.normal(*s, dtype=torch.float64) for s in (shape, kernel_size))
    else:
        x, weight = draw.distinct(*shape) + 10, draw.distinct(*kernel_size) + 10
    return Case((x, weight, size), {"stride": stride, "padding": padding}, gradient=gradient)


TWO = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
SIX = torch.tensor([[3.0, 1.0, 4.0], [1.0, 5.0, 2.0]])
NINE = torch.arange(1.0, 10.0).reshape(3, 3)
FLAT = "Positions of a map are counted row by row: row · W + column, as torch's flatten does. Yours are counted down the columns."

CONV_TRANSPOSE_BY_MATRIX = Exercise(
    name="conv_transpose_by_matrix",
    title="Transposed convolution as the transpose of a matrix",
    lesson="08_transposed_convolution",
    oracle=_conv_transpose_by_matrix,
    banned=("convolution",),
    instead="Fill the matrix yourself: row by row, with the weights at the positions that one window reads.",
    difficulty=3,
    minutes=15,
    facets=(
        Facet(
            "matrix",
            1,
            "Row i of A holds the weights of window i at the positions that it reads, and zeros elsewhere.",
            (
                _case((3, 3), TWO, note="four windows on nine positions"),
                _case((3, 4), SIX, note="a kernel of 2 rows and 3 columns"),
                _case((4, 5), TWO, 2, note="stride 2: the last column is read by no window"),
                _case((3, 4), NINE, 1, 1, note="padding: weights that fall outside are left out"),
            ),
            lambda draw: [_draw(draw, padded=True) for _ in range(5)],
            part=1,
        ),
        Facet(
            "transpose",
            1,
            "The output is Aᵀ times the flattened x, in the shape size.",
            (
                _case((3, 3), TWO, note="a plain call", gradient=True),
                _case((4, 5), TWO, 2, note="what no window reads gets 0"),
                _case((5, 6), NINE, 2, 1, note="the layer that halves a map, transposed"),
                _case((3, 4), TWO.double(), note="float64 stays float64"),
                _case((3, 4), SIX, wrap=strided, note="memory that is not contiguous"),
                _case((1, 1), TWO[:1, :1] * 3, note="a single pixel"),
            ),
            lambda draw: [_draw(draw, padded=True, gradient=True) for _ in range(5)],
            part=0,
        ),
        Facet(
            "adjoint",
            1,
            "For every u and x, ⟨conv(u), x⟩ = ⟨u, y⟩.",
            (
                _case((3, 4), SIX.double(), note="stride 1"),
                _case((5, 6), NINE.double(), 2, 1, note="stride 2 with padding"),
            ),
            lambda draw: [_draw(draw, padded=True, normal=True) for _ in range(5)],
            law=Law(
                "A must be the convolution itself, and y its transpose on x: for every map u the number ⟨conv(u), x⟩ must equal ⟨u, y⟩.",
                _is_adjoint,
            ),
        ),
    ),
    misconceptions=(
        Misconception(
            "flipped kernel",
            _changed(lambda a: {"weight": a["weight"].flip(0, 1)}),
            "Your rows hold the kernel turned by 180°. The matrix is that of an ordinary convolution, which lays the weights on the window as they are; what turns them round is the transpose.",
        ),
        Misconception(
            "the transpose returned as A",
            _changed(finish=_inverse),
            "The second thing to return is the matrix of the convolution, with one row for each window. Yours is already transposed.",
        ),
        Misconception(
            "the inverse instead of the transpose",
            _pseudo,
            "You invert the matrix (as well as that is possible). A transposed convolution is A transposed: rows become columns, and nothing is undone.",
        ),
        Misconception("counted down the columns", _by_columns, FLAT),
        Misconception(
            "over the edge into the next row",
            _wrapped,
            "A tap that falls outside the map on the right lands in the next row of your matrix, because in the flattened map that position exists. Test row and column apart before you flatten.",
        ),
        Misconception(
            "stride ignored",
            _changed(lambda a: {"stride": 1}),
            "Your windows lie one position apart. Window (i, j) begins at row i · stride − padding and column j · stride − padding.",
        ),
        Misconception(
            "padding ignored",
            _changed(lambda a: {"padding": 0}),
            "Your first window begins at the corner of the map. With padding=p it begins at row −p and column −p, and its weights out there are left out.",
        ),
        Misconception(
            "divided by the overlap",
            _changed(finish=lambda y, A, size: (y / (A != 0).sum(0).clamp(min=1).reshape(size), A)),
            "You divide each position by the number of windows that read it. The transpose adds up and does not divide.",
        ),
    ),
    hints=(
        "Take the smallest case: a map of 3 × 3, a kernel of 2 × 2, stride 1. There are four windows, so A has four rows, of nine numbers each. Which four of the nine are not 0 in the first row?",
        "x has the shape of the convolution's output, so A has x.numel() rows and size[0] · size[1] columns. For output (i, j) and tap (a, b): row = i · stride − padding + a, column = j · stride − padding + b. If they lie inside the map, A[i · w + j, row · W + column] = weight[a, b].",
        "Begin with weight.new_zeros(h · w, H · W), fill it in four loops, and return (A.T @ x.flatten()).reshape(size) and A.",
    ),
)
