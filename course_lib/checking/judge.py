"""The judge: outcomes in, a verdict out. It runs nothing of the learner's, so it can sit in another process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from course_lib.checking.compare import Difference, buffer_difference, difference, gradient_difference, part_difference
from course_lib.checking.driver import Outcome, run
from course_lib.checking.exercise import Case, Exercise, Facet, Law, Misconception
from course_lib.checking.guard import Hit

Face = Literal["right", "wrong", "raised", "not attempted", "refused"]


@dataclass(frozen=True)
class Finding:
    """Why a facet lost its points: the first of its cases that failed, with what is known about it."""

    case: Case
    outcome: Outcome
    reason: Literal["difference", "law", "changed", "unsteady", "status", "not raised"]
    difference: Difference | None = None
    reads: tuple[range, ...] | None = None
    hidden: bool = False


@dataclass(frozen=True)
class Tried:
    """One case of a facet and its outcome; the reason where it failed."""

    facet: Facet
    case: Case
    outcome: Outcome
    reason: str | None


@dataclass(frozen=True)
class FacetVerdict:
    facet: Facet
    points: float
    finding: Finding | None = None


@dataclass(frozen=True)
class Problem:
    """Work that cannot be run at all: which message says so, and the facts that fill it."""

    message: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """What the judge says of one attempt."""

    exercise: Exercise
    facets: tuple[FacetVerdict, ...]
    misconception: Misconception | None = None
    problem: Problem | None = None
    hits: tuple[Hit, ...] = ()
    cases: int = 0
    seed: str | None = None

    @property
    def points(self) -> float:
        return float(sum(facet.points for facet in self.facets))

    @property
    def face(self) -> Face:
        findings = [facet.finding for facet in self.facets if facet.finding]
        if self.problem or self.hits or (findings and findings[0].outcome.status == "banned"):
            return "refused"
        if not findings:
            return "right"
        if all(finding.outcome.status == "not attempted" for finding in findings) and self.points == 0:
            return "not attempted"
        return "raised" if findings[0].outcome.status == "raised" else "wrong"


def judge(
    exercise: Exercise,
    groups: Sequence[tuple[Facet, Sequence[Case]]],
    outcomes: Sequence[Sequence[Outcome]],
    *,
    hits: Sequence[Hit] = (),
    seed: str | None = None,
) -> Verdict:
    """Judges outcomes, one list for each group of cases as ``exercise.groups(seed)`` gives them.

    hits: uses of banned operators found in the source; each facet then loses its points.
    """
    findings: dict[str, Finding] = {}
    tried: list[Tried] = []
    for (facet, cases), results in zip(groups, outcomes, strict=True):
        found = _group_findings(exercise, facet, cases, results, hidden=cases is not facet.public)
        for finding in found:
            findings.setdefault(facet.name, finding)
        reasons = {id(finding.outcome): finding.reason for finding in found}
        tried += [Tried(facet, case, one, reasons.get(id(one))) for case, one in zip(cases, results, strict=True)]
    facets = tuple(
        FacetVerdict(facet, 0.0 if facet.name in findings or hits else facet.points, findings.get(facet.name))
        for facet in exercise.facets
    )
    drawn = seed if any(facet.hidden for facet in exercise.facets) else None
    return Verdict(
        exercise, facets, _misconception(exercise, tried, findings), hits=tuple(hits), cases=len(tried), seed=drawn
    )


def refuse(exercise: Exercise, problem: Problem) -> Verdict:
    """The verdict on work that cannot be run: no points, and the problem."""
    return Verdict(exercise, tuple(FacetVerdict(facet, 0.0) for facet in exercise.facets), problem=problem)


def _group_findings(
    exercise: Exercise, facet: Facet, cases: Sequence[Case], outcomes: Sequence[Outcome], hidden: bool
) -> list[Finding]:
    found = []
    for case, outcome in zip(cases, outcomes, strict=True):
        finding = _finding(exercise, facet, case, outcome, hidden)
        if finding:
            found.append(finding)
    if facet.law and not found and not _holds(facet.law, [outcome.value for outcome in outcomes], cases):
        found.append(Finding(cases[0], outcomes[0], "law", hidden=hidden))
    return found


def _holds(law: Law, outputs: Sequence[Any], cases: Sequence[Case]) -> bool:
    """Whether a law holds; it does not for what it cannot even compute with, as behind a wrong value may stand."""
    try:
        return bool(law.holds(outputs, cases))
    except Exception:
        return False


def _finding(exercise: Exercise, facet: Facet, case: Case, outcome: Outcome, hidden: bool) -> Finding | None:
    if case.raises and outcome.raised and outcome.status == "raised" and outcome.raised.type == case.raises:
        return None
    if outcome.status != "returned":
        return Finding(case, outcome, "status", hidden=hidden)
    if case.raises:
        return Finding(case, outcome, "not raised", hidden=hidden)
    if outcome.changed:
        return Finding(case, outcome, "changed", hidden=hidden)
    target = _known_outcome(exercise, exercise.oracle, case, kept=not hidden)
    if target.status != "returned":
        raise RuntimeError(f"the oracle of {exercise.name} must return on every case, but on {case} it gave {target}")
    found = _difference(facet, target, outcome)
    if facet.law and (found is None or found.kind in ("value", "gradient")):
        return None  # a law judges the values of the whole group; shape, dtype and type still hold for each case
    if found:
        reads = None
        if exercise.reads and found.kind in ("value", "nan") and found.index and not found.part:
            reads = exercise.reads(case, found.index)
        return Finding(case, outcome, "difference", found, reads, hidden)
    if not outcome.steady:
        return Finding(case, outcome, "unsteady", hidden=hidden)
    return None


_known: dict[tuple[Callable, int], tuple[Case, Outcome]] = {}


def _known_outcome(exercise: Exercise, function: Callable, case: Case, kept: bool) -> Outcome:
    """What an oracle or a misconception gives; for a public case, which every check asks for, it is run once."""
    key = (function, id(case))
    if key in _known:
        return _known[key][1]
    outcome = run(exercise, function, case, trusted=True)
    if kept:
        _known[key] = case, outcome  # with the case, so that its id stays its own
    return outcome


def _difference(facet: Facet, target: Outcome, outcome: Outcome) -> Difference | None:
    if facet.part is not None:
        return part_difference(target.value, outcome.value, facet.part)
    found = difference(target.value, outcome.value)
    if found is None and target.gradients:
        found = gradient_difference(target.gradients, outcome.gradients)
    if found is None and target.buffers:
        found = buffer_difference(target.buffers, outcome.buffers)
    return found


def _misconception(exercise: Exercise, tried: Sequence[Tried], findings: dict[str, Finding]) -> Misconception | None:
    """The misconception behind the first finding; None where none has exactly the learner's outcomes.

    It must explain that finding and at least half of the wrong results in its facet, or it is chance. Of several,
    the one that explains the most failed cases, then the one that agrees with the most passed ones: what the learner
    has right must be right for it too.
    """
    if exercise.kind == "answer":
        return _answer_misconception(exercise, findings, tried[0].outcome.value if tried else None)
    shown = next((findings[facet.name] for facet in exercise.facets if facet.name in findings), None)
    if shown is None or shown.reason not in ("difference", "law", "not raised"):
        return None
    [first] = [one for one in tried if one.outcome is shown.outcome]
    failed = [one for one in tried if one.reason]
    beside = [one for one in failed if one.facet is first.facet and one.outcome.status == "returned"]
    passed = [one for one in tried if not one.reason]

    def explained(misconception: Misconception, cases: Sequence[Tried]) -> int:
        return sum(_explains(exercise, misconception.wrong, one) for one in cases)

    candidates = [
        misconception
        for misconception in exercise.misconceptions
        if explained(misconception, [first]) and 2 * explained(misconception, beside) >= len(beside)
    ]
    if len(candidates) < 2:
        return next(iter(candidates), None)
    return max(candidates, key=lambda one: (explained(one, failed), explained(one, passed)))


def _explains(exercise: Exercise, wrong: Callable, tried: Tried) -> bool:
    outcome = tried.outcome
    if outcome.status != "returned":
        return False
    theirs = _known_outcome(exercise, wrong, tried.case, kept=tried.case in tried.facet.public)
    if theirs.status != "returned":
        return False
    # Both ways, because a gradient that the target lacks is no difference.
    return _difference(tried.facet, theirs, outcome) is None and _difference(tried.facet, outcome, theirs) is None


def _answer_misconception(exercise: Exercise, findings: dict[str, Finding], answer: Any) -> Misconception | None:
    """The same for an answer, in which each facet is an entry."""
    failed = [facet for facet in exercise.facets if facet.name in findings]
    passed = [facet for facet in exercise.facets if facet.name not in findings]
    if not failed or not isinstance(answer, dict):
        return None

    def explained(misconception: Misconception, facets: Sequence[Facet]) -> int:
        believed = misconception.wrong()
        return sum(f.part in believed and part_difference(believed, answer, f.part) is None for f in facets)

    candidates = [misconception for misconception in exercise.misconceptions if explained(misconception, failed[:1])]
    return max(candidates, key=lambda one: (explained(one, failed), explained(one, passed)), default=None)
