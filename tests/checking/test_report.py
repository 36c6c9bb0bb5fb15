"""A verdict in words: one face for right, wrong, raised, not attempted, borrowed and refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from course_lib.checking.examine import examine
from course_lib.checking.exercise import Case, Facet
from course_lib.checking.report import Code, Grids, Report, Text, Title, report
from course_lib.exercises import find


def told(exercise, work, seed=None) -> list[str]:
    """The report's lines as a terminal shows them."""
    return str(report(examine(exercise, work, seed))).splitlines()


def test_right(scaled) -> None:
    assert told(scaled, lambda x, times=2: x * times) == [
        "✓ scaled is right: 5 of 5 points.",
        "All 5 cases are right.",
    ]


def test_right_with_a_seed(scaled) -> None:
    assert told(scaled, lambda x, times=2: x * times, "a1b2")[1:] == [
        "All 8 cases are right.",
        "With further cases drawn from seed a1b2.",
    ]


def test_right_answer(facts) -> None:
    lines = told(facts, lambda: {"legs": 8, "eyes": [1.0, 2.0], "insect": False})
    assert lines == ["✓ facts is right: 2 of 2 points.", "Every answer is right."]


def test_not_attempted(scaled) -> None:
    def starter(x, times=2):
        raise NotImplementedError

    lines = told(scaled, starter)
    assert lines[0] == "… scaled is waiting for you: 5 points to win."
    assert lines[1].startswith("The cell still holds the starter, which raises NotImplementedError.")
    assert "  · values    0/2  Each value is taken times." in lines


