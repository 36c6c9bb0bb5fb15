"""From outcomes to a verdict: points by facet, laws, parts, and the misconception behind a wrong output."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.checking.examine import examine
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.checking.judge import Problem, Verdict, refuse
from course_lib.exercises import find


def won(verdict: Verdict) -> dict[str, float]:
    return {facet.facet.name: facet.points for facet in verdict.facets}


def findings(verdict: Verdict) -> dict[str, tuple[str, str]]:
    """For each facet that lost its points: the reason, and the kind of difference or the status behind it."""
    return {
        f.facet.name: (
            f.finding.reason,
            f.finding.difference.kind if f.finding.difference else f.finding.outcome.status,
        )
        for f in verdict.facets
        if f.finding
    }


def test_right_work_gets_every_point(scaled) -> None:
    verdict = examine(scaled, lambda x, times=2: x * times, "seed")
    assert (verdict.points, verdict.face, verdict.misconception, verdict.seed) == (5, "right", None, "seed")
    assert verdict.cases == 1 + 1 + 3 + 1 + 2


def test_a_facet_is_lost_alone(scaled) -> None:
    verdict = examine(scaled, lambda x, times=2: x.detach() * times)
    assert won(verdict) == {"values": 2, "factor": 1, "gradient": 0, "sum": 1}
    assert findings(verdict) == {"gradient": ("difference", "no gradient")}
    assert verdict.face == "wrong"


def test_a_wrong_gradient_is_found_where_the_output_is_right(scaled) -> None:
    class Fake(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, times):
            return x * times

        @staticmethod
        def backward(ctx, grad):
            return grad, None

    verdict = examine(scaled, lambda x, times=2: Fake.apply(x, times))
    assert findings(verdict) == {"gradient": ("difference", "gradient")}


def test_a_hidden_case_finds_what_the_public_ones_do_not(scaled) -> None:
    def work(x, times=2):
        return x * (times if times < 4 else 3)

    assert examine(scaled, work).points == 5
    verdict = examine(scaled, work, "a")
    assert won(verdict) == {"values": 2, "factor": 0, "gradient": 1, "sum": 1}
    assert verdict.facets[1].finding.hidden


def test_a_law_judges_the_outputs_together(scaled) -> None:
    """Added noise is wrong everywhere, but where a law stands in the place of the oracle only the law counts."""
    verdict = examine(scaled, lambda x, times=2: times * x + torch.tensor([1.0, 0.0, -1.0]))
    assert won(verdict) == {"values": 0, "factor": 0, "gradient": 0, "sum": 1}
    verdict = examine(scaled, lambda x, times=2: times * x + 1)
    assert findings(verdict)["sum"] == ("law", "returned")


@pytest.mark.parametrize("wrong", [lambda x: x[:2], lambda x: x.double(), lambda x: None, lambda x: 0 * x / 0])
def test_a_law_still_asks_for_shape_dtype_and_numbers(scaled, wrong) -> None:
    verdict = examine(scaled, lambda x, times=2: wrong(x))
    assert findings(verdict)["sum"][0] == "difference"


def test_a_law_does_not_hold_for_what_it_cannot_compute_with() -> None:
    """Behind a wrong first number, what follows it can be anything."""
    verdict = examine(find("adaptive_bins"), lambda size, output_size: [(-1, "all of it")] * output_size)
    assert verdict.points == 0


def test_changed_and_unsteady_come_with_right_values_and_lose_their_facet(scaled) -> None:
    calls = []

    def changes(x, times=2):
        return x.mul_(times) if times == 3 else x * times

    def counts(x, times=2):
        calls.append(1)
        return x * times + (len(calls) > 1) * (len(calls) < 3)

    assert findings(examine(scaled, changes)) == {"factor": ("changed", "returned")}
    assert findings(examine(scaled, counts)) == {"values": ("unsteady", "returned")}


def test_the_starter_is_not_attempted_and_half_a_starter_is_wrong(scaled) -> None:
    def starter(x, times=2):
        raise NotImplementedError

    def half(x, times=2):
        if times == 3:
            raise NotImplementedError
        return x * times

    assert (examine(scaled, starter).face, examine(scaled, starter).points) == ("not attempted", 0)
    assert (examine(scaled, half).face, examine(scaled, half).points) == ("wrong", 4)


def test_an_error_in_one_facet_leaves_the_others(scaled) -> None:
    def work(x, times=2):
        return x * {2: 2}[times]

    verdict = examine(scaled, work)
    assert (verdict.face, won(verdict)) == ("raised", {"values": 2, "factor": 0, "gradient": 1, "sum": 1})


def test_out_of_time_stops_everything_after_it(scaled) -> None:
    def work(x, times=2):
        while times == 3:
            pass
        return x * times

    verdict = examine(replace(scaled, seconds=0.1), work)
    assert won(verdict) == {"values": 2, "factor": 0, "gradient": 0, "sum": 0}
    assert findings(verdict)["gradient"] == ("status", "not run")


# The misconception.


def test_a_misconception_is_named_where_the_output_is_exactly_its_own(scaled) -> None:
    assert examine(scaled, lambda x, times=2: 2 * x).misconception.name == "always twice"
    assert examine(scaled, lambda x, times=2: x**times).misconception.name == "a power"
    assert examine(scaled, lambda x, times=2: 7 * x).misconception is None


def with_cases(exercise: Exercise, *sizes: int) -> Exercise:
    """The exercise with one facet: 1, 2, … up to each size, times 3."""
    cases = tuple(Case((torch.arange(1.0, size + 1),), {"times": 3}) for size in sizes)
    return replace(exercise, facets=(Facet("factor", 1, "Any factor.", cases),))


def test_the_misconception_that_explains_most_is_named(scaled) -> None:
    """On x = 0 both are right, and on the first wrong element both may agree; what counts is the number of cases."""

    def work(x, times=2):
        return 2 * x if len(x) == 3 else x**times

    assert examine(with_cases(scaled, 3, 3, 2), work).misconception.name == "always twice"
    assert examine(with_cases(scaled, 2, 2, 3), work).misconception.name == "a power"


def test_a_misconception_that_agrees_by_chance_is_not_named(scaled) -> None:
    def work(x, times=2):
        return 2 * x if len(x) == 3 else x - 1

    assert examine(with_cases(scaled, 3, 2, 4), work).misconception is None
    assert examine(with_cases(scaled, 2, 3, 3), work).misconception is None


def test_where_the_values_are_right_no_misconception_is_named(scaled) -> None:
    """An argument changed in place: every misconception that is right on this case would agree with it."""
    assert examine(scaled, lambda x, times=2: x.mul_(times)).misconception is None


def test_of_two_that_explain_as_much_the_one_that_is_right_where_the_learner_is_counts(scaled) -> None:
    """Both give 4 · x for times = 3; but only one of them leaves times = 2 alone, as the learner does."""
    one_more = Misconception("one more", lambda x, times=2: x * (times + 1), "You multiply once too often.")
    up_to_three = Misconception("one more than two", lambda x, times=2: x * (times + (times > 2)), "Three is three.")
    exercise = replace(scaled, misconceptions=(one_more, up_to_three))
    assert examine(exercise, lambda x, times=2: x * (times + (times > 2))).misconception is up_to_three


def test_a_misconception_in_the_gradient_alone_is_told_from_one_in_the_values(scaled) -> None:
    cut = Misconception("cut off", lambda x, times=2: (x * times).detach(), "You cut the graph.")
    exercise = replace(scaled, misconceptions=(*scaled.misconceptions, cut))
    assert examine(exercise, lambda x, times=2: x.detach() * times).misconception is cut


# Tuples and answers, judged by part.


def _pair(x):
    return x, 2 * x


PAIR = Exercise(
    name="pair",
    title="A pair",
    lesson="tests",
    oracle=_pair,
    difficulty=1,
    minutes=1,
    hints=(),
    facets=(
        Facet("first", 1, "x itself.", (Case((torch.ones(2),)),), part=0),
        Facet("second", 2, "Twice x.", (Case((torch.ones(2),)),), part=1),
    ),
)


@pytest.mark.parametrize(
    ("work", "points"),
    [
        (lambda x: (x, 2 * x), 3),
        (lambda x: [x, 2 * x], 3),
        (lambda x: (x, x), 1),
        (lambda x: (None, 2 * x), 2),
        (lambda x: x, 0),
        (lambda x: (x,), 0),
        (lambda x: None, 0),
    ],
)
def test_the_parts_of_a_tuple_are_judged_one_by_one(work, points: int) -> None:
    assert examine(PAIR, work).points == points


@pytest.mark.parametrize(
    ("answer", "points", "misconception"),
    [
        ({"legs": 8, "eyes": [1, 2], "insect": False}, 2, None),
        ({"legs": 8, "eyes": (1.0, 2.0), "insect": False, "more": 1}, 2, None),
        ({"legs": 6, "eyes": [1.0, 2.0], "insect": False}, 1, "an insect"),
        ({"legs": 7, "eyes": [2.0, 2.0], "insect": False}, 0.5, None),
        ({"legs": 8, "eyes": [2.0, 2.0], "insect": True}, 1, "an insect"),
        ({"legs": 7, "eyes": [3.0, 2.0], "insect": False}, 0.5, None),
        ({"legs": 8.0, "eyes": [1.0], "insect": 0}, 0, None),
        ({"legs": None}, 0, None),
        ({}, 0, None),
        ([8, [1.0, 2.0], False], 0, None),
        (None, 0, None),
    ],
)
def test_the_entries_of_an_answer_are_judged_one_by_one(facts, answer, points: float, misconception) -> None:
    verdict = examine(facts, lambda: answer)
    assert verdict.points == points
    assert (verdict.misconception.name if verdict.misconception else None) == misconception


# Modules.


class Right(nn.Module):
    def __init__(self, size, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(size))
        self.bias = nn.Parameter(torch.randn(size))
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))

    def forward(self, x):
        self.calls += self.training
        return x * self.weight + self.bias


class ForgetsToCount(Right):
    def forward(self, x):
        return x * self.weight + self.bias


class ShiftsFirst(Right):
    def forward(self, x):
        self.calls += self.training
        return (x + self.bias) * self.weight


class Frozen(Right):
    def forward(self, x):
        self.calls += self.training
        return x * self.weight + self.bias.detach()


class Doubling(Right):
    """The gradient of the weight is twice what it should be."""

    def forward(self, x):
        self.calls += self.training
        return x * (2 * self.weight - self.weight.detach()) + self.bias


class Misnamed(nn.Module):
    def __init__(self, size, bias=True):
        super().__init__()
        self.w = nn.Parameter(torch.randn(size))

    def forward(self, x):
        return x * self.w


def test_a_module_is_judged_by_output_gradient_and_buffers(scale_and_shift) -> None:
    assert examine(scale_and_shift, Right).points == 2
    assert won(examine(scale_and_shift, ForgetsToCount)) == {"values": 1, "training": 0}
    assert examine(scale_and_shift, ShiftsFirst).misconception.name == "shifted first"
    assert findings(examine(scale_and_shift, Misnamed))["values"] == ("status", "wrong state")
    assert findings(examine(scale_and_shift, ForgetsToCount)) == {"training": ("difference", "buffer")}


def test_a_module_is_judged_by_the_gradients_of_its_parameters(scale_and_shift) -> None:
    assert findings(examine(scale_and_shift, Frozen)) == {"values": ("difference", "no gradient")}
    assert findings(examine(scale_and_shift, Doubling)) == {"values": ("difference", "gradient")}
    found = examine(scale_and_shift, Doubling).facets[0].finding.difference
    assert (found.part, found.target.tolist(), found.yours.tolist()) == ("weight", [1, 22], [2, 44])


# Calls that are to update an argument, or to end in an error.


def _averaged(x, mean):
    if x.numel() == 1:
        raise ValueError("one value has no variance")
    mean.copy_((mean + x.detach().mean()) / 2)
    return x - x.mean()


def _rebound(x, mean):
    mean = (mean + x.mean()) / 2
    return x - x.mean()


def _attached(x, mean):
    mean.add_(x.mean()).div_(2)
    return x - x.mean()


AVERAGED = Exercise(
    name="averaged",
    title="A running mean",
    lesson="tests",
    oracle=_averaged,
    updates=("mean",),
    difficulty=1,
    minutes=1,
    hints=(),
    facets=(
        Facet("mean", 1, "The mean moves half of the way.", (Case((torch.tensor([1.0, 3.0]), torch.zeros(1))),)),
        Facet("gradient", 1, "The graph ends.", (Case((torch.tensor([1.0, 3.0]), torch.zeros(1)), gradient=True),)),
        Facet("one value", 1, "It raises.", (Case((torch.ones(1), torch.zeros(1)), raises="ValueError"),)),
    ),
    misconceptions=(Misconception("an average of one", _attached, "One value has no variance: raise a ValueError."),),
)


@pytest.mark.parametrize(
    ("work", "found"),
    [
        (_averaged, {}),
        (
            _rebound,
            {
                "mean": ("difference", "buffer"),
                "gradient": ("difference", "buffer"),
                "one value": ("not raised", "returned"),
            },
        ),
        (_attached, {"gradient": ("difference", "attached"), "one value": ("not raised", "returned")}),
    ],
)
def test_an_update_in_place_and_an_error_are_asked_for_as_values_are(work, found) -> None:
    assert findings(examine(AVERAGED, work)) == found


def test_another_error_than_the_one_that_is_asked_for_is_an_error() -> None:
    def work(x, mean):
        if x.numel() == 1:
            raise KeyError("x")
        return _averaged(x, mean)

    assert findings(examine(AVERAGED, work)) == {"one value": ("status", "raised")}


def test_the_misconception_behind_an_error_that_did_not_come_is_named() -> None:
    exercise = replace(AVERAGED, facets=AVERAGED.facets[2:])
    assert examine(exercise, _attached).misconception.name == "an average of one"


def test_a_buffer_of_another_kind_is_named() -> None:
    def work(x, mean):
        _averaged(x, mean)
        mean.data = mean.double()
        return x - x.mean()

    assert findings(examine(AVERAGED, work))["mean"] == ("difference", "no buffer")


# What is not the learner's.


def test_a_banned_operator_in_the_source_costs_everything(scaled) -> None:
    def work(x, times=2):
        if times == 1000:
            return F.max_pool1d(x, 1)
        return x * times

    verdict = examine(replace(scaled, banned=("pooling",)), work)
    assert (verdict.face, verdict.points) == ("refused", 0)
    assert [hit.operator for hit in verdict.hits] == ["max_pool1d"]


def test_a_banned_operator_that_runs_costs_the_facets_that_reach_it(scaled) -> None:
    def work(x, times=2):
        return x * times if times == 2 else getattr(F, "max_" + "pool1d")(x[None], 1)[0] * times

    verdict = examine(replace(scaled, banned=("pooling",)), work)
    assert won(verdict) == {"values": 2, "factor": 0, "gradient": 1, "sum": 1}
    assert findings(verdict) == {"factor": ("status", "banned")}
    assert verdict.face == "refused"


def test_work_that_can_not_run_gets_no_points(scaled) -> None:
    verdict = refuse(scaled, Problem("NOT_A_FUNCTION", {"given": "a list"}))
    assert (verdict.points, verdict.face) == (0, "refused")


def test_an_oracle_that_stops_is_our_own_fault_and_says_so(scaled) -> None:
    def oracle(x, times=2):
        raise ValueError("ours")

    with pytest.raises(RuntimeError, match="the oracle of scaled must return on every case"):
        examine(replace(scaled, oracle=oracle), lambda x, times=2: x)
