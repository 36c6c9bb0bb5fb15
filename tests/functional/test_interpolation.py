"""Interpolation by example, then every argument against torch. Gradients and refusals have their own files."""

from __future__ import annotations

import doctest
import itertools
import warnings

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import course_lib.functional as CF
from course_lib.functional import interpolation

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}
MODES = {
    1: ("nearest", "nearest-exact", "linear", "area"),
    2: ("nearest", "nearest-exact", "bilinear", "bicubic", "area"),
    3: ("nearest", "nearest-exact", "trilinear", "area"),
}
WITH_CORNERS = ("linear", "bilinear", "bicubic", "trilinear")
# Weights and sums are rounded in another order than torch's. In half precision torch rounds the weights, we don't.
TOLERANCE = {torch.float16: 1e-2, torch.bfloat16: 6e-2, torch.float32: 3e-5, torch.float64: 1e-11, torch.uint8: 0}


def image(*rows: list[float]) -> torch.Tensor:
    return torch.tensor([[rows]], dtype=torch.float32)


def grid(shape: tuple[int, ...], seed: int = 0, dtype: torch.dtype = torch.float32, device="cpu") -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    if dtype is torch.uint8:
        return torch.randint(0, 256, shape, generator=generator, dtype=dtype).to(device)
    return torch.randn(shape, generator=generator).to(device=device, dtype=dtype)


