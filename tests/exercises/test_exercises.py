"""Every exercise of every lesson: its oracle is right, each of its misconceptions is caught and named."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from course_lib import exercises
from course_lib.checking import driver
from course_lib.checking.compare import difference
from course_lib.checking.driver import Outcome
from course_lib.checking.examine import examine
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.checking.guard import FAMILIES
from course_lib.checking.report import report

EVERY = [exercise for stem in exercises.MODULES for exercise in exercises.of_lesson(stem)]
MISTAKES = [(exercise, misconception) for exercise in EVERY for misconception in exercise.misconceptions]
SEEDS = [None, "a", "b"]

# From the curriculum: the points of each lesson's exercises.
POINTS = {
    "00_start_here": [4, 2],
    "01_pooling": [3, 4, 4, 3, 2],
    "02_backward_and_shift": [5, 3, 2, 2, 3],
    "03_strided_convolution": [4, 5, 3],
    "04_adaptive_pooling": [3, 3, 4, 2],
    "05_cnn_block": [4, 3, 3, 2, 2],
    "06_interpolation": [4, 3, 4, 3, 2, 2, 2],
    "07_unpooling": [4, 3, 1, 2],
    "08_transposed_convolution": [4, 3, 3, 2, 2],
    "09_pixel_shuffle": [3, 2, 2, 2, 3],
    "10_unet": [6, 2, 2, 4],
}


def one_worker(exercise: Exercise) -> pytest.MarkDecorator:
    """One worker has all tests of an exercise, so that what its functions give is computed once."""
    return pytest.mark.xdist_group(f"exercise_{exercise.name}")


each_exercise = pytest.mark.parametrize(
    "exercise", [pytest.param(each, id=each.name, marks=one_worker(each)) for each in EVERY]
)
each_mistake = pytest.mark.parametrize(
    ("exercise", "misconception"),
    [pytest.param(e, m, id=f"{e.name}: {m.name}", marks=one_worker(e)) for e, m in MISTAKES],
)


class Remembering(Exercise):
    """An exercise whose cases are drawn from a seed once, and are the same objects whenever that seed is asked for."""

    @cache  # noqa: B019 (exercises live as long as the process)
    def groups(self, seed: str | None = None) -> list[tuple[Facet, tuple[Case, ...]]]:
        return super().groups(seed)


@cache
def free(exercise: Exercise) -> Exercise:
    """The exercise with every operator permitted, so that torch's own can be handed in."""
    return Remembering(**{**vars(exercise), "banned": ()})


