"""What interpolation refuses: with an error of torch's kind, in words that name argument, value and permitted range."""

from __future__ import annotations

import inspect

import pytest
import torch
import torch.nn.functional as F

import course_lib.functional as CF

X = {n: torch.arange(64.0).reshape(1, 1, *{1: (64,), 2: (8, 8), 3: (4, 4, 4)}[n]) for n in (1, 2, 3)}
NAN, INF = float("nan"), float("inf")


def refused(*arguments, words: str, kind: type[Exception] | None = None, **options) -> None:
    """Both refuse; with the same kind of error, or that named; ours in these words; and the input stays as it was."""
    tensors = [a for a in arguments if isinstance(a, torch.Tensor)]
    before = [tensor.clone() for tensor in tensors]
    with pytest.raises(Exception) as theirs:  # noqa: PT011 - which kind it is, torch decides
        F.interpolate(*arguments, **options)
    with pytest.raises(Exception, match=words) as ours:
        CF.interpolate(*arguments, **options)
    assert ours.type is (kind or theirs.type), f"torch raises {theirs.type.__name__}: {theirs.value}"
    assert str(ours.value).startswith("interpolate(): ")
    assert all(map(torch.equal, tensors, before))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "give size or scale_factor, one of them, not size=None and scale_factor=None"),
        ({"size": 3, "scale_factor": 2}, "give size or scale_factor, one of them, not size=3 and scale_factor=2"),
        ({"size": (3,)}, r"size=\(3,\) must have 2 entries, one for each spatial axis"),
        ({"size": (3, 3, 3)}, r"size=\(3, 3, 3\) must have 2 entries"),
        ({"size": 3.0}, "size=3.0 must be an int or a tuple of 2 ints"),
        ({"size": (3.0, 3)}, r"size=\(3.0, 3\) must be an int"),
        ({"size": True}, "size=True must be an int"),
        ({"size": "3"}, "size='3' must be an int"),
        ({"size": (None, 3)}, r"size=\(None, 3\) must be an int"),
        ({"size": 0}, "the new size is 0 on dim -2, but it must be at least 1"),
        ({"size": (4, -1)}, "the new size is -1 on dim -1, but it must be at least 1"),
        ({"size": -1, "mode": "area"}, "the new size is -1 on dim -2, but it must be at least 0"),
        ({"scale_factor": (2,)}, r"scale_factor=\(2,\) must have 2 entries"),
        ({"scale_factor": "2"}, "scale_factor='2' must be a number or a tuple of 2 numbers"),
        ({"scale_factor": (2, "a")}, r"scale_factor=\(2, 'a'\) must be a number"),
        ({"scale_factor": 0}, "the new size is 0 on dim -2"),
        ({"scale_factor": 0.1}, "the new size is 0 on dim -2"),
        ({"scale_factor": (2, -1)}, "the new size is -8 on dim -1"),
        ({"scale_factor": NAN}, "scale_factor=nan must be finite"),
        ({"scale_factor": INF}, "scale_factor=inf must be finite"),
        ({"scale_factor": 1e20}, r"scale_factor=1e\+20 must be finite, and size·scale_factor below 2\^63"),
        ({"scale_factor": NAN, "recompute_scale_factor": True}, "scale_factor=nan must be finite"),
        ({"scale_factor": INF, "recompute_scale_factor": True}, "scale_factor=inf must be finite"),
        ({"size": 3, "recompute_scale_factor": True}, "recompute_scale_factor=True must go with scale_factor"),
        ({"size": 3, "align_corners": False}, "align_corners=False must be None with mode='nearest'"),
        ({"size": 3, "mode": "area", "align_corners": True}, "align_corners=True must be None with mode='area'"),
        ({"size": 3, "mode": "bilinear", "align_corners": 1}, "align_corners=1 must be True, False or None"),
        ({"size": 3, "antialias": True}, "antialias=True must go with .* and mode 'bilinear', 'bicubic' or 'lanczos'"),
        ({"size": 3, "mode": "cubic"}, "mode='cubic' must be one of 'nearest', "),
        ({"size": 3, "mode": None}, "mode=None must be one of 'nearest', "),
        ({"size": 3, "mode": "linear"}, r"input must have 3 axes, \(N, C, L\) with mode='linear'"),
        ({"size": 3, "mode": "trilinear"}, r"input must have 5 axes, \(N, C, D, H, W\) with mode='trilinear'"),
        ({"size": 3, "mode": "lanczos"}, "mode='lanczos' must go with antialias=True and align_corners=False"),
        (
            {"size": 3, "mode": "lanczos", "antialias": True, "align_corners": True},
            "mode='lanczos' must go with antialias=True and align_corners=False",
        ),
    ],
)
def test_an_argument_out_of_range_is_named(options, words):
    refused(X[2], words=words, **options)


