"""What a block keeps until the backward pass, in place and not, counted in maps."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.checking.exercise import Case, Exercise, Facet, Misconception


def _block(relu: Callable[[Tensor], Tensor], held: list[Tensor] | None = None) -> float:
    """The bytes that are alive after the forward pass, for autograd and in `held`, divided by those of one map."""
    x = torch.ones(2, 4, 8, 8)
    conv, bn = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        if tensor.dim() == 4 and not isinstance(tensor, nn.Parameter):
            kept[tensor.data_ptr()] = tensor
        return tensor

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        h = bn(conv(x))
        if held is not None:
            held.append(h)
        F.max_pool2d(relu(h), 2)
    alive = kept | {tensor.data_ptr(): tensor for tensor in held or ()}
    return sum(tensor.nbytes for tensor in alive.values()) / x.nbytes


def _audit_memory():
    """Measured on a small block; the shares do not depend on its size."""
    return {
        "plain": _block(F.relu),
        "inplace": _block(F.relu_),
        "held_plain": _block(F.relu, []),
        "held_inplace": _block(F.relu_, []),
    }


def _believed(**answers):
    return lambda: answers


def _facet(name: str, asks: str) -> Facet:
    return Facet(name, 0.5, asks, (Case(),), part=name)


AUDIT_MEMORY = Exercise(
    name="audit_memory",
    title="The memory audit",
    lesson="05_cnn_block",
    oracle=_audit_memory,
    kind="answer",
    difficulty=2,
    minutes=10,
    facets=(
        _facet("plain", "Maps kept for the backward pass of a plain block."),
        _facet("inplace", "The same with the ReLU in place."),
        _facet("held_plain", "Maps alive after the forward pass, if the code still holds the batch norm's output."),
        _facet("held_inplace", "The same with the ReLU in place."),
    ),
    misconceptions=(
        Misconception(
            "holding costs nothing",
            _believed(held_plain=3.5),
            "The list holds the batch norm's output, which would have been freed otherwise. Without in-place that is a tensor of its own, one map more.",
        ),
        Misconception(
            "holding costs the same in place",
            _believed(held_inplace=4.5),
            "In place the list and autograd hold the same tensor: the ReLU has written over the batch norm's output. It costs nothing extra, but it is no longer what was put on the list.",
        ),
        Misconception(
            "in place saves a map",
            _believed(inplace=2.5, held_inplace=2.5),
            "Which map would be gone? The batch norm's output is not kept without in-place either. The ReLU's output is, in both blocks; in place it merely lies where the batch norm's output was.",
        ),
        Misconception(
            "every layer's output is kept",
            _believed(plain=4.5),
            "Nobody keeps the output of the batch norm: its own backward pass needs its input, and the ReLU's needs the ReLU's output.",
        ),
        Misconception(
            "counted twice",
            _believed(plain=4.5, inplace=4.5, held_plain=5.5, held_inplace=4.5),
            "The ReLU and the pooling both keep the ReLU's output. That is one tensor in one place of the memory, so count it once: look at data_ptr().",
        ),
        Misconception(
            "the positions forgotten",
            _believed(plain=3.0, inplace=3.0, held_plain=4.0, held_inplace=3.0),
            "The max pooling also keeps the positions of its maxima: a quarter as many numbers as a map has, but of 8 bytes each. That is half a map.",
        ),
        Misconception(
            "positions of 4 bytes",
            _believed(plain=3.25, inplace=3.25, held_plain=4.25, held_inplace=3.25),
            "The positions are int64, 8 bytes each, twice as wide as the values. A quarter as many of them make half a map.",
        ),
        Misconception(
            "the input forgotten",
            _believed(plain=2.5, inplace=2.5, held_plain=3.5, held_inplace=2.5),
            "The convolution keeps its input x: the gradient of its filters is made from it.",
        ),
    ),
    hints=(
        "Let torch.autograd.graph.saved_tensors_hooks tell you. Its first function is called with every tensor that is kept; collect those with four axes that are no nn.Parameter.",
        "One tensor may be kept by two operations. A dict with data_ptr() as its key counts it once. The bytes of a tensor are .nbytes; divide by those of the convolution's output.",
        "A plain block keeps x, the convolution's output, the ReLU's output, and the positions of the pooling, which are half a map. For the last two answers add the batch norm's output where it is a tensor of its own.",
    ),
)
