"""From a learner's work to a verdict: the steps that ``check``, the tests and the grader share."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from course_lib.checking.driver import attempt
from course_lib.checking.exercise import Exercise
from course_lib.checking.guard import static_hits
from course_lib.checking.judge import Problem, Verdict, judge, refuse
from course_lib.checking.plain import kind_of


def examine(exercise: Exercise, work: Any, seed: str | None = None) -> Verdict:
    """Runs the work on the public cases and, with a seed, on those drawn from it; judges the outcomes."""
    if problem := problem_with(exercise, work):
        return refuse(exercise, problem)
    with _one_thread():
        groups = exercise.groups(seed)
        flat = [case for _, cases in groups for case in cases]
        results = iter(attempt(exercise, work, flat))
        outcomes = [[next(results) for _ in cases] for _, cases in groups]
        hits = static_hits(work, exercise.banned)
        return judge(exercise, groups, outcomes, hits=hits, seed=seed)


@contextmanager
def _one_thread() -> Iterator[None]:
    """The cases are small: on a busy machine a second thread only makes torch wait, up to 50 ms a call."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def problem_with(exercise: Exercise, work: Any) -> Problem | None:
    """What keeps this work from being run at all."""
    facts: dict[str, Any] = {"name": exercise.name, "given": kind_of(work)}
    if exercise.kind == "module":
        if not (inspect.isclass(work) and issubclass(work, nn.Module)):
            return Problem("NOT_A_CLASS", facts)
    elif not inspect.isfunction(work):
        return Problem("NOT_A_PLAIN_FUNCTION", facts)
    elif inspect.iscoroutinefunction(work) or inspect.isasyncgenfunction(work):
        return Problem("ASYNC", facts)
    elif inspect.isgeneratorfunction(work):
        return Problem("GENERATOR", facts)
    try:
        wanted, yours = exercise.signature, inspect.signature(work)
    except (TypeError, ValueError):
        return Problem("NO_SIGNATURE", facts)
    if not _fits(wanted, yours):
        return Problem("SIGNATURE", {"wanted": _line(exercise.name, wanted), "yours": _line(exercise.name, yours)})
    return None


def _fits(wanted: inspect.Signature, yours: inspect.Signature) -> bool:
    """The same parameters in the same order with the same defaults; further ones only with defaults of their own."""
    theirs, mine = list(wanted.parameters.values()), list(yours.parameters.values())
    if [p.name for p in mine[: len(theirs)]] != [p.name for p in theirs]:
        return False
    same = all(_same_default(a.default, b.default) for a, b in zip(theirs, mine, strict=False))
    return same and all(
        p.default is not p.empty or p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in mine[len(theirs) :]
    )


def _same_default(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) and one == other)


def _line(name: str, signature: inspect.Signature) -> str:
    """A signature without annotations: max_pool(x, kernel_size, stride=None)."""
    bare = [p.replace(annotation=p.empty, default=_written(p.default)) for p in signature.parameters.values()]
    return name + str(signature.replace(parameters=bare, return_annotation=signature.empty))


def _written(default: Any) -> Any:
    """A default as it is written in a signature; in the place of what has no short plain form, its kind."""
    if default is inspect.Parameter.empty or default is None or type(default) in (bool, float):
        return default
    if type(default) is int and default.bit_length() <= 64 or type(default) is str and len(default) <= 40:
        return default
    return _Words(kind_of(default))


class _Words(str):
    """A text that a signature shows without quotes."""

    def __repr__(self) -> str:
        return str(self)
