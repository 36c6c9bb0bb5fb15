"""What pooling refuses: with an error of torch's kind, in words that name argument, value and permitted range."""

from __future__ import annotations

import inspect

import pytest
import torch
import torch.nn.functional as F

import course_lib.functional as CF

NAMES = [f"{kind}_pool{n}d" for kind in ("max", "avg") for n in (1, 2, 3)]
X = {n: torch.arange(128.0).reshape(1, 2, *{1: (64,), 2: (8, 8), 3: (4, 4, 4)}[n]) for n in (1, 2, 3)}


def refused(name: str, *arguments, words: str, **options) -> None:
    """Both refuse; with the same kind of error; ours in these words."""
    with pytest.raises(Exception) as theirs:  # noqa: PT011 - which kind it is, torch decides
        getattr(F, name)(*arguments, **options)
    with pytest.raises(Exception, match=words) as ours:
        getattr(CF, name)(*arguments, **options)
    assert ours.type is theirs.type, f"torch raises {theirs.type.__name__}: {theirs.value}"
    assert str(ours.value).startswith(f"{name}(): ")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kernel_size": 0}, "kernel_size=0 must be at least 1"),
        ({"kernel_size": -1}, "kernel_size=-1 must be at least 1"),
        ({"kernel_size": 65}, "no window fits: it spans 65 positions|kernel_size=65 must be between 1 and 4"),
        ({"kernel_size": ()}, r"kernel_size=\(\) must have 1 or \d entries"),
        ({"kernel_size": (2, 2, 2, 2)}, r"kernel_size=\(2, 2, 2, 2\) must have 1 or \d entries"),
        ({"kernel_size": 2.0}, "kernel_size=2.0 must be an int"),
        ({"kernel_size": "2"}, "kernel_size='2' must be an int"),
        ({"kernel_size": True}, "kernel_size=True must be an int"),
        ({"kernel_size": None}, "kernel_size=None must be an int"),
        ({"kernel_size": 2, "stride": 0}, "stride=0 must be at least 1"),
        ({"kernel_size": 2, "stride": 1.5}, "stride=1.5 must be an int"),
        ({"kernel_size": 2, "stride": (1, 1, 1, 1)}, "stride=.* must have 1 or"),
        ({"kernel_size": 2, "padding": -1}, "padding=-1 must be at least 0"),
        (
            {"kernel_size": 2, "padding": 2},
            "padding=2 must be between 0 and 1 on dim -.: at most half of kernel_size=2",
        ),
        ({"kernel_size": 2, "padding": None}, "padding=None must be an int"),
        ({"kernel_size": 2, "ceil_mode": 1}, "ceil_mode=1 must be True or False"),
    ],
)
def test_an_argument_out_of_range_is_named(name, options, words):
    refused(name, X[int(name[-2])], words=words, **options)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_arguments_that_one_kind_of_pooling_has(n):
    refused(f"max_pool{n}d", X[n], 2, dilation=0, words="dilation=0 must be at least 1")
    refused(f"max_pool{n}d", X[n], 2, dilation=None, words="dilation=None must be an int")
    refused(f"avg_pool{n}d", X[n], 2, count_include_pad=None, words="count_include_pad=None must be True or False")
    if n > 1:
        refused(f"avg_pool{n}d", X[n], 2, divisor_override=0, words="divisor_override=0 must be an int other than 0")
        refused(f"avg_pool{n}d", X[n], 2, divisor_override=2.0, words="divisor_override=2.0 must be an int or None")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(), (4,), (2, 4), (1, 1, 1, 4), (1, 1, 1, 4, 4), (1, 1, 1, 4, 4, 4)])
def test_too_few_or_too_many_axes(name, shape):
    n = int(name[-2])
    if len(shape) not in (n + 1, n + 2):
        refused(name, torch.zeros(shape), 2, words=rf"input must have {n + 1} or {n + 2} axes, \(C, .* its shape is")


@pytest.mark.parametrize("name", NAMES)
def test_only_the_batch_may_be_empty(name):
    n = int(name[-2])
    for shape in ((2, 0, *[4] * n), (0, *[4] * n), (1, 2, *[4] * (n - 1), 0)):
        refused(name, torch.zeros(shape), 2, words="input must have at least 1 entry on every axis but the batch")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("input", [None, [[1.0, 2.0]], 3])
def test_the_input_is_a_tensor(name, input):
    refused(name, input, 2, words="input must be a Tensor, not ")


@pytest.mark.parametrize("n", [1, 2, 3])
def test_lp_pool_names_itself_and_needs_a_power(n):
    name = f"lp_pool{n}d"
    refused(name, X[n], 0, 2, words="norm_type=0 must be another number than 0")
    refused(name, X[n], 2, 0, words="kernel_size=0 must be at least 1")
    refused(name, X[n], float("inf"), 0, words="kernel_size=0 must be at least 1")
    refused(name, torch.zeros(3), 2, 2, words="input must have")
    refused(name, X[n].half().to(torch.int32), 2, 2, words="input.dtype=torch.int32 must be one of")


@pytest.mark.parametrize("n", [1, 2, 3])
def test_min_pool_refuses_what_max_pool_refuses(n):
    pool = getattr(CF, f"min_pool{n}d")
    with pytest.raises(RuntimeError, match=rf"min_pool{n}d\(\): on dim -{n}, kernel_size=0 must be at least 1"):
        pool(X[n], 0)
    with pytest.raises(NotImplementedError, match="input.dtype=torch.complex64 must be one of"):
        pool(X[n].to(torch.complex64), 2)


@pytest.mark.parametrize(
    "options", [{"stride": []}, {"stride": ()}, {"stride": (2,)}, {"kernel_size": torch.tensor(3)}]
)
def test_odd_arguments_that_torch_takes(options):
    options = {"kernel_size": 2, **options}
    for name in NAMES:
        x = X[int(name[-2])]
        torch.testing.assert_close(getattr(CF, name)(x, **options), getattr(F, name)(x, **options))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_names_order_and_defaults_are_torchs(n):
    extremum = "input kernel_size stride=None padding=0 dilation=1 ceil_mode=False return_indices=False"
    average = "input kernel_size stride=None padding=0 ceil_mode=False count_include_pad=True"
    expected = {
        f"max_pool{n}d": extremum,
        f"min_pool{n}d": extremum,
        f"avg_pool{n}d": average if n == 1 else average + " divisor_override=None",
        f"lp_pool{n}d": "input norm_type kernel_size stride=None ceil_mode=False",
    }
    for name, signature in expected.items():
        parameters = inspect.signature(getattr(CF, name)).parameters.values()
        assert " ".join(p.name if p.default is p.empty else f"{p.name}={p.default}" for p in parameters) == signature
