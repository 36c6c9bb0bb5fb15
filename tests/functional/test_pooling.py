"""Pooling by example, then every argument against torch.nn.functional. Gradients and refusals have their own files."""

from __future__ import annotations

import doctest
import functools
import itertools
import math
import random

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import course_lib.functional as CF
from course_lib.functional import pooling

NAN, INF = math.nan, math.inf
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}


def image(*rows: list[float]) -> torch.Tensor:
    return torch.tensor([[rows]], dtype=torch.float32)


def matches(ours, theirs):
    """Same values, dtype, shape and return type; rounding may differ in the last places of an average."""
    if isinstance(theirs, tuple):
        assert isinstance(ours, tuple)
        assert torch.equal(ours[1], theirs[1])
        ours, theirs = ours[0], theirs[0]
    if ours.dtype is not theirs.dtype or not torch.equal(ours, theirs):
        half = theirs.dtype in (torch.float16, torch.bfloat16)
        tolerance = {"rtol": 1e-2, "atol": 1e-2} if half else {}
        torch.testing.assert_close(ours, theirs, equal_nan=True, **tolerance)


def test_the_documented_examples_run():
    for module in (CF, pooling):
        results = doctest.testmod(module)
        assert results.attempted > 0
        assert results.failed == 0


def test_max_of_each_two_by_two_block():
    y, indices = CF.max_pool2d(torch.arange(16.0).reshape(1, 1, 4, 4), 2, return_indices=True)
    assert y.tolist() == [[[[5, 7], [13, 15]]]]
    assert indices.tolist() == [[[[5, 7], [13, 15]]]]


def test_max_with_padding_never_sees_a_zero():
    assert CF.max_pool2d(image([-4, -3], [-2, -1]), 2, stride=1, padding=1).tolist() == [
        [[[-4, -3, -3], [-2, -1, -1], [-2, -1, -1]]]
    ]


def test_min_of_unsigned_integers_does_not_negate():
    assert CF.min_pool1d(torch.tensor([[0, 5, 7, 9]], dtype=torch.uint8), 4).tolist() == [[0]]
    assert CF.min_pool1d(torch.tensor([[200, 255]], dtype=torch.uint8), 2, 1, padding=1).tolist() == [[200, 200, 255]]


@pytest.mark.parametrize("dtype", [torch.uint16, torch.uint32, torch.uint64, torch.bool, torch.int8, torch.int64])
def test_min_takes_every_integer_and_bool(dtype):
    numbers = (
        [False, True, True, True] if dtype is torch.bool else [torch.iinfo(dtype).max, 1, 3, torch.iinfo(dtype).min]
    )
    x = torch.tensor([[numbers]], dtype=dtype)
    y, indices = CF.min_pool1d(x, 2, return_indices=True)
    assert y.dtype is dtype
    assert y.tolist() == [[[min(numbers[:2]), min(numbers[2:])]]]
    assert indices.tolist() == [[[numbers.index(min(numbers[:2])), 2 + numbers[2:].index(min(numbers[2:]))]]]


def test_average_counts_the_padding_unless_told_not_to():
    x = torch.tensor([[6.0, 12.0]])
    assert CF.avg_pool1d(x, 3, 1, padding=1).tolist() == [[6, 6]]
    assert CF.avg_pool1d(x, 3, 1, padding=1, count_include_pad=False).tolist() == [[9, 9]]
    assert CF.avg_pool2d(x[None], (1, 2), divisor_override=9).tolist() == [[[2]]]


def test_what_hangs_over_in_ceil_mode_does_not_count():
    # The third window has one entry of the input and one that lies outside.
    assert CF.avg_pool1d(torch.tensor([[1.0, 3.0, 5.0, 7.0, 9.0]]), 2, ceil_mode=True).tolist() == [[2, 6, 9]]


def test_average_of_int64_rounds_towards_zero():
    assert CF.avg_pool1d(torch.tensor([[3, 4, -3, -4]]), 2).tolist() == [[3, -3]]


