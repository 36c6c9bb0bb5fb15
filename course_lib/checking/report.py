"""A verdict as a report: a list of blocks that say the same in a terminal (``text``) and in a notebook (``html``)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor

from course_lib.checking import messages as say
from course_lib.checking.exercise import Case, Exercise
from course_lib.checking.guard import Hit
from course_lib.checking.judge import FacetVerdict, Finding, Verdict
from course_lib.checking.numbers import Grid, grids_of, number, told_apart
from course_lib.checking.plain import Foreign, kind_of

Mark = Literal["right", "wrong", "open"]


@dataclass(frozen=True)
class Title:
    face: str
    text: str


@dataclass(frozen=True)
class Facets:
    """One row a facet: how it stands, its name, points won and to win, what it asks."""

    rows: tuple[tuple[Mark, str, str, str], ...]


@dataclass(frozen=True)
class Text:
    """A paragraph; strong for the sentence that matters most."""

    text: str
    strong: bool = False


@dataclass(frozen=True)
class Code:
    text: str


@dataclass(frozen=True)
class Grids:
    grids: tuple[Grid, ...]


Block = Title | Facets | Text | Code | Grids


@dataclass(frozen=True)
class Report:
    """What ``check`` shows. ``facts`` is the same for a machine; it travels in the output's metadata."""

    blocks: tuple[Block, ...]
    facts: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        from course_lib.checking.text import render

        return render(self.blocks)

    __repr__ = __str__

    def _repr_mimebundle_(self, include=None, exclude=None):
        from course_lib.checking.html import render

        return {"text/plain": str(self), "text/html": render(self.blocks)}, {"course_lib": self.facts}


def report(verdict: Verdict) -> Report:
    """The report on a verdict."""
    return Report(tuple(_blocks(verdict)), _facts(verdict))


def _blocks(verdict: Verdict) -> Iterator[Block]:
    exercise = verdict.exercise
    facts = {
        "name": exercise.name,
        "points": number(verdict.points),
        "total": number(exercise.points),
        "cases": verdict.cases,
    }
    face = verdict.face
    title = _TITLES[face] if verdict.problem or face != "refused" else say.BORROWED
    yield Title(face, title.format(**facts))
    if face == "right":
        yield Text((say.RIGHT_ANSWER if exercise.kind == "answer" else say.RIGHT_CASES).format(**facts))
        if verdict.seed is not None:
            yield Text(say.SEED.format(seed=verdict.seed))
        return
    if face == "not attempted":
        yield Text(say.STARTER)
        yield Facets(_rows(verdict))
        return
    if verdict.problem:
        yield Text(getattr(say, verdict.problem.message).format(**verdict.problem.facts), strong=True)
        return
    yield Facets(_rows(verdict))
    if verdict.hits:
        for hit in verdict.hits:
            yield Text(_banned(exercise, hit), strong=True)
        yield Text(exercise.instead)
        return
    failed = [facet for facet in verdict.facets if facet.finding]
    yield from _finding_blocks(verdict, failed[0])
    if len(failed) > 1:
        yield Text(say.OTHERS)
    if exercise.hints:
        yield Text(say.NEXT_HINT.format(name=exercise.name))


_TITLES = {
    "right": say.RIGHT,
    "wrong": say.WRONG,
    "raised": say.RAISED,
    "not attempted": say.NOT_ATTEMPTED,
    "refused": say.REFUSED,
}


def _banned(exercise: Exercise, hit: Hit) -> str:
    message = say.BANNED_BASE if hit.line is None else say.BANNED_LINE
    return message.format(name=exercise.name, operator=hit.operator, line=hit.line)


def _rows(verdict: Verdict) -> tuple[tuple[Mark, str, str, str], ...]:
    return tuple(
        (_mark(row), row.facet.name, f"{number(row.points)}/{number(row.facet.points)}", row.facet.asks)
        for row in verdict.facets
    )


def _mark(row: FacetVerdict) -> Mark:
    if row.finding and row.finding.outcome.status in ("not attempted", "not run"):
        return "open"
    return "right" if row.points == row.facet.points else "wrong"


def _finding_blocks(verdict: Verdict, facet: FacetVerdict) -> Iterator[Block]:
    exercise, finding = verdict.exercise, facet.finding
    assert finding is not None
    for position, sentence in enumerate(sentences(exercise, facet)):
        yield Text(sentence, strong=position == 0)
    if verdict.misconception:
        yield Text(say.MISCONCEPTION.format(name=verdict.misconception.name), strong=True)
        yield Text(verdict.misconception.sentence)
    raised = finding.outcome.raised
    if raised and raised.lines and finding.outcome.status == "raised":
        yield Code("\n".join(say.RAISED_AT.format(**vars(line)) for line in raised.lines[-4:]))
    if exercise.kind != "answer" and finding.outcome.status != "not attempted":
        yield Text(say.CALL + (f" ({finding.case.note})" if finding.case.note else ""))
        yield Code(call_text(exercise, finding.case))
        for sentence in _evidence(exercise, finding):
            yield Text(sentence)
        if grids := grids_of(finding):
            yield Grids(grids)
    if printed := finding.outcome.printed.strip():
        yield Text(say.PRINTED)
        yield Code("\n".join(line[:200] for line in printed[:5000].splitlines()[:10]))
    if verdict.seed is not None:
        message = say.REPLAY if finding.hidden else say.REPLAY_OTHERS
        yield Text(message.format(name=exercise.name, seed=verdict.seed))


