"""What an exercise is: one definition that the check, the grader, the mutation tests and the points table all read."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from course_lib.checking.draw import Draw

Kind = Literal["function", "module", "answer"]


@dataclass(frozen=True, eq=False)
class Case:
    """One call of the learner's work.

    args, kwargs: what the function (or the built module) is called with; tensors keep their strides.
    note: one whole sentence that says what is special about this call.
    gradient: compare the gradients of every floating-point tensor argument too and, of a module whose state the case
        loads, those of its parameters.
    raises: the name of the error that the call must end in; empty where it must return.
    build, state, training: for a module only: its constructor's keywords, the parameters and buffers to load, its mode.
    """

    args: tuple = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    gradient: bool = False
    raises: str = ""
    build: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)
    training: bool = False


@dataclass(frozen=True)
class Law:
    """A relation that the outputs of a group of cases must fulfil, whatever the oracle says.

    holds: takes the outputs and the cases that they belong to, in the same order, and says whether the law holds.
    sentence: the law as a whole sentence.
    """

    sentence: str
    holds: Callable[[Sequence[Any], Sequence[Case]], bool]


@dataclass(frozen=True)
class Facet:
    """One side of an exercise, with points of its own.

    asks: the requirement as one whole sentence.
    public: the cases that everybody sees. hidden: draws further cases from a seed.
    law: judge the outputs by this law instead of the oracle; ``public`` and every draw are each one group.
    part: judge only this part of the output: an entry of an answer, or a position in a tuple.
    """

    name: str
    points: float
    asks: str
    public: tuple[Case, ...] = ()
    hidden: Callable[[Draw], Sequence[Case]] | None = None
    law: Law | None = None
    part: str | int | None = None


@dataclass(frozen=True)
class Misconception:
    """A wrong idea that people really have: the function it leads to, and the sentence that names and mends it."""

    name: str
    wrong: Callable
    sentence: str


@dataclass(frozen=True)
class Exercise:
    """What the learner is asked for and how it is judged.

    name: the function or class to write; also nbgrader's grade_id of its cell.
    oracle: computes the right output; same signature as the learner's work.
    banned: families of operators that may not be called, as they are spelled in ``guard.FAMILIES``.
    instead: one sentence that says what to build with, shown when a banned operator was called.
    updates: parameters whose tensors the call is to change in place, as batch norm does its running statistics; what
        is in them afterwards is judged as the buffers of a module are.
    reads: for one case and the index of an output element, the input positions it reads, a range for each of the
        last axes of the first argument.
    """

    name: str
    title: str
    lesson: str
    oracle: Callable
    facets: tuple[Facet, ...]
    difficulty: Literal[1, 2, 3]
    minutes: int
    hints: tuple[str, ...]
    kind: Kind = "function"
    misconceptions: tuple[Misconception, ...] = ()
    banned: tuple[str, ...] = ("answers",)
    instead: str = "Build it yourself; what the course judges with is out of reach while it judges."
    updates: tuple[str, ...] = ()
    reads: Callable[[Case, tuple[int, ...]], tuple[range, ...]] | None = None
    seconds: float = 5.0

    @property
    def points(self) -> float:
        return sum(facet.points for facet in self.facets)

    @property
    def signature(self) -> inspect.Signature:
        """The signature that the learner's work must have: the oracle's."""
        return inspect.signature(self.oracle)

    @property
    def public(self) -> list[Case]:
        """The cases that everybody sees, of all facets."""
        return [case for facet in self.facets for case in facet.public]

    def groups(self, seed: str | None = None) -> list[tuple[Facet, tuple[Case, ...]]]:
        """The cases to run, in order: each facet's public ones and, with a seed, those drawn from it."""
        groups = []
        for facet in self.facets:
            if facet.public:
                groups.append((facet, facet.public))
            if facet.hidden and seed is not None:
                groups.append((facet, tuple(facet.hidden(Draw(f"{seed}:{self.name}:{facet.name}")))))
        return groups
