"""Runs what the learner wrote on cases and turns it into plain outcomes, which the judge needs nothing else than."""

from __future__ import annotations

import contextlib
import copy
import inspect
import io
import linecache
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from course_lib.checking.exercise import Case, Exercise
from course_lib.checking.guard import Hit, guarded, withheld
from course_lib.checking.limits import OutOfTime, time_limit
from course_lib.checking.plain import ELEMENTS, TEXT, is_dense, message_of, name_of, plain, text, unwrapped

Status = Literal["returned", "raised", "not attempted", "wrong state", "out of time", "banned", "not run"]

# What a call is given: by position and by keyword.
Arguments = tuple[list[Any], dict[str, Any]]

# The last so many of the learner's own lines are kept of a traceback.
LINES = 4


@dataclass(frozen=True)
class Line:
    """One line of the learner's own code in a traceback: where it stands, in which function, and its text."""

    number: int
    function: str
    text: str


@dataclass(frozen=True)
class Raised:
    """An error that the learner's code raised, with the learner's own lines of the traceback, outermost first."""

    type: str
    message: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Outcome:
    """What one case gave, as plain data.

    value: the output, detached; gradients: one for each floating-point tensor argument, by its position, and for each
    parameter of a module, by its name (None where it got none), empty where the case asks for none; buffers: what a
    module's hold afterwards, or the arguments that the exercise updates, by name (None where the call's graph hangs on
    it); changed: other arguments changed in place, by position or keyword; steady: False where a second call gave
    another result; state: the parameters and buffers to load and those that the module holds, where these differ;
    printed: what the call printed.
    """

    status: Status
    value: Any = None
    gradients: dict[int | str, Tensor | None] = field(default_factory=dict)
    buffers: dict[str, Any] = field(default_factory=dict)
    changed: tuple[int | str, ...] = ()
    steady: bool = True
    raised: Raised | None = None
    state: tuple[str, str] | None = None
    hits: tuple[Hit, ...] = ()
    printed: str = ""


def attempt(exercise: Exercise, work: Callable, cases: Sequence[Case], *, trusted: bool = False) -> list[Outcome]:
    """One outcome for each case. After a case that ran out of time the others are not run, so that the wait is short.

    trusted: for an oracle or a misconception; it is run without guard and limit.
    """
    if trusted:
        return [run(exercise, work, case, trusted=True) for case in cases]
    outcomes = list(outcomes_of(exercise, work, cases))
    return outcomes + [Outcome("not run")] * (len(cases) - len(outcomes))


def outcomes_of(exercise: Exercise, work: Callable, cases: Sequence[Case]) -> Iterator[Outcome]:
    """One outcome after the other, up to the first case that ran out of time. The first case is called twice.

    An answer is the same call in every case, so that is all: the other cases have the first one's outcome.
    """
    order = _order(exercise)  # now: while it is withheld, the oracle hides its signature
    with withheld(exercise.banned):
        for position, case in enumerate(cases):
            if position == 0 or exercise.kind != "answer":
                outcome = _run(exercise, work, case, order, twice=position == 0)
            else:
                outcome = replace(outcome)  # one of its own: outcomes are told by their identity
            yield outcome
            if outcome.status == "out of time":
                return


def run(exercise: Exercise, work: Callable, case: Case, *, trusted: bool = False, twice: bool = False) -> Outcome:
    """Runs one case. twice: call a second time and note whether the result is the same."""
    return _run(exercise, work, case, _order(exercise), trusted, twice)


def _run(
    exercise: Exercise, work: Callable, case: Case, order: Sequence[str], trusted: bool = False, twice: bool = False
) -> Outcome:
    printed = _Printed()
    updated = _updated(exercise, case, order)
    first = _copies(case, gradient=_differentiable(case, updated) if case.gradient else ())
    second = _copies(case) if twice else None
    limited = contextlib.nullcontext if trusted else partial(time_limit, exercise.seconds)
    found: dict[str, Any] = {}
    over = False
    with (
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
        warnings.catch_warnings(),
        torch.enable_grad(),
    ):
        warnings.simplefilter("ignore")
        try:
            with limited():
                with guarded(() if trusted else exercise.banned) as guard:
                    called = _called(exercise, work, case, first, second, updated)
                # Behind the guard, and within the limit: what came back can be nested without end.
                found = _looked_at(case, first, updated, called, trusted)
        except KeyboardInterrupt:
            raise
        except OutOfTime:
            over = True
        except _WrongState as error:
            found = {"status": "wrong state", "state": error.args}
        except BaseException as error:  # whatever it is, it came from the learner's code, SystemExit too
            untouched = isinstance(error, NotImplementedError) and not error.args
            found = {"status": "not attempted" if untouched else "raised", "raised": _raised(error)}
    if over:
        found = {"status": "out of time"}
    elif guard.hits:
        found = {"status": "banned", "hits": tuple(guard.hits), "raised": found.get("raised")}
    return Outcome(**found, printed=text(printed.getvalue()))