def sentences(exercise: Exercise, facet: FacetVerdict) -> Iterator[str]:
    """What is wrong, in whole sentences, the most important first."""
    finding = facet.finding
    assert finding is not None
    outcome = finding.outcome
    if outcome.status == "raised" and outcome.raised:
        template = say.RAISED_SENTENCE if outcome.raised.message else say.RAISED_BARE
        yield template.format(type=outcome.raised.type, message=outcome.raised.message.strip())
    elif outcome.status == "not attempted":
        yield say.PARTLY_STARTER
    elif outcome.status == "out of time":
        yield say.OUT_OF_TIME.format(seconds=number(exercise.seconds))
    elif outcome.status == "not run":
        yield say.NOT_RUN
    elif outcome.status == "wrong state" and outcome.state:
        yield say.WRONG_STATE.format(wanted=outcome.state[0], yours=outcome.state[1] or "nothing")
    elif outcome.status == "banned":
        reached, raised = outcome.hits[0].operator, outcome.raised
        lines = raised.lines if raised and raised.type == "BannedOperator" else ()
        if lines and lines[-1].function != lines[0].function:
            yield say.BANNED_HELPER.format(name=exercise.name, helper=lines[-1].function, operator=reached)
        else:
            yield say.BANNED_CALL.format(name=exercise.name, operator=reached)
            yield exercise.instead
    elif finding.reason == "changed":
        yield say.CHANGED.format(argument=_argument(exercise, outcome.changed[0]))
    elif finding.reason == "unsteady":
        yield say.UNSTEADY
    elif finding.reason == "not raised":
        yield say.NOT_RAISED.format(wanted=finding.case.raises, given=kind_of(outcome.value))
    elif finding.reason == "law":
        assert facet.facet.law is not None
        yield say.LAW.format(law=facet.facet.law.sentence)
    else:
        yield from _difference_sentences(exercise, facet, finding)


def _difference_sentences(exercise: Exercise, facet: FacetVerdict, finding: Finding) -> Iterator[str]:
    found = finding.difference
    assert found is not None
    target, yours = found.target, found.yours
    if exercise.kind == "answer" and found.part is not None and found.kind in ("nothing", "type"):
        message = say.ANSWER_EMPTY if found.kind == "nothing" else say.ANSWER_TYPE
        yield message.format(key=repr(found.part), wanted=type(target).__name__, given=kind_of(yours))
    elif found.kind == "nothing":
        yield say.NOTHING
    elif found.kind == "type":
        yield _type_sentence(target, yours)
    elif found.kind == "length":
        message = say.ANSWER_LENGTH if exercise.kind == "answer" else say.LENGTH
        yield message.format(key=repr(found.part), length=len(target), given=len(yours))
    elif found.kind == "keys":
        yield say.KEY_MISSING.format(key=repr(found.part))
    elif found.kind == "shape":
        yield say.SHAPE.format(target=tuple(target.shape), yours=tuple(yours.shape))
    elif found.kind == "dtype":
        yield say.DTYPE.format(target=_dtype(target), yours=_dtype(yours))
    elif found.kind == "device":
        yield say.DEVICE.format(target=target.device, yours=yours.device)
    elif found.kind == "no gradient":
        yield say.NO_GRADIENT.format(argument=_argument(exercise, found.part))
    elif found.kind == "no buffer":
        yield say.NO_BUFFER.format(name=found.part, wanted=_described(target), given=_described(yours))
    elif found.kind == "attached":
        yield say.ATTACHED.format(name=found.part)
    elif exercise.kind == "answer":
        yield say.ANSWER.format(key=repr(found.part))
    elif found.index is None:
        words = told_apart(target, yours)
        message = say.ENTRY if isinstance(found.part, int) else say.NUMBER
        yield message.format(part=found.part, target=words[0], yours=words[1])
        return
    else:
        facts: dict[str, Any] = {"count": found.count, "total": found.total}
        if found.kind == "gradient":
            facts["argument"] = _argument(exercise, found.part)
        elif found.kind == "buffer":
            facts["name"] = found.part
        sentence = {"nan": say.NAN, "value": say.VALUES, "gradient": say.GRADIENT, "buffer": say.BUFFER}[found.kind]
        yield sentence.format(**facts)
    if isinstance(found.part, int) and found.kind not in ("gradient", "no gradient"):
        yield say.PART.format(part=found.part)