@pytest.mark.parametrize("mode", ["nearest", "linear", "bilinear", "bicubic", "trilinear", "area"])
@pytest.mark.parametrize("shape", [(4,), (2, 4), (1, 1, 4), (1, 1, 4, 4), (1, 1, 4, 4, 4), (1, 1, 1, 4, 4, 4)])
def test_each_mode_has_its_number_of_axes(mode, shape):
    try:
        F.interpolate(torch.zeros(shape), size=2, mode=mode)
    except NotImplementedError:
        refused(torch.zeros(shape), size=2, mode=mode, words=r"input must have \d axes, .*, but its shape is")
    else:
        assert CF.interpolate(torch.zeros(shape), size=2, mode=mode).shape[2:] == (2,) * (len(shape) - 2)


@pytest.mark.parametrize(("mode", "n"), [("nearest", 1), ("linear", 1), ("bicubic", 2), ("trilinear", 3), ("area", 3)])
def test_only_the_batch_may_be_empty(mode, n):
    for shape in ((2, 0, *[4] * n), (2, 3, *[4] * (n - 1), 0)):
        refused(torch.zeros(shape), size=2, mode=mode, words="input must have at least 1 entry on every axis but the")
    assert CF.interpolate(torch.zeros(0, 3, *[4] * n), size=2, mode=mode).shape == (0, 3, *[2] * n)


@pytest.mark.parametrize(
    ("mode", "n", "dtype"),
    [
        ("nearest", 2, torch.int64),
        ("nearest-exact", 1, torch.bool),
        ("linear", 1, torch.uint8),
        ("bilinear", 2, torch.int32),
        ("bicubic", 2, torch.int8),
        ("trilinear", 3, torch.uint8),
        ("area", 2, torch.uint8),
        ("area", 3, torch.int64),
    ],
)
def test_a_dtype_that_torch_has_no_kernel_for(mode, n, dtype):
    refused(X[n].to(dtype), size=3, mode=mode, words=rf"input.dtype={dtype} must be one of float16, .* on cpu")


def test_half_precision_has_no_antialiasing_on_a_cpu():
    refused(X[2].half(), size=3, mode="bilinear", antialias=True, words="input.dtype=torch.float16 must be one of")


def test_an_average_of_everything_needs_a_floating_point_dtype():
    refused(X[2].to(torch.uint8), size=1, mode="area", words="input.dtype=torch.uint8 must be a floating point dtype")


@pytest.mark.parametrize("input", [None, [[1.0, 2.0]], 3])
def test_the_input_is_a_tensor(input):
    # torch stumbles over a missing attribute. A wrong kind of argument is a TypeError everywhere else.
    refused(input, size=2, words="input must be a Tensor, not ", kind=TypeError)


@pytest.mark.parametrize(
    "options",
    [
        {"size": [3, 4]},
        {"size": torch.Size([3, 4])},
        {"size": torch.tensor(3)},
        {"size": (3, True)},
        {"scale_factor": True},
        {"scale_factor": 2, "recompute_scale_factor": "yes"},
        {"size": 3, "recompute_scale_factor": False},
        {"size": 0, "mode": "area"},
        {"scale_factor": 0.1, "mode": "area"},
        {"size": 3, "mode": "bilinear", "antialias": 1},
    ],
)
def test_odd_arguments_that_torch_takes(options):
    torch.testing.assert_close(CF.interpolate(X[2], **options), F.interpolate(X[2], **options))


@pytest.mark.parametrize("name", ["interpolate", "upsample", "upsample_nearest", "upsample_bilinear"])
def test_names_order_and_defaults_are_torchs(name):
    ours, theirs = (inspect.signature(getattr(module, name)).parameters.values() for module in (CF, F))
    assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in theirs]


@pytest.mark.filterwarnings("ignore:.*deprecated")
@pytest.mark.parametrize("name", ["upsample", "upsample_nearest", "upsample_bilinear"])
def test_the_old_names_name_themselves(name):
    with pytest.raises(ValueError, match=rf"{name}\(\): give size or scale_factor"):
        getattr(CF, name)(X[2])