def test_p_norm_is_a_root_of_a_sum_of_powers():
    x = torch.tensor([[3.0, -4.0]])
    assert CF.lp_pool1d(x, 2, 2).tolist() == [[5]]
    assert CF.lp_pool1d(x, 1, 2).tolist() == [[-1]]
    assert CF.lp_pool1d(x, INF, 2).tolist() == [[4]]
    assert CF.lp_pool1d(x, -INF, 2).tolist() == [[3]]


@pytest.mark.parametrize(
    ("plane", "index"),
    [
        ([[1, 1], [1, 1]], 0),
        ([[0, 1], [1, 0]], 1),
        ([[-INF, -INF], [-INF, -INF]], 0),
        ([[NAN, 1], [NAN, INF]], 2),
        ([[INF, NAN], [3, NAN]], 3),
    ],
)
def test_of_equals_the_first_wins_and_of_nans_the_last(plane, index):
    x = image(*plane)
    for pool in (CF.max_pool2d, F.max_pool2d):
        assert pool(x, 2, return_indices=True)[1].item() == index
    # Negation is exact for floats, so the minimum's rule follows from the maximum's.
    assert CF.min_pool2d(-x, 2, return_indices=True)[1].item() == index


def test_a_window_of_padding_alone_is_the_lowest_number():
    # kernel_size 2, dilation 3 and padding 1 read positions -1 and 2 of a row that has 0 and 1.
    x = torch.tensor([[5.0, 7.0]])
    assert CF.max_pool1d(x, 2, 1, 1, 3).tolist() == F.max_pool1d(x, 2, 1, 1, 3).tolist() == [[-INF]]
    assert CF.min_pool1d(x, 2, 1, 1, 3).tolist() == [[INF]]


GRID = [
    (kernel_size, stride, padding, dilation, ceil_mode)
    for kernel_size, stride, padding, dilation, ceil_mode in itertools.product(
        (1, 2, 3, 5), (None, 1, 2, 3), (0, 1, 2), (1, 2), (False, True)
    )
    if padding <= kernel_size // 2
]


def inputs(n: int):
    """Odd sizes, one-pixel axes, no batch, an empty batch, views, channels_last; ties, NaN and infinities."""
    generator = torch.Generator().manual_seed(n)
    base = torch.randn(2, 3, *(9, 8, 7)[:n], generator=generator)
    ties = torch.randint(0, 3, base.shape, generator=generator).float()
    wild = torch.where(
        ties == 0, torch.tensor([NAN, INF, -INF])[torch.randint(0, 3, ties.shape, generator=generator)], base
    )
    yield from (base, ties, wild, base[0], base[:0], base[..., :1], base.transpose(0, 1), base[..., ::2], base.mT)
    if n > 1:
        yield ties.contiguous(memory_format=FORMATS[n + 2])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_every_argument_of_max_pool_against_torch(n, device):
    ours, theirs, compared = getattr(CF, f"max_pool{n}d"), getattr(F, f"max_pool{n}d"), 0
    # Each axis is done as the one in 1-D. This third of the grid still has every pair of two arguments' values.
    laws = GRID if n == 1 else GRID[1::3]
    for x, law in itertools.product([x.to(device) for x in inputs(n)], laws):
        try:
            expected = theirs(x, *law, return_indices=True)
        except RuntimeError:
            continue
        matches(ours(x, *law, return_indices=True), expected)
        matches(ours(x, *law), theirs(x, *law))
        smallest, where = getattr(CF, f"min_pool{n}d")(-x, *law, return_indices=True)
        matches((-smallest, where), expected)
        compared += 1
    assert compared > 100


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_every_argument_of_avg_pool_against_torch(n, device):
    ours, theirs, compared = getattr(CF, f"avg_pool{n}d"), getattr(F, f"avg_pool{n}d"), 0
    for x, law, count in itertools.product([x.to(device) for x in inputs(n)], GRID[::3], (False, True)):
        kernel_size, stride, padding, _, ceil_mode = law
        rest = [count] if n == 1 else [count, (None, 7, -3)[kernel_size % 3]]
        try:
            expected = theirs(x, kernel_size, stride, padding, ceil_mode, *rest)
        except RuntimeError:
            continue
        matches(ours(x, kernel_size, stride, padding, ceil_mode, *rest), expected)
        compared += 1
    assert compared > 100


