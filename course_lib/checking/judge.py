"""The judge: outcomes in, a verdict out. It runs nothing of the learner's, so it can sit in another process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from course_lib.checking.compare import Difference, difference, gradient_difference, part_difference
from course_lib.checking.driver import Outcome, attempt, run
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.checking.guard import Hit

Face = Literal["right", "wrong", "raised", "not attempted", "refused"]


@dataclass(frozen=True)
class Finding:
    """Why a facet lost its points: the first of its cases that failed, with what is known about it."""

    case: Case
    outcome: Outcome
    reason: Literal["difference", "law", "changed", "unsteady", "status"]
    difference: Difference | None = None
    reads: tuple[range, ...] | None = None
    hidden: bool = False


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
    failed: list[tuple[Case, Outcome]] = []
    passed: list[tuple[Case, Outcome]] = []
    for (facet, cases), results in zip(groups, outcomes, strict=True):
        found = _group_findings(exercise, facet, cases, results, hidden=cases is not facet.public)
        for finding in found:
            findings.setdefault(facet.name, finding)
            failed.append((finding.case, finding.outcome))
        wrong = [finding.outcome for finding in found]
        passed += [one for one in zip(cases, results, strict=True) if not any(one[1] is it for it in wrong)]
    facets = tuple(
        FacetVerdict(facet, 0.0 if facet.name in findings or hits else facet.points, findings.get(facet.name))
        for facet in exercise.facets
    )
    misconception = _misconception(exercise, failed, passed, findings)
    count = sum(len(cases) for _, cases in groups)
    return Verdict(exercise, facets, misconception, hits=tuple(hits), cases=count, seed=seed)


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
    if facet.law and not found and not facet.law.holds([outcome.value for outcome in outcomes], cases):
        found.append(Finding(cases[0], outcomes[0], "law", hidden=hidden))
    return found


def _finding(exercise: Exercise, facet: Facet, case: Case, outcome: Outcome, hidden: bool) -> Finding | None:
    if outcome.status != "returned":
        return Finding(case, outcome, "status", hidden=hidden)
    if outcome.changed:
        return Finding(case, outcome, "changed", hidden=hidden)
    target = run(exercise, exercise.oracle, case, trusted=True)
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


def _difference(facet: Facet, target: Outcome, outcome: Outcome) -> Difference | None:
    if facet.part is not None:
        return part_difference(target.value, outcome.value, facet.part)
    found = difference(target.value, outcome.value)
    if found is None and target.gradients:
        found = gradient_difference(target.gradients, outcome.gradients)
    if found is None and target.buffers:
        found = difference(target.buffers, outcome.buffers)
    return found


def _misconception(
    exercise: Exercise,
    failed: Sequence[tuple[Case, Outcome]],
    passed: Sequence[tuple[Case, Outcome]],
    findings: dict[str, Finding],
) -> Misconception | None:
    """The misconception whose outcomes are exactly the learner's in the most failed cases; None where none has any.

    Of several, the one that agrees with the most passed cases too: what the learner has right must be right for it.
    """
    if exercise.kind == "answer":
        return _answer_misconception(exercise, findings)

    def explained(misconception: Misconception, cases: Sequence[tuple[Case, Outcome]]) -> int:
        return sum(_explains(exercise, misconception.wrong, case, outcome) for case, outcome in cases)

    counts = [(explained(misconception, failed), misconception) for misconception in exercise.misconceptions]
    most = max((count for count, _ in counts), default=0)
    best = [misconception for count, misconception in counts if count == most > 0]
    return max(best, key=lambda one: explained(one, passed)) if len(best) > 1 else next(iter(best), None)


def _explains(exercise: Exercise, wrong: Callable, case: Case, outcome: Outcome) -> bool:
    if outcome.status != "returned":
        return False
    [theirs] = attempt(exercise, wrong, [case], trusted=True)
    if theirs.status != "returned" or difference(theirs.value, outcome.value) is not None:
        return False
    if theirs.buffers and difference(theirs.buffers, outcome.buffers) is not None:
        return False
    same_gradient = len(theirs.gradients) == len(outcome.gradients) and all(
        (a is None) == (b is None) for a, b in zip(theirs.gradients, outcome.gradients, strict=True)
    )
    return same_gradient and gradient_difference(theirs.gradients, outcome.gradients) is None


def _answer_misconception(exercise: Exercise, findings: dict[str, Finding]) -> Misconception | None:
    for facet in exercise.facets:
        finding = findings.get(facet.name)
        if finding is None or finding.difference is None or finding.difference.kind not in ("value", "length"):
            continue
        for misconception in exercise.misconceptions:
            believed = misconception.wrong()
            if facet.part in believed and part_difference(believed, finding.outcome.value, facet.part) is None:
                return misconception
    return None
