"""Runs what the learner wrote on cases and turns it into plain outcomes, which the judge needs nothing else than."""

from __future__ import annotations

import contextlib
import inspect
import io
import linecache
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from course_lib.checking.exercise import Case, Exercise
from course_lib.checking.guard import BannedOperator, Hit, guarded
from course_lib.checking.limits import OutOfTime, time_limit

Status = Literal["returned", "raised", "not attempted", "out of time", "banned", "not run"]


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
    """What one case gave.

    value: the output, detached; gradients: one for each floating-point tensor argument (None where it got
    none), empty where the case asks for none; buffers: a module's afterwards; changed: arguments changed in place;
    steady: False where a second call gave another result; printed: what the call printed.
    """

    status: Status
    value: Any = None
    gradients: tuple[Tensor | None, ...] = ()
    buffers: dict[str, Tensor] | None = None
    changed: tuple[int, ...] = ()
    steady: bool = True
    raised: Raised | None = None
    hits: tuple[Hit, ...] = ()
    printed: str = ""


def attempt(exercise: Exercise, work: Callable, cases: Sequence[Case], *, trusted: bool = False) -> list[Outcome]:
    """One outcome for each case. After a case that ran out of time the others are not run, so that the wait is short.

    trusted: for an oracle or a misconception; it is run without guard and limit.
    """
    outcomes: list[Outcome] = []
    over = False
    for position, case in enumerate(cases):
        if over:
            outcomes.append(Outcome("not run"))
            continue
        outcome = run(exercise, work, case, trusted=trusted, twice=position == 0 and not trusted)
        over = outcome.status == "out of time"
        outcomes.append(outcome)
    return outcomes


def run(exercise: Exercise, work: Callable, case: Case, *, trusted: bool = False, twice: bool = False) -> Outcome:
    """Runs one case. twice: call a second time and note whether the result is the same."""
    args = tuple(_fresh(value, case.gradient) for value in case.args)
    kept = [value.detach().clone() if isinstance(value, Tensor) else None for value in case.args]
    printed = io.StringIO()
    families = () if trusted else exercise.banned
    limit = contextlib.nullcontext() if trusted else time_limit(exercise.seconds)
    hits: list[Hit] = []
    try:
        with (
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            with limit, guarded(families) as guard:
                hits = guard.hits
                value, module = _call(exercise, work, case, args)
                # A learner who changes an argument gets it back as it was before anything else is looked at.
                changed = _mend(args, kept)
                gradients = _gradients(value, args) if case.gradient else ()
                steady = not twice or changed or _same(value, _again(exercise, work, case))
    except OutOfTime:
        _mend(args, kept)
        return Outcome("out of time", printed=printed.getvalue())
    except KeyboardInterrupt:
        _mend(args, kept)
        raise
    except BannedOperator as error:
        return Outcome("banned", raised=_raised(error), hits=tuple(hits), printed=printed.getvalue())
    except (Exception, SystemExit) as error:
        _mend(args, kept)
        raised = _raised(error)
        status: Status = "raised"
        if hits:
            status = "banned"
        elif isinstance(error, NotImplementedError) and not str(error):
            status = "not attempted"
        return Outcome(status, raised=raised, hits=tuple(hits), printed=printed.getvalue())
    if hits:
        return Outcome("banned", hits=tuple(hits), printed=printed.getvalue())
    buffers = {name: b.detach().clone() for name, b in module.named_buffers()} if module is not None else None
    return Outcome(
        "returned",
        _plain(value),
        gradients,
        buffers,
        tuple(changed),
        bool(steady),
        printed=printed.getvalue(),
    )


def _fresh(value: Any, gradient: bool) -> Any:
    """An alias of a tensor argument: same memory and strides, but a leaf of its own graph."""
    if not isinstance(value, Tensor):
        return value
    alias = value.detach()
    return alias.requires_grad_() if gradient and alias.is_floating_point() else alias


def _call(exercise: Exercise, work: Callable, case: Case, args: tuple) -> tuple[Any, torch.nn.Module | None]:
    if exercise.kind != "module":
        return work(*args, **case.kwargs), None
    module = work(**case.build)
    if case.state:
        module.load_state_dict({name: value.clone() for name, value in case.state.items()})
    module.train(case.training)
    return module(*args, **case.kwargs), module


def _again(exercise: Exercise, work: Callable, case: Case) -> Any:
    return _call(exercise, work, case, tuple(_fresh(value, False) for value in case.args))[0]


def _mend(args: Sequence[Any], kept: Sequence[Tensor | None]) -> list[int]:
    changed = []
    for position, (value, original) in enumerate(zip(args, kept, strict=True)):
        if original is not None and not _same(value, original):
            changed.append(position)
            with torch.no_grad():
                value.detach().copy_(original)
    return changed


def _gradients(value: Any, args: Sequence[Any]) -> tuple[Tensor | None, ...]:
    """The gradients of ⟨output, weights⟩ for fixed weights that all differ, so that every output element matters."""
    first = value[0] if isinstance(value, tuple | list) and value else value
    leaves = [a for a in args if isinstance(a, Tensor) and a.requires_grad]
    if not isinstance(first, Tensor) or not first.requires_grad:
        return tuple(None for _ in leaves)
    weights = torch.arange(1, first.numel() + 1, dtype=first.dtype, device=first.device).reshape(first.shape)
    return torch.autograd.grad(first, leaves, weights, allow_unused=True)


def _plain(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, tuple | list):
        return (
            type(value)(_plain(part) for part in value) if type(value) in (tuple, list) else tuple(map(_plain, value))
        )
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return value


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        one, other = one.detach(), other.detach()
        if one.shape != other.shape or one.dtype != other.dtype:
            return False
        return bool(((one == other) | ((one != one) & (other != other))).all())
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(_same, one, other))
    if type(one) is not type(other):
        return False
    try:
        return bool(one == other) or one != one
    except (TypeError, ValueError, RuntimeError):
        return True  # an odd type; the judge says what is wrong with it


def _raised(error: BaseException) -> Raised:
    return Raised(type(error).__name__, str(error), tuple(own_lines(error)))


def own_lines(error: BaseException) -> list[Line]:
    """The learner's own lines of an error's traceback: neither ours nor a library's."""
    lines = []
    for frame in traceback.extract_tb(error.__traceback__):
        if not _is_library(frame.filename):
            text = frame.line or linecache.getline(frame.filename, frame.lineno or 0).strip()
            lines.append(Line(frame.lineno or 0, frame.name, text))
    return lines


_LIBRARIES = tuple(
    {str(Path(inspect.getfile(module)).parent) for module in (inspect, torch)}
    | {str(Path(__file__).parent.parent), str(Path(sys.prefix) / "lib")}
)


def _is_library(filename: str) -> bool:
    return filename.startswith(("<frozen", "<__array_function__", *_LIBRARIES))