def _evidence(exercise: Exercise, finding: Finding) -> Iterator[str]:
    """The first wrong element, and the window behind it."""
    found = finding.difference
    if found is None or not found.index:
        return
    target, yours = told_apart(found.target[found.index], found.yours[found.index])
    facts = {
        "index": ", ".join(map(str, found.index)),
        "target": target,
        "yours": yours,
    }
    if found.kind == "gradient":
        yield say.FIRST_WRONG_GRADIENT.format(argument=_argument(exercise, found.part), **facts)
        return
    if found.kind == "buffer":
        yield say.FIRST_WRONG_BUFFER.format(name=found.part, **facts)
        return
    yield say.FIRST_WRONG.format(**facts)
    if finding.reads:
        spans = [f"{r[0]}…{r[-1]}" if len(r) > 1 and r.step == 1 else ", ".join(map(str, r)) for r in finding.reads]
        if len(spans) == 1:
            yield say.READS_1D.format(columns=spans[0])
        elif len(spans) == 2:
            yield say.READS_2D.format(rows=spans[0], columns=spans[1])
        elif len(spans) == 3:
            yield say.READS_3D.format(depth=spans[0], rows=spans[1], columns=spans[2])
        if _reads_padding(finding):
            yield say.READS_PADDING


def _reads_padding(finding: Finding) -> bool:
    shape = finding.case.args[0].shape
    sizes = shape[len(shape) - len(finding.reads or ()) :]
    return any(r[0] < 0 or r[-1] >= size for r, size in zip(finding.reads or (), sizes, strict=True))


def _type_sentence(target: Any, yours: Any) -> str:
    given = kind_of(yours)
    if isinstance(target, Tensor):
        if isinstance(yours, Foreign) and yours.module == "numpy":
            return say.GOT_NUMPY
        if isinstance(yours, list | tuple):
            return say.GOT_LIST.format(given=type(yours).__name__)
        return say.WANTED_TENSOR.format(given=given)
    if isinstance(target, tuple | list):
        return say.WANTED_TUPLE.format(length=len(target), given=given)
    if isinstance(target, dict):
        return say.WANTED_DICT.format(given=given)
    if isinstance(target, int) and not isinstance(target, bool):
        return say.WANTED_INT.format(given=given)
    return say.WANTED_KIND.format(wanted=kind_of(target), given=given)


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype)


def _argument(exercise: Exercise, position: int | str) -> str:
    if isinstance(position, str):
        return position
    names = list(exercise.signature.parameters)
    return names[position] if exercise.kind != "module" and position < len(names) else f"number {position + 1}"


def _described(value: Any) -> str:
    return f"{kind_of(value)} and {_dtype(value)}" if isinstance(value, Tensor) else kind_of(value)


def call_text(exercise: Exercise, case: Case) -> str:
    """The call of a case as the learner would write it, with a line for each tensor."""
    tensors, words = [], []
    for position, value in enumerate(case.args):
        name = _argument(exercise, position) if exercise.kind != "module" else f"x{position or ''}"
        if isinstance(value, Tensor):
            words.append(name)
            tensors.append(f"# {say.ARGUMENT.format(name=name, shape=tuple(value.shape), dtype=_dtype(value))}")
        else:
            words.append(f"{name}={value!r}")
    words += [f"{key}={value!r}" for key, value in case.kwargs.items()]
    name = exercise.name
    if exercise.kind == "module":
        name += "(" + ", ".join(f"{key}={value!r}" for key, value in case.build.items()) + ")"
    return "\n".join([*tensors, f"{name}({', '.join(words)})"])


def _facts(verdict: Verdict) -> dict[str, Any]:
    """The verdict as plain data, for the grader's tables."""
    first = next((facet for facet in verdict.facets if facet.finding), None)
    if verdict.problem:
        diagnosis = getattr(say, verdict.problem.message).format(**verdict.problem.facts)
    elif verdict.hits:
        diagnosis = _banned(verdict.exercise, verdict.hits[0])
    elif verdict.face == "not attempted":
        diagnosis = say.STARTER
    else:
        diagnosis = next(sentences(verdict.exercise, first)) if first else ""
    return {
        "exercise": verdict.exercise.name,
        "face": verdict.face,
        "points": verdict.points,
        "max_points": float(verdict.exercise.points),
        "facets": [
            {"name": f.facet.name, "points": float(f.points), "max_points": float(f.facet.points)}
            for f in verdict.facets
        ],
        "diagnosis": diagnosis,
        "misconception": verdict.misconception.name if verdict.misconception else None,
        "seed": verdict.seed,
    }