@dataclass(frozen=True)
class _Called:
    """What a call left behind, as the learner's code made it; steady is known where it was called twice.

    value: behind a function, so that it can be plain already.
    """

    value: Callable[[], Any]
    module: nn.Module | None
    gradients: dict[int | str, Tensor | None]
    steady: bool = True


def _called(
    exercise: Exercise,
    work: Callable,
    case: Case,
    first: Arguments,
    second: Arguments | None,
    updated: Mapping[str, int | str],
) -> _Called:
    """Calls the work on copies of a case's arguments, a second time where there are copies for it."""
    value, module = _call(exercise, work, case, *first)
    gradients = _gradients(value, first[0], module, case, updated) if case.gradient else {}
    if not second or _changed(case, first, updated):
        return _Called(partial(plain, value), module, gradients)
    kept = plain(value)  # now: the second call may write into what the first one returned
    steady = _same(kept, plain(_call(exercise, work, case, *second)[0]))
    return _Called(lambda: kept, module, gradients, steady)


def _looked_at(
    case: Case, given: Arguments, updated: Mapping[str, int | str], called: _Called, trusted: bool
) -> dict[str, Any]:
    """Everything that a call left behind, as plain data. trusted: its arguments need no look."""
    beside = dict(_beside(given, case))
    buffers = {name: beside[place][0] for name, place in updated.items() if place in beside}
    buffers |= dict(nn.Module.named_buffers(called.module)) if called.module is not None else {}
    return {
        "status": "returned",
        "value": called.value(),
        "gradients": {name: None if each is None else plain(each) for name, each in called.gradients.items()},
        "buffers": {name: None if _is_attached(b) else plain(b) for name, b in buffers.items()},
        "changed": () if trusted else _changed(case, given, updated),
        "steady": called.steady,
    }


def _changed(case: Case, given: Arguments, updated: Mapping[str, int | str]) -> tuple[int | str, ...]:
    """The arguments, by position or keyword, that are not to be updated and are not what they were."""
    places = set(updated.values())
    return tuple(
        name for name, (now, before) in _beside(given, case) if name not in places and not _is_unchanged(now, before)
    )


class _Printed(io.StringIO):
    """Keeps the beginning of what is printed and forgets the rest, so that endless printing fills no memory."""

    def write(self, words: str) -> int:
        super().write(words[: max(0, 2 * TEXT - self.tell())])
        return len(words)

    def close(self) -> None:
        """A learner who closes sys.stdout closes nothing of ours."""


class _WrongState(Exception):
    """The module's parameters and buffers are not those that the case loads."""


def _copies(case: Case, gradient: Sequence[int] = ()) -> Arguments:
    """Copies of a case's arguments: same values and strides, in memory of their own; a gradient at these positions."""
    args = [_copy(value) for value in case.args]
    for position in gradient:
        args[position].requires_grad_()
    return args, {name: _copy(value) for name, value in case.kwargs.items()}


def _copy(value: Any) -> Any:
    if type(value) is Tensor and not value.requires_grad and not value.storage_offset():
        copied = value.clone()
        if copied.stride() == value.stride():
            return copied
    return value if value is None or type(value) in (bool, int, float, str) else copy.deepcopy(value)


def _differentiable(case: Case, updated: Mapping[str, int | str]) -> list[int]:
    """The positions of the arguments that get a gradient: floating-point tensors that are not to be updated."""
    floats = [n for n, a in enumerate(case.args) if isinstance(a, Tensor) and a.is_floating_point()]
    return [position for position in floats if position not in updated.values()]


def _order(exercise: Exercise) -> Sequence[str]:
    """The names of the parameters, where the exercise updates some of them."""
    return tuple(exercise.signature.parameters) if exercise.updates else ()


