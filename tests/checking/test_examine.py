"""Whatever is handed in ends in a report with words for it, and never in a stack of the engine's own lines."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.checking.examine import examine
from course_lib.checking.report import Report, report

X = torch.tensor([1.0, -2.0, 3.0])


def told(exercise, work) -> tuple[str, str]:
    """The face of the report on a work, and its text on one line; the HTML must be there and small as well."""
    verdict = examine(exercise, work)
    shown: Report = report(verdict)
    data, metadata = shown._repr_mimebundle_()
    assert len(data["text/html"].encode()) < 100_000
    assert len(json.dumps(metadata)) < 20_000
    assert "course_lib/checking" not in data["text/plain"]
    return verdict.face, " ".join(data["text/plain"].split())


# Not even to be run.


def generator(x, times=2):
    yield x * times


async def coroutine(x, times=2):
    return x * times


async def asynchronous_generator(x, times=2):
    yield x * times


class Scaled:
    def __call__(self, x, times=2):
        return x * times


class Silent:
    def __repr__(self):
        raise RuntimeError

    __str__ = __eq__ = __repr__


def odd_default(x, times=Silent()):  # noqa: B008
    return x


def unreadable(x, times=2):
    return x


unreadable.__signature__ = "no signature"


@pytest.mark.parametrize(
    ("work", "sentence"),
    [
        (None, "scaled should be a function that starts with def scaled, but it is a NoneType."),
        ([1, 2], "but it is a list."),
        (3.5, "but it is a float (3.5)."),
        ("scaled", "but it is a str ('scaled')."),
        (np.ones(3), "but it is a ndarray."),
        (X, "but it is a tensor of shape (3,)."),
        (Scaled, "but it is the class Scaled."),
        (Scaled(), "but it is a Scaled."),
        (Silent(), "but it is a Silent."),
        (len, "but it is a builtin_function_or_method."),
        (functools.partial(torch.mul, other=2), "but it is a partial."),
        (10**5000, "but it is an int (a number of 16610 bits)."),
        (lambda: 3, "The check calls scaled(x, times=2), but yours is scaled()."),
        (lambda x: x, "but yours is scaled(x)."),
        (lambda y, times=2: y, "but yours is scaled(y, times=2)."),
        (lambda x, times: x, "but yours is scaled(x, times)."),
        (lambda x, times=3: x, "but yours is scaled(x, times=3)."),
        (lambda times, x: x, "but yours is scaled(times, x)."),
        (lambda x, times=2, more=None, *, must: x, "but yours is scaled(x, times=2, more=None, *, must)."),
        (lambda x, times="t" * 10**6: x, "but yours is scaled(x, times=a str ('ttt"),
        (odd_default, "but yours is scaled(x, times=a Silent)."),
        (unreadable, "but the signature of yours can't be read."),
        (generator, "scaled contains yield, so that calling it gives a generator and no result."),
        (coroutine, "scaled starts with async def, so that calling it gives a coroutine and no result."),
        (asynchronous_generator, "scaled starts with async def"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else type(value).__name__,
)
@pytest.mark.filterwarnings("error")
def test_what_can_not_be_run_is_named(scaled, work, sentence: str) -> None:
    face, text = told(scaled, work)
    assert face == "refused"
    assert text.startswith("? scaled could not be judged: 0 of 5 points.")
    assert sentence in text


@pytest.mark.parametrize(
    "work",
    [
        lambda x, times=2: x * times,
        lambda x, times=2, verbose=False: x * times,
        lambda x, times=2, *more, **others: x * times,
        lambda x, /, times=2: x * times,
        functools.wraps(lambda x, times=2: x)(lambda *args, **kwargs: args[0] * kwargs.get("times", 2)),
    ],
    ids=["plain", "one more", "any more", "positional", "decorated"],
)
def test_a_signature_that_can_be_called_alike_is_fine(scaled, work) -> None:
    assert examine(scaled, work).points == 5


@pytest.mark.parametrize(
    ("work", "sentence"),
    [
        (None, "ScaleAndShift should be a class that inherits from torch.nn.Module, but it is a NoneType."),
        (lambda size: None, "but it is a function."),
        (Scaled, "but it is the class Scaled."),
        (nn.Linear(2, 2), "but it is a Linear."),
        (nn.Linear, "The check calls ScaleAndShift(size, bias=True), but yours is ScaleAndShift(in_features"),
    ],
    ids=["None", "a function", "no module", "an instance", "another signature"],
)
def test_a_module_must_be_a_class_of_modules(scale_and_shift, work, sentence: str) -> None:
    face, text = told(scale_and_shift, work)
    assert face == "refused"
    assert sentence in text


def test_wrong_names_in_a_module_are_set_side_by_side(scale_and_shift) -> None:
    class ScaleAndShift(nn.Module):
        def __init__(self, size, bias=True):
            super().__init__()
            self.w = nn.Parameter(torch.ones(size))

    class Nothing(nn.Module):
        def __init__(self, size, bias=True):
            super().__init__()

    asked = "The check loads these parameters and buffers into your module: bias (2,), calls (), weight (2,)."
    for work, yours in ((ScaleAndShift, "Yours holds: w (2,)."), (Nothing, "Yours holds: nothing.")):
        face, text = told(scale_and_shift, work)
        assert face == "wrong"
        assert f"{asked} {yours}" in text


# Run, with a result that is no result.


class Yes(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return True

    def __eq__(self, other):
        return True


class YesObject:
    __class__ = torch.Tensor  # isinstance believes it
    shape, dtype, device = X.shape, X.dtype, X.device

    def __eq__(self, other):
        return True

    def __getattr__(self, name):
        return lambda *args, **kwargs: self


class YesNumber(float):
    def __eq__(self, other):
        return True

    __hash__ = float.__hash__


def nothing_like_it(sentence: str) -> str:
    return f"The output should be a torch.Tensor, but it is {sentence}."


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (lambda x: None, "The call returned None. Does every path through the function end in return?"),
        (lambda x: x.tolist(), "The output should be a torch.Tensor, but it is a list."),
        (lambda x: (x, x), "The output should be a torch.Tensor, but it is a tuple."),
        (lambda x: {"x": x}, nothing_like_it("a dict")),
        (lambda x: x.detach().numpy(), "The output should be a torch.Tensor, but it is a numpy array."),
        (lambda x: 3, nothing_like_it("an int (3)")),
        (lambda x: "x" * 10**7, nothing_like_it("a str ('xxx")[:-1]),
        (lambda x: (n for n in x), nothing_like_it("a generator")),
        (lambda x: Silent(), nothing_like_it("a Silent")),
        (lambda x: Silent, nothing_like_it("the class Silent")),
        (lambda x: YesObject(), nothing_like_it("a YesObject")),
        (lambda x: x.to_sparse(), nothing_like_it("a tensor of a special kind")[:-1]),
        (lambda x: x[None], "The output should have the shape (3,), but it has the shape (1, 3)."),
        (lambda x: x[:0], "but it has the shape (0,)."),
        (lambda x: x.double(), "The output should have the dtype torch.float32, but it has the dtype torch.float64."),
        (lambda x: x * 2j, "but it has the dtype torch.complex64."),
        (lambda x: (2 * x).to("meta"), "The output should be on the device cpu, but it is on the device meta."),
        (lambda x: x.expand(10**7, 10**7, 3), "but it has the shape (10000000, 10000000, 3)."),
        (lambda x: x / 0 - x / 0, "3 of 3 values are NaN where the target has a number."),
        (lambda x: (x + 9).as_subclass(Yes), "3 of 3 values are wrong."),
        (lambda x: nn.Parameter(x + 9), "3 of 3 values are wrong."),
        (lambda x: torch.rand(3) + 9, "3 of 3 values are wrong."),
        (lambda x: x.mul_(2), "The call changed its argument x."),
    ],
)
def test_a_result_that_is_no_result_is_named(scaled, result, sentence: str) -> None:
    face, text = told(scaled, lambda x, times=2: result(x))
    assert face == "wrong"
    assert sentence in text


def test_a_right_result_in_a_subclass_is_right(scaled) -> None:
    assert examine(scaled, lambda x, times=2: (x * times).as_subclass(Yes)).points == 5


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda: None, "The call returned None."),
        (lambda: [8], "The answer should be a dict with the keys of the starter, but it is a list."),
        (lambda: {}, "The answer has no entry 'legs'."),
        (lambda: {"legs": None}, "The entry 'legs' is still empty."),
        (lambda: {"legs": ...}, "In the entry 'legs' the type int is expected, but there is an ellipsis."),
        (lambda: {"legs": YesNumber(3)}, "In the entry 'legs' the type int is expected, but there is a float (3.0)."),
        (lambda: {"legs": "8"}, "In the entry 'legs' the type int is expected, but there is a str ('8')."),
        (lambda: {"legs": 10**5000}, "The entry 'legs' is not right yet."),
        (lambda: {"legs": 8, "eyes": X}, "In the entry 'eyes' the type list is expected, but there is a tensor"),
        (lambda: {"legs": 8, "eyes": [1.0]}, "The entry 'eyes' should hold 2 numbers, but it holds 1."),
        (lambda: {"legs": 8, "eyes": [1.0, Silent()]}, "the type float is expected, but there is a Silent."),
        (lambda: {"legs": 8, "eyes": [1.0, YesNumber(3)]}, "The entry 'eyes' is not right yet."),
        (lambda: {"legs": 8, "eyes": [1.0, 2.0], Silent: 1}, "The answer has no entry 'insect'."),
    ],
)
def test_an_answer_that_is_no_answer_is_named(facts, answer, sentence: str) -> None:
    face, text = told(facts, answer)
    assert face == "wrong"
    assert sentence in text


# Run, with an error.


class Mute(Exception):
    def __str__(self):
        raise RuntimeError


def raises(error):
    raise error


@pytest.mark.parametrize(
    ("work", "sentence"),
    [
        (lambda x, times=2: helper_that_was_deleted(x), "NameError: name 'helper_that_was_deleted' is not defined"),  # noqa: F821
        (lambda x, times=2: x.reshape(7), "RuntimeError: shape '[7]' is invalid for input of size 3"),
        (lambda x, times=2: raises(Mute()), "Mute, without a message."),
        (lambda x, times=2: raises(SystemExit(3)), "SystemExit: 3"),
        (lambda x, times=2: raises(BaseException("no")), "BaseException: no"),
        (lambda x, times=2: raises(ValueError("m" * 10**7)), "ValueError: mmm"),
        (lambda x, times=2: exec("1 +"), "SyntaxError: invalid syntax"),
        (lambda x, times=2: x.cuda(99), ""),
    ],
)
def test_an_error_is_told_in_its_own_words(scaled, work, sentence: str) -> None:
    face, text = told(scaled, work)
    assert face == "raised"
    assert text.startswith("! scaled stopped with an error: 0 of 5 points.")
    assert sentence in text


def test_an_endless_recursion_shows_a_few_of_its_lines(scaled) -> None:
    def work(x, times=2):
        return work(x)

    face, text = told(scaled, work)
    assert face == "raised"
    assert "RecursionError: maximum recursion depth exceeded" in text
    assert 1 <= text.count("in work: return work(x)") <= 4


def test_an_endless_loop_is_told_with_its_time(scaled) -> None:
    def work(x, times=2):
        while True:
            pass

    face, text = told(replace(scaled, seconds=0.1), work)
    assert face == "wrong"
    assert "The call had not come to an end after 0.1 seconds and was interrupted." in text


def test_chance_is_told_from_error(scaled) -> None:
    calls = []

    def work(x, times=2):
        calls.append(1)
        return x * times + 5 * (len(calls) == 2)

    assert "Two calls with the same input gave two different results." in told(scaled, work)[1]


def test_no_check_waits_for_an_import_of_torch_compile_or_sympy() -> None:
    """Each takes a second or so, and torch has several doors to them: modes, grad_outputs, meta tensors, decorators."""
    code = """
    import sys
    import torch
    from course_lib import exercises
    from course_lib.checking.examine import examine
    from course_lib.checking.report import report
    heavy = {"sympy", "torch._dynamo", "torch._inductor", "matplotlib"}
    for name in exercises.names():
        exercise, before = exercises.find(name), set(sys.modules)
        for work in (exercise.oracle, exercise.misconceptions[0].wrong):
            report(examine(exercise, work, "a"))
        if loaded := heavy & (set(sys.modules) - before):
            print(name, "loads", *sorted(loaded))
    """
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""