@pytest.mark.parametrize("norm_type", [1, 2, 3.0, 0.5, -1, INF, -INF])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_every_argument_of_lp_pool_against_torch(n, norm_type):
    ours, theirs, compared = getattr(CF, f"lp_pool{n}d"), getattr(F, f"lp_pool{n}d"), 0
    for x, kernel_size, stride, ceil_mode in itertools.product(inputs(n), (1, 2, 3), (None, 2), (False, True)):
        x = x.abs() if norm_type in (0.5, -1) else x  # roots of negatives, and reciprocals that cancel
        try:
            expected = theirs(x, norm_type, kernel_size, stride, ceil_mode)
        except RuntimeError:
            continue
        matches(ours(x, norm_type, kernel_size, stride, ceil_mode), expected)
        compared += 1
    assert compared > 50


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16, torch.uint8, torch.int32, torch.int64])
@pytest.mark.parametrize("name", ["max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d"])
def test_each_dtype_is_taken_or_refused_as_by_torch(name, dtype, device):
    x = torch.arange(-60, 60).reshape(1, 2, *{"1": (60,), "2": (6, 10), "3": (3, 4, 5)}[name[-2]]).to(device, dtype)
    try:
        expected = getattr(F, name)(x, 3, 2, 1)
    except NotImplementedError:
        with pytest.raises(NotImplementedError, match=rf"{name}\(\): input.dtype={dtype} must be one of float"):
            getattr(CF, name)(x, 3, 2, 1)
    else:
        matches(getattr(CF, name)(x, 3, 2, 1), expected)


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d", "max_pool3d", "avg_pool3d"])
@pytest.mark.parametrize("size", [6, 1])
def test_memory_format_follows_torch(name, size):
    n = int(name[-2])
    x = torch.randn(2, 3, *[size] * n).contiguous(memory_format=FORMATS[n + 2])
    assert getattr(CF, name)(x, 1 if size == 1 else 2).stride() == getattr(F, name)(x, 1 if size == 1 else 2).stride()
    padded = [pool(x, 3, 2, 1).stride() for pool in (getattr(CF, name), getattr(F, name)) if size > 1]
    assert len(set(padded)) <= 1


@functools.cache
def axis_arguments(n: int):
    def one_or_each(low, high):
        return st.integers(low, high) | st.tuples(*[st.integers(low, high)] * n)

    return st.tuples(
        one_or_each(1, 4), st.none() | one_or_each(1, 4), one_or_each(0, 2), one_or_each(1, 3), st.booleans()
    )


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data(), n=st.integers(1, 3), seed=st.integers(0, 99))
def test_any_arguments_give_torchs_answer_or_torchs_kind_of_refusal(data, n, seed):
    law = data.draw(axis_arguments(n))
    sizes = data.draw(st.lists(st.integers(1, 7), min_size=n, max_size=n))
    batch = data.draw(st.sampled_from([(1, 1), (2, 3), (3,), (0, 2), (2, 0)]))
    x = torch.randint(0, 4, (*batch, *sizes), generator=torch.Generator().manual_seed(seed)).float()
    kernel_size, stride, padding, dilation, ceil_mode = law
    rest = (kernel_size, stride, padding, ceil_mode, random.Random(seed).random() < 0.5)
    for name, arguments in ((f"max_pool{n}d", (*law, True)), (f"avg_pool{n}d", rest)):
        try:
            expected = getattr(F, name)(x, *arguments)
        except Exception as error:
            with pytest.raises(type(error), match=name):
                getattr(CF, name)(x, *arguments)
        else:
            matches(getattr(CF, name)(x, *arguments), expected)