@pytest.fixture(scope="module", autouse=True)
def each_case_is_run_once() -> Iterator[None]:
    """What a function gives for a case is remembered: each work meets the public cases under three seeds, and each
    oracle and each misconception meets those of all the others.
    """
    known: dict[tuple[Callable, int], tuple[Case, Outcome]] = {}
    attempt = driver.attempt

    def remembered(
        exercise: Exercise, work: Callable, cases: Sequence[Case], *, trusted: bool = False
    ) -> list[Outcome]:
        fresh = [case for case in cases if (work, id(case)) not in known]
        for case, outcome in zip(fresh, attempt(exercise, work, fresh, trusted=trusted), strict=True):
            known[work, id(case)] = case, outcome  # with the case, so that its id stays its own
        return [replace(known[work, id(case)][1]) for case in cases]  # the judge tells outcomes by their identity

    def remembered_one(exercise: Exercise, function: Callable, case: Case, *, trusted: bool) -> Outcome:
        return remembered(exercise, function, [case], trusted=trusted)[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("course_lib.checking.examine.attempt", remembered)
        patch.setattr("course_lib.checking.judge.run", remembered_one)
        yield


def as_work(exercise: Exercise, function) -> object:
    """A function as a learner would hand it in: under the exercise's name, with the signature that it asks for.

    An answer gets the right entries beside those that the function has; a module gets the function as its forward.
    """
    if exercise.kind == "module" and isinstance(function, types.FunctionType):
        return type(exercise.name, (exercise.oracle,), {"forward": function})
    if exercise.kind == "answer" and function is not exercise.oracle:
        right = exercise.oracle()
        return lambda: right | function()
    if not isinstance(function, types.FunctionType):
        return function
    work = types.FunctionType(function.__code__, function.__globals__, exercise.name, None, function.__closure__)
    work.__signature__ = exercise.signature
    work.__defaults__ = function.__defaults__
    work.__kwdefaults__ = function.__kwdefaults__
    return work


def listed(cases: Iterable[Case]) -> str:
    """Cases as text with every number, to be compared."""

    def written(value: object) -> object:
        if isinstance(value, Tensor):
            return value.dtype, value.shape, value.stride(), value.tolist()
        if isinstance(value, Mapping):
            return {name: written(each) for name, each in value.items()}
        return [written(each) for each in value] if isinstance(value, tuple | list) else value

    return "\n".join(repr(written((case.args, case.kwargs, case.build, case.state))) for case in cases)


def test_there_are_exercises_and_misconceptions() -> None:
    assert len(EVERY) >= 7
    assert len(MISTAKES) >= 5 * len(EVERY)


@pytest.mark.parametrize("stem", exercises.MODULES)
def test_a_lesson_has_the_points_of_the_curriculum(stem: str) -> None:
    assert sorted(exercise.points for exercise in exercises.of_lesson(stem)) == sorted(POINTS[stem])
    assert all(exercise.lesson == stem for exercise in exercises.of_lesson(stem))


def test_names_and_lessons_are_found() -> None:
    assert list(exercises.names()) == [exercise.name for exercise in EVERY]
    assert len(set(exercises.names())) == len(EVERY)
    for exercise in EVERY:
        assert exercises.find(exercise.name) is exercise
        assert exercise in exercises.of_lesson(exercise.lesson)
    assert exercises.of_lesson("99_not_built") == ()
    with pytest.raises(KeyError, match="no exercise is named 'max_pol'"):
        exercises.find("max_pol")


@each_exercise
@pytest.mark.parametrize("seed", SEEDS)
def test_the_oracle_gets_full_points(exercise: Exercise, seed: str | None) -> None:
    verdict = examine(free(exercise), as_work(exercise, exercise.oracle), seed)
    assert verdict.points == exercise.points, str(report(verdict))
    assert verdict.face == "right"


def cast(whole: object, source: torch.dtype, target: torch.dtype) -> object:
    """The same, with other dtypes for the tensors of one dtype."""
    return tree_map(lambda part: part.to(target) if isinstance(part, Tensor) and part.dtype is source else part, whole)


@each_exercise
def test_no_seed_punishes_a_right_answer_for_its_rounding(exercise: Exercise) -> None:
    """Who adds up in another order rounds otherwise. float64 rounds otherwise too, and must be found right."""
    narrow, wide = torch.float32, torch.float64
    works = {narrow: exercise.oracle, wide: exercise.oracle}
    if exercise.kind == "module":
        works[wide] = lambda **build: exercise.oracle(**build).to(wide)
    for facet, case in drawn(exercise, "cdef"):
        outcomes = []
        for dtype, work in works.items():
            parts = {part: cast(getattr(case, part), narrow, dtype) for part in ("args", "kwargs", "state")}
            outcomes.append(driver.run(exercise, work, replace(case, **parts), trusted=True))
        for part in ("value", "gradients", "buffers"):
            apart = difference(*(cast(getattr(outcome, part), wide, narrow) for outcome in outcomes))
            assert apart is None, f"{facet.name}, {part}: {apart}"


def drawn(exercise: Exercise, seeds: str) -> Iterator[tuple[Facet, Case]]:
    """The hidden cases of some seeds that are judged by their values."""
    for seed in seeds if exercise.kind != "answer" else ():
        for facet, cases in exercise.groups(seed):
            if cases is not facet.public and not facet.law:
                yield from ((facet, case) for case in cases)


@each_mistake
def test_a_misconception_fails_and_is_named_with_its_own_sentence(
    exercise: Exercise, misconception: Misconception
) -> None:
    """It costs the same whatever the seed: hidden cases catch who knows the visible inputs, and nobody else."""
    work, lost = as_work(exercise, misconception.wrong), set()
    for seed in SEEDS:
        verdict = examine(free(exercise), work, seed)
        shown = " ".join(str(report(verdict)).split())
        assert verdict.points < exercise.points, seed
        assert verdict.misconception is misconception, shown
        assert f"This looks familiar: {misconception.name}." in shown
        assert " ".join(misconception.sentence.split()) in shown
        lost.add(exercise.points - verdict.points)
    assert len(lost) == 1


@each_exercise
def test_hidden_cases_come_from_their_seed_alone(exercise: Exercise) -> None:
    def hidden(seed: str) -> str:
        return listed(case for facet, cases in exercise.groups(seed) if cases is not facet.public for case in cases)

    again, *drawn = map(hidden, "aabcdef")
    assert again == drawn[0]
    if any(facet.hidden for facet in exercise.facets):
        assert len(set(drawn)) == 6
    else:
        assert exercise.kind == "answer"


@each_exercise
def test_two_facets_with_the_same_draw_see_different_cases(exercise: Exercise) -> None:
    groups = [listed(cases) for facet, cases in exercise.groups("a") if cases is not facet.public]
    assert len(set(groups)) == len(groups)


@each_exercise
def test_every_facet_has_public_cases_and_points(exercise: Exercise) -> None:
    assert exercise.facets
    for facet in exercise.facets:
        assert facet.public
        assert facet.points > 0
    assert len({facet.name for facet in exercise.facets}) == len(exercise.facets)


@each_exercise
def test_the_starter_as_released_gets_nothing(exercise: Exercise) -> None:
    def starter(*args, **kwargs):
        raise NotImplementedError

    verdict = examine(exercise, as_work(exercise, starter), "a")
    assert (verdict.points, verdict.face) == (0, "not attempted")


@each_exercise
def test_what_banned_operators_are_called_with_is_known(exercise: Exercise) -> None:
    assert set(exercise.banned) <= set(FAMILIES)
    assert bool(exercise.banned) == bool(exercise.instead)


@each_exercise
def test_there_are_three_hints_from_a_nudge_to_nearly_the_answer(exercise: Exercise) -> None:
    assert len(exercise.hints) == 3
    assert exercise.minutes > 0
    assert exercise.difficulty in (1, 2, 3)


@each_exercise
def test_learners_read_whole_sentences(exercise: Exercise) -> None:
    sentences = [misconception.sentence for misconception in exercise.misconceptions]
    assert len(set(sentences)) == len(sentences)
    assert len({misconception.name for misconception in exercise.misconceptions}) == len(sentences)
    laws = [facet.law.sentence for facet in exercise.facets if facet.law]
    read = [*sentences, *laws, *exercise.hints, *(facet.asks for facet in exercise.facets)]
    read += [exercise.instead] if exercise.instead else []
    broken = [text for text in read if not re.search(r"[.?]\)?$", text)]
    assert broken == []
    assert not exercise.title.endswith(".")


@each_exercise
def test_the_window_behind_an_output_lies_where_the_output_depends_on_it(exercise: Exercise) -> None:
    """What the report draws as the window: a change outside it leaves the output alone, a change inside is seen."""
    if exercise.reads is None:
        return
    seen = 0
    for _, cases in exercise.groups("a"):
        for case in cases:
            seen += _window_is_right(exercise, case)
    assert seen >= 10


def _window_is_right(exercise: Exercise, case: Case) -> int:
    x = case.args[0]
    if not x.numel() or not x.is_floating_point():
        return 0

    def oracle(changed: Tensor) -> Tensor:
        return exercise.oracle(changed, *case.args[1:], **case.kwargs)

    index = tuple(size // 2 for size in oracle(x).shape)
    reads = exercise.reads(case, index)
    sizes = x.shape[x.dim() - len(reads) :]
    inside = [torch.tensor([p for p in r if 0 <= p < size]) for r, size in zip(reads, sizes, strict=True)]
    window = torch.zeros(x.shape, dtype=torch.bool)
    window[(*index[: -len(reads)], *torch.meshgrid(*inside, indexing="ij"))] = True
    assert oracle(torch.where(window, x, 1000.0))[index] == oracle(x)[index]
    assert oracle(torch.where(window, x + 1000.0, x))[index] != oracle(x)[index]
    return 1