def _updated(exercise: Exercise, case: Case, order: Sequence[str]) -> dict[str, int | str]:
    """Where this case gives the arguments that the exercise updates, by position or keyword."""
    places = {name: order.index(name) for name in exercise.updates}
    return {name: place if place < len(case.args) else name for name, place in places.items()}


def _is_attached(value: Any) -> bool:
    return is_dense(value) and unwrapped(value).grad_fn is not None


def _beside(given: Arguments, case: Case) -> Iterator[tuple[int | str, tuple[Any, Any]]]:
    """Each argument after the call and as the case has it, by position or keyword."""
    args, kwargs = given
    yield from enumerate(zip(args, case.args, strict=True))
    for name, value in kwargs.items():
        yield name, (value, case.kwargs[name])


def _call(
    exercise: Exercise, work: Callable, case: Case, args: Sequence[Any], kwargs: dict[str, Any]
) -> tuple[Any, nn.Module | None]:
    if exercise.kind != "module":
        return work(*args, **kwargs), None
    module = work(**copy.deepcopy(dict(case.build)))
    if case.state:
        wanted, mine = _shapes(case.state), _shapes(module.state_dict())
        if wanted != mine:
            raise _WrongState(*(", ".join(f"{name} {shape}" for name, shape in s.items()) for s in (wanted, mine)))
        module.load_state_dict({name: value.clone() for name, value in case.state.items()})
    module.train(case.training)
    return module(*args, **kwargs), module


def _shapes(state: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    return {text(str(name), 60): tuple(getattr(value, "shape", ())) for name, value in sorted(state.items())}


def _gradients(
    value: Any, args: Sequence[Any], module: nn.Module | None, case: Case, updated: Mapping[str, int | str]
) -> dict[int | str, Tensor | None]:
    """The gradients of ⟨output, weights⟩ for fixed weights that all differ, so that every output element matters."""
    if issubclass(type(value), tuple | list) and len(value):
        value = next(iter(value))
    first = unwrapped(value)
    leaves: dict[int | str, Tensor] = {position: args[position] for position in _differentiable(case, updated)}
    if module is not None and case.state:
        leaves |= dict(nn.Module.named_parameters(module))
    reached = [leaf for leaf in leaves.values() if leaf.requires_grad]
    if not (is_dense(first) and first.is_floating_point() and first.requires_grad and reached):
        return dict.fromkeys(leaves)
    if first.device.type == "meta" or first.numel() > ELEMENTS:
        return dict.fromkeys(leaves)
    weights = torch.arange(1, first.numel() + 1, dtype=first.dtype, device=first.device).reshape(first.shape)
    # A scalar needs no grad_outputs, for which torch would import sympy: 0.3 s at the first check.
    given = iter(torch.autograd.grad((first * weights).sum(), reached, allow_unused=True))
    return {name: next(given) if leaf.requires_grad else None for name, leaf in leaves.items()}


def _is_unchanged(now: Any, before: Any) -> bool:
    if is_dense(now) and is_dense(before):
        return _same(unwrapped(now), before)  # without the copies that plain makes
    return _same(plain(now), plain(before))


def _same(one: Any, other: Any) -> bool:
    """Whether two plain values are alike, NaN like NaN."""
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        if (one.shape, one.dtype, one.device) != (other.shape, other.dtype, other.device):
            return False
        if one.device.type == "meta" or torch.equal(one, other):
            return True
        return bool(((one == other) | ((one != one) & (other != other))).all())
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return type(one) is type(other) and (one == other or one != one)


def _raised(error: BaseException) -> Raised:
    return Raised(name_of(type(error)), message_of(error), tuple(own_lines(error)[-LINES:]))


def own_lines(error: BaseException) -> list[Line]:
    """The learner's own lines of an error's traceback: neither ours nor a library's."""
    lines = []
    for frame in traceback.extract_tb(error.__traceback__):
        if not _is_library(frame.filename):
            source = frame.line or linecache.getline(frame.filename, frame.lineno or 0).strip()
            lines.append(Line(frame.lineno or 0, frame.name, text(source, 200)))
    return lines


_LIBRARIES = tuple(
    {str(Path(inspect.getfile(module)).parent) for module in (inspect, torch)}
    | {str(Path(__file__).parent.parent), str(Path(sys.prefix) / "lib")}
)


def _is_library(filename: str) -> bool:
    return filename.startswith(("<frozen", "<__array_function__", *_LIBRARIES))