def matches(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    """Same values, dtype and shape, and the same memory format wherever sizes of 1 don't make it ambiguous."""
    if ours.dtype is not theirs.dtype or not torch.equal(ours, theirs):
        tolerance = TOLERANCE[theirs.dtype]
        torch.testing.assert_close(ours, theirs, rtol=tolerance / 3, atol=tolerance, equal_nan=True)
    if 1 not in theirs.shape and theirs.numel():
        assert ours.stride() == theirs.stride()


def wrong_in_torch(theirs_size: tuple[int, ...], dtype: torch.dtype, antialias: bool) -> bool:
    """torch 2.13 repeats the first row where its separable kernel makes an image one pixel wide."""
    return theirs_size[-1] == 1 and (antialias or dtype is torch.uint8)


def test_the_documented_examples_run():
    results = doctest.testmod(interpolation)
    assert results.attempted > 2
    assert results.failed == 0


SMALL = image([1, 2], [3, 4])
CORNER = image([1, 2, 0], [3, 4, 0], [0, 0, 0])


def test_two_by_two_doubled_by_copying():
    assert CF.interpolate(SMALL, scale_factor=2).tolist() == [
        [[[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]]
    ]


def test_two_by_two_doubled_between_pixel_centres():
    assert CF.interpolate(SMALL, scale_factor=2, mode="bilinear").tolist() == [
        [[[1, 1.25, 1.75, 2], [1.5, 1.75, 2.25, 2.5], [2.5, 2.75, 3.25, 3.5], [3, 3.25, 3.75, 4]]]
    ]


def test_two_by_two_doubled_between_its_corners():
    y = CF.interpolate(SMALL, scale_factor=2, mode="bilinear", align_corners=True)
    expected = image([3, 4, 5, 6], [5, 6, 7, 8], [7, 8, 9, 10], [9, 10, 11, 12]) / 3
    torch.testing.assert_close(y, expected)


def test_three_by_three_doubled_between_pixel_centres():
    # Away from the edge the same numbers as in two by two: half-pixel sampling doesn't depend on the size.
    assert CF.interpolate(CORNER, scale_factor=2, mode="bilinear").tolist() == [
        [
            [
                [1, 1.25, 1.75, 1.5, 0.5, 0],
                [1.5, 1.75, 2.25, 1.875, 0.625, 0],
                [2.5, 2.75, 3.25, 2.625, 0.875, 0],
                [2.25, 2.4375, 2.8125, 2.25, 0.75, 0],
                [0.75, 0.8125, 0.9375, 0.75, 0.25, 0],
                [0, 0, 0, 0, 0, 0],
            ]
        ]
    ]


def test_three_by_three_doubled_between_its_corners():
    # With align_corners they are others than in two by two: the step is 2/5 here and was 1/3 there.
    y = CF.interpolate(CORNER, scale_factor=2, mode="bilinear", align_corners=True)
    expected = image(
        [1.0, 1.4, 1.8, 1.6, 0.8, 0.0],
        [1.8, 2.2, 2.6, 2.24, 1.12, 0.0],
        [2.6, 3.0, 3.4, 2.88, 1.44, 0.0],
        [2.4, 2.72, 3.04, 2.56, 1.28, 0.0],
        [1.2, 1.36, 1.52, 1.28, 0.64, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    )
    torch.testing.assert_close(y, expected)


def test_nearest_takes_the_left_pixel_and_exact_the_one_under_the_centre():
    ramp = torch.arange(8.0).reshape(1, 1, 8)
    assert CF.interpolate(ramp, size=4).tolist() == [[[0, 2, 4, 6]]]
    assert CF.interpolate(ramp, size=4, mode="nearest-exact").tolist() == [[[1, 3, 5, 7]]]


def test_linear_invents_labels_that_were_not_there():
    labels = torch.tensor([[[0.0, 3.0]]])
    assert CF.interpolate(labels, scale_factor=2, mode="linear").tolist() == [[[0, 0.75, 2.25, 3]]]
    assert CF.interpolate(labels, scale_factor=2).tolist() == [[[0, 0, 3, 3]]]


def test_bicubic_overshoots_a_step():
    step = image([0, 0, 0, 0, 1, 1, 1, 1])
    y = CF.interpolate(step, size=(1, 32), mode="bicubic")
    assert round(y.min().item(), 2) == -0.11
    assert round(y.max().item(), 2) == 1.11


def test_bilinear_to_a_quarter_is_no_average_of_sixteen():
    x = image([0, 1, 3, 100])
    assert CF.interpolate(x, size=(1, 1), mode="bilinear").item() == 2
    assert CF.interpolate(x, size=(1, 1), mode="area").item() == 26


def test_area_is_adaptive_average_pooling():
    assert CF.interpolate(torch.tensor([[[1.0, 2.0, 3.0, 4.0, 5.0]]]), size=2, mode="area").tolist() == [[[2, 4]]]


def test_antialias_stretches_the_filter():
    # Halved, every output weighs four pixels 1, 3, 3, 1 over 8, without antialias two.
    impulse = image([0, 0, 0, 8, 0, 0, 0, 0])
    halved = {"size": (1, 4), "mode": "bilinear"}
    assert CF.interpolate(impulse, **halved).tolist() == [[[[0, 4, 0, 0]]]]
    assert CF.interpolate(impulse, **halved, antialias=True).tolist() == [[[[0, 3, 1, 0]]]]


def test_bytes_are_rounded_to_the_nearest_and_cut_off():
    x = torch.tensor([[[[0, 3, 255, 255]]]], dtype=torch.uint8)
    assert CF.interpolate(x, scale_factor=(1, 2), mode="bilinear").tolist() == [[[[0, 1, 2, 66, 192, 255, 255, 255]]]]
    assert CF.interpolate(x, scale_factor=(1, 2), mode="bicubic").tolist() == [[[[0, 0, 0, 60, 198, 255, 255, 255]]]]


def test_scale_factor_and_size_give_other_values_where_the_size_was_rounded():
    x = torch.arange(5.0).reshape(1, 1, 5)
    kept = CF.interpolate(x, scale_factor=1.5, mode="linear")
    recomputed = CF.interpolate(x, scale_factor=1.5, mode="linear", recompute_scale_factor=True)
    assert kept.shape == recomputed.shape == (1, 1, 7)
    assert not torch.allclose(kept, recomputed)
    assert torch.equal(recomputed, CF.interpolate(x, size=7, mode="linear"))


@pytest.mark.parametrize(("n", "mode"), [(n, mode) for n, modes in MODES.items() for mode in modes])
def test_weights_add_up_to_one(n, mode):
    x = torch.full((1, 1, *(7, 5, 6)[:n]), 3.0)
    for size, antialias in itertools.product((1, 4, 9, 14), (False, True)):
        if not antialias or mode in ("bilinear", "bicubic"):
            y = CF.interpolate(x, size=size, mode=mode, antialias=antialias)
            torch.testing.assert_close(y, torch.full_like(y, 3.0))


@pytest.mark.parametrize("mode", [mode for mode in MODES[2] if mode != "area"])
def test_an_infinite_pixel_reaches_as_far_as_in_torch(mode):
    x = grid((1, 1, 6, 5))
    x[..., 2, 3], x[..., 4, 0] = float("inf"), float("nan")
    for size in ((6, 5), (6, 10), (12, 10), (13, 7), (3, 4)):
        matches(CF.interpolate(x, size=size, mode=mode), F.interpolate(x, size=size, mode=mode))


def test_the_result_shares_no_memory_with_the_input():
    x = grid((1, 2, 4, 4))
    for mode in MODES[2]:
        y = CF.interpolate(x, size=4, mode=mode)
        assert torch.equal(y, x) or mode == "bicubic"
        assert y.data_ptr() != x.data_ptr()


def test_what_torch_gets_wrong_is_right_here():
    """torch's antialiasing repeats the first row of an image one pixel wide. When this fails, torch has mended it."""
    x = torch.arange(4.0).reshape(1, 1, 4, 1)
    theirs, ours = (f.interpolate(x, size=(2, 1), mode="bilinear", antialias=True) for f in (F, CF))
    torch.testing.assert_close(ours, F.interpolate(x.mT, size=(1, 2), mode="bilinear", antialias=True).mT)
    assert theirs[0, 0, 0, 0] == theirs[0, 0, 1, 0]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.uint8])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_seeded_grids_against_torch(n, dtype, device):
    sizes = {1: [(9,), (100,)], 2: [(7, 10), (16, 16), (70, 6)], 3: [(3, 4, 5)]}[n]
    targets = [{"scale_factor": 2}, {"scale_factor": 4}, {"scale_factor": 0.5}, {"scale_factor": 1.7}, {"size": 11}]
    compared = 0
    for size, channels, target, mode, last in itertools.product(sizes, (3, 17), targets, MODES[n], (False, True)):
        filtered = mode not in ("nearest", "nearest-exact")
        if dtype is torch.uint8 and filtered and (n != 2 or mode == "area" or device == "cuda"):
            continue
        x = grid((2, channels, *size), dtype=dtype, device=device)
        x = x.contiguous(memory_format=FORMATS[x.dim()]) if last and n > 1 else x
        for corners in (None, True) if mode in WITH_CORNERS else (None,):
            arguments = {**target, "mode": mode, "align_corners": corners}
            matches(CF.interpolate(x, **arguments), F.interpolate(x, **arguments))
            compared += 1
    assert compared >= 40


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.uint8])
@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "lanczos"])
def test_antialiased_grids_against_torch(mode, dtype, device):
    if device == "cuda" and (mode == "lanczos" or dtype is torch.uint8):
        pytest.skip("torch has no such kernel")
    for size, channels, target in itertools.product(
        [(30, 21), (17, 40)], (1, 3, 8), [{"size": (9, 20)}, {"size": (64, 50)}, {"scale_factor": (0.5, 1.3)}]
    ):
        x = grid((2, channels, *size), dtype=dtype, device=device)
        arguments = {**target, "mode": mode, "antialias": True}
        matches(CF.interpolate(x, **arguments), F.interpolate(x, **arguments))


