"""What a learner's code does on a case, as an outcome of plain data."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from dataclasses import replace

import pytest
import torch
from torch import nn

from course_lib.checking.driver import Line, attempt, run
from course_lib.checking.exercise import Case, Exercise
from course_lib.checking.plain import TEXT

X = torch.tensor([1.0, -2.0, 3.0])
CASE = Case((X,))


def outcome(exercise: Exercise, work, case: Case = CASE, **options):
    return run(exercise, work, case, **options)


def test_a_result_is_returned_detached(scaled) -> None:
    found = outcome(scaled, lambda x, times=2: x * times, Case((X,), {"times": 3}))
    assert found.status == "returned"
    assert found.value.tolist() == [3, -6, 9]
    assert (found.gradients, found.buffers, found.changed, found.steady, found.printed) == ({}, {}, (), True, "")


def test_an_error_comes_with_the_learners_own_lines_only(scaled) -> None:
    def inner(x):
        return x.reshape(7)

    def work(x, times=2):
        return inner(x)

    found = outcome(scaled, work)
    assert found.status == "raised"
    assert found.raised.type == "RuntimeError"
    assert found.raised.message == "shape '[7]' is invalid for input of size 3"
    first = work.__code__.co_firstlineno
    assert found.raised.lines == (
        Line(first + 1, "work", "return inner(x)"),
        Line(first - 2, "inner", "return x.reshape(7)"),
    )


def test_the_starter_is_not_attempted_but_torchs_own_refusal_is_an_error(scaled) -> None:
    def starter(x, times=2):
        raise NotImplementedError

    def refused(x, times=2):
        raise NotImplementedError('"max" not implemented for Half')

    assert outcome(scaled, starter).status == "not attempted"
    assert outcome(scaled, refused).status == "raised"


def test_an_endless_loop_is_out_of_time_and_what_follows_is_not_run(scaled) -> None:
    def work(x, times=2):
        if times == 3:
            while True:
                with contextlib.suppress(Exception):
                    x.sum()
        return x * times

    found = attempt(replace(scaled, seconds=0.1), work, [CASE, Case((X,), {"times": 3}), CASE])
    assert [one.status for one in found] == ["returned", "out of time", "not run"]


@pytest.mark.parametrize("name", ["BaseException", "Exception"])
def test_a_call_that_swallows_the_alarm_is_out_of_time_too(scaled, name: str) -> None:
    def work(x, times=2):
        try:
            while True:
                pass
        except BaseException:
            raise __builtins__[name]("swallowed") from None

    assert outcome(replace(scaled, seconds=0.1), work).status == "out of time"


def test_ctrl_c_passes_through(scaled) -> None:
    def work(x, times=2):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        outcome(scaled, work)


class OddlyNamed(Exception):
    def __str__(self):
        raise ValueError("no words")


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (SystemExit(3), "SystemExit", "3"),
        (BaseException("base"), "BaseException", "base"),
        (GeneratorExit(), "GeneratorExit", ""),
        (OddlyNamed(), "OddlyNamed", ""),
        (ValueError("\ud800" + "x" * 10**7), "ValueError", "?" + "x" * (TEXT - 1) + "…"),
    ],
    ids=["sys.exit", "BaseException", "GeneratorExit", "no words", "10 MB"],
)
def test_whatever_is_raised_is_an_outcome(scaled, error: BaseException, kind: str, message: str) -> None:
    def work(x, times=2):
        raise error

    found = outcome(scaled, work)
    assert (found.status, found.raised.type, found.raised.message) == ("raised", kind, message)


def test_a_recursion_without_an_end_is_an_error_with_a_short_traceback(scaled) -> None:
    def work(x, times=2):
        return work(x)

    found = outcome(scaled, work)
    assert found.raised.type == "RecursionError"
    assert 1 <= len(found.raised.lines) < 10


def test_what_is_printed_is_kept_and_leaks_nowhere(scaled, capfd) -> None:
    def work(x, times=2):
        print("here", times)
        print("there", file=sys.stderr)
        warnings.warn("mind the gap", stacklevel=1)
        sys.stdout.close()
        return x * times

    assert outcome(scaled, work).printed == "here 2\nthere\n"
    assert capfd.readouterr() == ("", "")


def test_thirty_megabytes_of_print_are_cut(scaled) -> None:
    def work(x, times=2):
        for _ in range(30):
            print("x" * 10**6)
        return x * times

    found = outcome(scaled, work)
    assert found.status == "returned"
    assert len(found.printed) <= TEXT + 1


def test_a_change_in_place_is_seen_and_the_case_is_untouched(scaled) -> None:
    def work(x, times=2):
        x *= times
        return x

    case = Case((X.clone(),))
    assert outcome(scaled, work, case).changed == (0,)
    assert case.args[0].tolist() == [1, -2, 3]


@pytest.mark.parametrize("change", ["x.t_()", "x.resize_(0)", "x.data.zero_()", "x.set_(x[:0])"])
def test_no_change_reaches_the_case(scaled, change: str) -> None:
    def work(x, times=2):
        exec(change)
        return 2

    case = Case((torch.arange(6.0).reshape(2, 3),))
    assert outcome(scaled, work, case).changed == (0,)
    assert case.args[0].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_change_before_an_error_does_not_reach_the_case_either(scaled) -> None:
    def work(x, times=2):
        x.zero_()
        raise ValueError

    outcome(scaled, work)
    assert X.tolist() == [1, -2, 3]


def test_an_argument_given_by_name_is_watched_too(scaled) -> None:
    def work(x, times=2):
        times.append(3)
        return x

    assert outcome(scaled, work, Case((X,), {"times": [2]})).changed == ("times",)


def test_chance_is_unsteady_and_so_is_memory(scaled) -> None:
    calls = []

    def counts(x, times=2):
        calls.append(1)
        return x * len(calls)

    def guesses(x, times=2):
        return torch.rand(3)

    def steady(x, times=2):
        return x / 0 - x / 0

    assert not outcome(scaled, counts, twice=True).steady
    assert not outcome(scaled, guesses, twice=True).steady
    assert outcome(scaled, steady, twice=True).steady


def test_gradients_are_those_of_a_weighted_sum(scaled) -> None:
    found = outcome(scaled, lambda x, times=2: x * times, Case((X,), gradient=True))
    assert {name: g.tolist() for name, g in found.gradients.items()} == {0: [2, 4, 6]}


@pytest.mark.parametrize(
    "cut",
    [
        lambda x: x.detach() * 2,
        lambda x: torch.tensor((2 * x).tolist()),
        lambda x: x * 0 + 1j * x.detach(),
        lambda x: (2 * x).to_sparse(),
        lambda x: (2 * x).to("meta"),
        lambda x: x.detach_() * 2,
        lambda x: [],
        lambda x: 3,
    ],
    ids=["detach", "tolist", "complex", "sparse", "meta", "detach in place", "nothing", "a number"],
)
def test_where_no_gradient_can_arrive_there_is_none(scaled, cut) -> None:
    found = outcome(scaled, lambda x, times=2: cut(x), Case((X,), gradient=True))
    assert (found.status, found.gradients) == ("returned", {0: None})


def test_gradients_flow_even_where_the_notebook_has_switched_them_off(scaled) -> None:
    with torch.no_grad():
        found = outcome(scaled, lambda x, times=2: x * times, Case((X,), gradient=True))
        assert not torch.is_grad_enabled()
    assert found.gradients[0] is not None


@pytest.mark.parametrize(
    "x",
    [
        torch.arange(6.0).reshape(2, 3).T,
        torch.arange(12.0)[1::3],
        torch.ones(2).expand(3, 2),
        torch.rand(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
    ],
    ids=["transposed", "every third", "expanded", "channels_last"],
)
def test_strides_are_kept(scaled, x) -> None:
    seen = []

    def work(x, times=2):
        seen.append((x.stride(), x.storage_offset()))
        return x

    outcome(scaled, work, Case((x,), gradient=True))
    assert seen == [(x.stride(), x.storage_offset())]


def test_a_banned_operator_is_refused_noted_and_free_for_the_oracle(scaled) -> None:
    strict = replace(scaled, banned=("pooling",))

    def work(x, times=2):
        try:
            return torch.max_pool1d(x[None], 1)[0]
        except Exception:
            return x

    found = outcome(strict, work)
    assert (found.status, found.hits[0].operator, found.value) == ("banned", "max_pool1d", None)
    assert outcome(strict, work, trusted=True).status == "returned"


# Arguments that the call is to change.


def _counted(x, total):
    total += x.sum()
    return x + total


def counted(exercise: Exercise) -> Exercise:
    """x and the total so far, to which its sum is added in place."""
    return replace(exercise, oracle=_counted, updates=("total",))


@pytest.mark.parametrize("case", [Case((X, torch.tensor(5.0))), Case((X,), {"total": torch.tensor(5.0)})])
def test_what_is_to_be_updated_is_kept_and_no_change_of_the_arguments(scaled, case: Case) -> None:
    found = outcome(counted(scaled), _counted, case, twice=True)
    assert found.buffers == {"total": 7}
    assert (found.changed, found.steady, found.value.tolist()) == ((), True, [8, 5, 10])
    assert outcome(scaled, _counted, case).changed in ((1,), ("total",))


def test_what_is_to_be_updated_gets_no_gradient_and_must_not_hang_on_the_graph(scaled) -> None:
    def detached(x, total):
        total += x.detach().sum()
        return x + total

    case = Case((X, torch.tensor(5.0)), gradient=True)
    found = outcome(counted(scaled), detached, case)
    assert (found.gradients.keys(), found.buffers) == ({0}, {"total": 7})
    assert outcome(counted(scaled), _counted, case).buffers == {"total": None}


# A module: built, loaded, set to its mode, called.


class ScaleAndShift(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(size))
        self.bias = nn.Parameter(torch.randn(size))
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))

    def forward(self, x):
        self.calls += self.training
        return self.weight * x + self.bias


class Misnamed(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(size, 1))


def test_a_module_is_given_its_state_and_its_mode(scale_and_shift) -> None:
    evaluated, trained = (facet.public[0] for facet in scale_and_shift.facets)
    found = outcome(scale_and_shift, ScaleAndShift, evaluated, twice=True)
    assert found.value.tolist() == [[3, 3], [1, 15]]
    assert found.buffers["calls"] == 4
    assert found.steady
    assert outcome(scale_and_shift, ScaleAndShift, trained).buffers["calls"] == 5


def test_the_gradients_of_parameters_come_by_their_names(scale_and_shift) -> None:
    """Weights 1 to 4 for x = [[1, 1], [0, 5]]: 1·1 + 3·0 and 2·1 + 4·5 for the weight, 1 + 3 and 2 + 4 for the bias."""
    case = scale_and_shift.facets[0].public[0]
    found = outcome(scale_and_shift, ScaleAndShift, case)
    assert {name: g.tolist() for name, g in found.gradients.items()} == {
        0: [[2, 6], [6, 12]],
        "weight": [1, 22],
        "bias": [4, 6],
    }
    without = outcome(scale_and_shift, ScaleAndShift, replace(case, state={}))
    assert without.gradients.keys() == {0}


def test_other_parameters_than_those_asked_for_are_named(scale_and_shift) -> None:
    found = outcome(scale_and_shift, Misnamed, scale_and_shift.facets[0].public[0])
    assert (found.status, found.state) == ("wrong state", ("bias (2,), calls (), weight (2,)", "scale (2, 1)"))


def test_a_module_without_super_init_is_an_error_of_the_learner(scale_and_shift) -> None:
    class Forgetful(nn.Module):
        def __init__(self, size):
            self.weight = nn.Parameter(torch.ones(size))

    found = outcome(scale_and_shift, Forgetful, scale_and_shift.facets[0].public[0])
    assert (found.status, found.raised.type) == ("raised", "AttributeError")
    assert [line.text for line in found.raised.lines] == ["self.weight = nn.Parameter(torch.ones(size))"]


def test_nothing_of_the_process_is_changed(scaled) -> None:
    before = (sys.stdout, sys.stderr, warnings.filters[:], os.getcwd(), torch.get_rng_state().tolist())
    outcome(scaled, lambda x, times=2: x)
    assert (sys.stdout, sys.stderr, warnings.filters[:], os.getcwd(), torch.get_rng_state().tolist()) == before