def test_a_wrong_pair_of_a_list_is_named_and_shown_whole() -> None:
    def adaptive_bins(size, output_size):
        return [(i * (size // output_size), (i + 1) * (size // output_size)) for i in range(output_size)]

    assert "output[0] should be (0, 3), but it is (0, 2)." in told(find("adaptive_bins"), adaptive_bins)


def test_wrong(scaled) -> None:
    assert told(scaled, lambda x, times=2: 2 * x) == [
        "✗ scaled is not right yet: 4 of 5 points.",
        "  ✓ values    2/2  Each value is taken times.",
        "  ✗ factor    0/1  Any factor is taken.",
        "  ✓ gradient  1/1  Gradients flow.",
        "  ✓ sum       1/1  Doubling doubles the sum.",
        "",
        "3 of 3 values are wrong.",
        "This looks familiar: always twice.",
        "You double, whatever times is.",
        "The call was: (three times)",
        "    # x has the shape (3,) and the dtype torch.float32.",
        "    scaled(x, times=3)",
        "The first wrong element is output[0]: it should be 3, but it is 2.",
        "",
        "target            yours             yours − target",
        "  3   -6    9      *2* *-4*  *6*    *-1*  *2* *-3*",
        "",
        "Stuck? hint(scaled) gives you a nudge.",
    ]


def test_raised(scaled) -> None:
    def work(x, times=2):
        if times == 3:
            print("about to fail")
            return x.reshape(7)
        return x * times

    line = work.__code__.co_firstlineno + 3
    assert told(scaled, work)[6:] == [
        "RuntimeError: shape '[7]' is invalid for input of size 3",
        f"    line {line}, in work:  return x.reshape(7)",
        "The call was: (three times)",
        "    # x has the shape (3,) and the dtype torch.float32.",
        "    scaled(x, times=3)",
        "While it ran, your code printed:",
        "    about to fail",
        "Stuck? hint(scaled) gives you a nudge.",
    ]


def test_borrowed(scaled) -> None:
    strict = replace(scaled, banned=("pooling",), instead="Build it from a product.")

    def by_name(x, times=2):
        return F.max_pool1d(x[None], 1)[0]

    def by_getattr(x, times=2):
        return getattr(F, "max_" + "pool1d")(x[None], 1)[0]

    lines = told(strict, by_name)
    line = by_name.__code__.co_firstlineno + 1
    assert lines[0] == "? scaled borrows what it should build: 0 of 5 points."
    assert " ".join(lines[6:]) == (
        f"scaled uses max_pool1d in line {line}, which does the very thing that you are asked to build. "
        "Build it from a product."
    )
    text = " ".join(told(strict, by_getattr))
    assert "scaled borrows what it should build" in text
    assert "While it ran, scaled reached max_pool1d, which does the very thing that you are asked to build." in text
    assert "Build it from a product." in text


def test_where_a_helper_borrows_the_report_names_the_helper(scaled) -> None:
    def helper(x):
        return torch.max_pool1d(x[None], 1)[0]

    def work(x, times=2):
        return helper(x)

    text = " ".join(told(replace(scaled, banned=("pooling",), instead="Build it from helper."), work))
    assert "While it ran, scaled called helper, and that reached max_pool1d, which" in text
    assert "Mend helper first." in text
    assert "Build it from helper." not in text


def test_refused(scaled) -> None:
    assert told(scaled, None) == [
        "? scaled could not be judged: 0 of 5 points.",
        "scaled should be a function that starts with def scaled, but it is a NoneType.",
    ]


def test_a_law_in_its_own_words(scaled) -> None:
    exercise = replace(scaled, facets=scaled.facets[3:])
    text = " ".join(told(exercise, lambda x, times=2: x + 1))
    assert "The outputs break a law. The second sum must be twice the first." in text


def test_a_gradient_in_its_own_words(scaled) -> None:
    exercise = replace(scaled, facets=scaled.facets[2:3])
    text = " ".join(told(exercise, lambda x, times=2: x * times + (x - x.detach())))
    assert "The output is right, but 3 of 3 values of the gradient for x are wrong." in text
    assert "The first wrong element is the gradient at x[0]: it should be 2, but it is 3." in text
    text = " ".join(told(exercise, lambda x, times=2: x.detach() * times))
    assert "No gradient reaches x." in text


def test_a_module_s_call_is_written_with_its_arguments(scale_and_shift) -> None:
    class ScaleAndShift(torch.nn.Module):
        def __init__(self, size, bias=True):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(size))
            self.bias = torch.nn.Parameter(torch.ones(size))
            self.register_buffer("calls", torch.zeros((), dtype=torch.long))

        def forward(self, x):
            return x

    assert "    ScaleAndShift(size=2)(x)" in told(scale_and_shift, ScaleAndShift)


def test_with_a_seed_the_report_says_how_to_replay_it(scaled) -> None:
    def work(x, times=2):
        return x * min(times, 3)

    text = " ".join(told(scaled, work, "a"))
    assert 'This case was drawn from a seed. check(scaled, seed="a") runs the same cases here.' in text
    text = " ".join(told(scaled, lambda x, times=2: x, "a"))
    assert 'Further cases were drawn from a seed. check(scaled, seed="a") runs the same ones here.' in text
    assert "drawn from a seed" not in " ".join(told(scaled, lambda x, times=2: x))


def test_a_small_error_is_told_in_enough_digits(scaled) -> None:
    text = " ".join(told(scaled, lambda x, times=2: x * times * 1.0001))
    assert "it should be 2, but it is 2.0002." in text


@pytest.mark.parametrize("size", [10**3, 10**7])
def test_a_report_stays_small(scaled, size: int) -> None:
    """30 MB of print, a message of 10 MB, a tensor of 40 MB: what is shown fits on a screen."""

    def prints(x, times=2):
        for _ in range(3):
            print("<" * size)
        return x

    def raises(x, times=2):
        raise ValueError("<" * size)

    def huge(x, times=2):
        return x.repeat(size)

    def huge_and_of_the_right_shape(x, times=2):
        return x + 1

    large = replace(scaled, facets=(Facet("large", 1, "A large one.", (Case((torch.ones(size),)),)),))
    for exercise, work in (
        (scaled, prints),
        (scaled, raises),
        (scaled, huge),
        (large, huge_and_of_the_right_shape),
    ):
        shown = report(examine(exercise, work))
        data, metadata = shown._repr_mimebundle_()
        assert len(data["text/html"]) < 60_000
        assert len(data["text/plain"]) < 12_000
        assert len(json.dumps(metadata)) < 12_000


def test_the_same_for_a_machine(scaled) -> None:
    facts = report(examine(scaled, lambda x, times=2: 2 * x, "a")).facts
    assert json.loads(json.dumps(facts)) == {
        "exercise": "scaled",
        "face": "wrong",
        "points": 4.0,
        "max_points": 5.0,
        "facets": [
            {"name": "values", "points": 2.0, "max_points": 2.0},
            {"name": "factor", "points": 0.0, "max_points": 1.0},
            {"name": "gradient", "points": 1.0, "max_points": 1.0},
            {"name": "sum", "points": 1.0, "max_points": 1.0},
        ],
        "diagnosis": "3 of 3 values are wrong.",
        "misconception": "always twice",
        "seed": "a",
    }


def starter(x, times=2):
    raise NotImplementedError


@pytest.mark.parametrize(
    ("work", "face", "diagnosis"),
    [
        (lambda x, times=2: x * times, "right", ""),
        (starter, "not attempted", "The cell still holds the starter"),
        (lambda x, times=2: x.nothing, "raised", "AttributeError: 'Tensor' object has no attribute 'nothing'"),
        (lambda x, times=2: F.max_pool1d(x, 1), "refused", "scaled uses max_pool1d in line"),
        (None, "refused", "scaled should be a function"),
    ],
    ids=["right", "starter", "raised", "borrowed", "refused"],
)
def test_each_face_has_a_diagnosis_for_a_machine(scaled, work, face: str, diagnosis: str) -> None:
    facts = report(examine(replace(scaled, banned=("pooling",)), work)).facts
    assert facts["face"] == face
    assert facts["diagnosis"].startswith(diagnosis)
    assert bool(facts["diagnosis"]) == bool(diagnosis)


def test_a_report_shows_as_text_and_html_with_its_facts_beside() -> None:
    shown = Report((Title("right", "Well done."), Text("All is well."), Code("x"), Grids(())), {"points": 1.0})
    data, metadata = shown._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/html"}
    assert data["text/plain"].startswith("✓ Well done.")
    assert metadata == {"course_lib": {"points": 1.0}}
    assert repr(shown) == str(shown)


def test_a_window_through_all_channels_is_told_and_its_first_channel_is_drawn() -> None:
    from course_lib import exercises

    def strided_conv(x, weight, bias=None, stride=1, padding=0, dilation=1):
        return F.conv2d(x[:, :1], weight[:, :1], bias, stride, padding, dilation)

    shown = "\n".join(told(replace(exercises.find("strided_conv"), banned=()), strided_conv))
    assert "Its window reads the positions 0…1, 0…1 and 0…1 along the last three axes of the input." in shown
    assert "input (a part)" in shown
