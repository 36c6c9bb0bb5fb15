"""Down and up, or up and down: which of the two orders gives back what it was given."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from course_lib.checking.exercise import Case, Exercise, Facet, Misconception

# Laws are tried on these maps; the first is the smallest on which each of them can be told.
MAPS = (torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), torch.arange(16.0).reshape(1, 1, 4, 4) * 7 % 17)

SIXTEEN = torch.arange(1.0, 17.0).reshape(1, 1, 4, 4)


def _max_down(x):
    return F.max_pool2d(x, 2, return_indices=True)


def _enlarged(y):
    return y.repeat_interleave(2, 2).repeat_interleave(2, 3)


def _max_up(y, indices):
    return torch.ops.aten.max_unpool2d(y, indices, [2 * n for n in y.shape[2:]])


def _verdict(up_then_down: bool, down_then_up: bool) -> str:
    return {(True, True): "C", (True, False): "A", (False, True): "B", (False, False): "D"}[up_then_down, down_then_up]


def _which_identity():
    """Measured on maps that are not negative."""

    def unpooled(y):
        _, indices = _max_down(_enlarged(y))
        return _max_up(y, indices)

    pairs = {
        "max": (lambda x: _max_down(x)[0], unpooled, lambda x: _max_up(*_max_down(x))),
        "copy": (lambda x: F.avg_pool2d(x, 2), _enlarged, lambda x: _enlarged(F.avg_pool2d(x, 2))),
        "adjoint": (
            lambda x: F.avg_pool2d(x, 2),
            lambda y: _enlarged(y) / 4,
            lambda x: _enlarged(F.avg_pool2d(x, 2)) / 4,
        ),
    }
    answer = {
        name: _verdict(all(torch.allclose(down(up(y)), y) for y in MAPS), all(torch.allclose(both(x), x) for x in MAPS))
        for name, (down, up, both) in pairs.items()
    }
    lowest = torch.tensor([[[[-3.0]]]])
    left = _max_up(*_max_down(SIXTEEN))
    return answer | {"below zero": float(_max_down(unpooled(lowest))[0]), "left": left[left != 0].tolist()}


def _believed(**answers):
    return lambda: {name.replace("_", " "): value for name, value in answers.items()}


WHICH_IDENTITY = Exercise(
    name="which_identity",
    title="Which order is the identity",
    lesson="07_unpooling",
    oracle=_which_identity,
    kind="answer",
    difficulty=2,
    minutes=6,
    facets=(
        Facet("max", 0.25, "The order that is the identity for max pooling and max unpooling.", (Case(),), part="max"),
        Facet("copy", 0.25, "The same for average pooling and unpooling by copies.", (Case(),), part="copy"),
        Facet("adjoint", 0.25, "The same for average pooling and its adjoint.", (Case(),), part="adjoint"),
        Facet("below zero", 0.125, "What a number below zero becomes on its way.", (Case(),), part="below zero"),
        Facet("left", 0.125, "The numbers that are left of sixteen, down and up.", (Case(),), part="left"),
    ),
    misconceptions=(
        Misconception(
            "unpooling undoes pooling",
            _believed(max="B", copy="B", adjoint="B"),
            "unpool(pool(x)) cannot be x: of four numbers pooling has kept one, and no operator can know the other three. Nothing can undo a pooling; but a pooling can undo an unpooling.",
        ),
        Misconception(
            "both orders",
            _believed(max="C", copy="C", adjoint="C"),
            "If both orders were the identity, the small map would hold as much as the large one. Begin with four different numbers, go down and up, and look at what has become of them.",
        ),
        Misconception(
            "max unpooling loses something",
            _believed(max="D"),
            "Go up first: y stands in its window at its index, beside zeros. Then go down: the largest of y and three zeros is y again, as long as y is not negative.",
        ),
        Misconception(
            "a copy is too much",
            _believed(copy="D"),
            "Four copies of y sum up to 4 · y, but an average divides by 4 again.",
        ),
        Misconception(
            "the adjoint is an inverse",
            _believed(adjoint="A"),
            "Four positions get y / 4 each, and the average of four times y / 4 is y / 4. The adjoint keeps the sum, and the inverse keeps the mean; only where the window has a single position are they the same.",
        ),
        Misconception(
            "the number comes back although it is negative",
            _believed(below_zero=-3.0),
            "−3 stands in its window beside three zeros. Which is the largest of −3, 0, 0 and 0?",
        ),
        Misconception(
            "the sign is lost",
            _believed(below_zero=3.0),
            "A maximum compares numbers, not their sizes without a sign. The largest of −3, 0, 0 and 0 is meant.",
        ),
        Misconception(
            "the first of each window is left",
            _believed(left=[1.0, 3.0, 9.0, 11.0]),
            "These are the first numbers of the four windows. Max pooling keeps the largest ones.",
        ),
        Misconception(
            "the largest four are left",
            _believed(left=[13.0, 14.0, 15.0, 16.0]),
            "These are the four largest numbers of the whole map. Each window keeps the largest of its own four, whatever the others hold.",
        ),
    ),
    hints=(
        "Take the smallest case, one window, and do it by hand: a single number y = 5 goes up and down, and then [[1, 2], [3, 4]] goes down and up.",
        "Max: 5 → [[0, 5], [0, 0]] → 5. Copy: 5 → [[5, 5], [5, 5]] → 5. Adjoint: 5 → [[1.25, 1.25], [1.25, 1.25]] → ? Then the other order, and last −3 for max pooling.",
        "From one number no operator can make [[1, 2], [3, 4]] again, so down and up is never the identity. Up and down is one, if the pooled value of what was written is the number itself. For −3 the largest value of its window is 0. And with numbers counted row by row, the largest of a window is its last.",
    ),
)