factors = st.one_of(st.sampled_from([1, 2, 2.0, 3, 0.5, 0.25, 1 / 3, 1.05]), st.floats(0.3, 3.2))
MOST = {1: 90, 2: 48, 3: 9}
SIZES = {n: st.lists(st.integers(1, most), min_size=n, max_size=n) for n, most in MOST.items()}
TARGETS = {
    n: st.one_of(
        st.builds(lambda size: {"size": size}, st.one_of(st.integers(1, most), SIZES[n])),
        st.builds(
            lambda factor, recompute: {"scale_factor": factor, "recompute_scale_factor": recompute},
            st.one_of(factors, st.lists(factors, min_size=n, max_size=n)),
            st.sampled_from([None, False, True]),
        ),
    )
    for n, most in MOST.items()
}
BATCHES = st.sampled_from([(1, 1), (2, 3), (1, 5), (1, 17), (0, 2)])
DTYPES = st.sampled_from([torch.float32, torch.float32, torch.float64, torch.float16, torch.uint8])
LAYOUTS = st.sampled_from(["contiguous", "channels_last", "strided"])


@settings(max_examples=200, deadline=None, derandomize=True)
@given(data=st.data(), n=st.integers(1, 3), seed=st.integers(0, 99))
def test_any_arguments_give_torchs_answer(data, n, seed):
    """A thousand calls and more: every mode and flag at each size, dtype and memory format drawn."""
    sizes, target = data.draw(SIZES[n]), data.draw(TARGETS[n])
    batch, dtype, layout = data.draw(BATCHES), data.draw(DTYPES), data.draw(LAYOUTS)
    x = grid((*batch, *sizes), seed, dtype)
    if layout == "channels_last" and n > 1:
        x = x.contiguous(memory_format=FORMATS[x.dim()])
    elif layout == "strided":
        x = x.repeat_interleave(2, -1)[..., ::2]
    compared = 0
    for mode in (*MODES[n], *(("lanczos",) if n == 2 else ())):
        for corners in (None, False, True) if mode in WITH_CORNERS else (None,):
            for antialias in {mode == "lanczos", mode in ("bilinear", "bicubic", "lanczos")}:
                arguments = {**target, "mode": mode, "align_corners": corners, "antialias": antialias}
                compared += same_answer(x, arguments)
    assert compared > 0


