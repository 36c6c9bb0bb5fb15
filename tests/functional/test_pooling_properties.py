"""Laws of the whole pooling family over arguments drawn at random: pieces, channels_last, vmap, junk."""

from __future__ import annotations

import math
import random

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import course_lib.functional as CF
from course_lib.functional import _folds

FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}
KINDS = ("max", "min", "avg", "lp", "adaptive_max", "adaptive_avg", "blur")
NAMES = [f"{kind}_pool{n}d" for kind in KINDS for n in (1, 2, 3)] + ["spatial_pyramid_pool"]
seeds = st.integers(0, 9999)


def drawn(random: random.Random, name: str) -> tuple[torch.Tensor, tuple]:
    """An input with ties, infinities or NaN, in some memory format, and arguments that the operator takes."""
    n = 2 if name == "spatial_pyramid_pool" else int(name[-2])
    sizes = [random.randint(3, 9) for _ in range(n)]
    batch = random.choice([(2, 3), (1, 1), (3,), (5, 2)])
    x = torch.randint(0, 4, (*batch, *sizes), generator=torch.Generator().manual_seed(random.randrange(99))).float()
    if random.random() < 0.3:
        x = torch.tensor([0.0, 1.0, *random.choice([(math.nan, 2.0), (-math.inf, math.inf), (-0.0, -math.inf)])])[
            x.long()
        ]
    if len(x.shape) in FORMATS and len(batch) == 2 and random.random() < 0.5:
        x = x.contiguous(memory_format=FORMATS[len(x.shape)])
    k = random.randint(1, 4)
    padding = random.randint(0, k // 2) if max(sizes) > k else 0
    stride, ceil_mode = random.randint(1, 4), random.random() < 0.5
    if name.startswith("adaptive"):
        return x, (tuple(random.randint(1, 11) for _ in range(n)),)
    if name.startswith("blur"):
        return x, (random.randint(1, 5), stride)
    if name == "spatial_pyramid_pool":
        return x, (tuple(random.randint(1, 6) for _ in range(random.randint(1, 3))), random.choice(["max", "avg"]))
    if name.startswith("lp"):
        return x.abs(), (2.0, min(k, 3), stride, ceil_mode)
    return x, (min(k, 3), stride, min(padding, 1) if k > 1 else 0, *(() if name.startswith("avg") else (1,)), ceil_mode)


def gradient(pool, x: torch.Tensor, arguments: tuple) -> tuple[torch.Tensor, torch.Tensor]:
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    y = pool(x, *arguments)
    return y.detach(), torch.autograd.grad(y, x, torch.arange(1.0, 1 + y.numel()).reshape(y.shape))[0]


@settings(max_examples=125, deadline=None, derandomize=True)
@given(seed=seeds, name=st.sampled_from(NAMES), piece=st.sampled_from([1, 7, 60, 300]))
def test_piece_by_piece_gives_what_the_whole_gives(seed, name, piece):
    x, arguments = drawn(random.Random(seed), name)
    pool = getattr(CF, name)
    whole = (pool(x, *arguments), *gradient(pool, x, arguments))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_folds, "PIECE", piece)
        cut = (pool(x, *arguments), *gradient(pool, x, arguments))
    for one, other in zip(whole, cut, strict=True):
        torch.testing.assert_close(one, other, equal_nan=True)
        assert one.stride() == other.stride()


@settings(max_examples=125, deadline=None, derandomize=True)
@given(seed=seeds, name=st.sampled_from([name for name in NAMES if "max" in name]), piece=st.sampled_from([5, 2**19]))
def test_values_indices_and_gradients_of_maxima_are_torchs(seed, name, piece):
    x, arguments = drawn(random.Random(seed), name)
    ours, theirs = getattr(CF, name), getattr(F, name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_folds, "PIECE", piece)
        for one, other in zip(
            (*ours(x, *arguments, return_indices=True), ours(x, *arguments), gradient(ours, x, arguments)[1]),
            (*theirs(x, *arguments, return_indices=True), theirs(x, *arguments), gradient(theirs, x, arguments)[1]),
            strict=True,
        ):
            torch.testing.assert_close(one, other, equal_nan=True)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=seeds, name=st.sampled_from(NAMES))
def test_vmap_adds_an_axis(seed, name):
    x, arguments = drawn(random.Random(seed), name)
    pool, batch = getattr(CF, name), torch.stack([x, x.flip(-1), x.flip(0)])

    def both(x):
        return pool(x, *arguments), torch.func.grad(lambda x: pool(x, *arguments).square().sum())(x)

    for one, other in zip(torch.func.vmap(both)(batch), zip(*map(both, batch), strict=True), strict=True):
        torch.testing.assert_close(one, torch.stack(other), equal_nan=True)


JUNK = (None, 0, -1, 2, 2.5, True, "2", (), (1, 2), (2, None), [3], (-1,) * 4, math.nan, math.inf, 40, object())
INPUTS = (
    None,
    [[1.0]],
    torch.ones(()),
    torch.ones(4),
    torch.ones(2, 3, 0),
    torch.ones(0, 2, 4, 4),
    torch.ones(2, 3, 5, dtype=torch.complex64),
    torch.ones(1, 2, 4, 4, dtype=torch.bool),
    torch.arange(32.0).reshape(1, 2, 4, 4),
    torch.arange(48.0).reshape(2, 3, 8),
    torch.arange(54.0).reshape(1, 2, 3, 3, 3),
)
REFUSALS = (TypeError, ValueError, RuntimeError, IndexError, ZeroDivisionError)  # NotImplementedError is a RuntimeError


@settings(max_examples=400, deadline=None, derandomize=True)
@given(
    name=st.sampled_from(NAMES),
    input=st.sampled_from(INPUTS),
    arguments=st.lists(st.sampled_from(JUNK), min_size=1, max_size=5),
)
def test_junk_is_refused_in_the_operators_name_and_changes_nothing(name, input, arguments):
    before = input.clone() if isinstance(input, torch.Tensor) else input
    try:
        result = getattr(CF, name)(input, *arguments)
    except REFUSALS as error:
        words = str(error)
        assert words.startswith((f"{name}()", "adaptive_" if name == "spatial_pyramid_pool" else name)), words
    else:
        assert isinstance(result if isinstance(result, torch.Tensor) else result[0], torch.Tensor)
    if isinstance(input, torch.Tensor):
        assert torch.equal(input, before)
