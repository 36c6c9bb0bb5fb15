"""What ties do: who gets the gradient, and why a numeric check has no right answer there."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from course_lib.checking.exercise import Case, Exercise, Facet, Misconception

# The window of the exercise; its first value is not the largest, the other three are equal.
WINDOW = (1.0, 4.0, 4.0, 4.0)


def _tie_routing():
    """Measured: two gradients by autograd, and central differences."""
    window = torch.tensor(WINDOW, dtype=torch.float64).reshape(1, 1, 2, 2).requires_grad_()
    pooled, reduced = F.max_pool2d(window, 2).sum(), window.amax()
    eps, at = 1e-3, window.detach().flatten()
    nudges = eps * torch.eye(4, dtype=torch.float64)
    return {
        "max_pool2d": torch.autograd.grad(pooled, window)[0].flatten().tolist(),
        "amax": torch.autograd.grad(reduced, window)[0].flatten().tolist(),
        "numeric": [round(float(((at + n).max() - (at - n).max()) / (2 * eps)), 6) for n in nudges],
        "gradcheck": "C",
    }


def _believed(**answers):
    return lambda: answers


TIE_ROUTING = Exercise(
    name="tie_routing",
    title="What ties do, and why gradcheck fails there",
    lesson="02_backward_and_shift",
    oracle=_tie_routing,
    kind="answer",
    difficulty=2,
    minutes=8,
    facets=(
        Facet(
            "max_pool2d", 0.5, "The gradient of max_pool2d for each value of the window.", (Case(),), part="max_pool2d"
        ),
        Facet("amax", 0.5, "The gradient of amax for each value of the window.", (Case(),), part="amax"),
        Facet("numeric", 0.5, "What central differences measure for each value.", (Case(),), part="numeric"),
        Facet("gradcheck", 0.5, "Why gradcheck fails at a tie.", (Case(),), part="gradcheck"),
    ),
    misconceptions=(
        Misconception(
            "max_pool2d shares",
            _believed(max_pool2d=[0.0, 1 / 3, 1 / 3, 1 / 3]),
            "Max pooling keeps the position of one winner for its backward pass, and a single one: the first in reading order.",
        ),
        Misconception(
            "max_pool2d takes the last",
            _believed(max_pool2d=[0.0, 0.0, 0.0, 1.0]),
            "Max pooling goes through the window in reading order and changes its mind only for a larger value, not for an equal one. So the first wins.",
        ),
        Misconception(
            "the first position of the window",
            _believed(max_pool2d=[1.0, 0.0, 0.0, 0.0]),
            "The first of the largest values is meant, not the first of all. The window begins with 1, which is smaller than 4.",
        ),
        Misconception(
            "amax takes the first",
            _believed(amax=[0.0, 1.0, 0.0, 0.0]),
            "amax asks which value is largest, and not where it stands. It has no position to prefer, so it shares the gradient equally among all that are tied.",
        ),
        Misconception(
            "everybody gets everything",
            _believed(
                max_pool2d=[0.0, 1.0, 1.0, 1.0],
                amax=[0.0, 1.0, 1.0, 1.0],
                numeric=[0.0, 1.0, 1.0, 1.0],
            ),
            "Three times 1 would say that the output rises three times as fast as all values together. Upwards each of the three has slope 1, but downwards slope 0: look at both sides.",
        ),
        Misconception(
            "the measurement finds what autograd says",
            _believed(numeric=[0.0, 1 / 3, 1 / 3, 1 / 3]),
            "A measurement does not know how many values are tied. Raise one 4 by ε: the maximum rises by ε. Lower it by ε: the two others hold the maximum where it was. The change over 2 ε is one half.",
        ),
        Misconception(
            "the downward side only",
            _believed(numeric=[0.0, 0.0, 0.0, 0.0]),
            "Lowering one 4 changes nothing, because the others hold the maximum up. But raising it does, and a central difference looks at both sides.",
        ),
        Misconception(
            "a bug",
            _believed(gradcheck="A"),
            "Each of the backward passes is a sound choice. There is just no derivative at a tie that one could be measured against.",
        ),
        Misconception(
            "rounding",
            _believed(gradcheck="B"),
            "gradcheck runs in float64, and the difference between 1 and 0.5 is far too large for rounding.",
        ),
        Misconception(
            "too large a step",
            _believed(gradcheck="D"),
            "However small ε is, at a tie the slope upwards stays 1 and the slope downwards stays 0. A kink does not go away when you come nearer.",
        ),
    ),
    hints=(
        "The largest value is 4, three times. Ask of each function whether it looks for a position or only for a value.",
        "For the measurement take one 4, say the second value. Write down the maximum of the window for 4 + ε and for 4 − ε, and divide the change by 2 ε.",
        "A function that stores an index sends 1 to a single position. One that stores no index shares: three equal parts. The measurement finds the mean of the slope upwards (1) and downwards (0).",
    ),
)