def same_answer(x: torch.Tensor, arguments: dict) -> bool:
    try:
        theirs = F.interpolate(x, **arguments)
    except Exception as error:
        if "INTERNAL ASSERT" not in str(error):
            with pytest.raises(type(error), match="interpolate"):
                CF.interpolate(x, **arguments)
    else:
        ours = CF.interpolate(x, **arguments)
        assert ours.shape == theirs.shape
        if not wrong_in_torch(theirs.shape, x.dtype, arguments["antialias"]):
            matches(ours, theirs)
    return True


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("upsample", {"size": 7, "mode": "bilinear", "align_corners": True}),
        ("upsample", {"scale_factor": 2}),
        ("upsample_nearest", {"scale_factor": 3}),
        ("upsample_bilinear", {"size": (5, 9)}),
    ],
)
def test_the_old_names_warn_and_answer(name, arguments):
    x = grid((1, 2, 4, 6))
    with pytest.warns(UserWarning, match=f"`{name}` is deprecated") as ours:
        y = getattr(CF, name)(x, **arguments)
    with pytest.warns(UserWarning, match="deprecated") as theirs:
        expected = getattr(F, name)(x, **arguments)
    matches(y, expected)
    assert ours[0].filename == theirs[0].filename == __file__


@pytest.mark.parametrize("threads", [1, 2])
def test_the_answer_does_not_depend_on_the_number_of_threads(threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        x = grid((2, 3, 20, 30))
        for mode in MODES[2]:
            matches(CF.interpolate(x, size=(33, 41), mode=mode), F.interpolate(x, size=(33, 41), mode=mode))
    finally:
        torch.set_num_threads(before)


def test_a_long_signal_takes_no_longer_for_its_length_alone():
    """The matrix of an axis is found with whole arrays, not output by output."""
    x = torch.arange(100_001.0).reshape(1, 1, -1)
    for size in (200_002, 70_000):
        matches(CF.interpolate(x / 1e5, size=size, mode="linear"), F.interpolate(x / 1e5, size=size, mode="linear"))


def test_interpolate_itself_never_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for n, modes in MODES.items():
            for mode, factor in itertools.product(modes, (0.4, 1.5)):
                CF.interpolate(torch.ones(1, 1, *[9] * n), scale_factor=factor, mode=mode)


def test_torchs_own_operators_are_never_called():
    forbidden = ("upsample", "adaptive", "grid_sample", "interpolate", "avg_pool", "conv")
    seen = []

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, arguments=(), options=None):
            seen.append(str(function))
            return function(*arguments, **(options or {}))

    with Watch():
        for n, modes in MODES.items():
            for mode in modes:
                CF.interpolate(torch.ones(1, 1, *[4] * n), size=6, mode=mode)
    assert len(seen) > 20
    assert not [name for name in seen if any(word in name for word in forbidden)]
