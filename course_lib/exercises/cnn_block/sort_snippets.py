"""Eight snippets that write in place: which raise, which are silently wrong, which are fine."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.checking.exercise import Case, Exercise, Facet, Misconception

# For each snippet the lines as they are asked about, and the same without in-place operations. x is not a leaf.
Snippet = Callable[[Tensor, nn.Module, nn.Module], Tensor]


def _a(x, conv, bn):
    h = bn(conv(x))
    h = F.relu_(h)
    return F.max_pool2d(h, 2)


def _b(x, conv, bn):
    h = bn(conv(x))
    out = F.relu_(h)
    return out + h


def _b_meant(x, conv, bn):
    h = bn(conv(x))
    return F.relu(h) + h


def _c(x, conv, bn):
    h = torch.sigmoid(conv(x))
    return h.mul_(2)


def _d(x, conv, bn):
    h = bn(conv(x))
    h += x
    return F.relu_(h)


def _e(x, conv, bn):
    h = F.relu(bn(conv(x)))
    h += x
    return h


def _f(x, conv, bn):
    h = conv(F.relu_(x))
    return h + x


def _g(x, conv, bn):
    h = torch.exp(conv(x))
    h.data.clamp_(max=1.0)
    return h


def _h(x, conv, bn):
    h = F.max_pool2d(bn(conv(x)), 2)
    return F.relu_(h)


PAIRS: dict[str, tuple[Snippet, Snippet]] = {
    "A": (_a, lambda x, conv, bn: F.max_pool2d(F.relu(bn(conv(x))), 2)),
    "B": (_b, _b_meant),
    "C": (_c, lambda x, conv, bn: torch.sigmoid(conv(x)) * 2),
    "D": (_d, lambda x, conv, bn: F.relu(bn(conv(x)) + x)),
    "E": (_e, lambda x, conv, bn: F.relu(bn(conv(x))) + x),
    "F": (_f, lambda x, conv, bn: conv(F.relu(x)) + x),
    "G": (_g, lambda x, conv, bn: torch.exp(conv(x)).clamp(max=1.0)),
    "H": (_h, lambda x, conv, bn: F.relu(F.max_pool2d(bn(conv(x)), 2))),
}


def _outcome(snippet: Snippet) -> tuple[Tensor, ...]:
    """The output, and the gradients of the input and of the filters."""
    leaf = torch.linspace(-2, 2, 64, dtype=torch.float64).reshape(1, 2, 4, 8).sin().mul(3).requires_grad_()
    conv, bn = nn.Conv2d(2, 2, 3, padding=1, bias=False, dtype=torch.float64), nn.BatchNorm2d(2, dtype=torch.float64)
    with torch.no_grad():
        conv.weight.copy_(torch.arange(36.0).reshape(2, 2, 3, 3).sin())
    output = snippet(leaf * 1, conv, bn)
    return output, *torch.autograd.grad(output.square().sum(), (leaf, conv.weight))


def _verdict(written: Snippet, meant: Snippet) -> str:
    try:
        pairs = zip(_outcome(written), _outcome(meant), strict=True)
    except RuntimeError:
        return "raises"
    return "fine" if all(torch.allclose(one, other) for one, other in pairs) else "silent"


def _sort_snippets():
    """Measured: each snippet beside the same computation without in-place operations."""
    return {name: _verdict(*pair) for name, pair in PAIRS.items()}


def _believed(**answers):
    return lambda: answers


def _facet(name: str, asks: str) -> Facet:
    return Facet(name, 0.25, asks, (Case(),), part=name)


SORT_SNIPPETS = Exercise(
    name="sort_snippets",
    title="Sort eight snippets that write in place",
    lesson="05_cnn_block",
    oracle=_sort_snippets,
    kind="answer",
    difficulty=2,
    minutes=12,
    facets=(
        _facet("A", "Batch norm, ReLU in place, max pooling."),
        _facet("B", "Batch norm, ReLU in place, and a skip from before the ReLU."),
        _facet("C", "A sigmoid, doubled in place."),
        _facet("D", "Batch norm, a skip added in place, ReLU in place."),
        _facet("E", "A skip added in place to the output of a ReLU."),
        _facet("F", "ReLU in place on the input, and a skip from that input."),
        _facet("G", "An exponential, clamped through .data."),
        _facet("H", "Max pooling, then ReLU in place."),
    ),
    misconceptions=(
        Misconception(
            "the sigmoid keeps its input",
            _believed(C="fine"),
            "The derivative of the sigmoid is y · (1 − y), so autograd keeps y, its output. Writing over y raises in the backward pass. For the same reason exp and tanh must not be written over.",
        ),
        Misconception(
            "a ReLU needs nothing",
            _believed(E="fine"),
            "A ReLU has to know where it let the gradient pass. It keeps its output and asks where that is positive; who adds something to it afterwards has spoiled the answer, and torch raises.",
        ),
        Misconception(
            "the ReLU's mistake is noticed as it adds",
            _believed(E="silent"),
            "Here torch does notice. The ReLU keeps its output for the backward pass, and the sum was written over exactly that tensor.",
        ),
        Misconception(
            "the batch norm needs its output",
            _believed(A="raises", D="raises"),
            "The backward pass of a batch norm needs its input, mean and variance, and not its output. Nobody keeps that output, so it may be written over.",
        ),
        Misconception(
            "the pooling needs its output",
            _believed(H="raises"),
            "A max pooling keeps its input and the positions of its maxima. Its output is free to be written over.",
        ),
        Misconception(
            "torch notices every lost value",
            _believed(B="raises", F="raises"),
            "torch guards only what it has kept itself for the backward pass. Here it is your own code that still wants the old values, and it silently gets the new ones.",
        ),
        Misconception(
            "a skip is a skip",
            _believed(B="fine", F="fine"),
            "After relu_ both names stand for the same tensor, in which the negative values are gone. The sum is 2 · relu(h) in B, and conv(relu(x)) + relu(x) in F.",
        ),
        Misconception(
            ".data is checked as well",
            _believed(G="raises"),
            ".data goes round the version counter by which torch notices a change. The exponential's backward pass takes the clamped values for its own, and nobody raises.",
        ),
        Misconception(
            ".data is a safe way to write",
            _believed(G="fine"),
            "The output is right, and the gradient is not: where the value was clamped it should be 0, but the exponential's backward pass multiplies by the clamped value, 1.",
        ),
        Misconception(
            "in place always raises",
            _believed(A="raises", B="raises", D="raises", F="raises", G="raises", H="raises"),
            "torch raises only where a tensor that the backward pass needs was written over. Go through the operations one by one, and ask of each what it keeps.",
        ),
        Misconception(
            "what runs is fine",
            _believed(B="fine", F="fine", G="fine"),
            "That a snippet runs says only that the backward pass found what it had kept. Compare its output and its gradients with those of the same lines without in-place operations.",
        ),
    ),
    hints=(
        "Ask two questions of every tensor that is written over. Has an operation kept it for its backward pass? And does the code itself still want its old values?",
        "Kept are: by a convolution its input; by a batch norm its input; by a ReLU, a sigmoid and an exponential the output; by a max pooling its input and positions; by a sum nothing.",
        "Kept and written over: it raises (two of the eight), unless .data hides it (one). Not kept, but the old values are still wanted: silently wrong (two). All others are fine.",
    ),
)
