"""Shuffles by example, against torch over all arguments, as each other's inverse, and their refusals."""

from __future__ import annotations

import doctest
import inspect

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import course_lib.functional as CF
from course_lib.functional import shuffle

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
NAMES = ("pixel_shuffle", "pixel_unshuffle", "channel_shuffle")


def count(*shape: int, **options) -> torch.Tensor:
    return torch.arange(torch.Size(shape).numel()).reshape(shape).to(**options)


def same(name: str, x, number) -> bool:
    """Both give the same answer (True), or both refuse with the same kind of error, ours with its name in it."""
    try:
        expected = getattr(F, name)(x.contiguous() if x.is_cuda else x, number)  # torch shuffles no views there
    except Exception as error:
        expected = error
    if isinstance(expected, Exception):
        with pytest.raises(type(expected)) as ours:
            getattr(CF, name)(x, number)
        assert ours.type is type(expected), f"torch: {expected}; ours: {ours.value}"
        assert str(ours.value).startswith(f"{name}(): ")
        return False
    y = getattr(CF, name)(x, number)
    torch.testing.assert_close(y, expected, rtol=0, atol=0)
    # Nor does it keep the format of the input; ours do.
    assert not expected.numel() or x.is_cuda or steps(y) == steps(expected)
    return True


def steps(y: torch.Tensor) -> list[int]:
    """The memory format: the strides, but for axes of one position, whose stride says nothing."""
    return [step for step, size in zip(y.stride(), y.shape, strict=True) if size > 1]


def test_the_documented_examples_run():
    results = doctest.testmod(shuffle)
    assert results.attempted == 3
    assert results.failed == 0


def test_four_channels_become_blocks_of_two_by_two():
    assert CF.pixel_shuffle(count(4, 1, 2), 2).tolist() == [[[0, 2, 1, 3], [4, 6, 5, 7]]]
    assert CF.pixel_unshuffle(count(1, 2, 4), 2).tolist() == [[[0, 2]], [[1, 3]], [[4, 6]], [[5, 7]]]


def test_channels_of_groups_are_interleaved():
    assert CF.channel_shuffle(count(1, 6, 1), 2).flatten().tolist() == [0, 3, 1, 4, 2, 5]
    assert CF.channel_shuffle(count(1, 6, 1), 3).flatten().tolist() == [0, 2, 4, 1, 3, 5]


@pytest.mark.parametrize("r", [1, 2, 3])
def test_unshuffle_undoes_shuffle(r):
    x = count(2, 18 * r * r, 3, 2)
    assert torch.equal(CF.pixel_unshuffle(CF.pixel_shuffle(x, r), r), x)
    assert torch.equal(CF.channel_shuffle(CF.channel_shuffle(x, r), x.shape[1] // r), x)


@pytest.mark.parametrize("name", NAMES)
def test_the_result_shares_no_memory_with_the_input(name):
    x = count(1, 1, 1, 1) if name.startswith("pixel") else count(1, 4, 1, 1)
    getattr(CF, name)(x, 1).add_(1)
    assert torch.equal(x, count(*x.shape))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.uint8, torch.int64, torch.bool, torch.complex64])
def test_every_dtype_view_and_memory_format(name, dtype, device):
    x = count(2, 36, 6, 12).to(device, dtype)
    views = (x, x[0], x[None], x.mT, x[..., ::2], x[:1].expand(3, -1, -1, -1))
    for r in (1, 2, 3, 6):
        for view in (*views, x.contiguous(memory_format=torch.channels_last)):
            same(name, view, r)
        assert same("channel_shuffle", x[..., 0], r)
        assert same("channel_shuffle", x.unflatten(3, (4, 3)).contiguous(memory_format=torch.channels_last_3d), r)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    name=st.sampled_from(NAMES),
    shape=st.lists(st.integers(0, 9), min_size=0, max_size=5),
    number=st.integers(-2, 4) | st.sampled_from([10**10, True, 2.0, "2", None, (2, 2)]),
)
def test_any_arguments_give_torchs_answer_or_torchs_kind_of_refusal(name, shape, number):
    x = count(*shape)
    if name == "pixel_unshuffle" and x.numel() == 0 and number != 10**10:
        return  # see the next test
    same(name, x, number)


def test_an_empty_image_is_unshuffled_to_the_shape_that_the_law_says():
    # torch's kernel for CPUs hands an empty input back in its old shape; its own rule for shapes says what ours does.
    for shape in ((0, 4, 9, 9), (2, 4, 9, 0), (2, 0, 9, 9)):
        expected = F.pixel_unshuffle(torch.ones(shape, device="meta"), 3).shape
        assert CF.pixel_unshuffle(torch.ones(shape), 3).shape == expected


@pytest.mark.parametrize(
    ("name", "shape", "number", "words"),
    [
        ("pixel_shuffle", (1, 6, 2, 2), 2, r"input.shape\[-3\]=6, the channels, must be a multiple of 4"),
        ("pixel_shuffle", (2, 2), 2, r"input must have 3 axes or more, .* its shape is \(2, 2\)"),
        ("pixel_shuffle", (4, 2, 2), 0, "upscale_factor=0 must be at least 1"),
        ("pixel_shuffle", (4, 2, 2), 2.0, "upscale_factor=2.0 must be an int"),
        ("pixel_shuffle", (4, 2, 2), 10**10, "upscale_factor=10000000000 must be at most 3037000499"),
        ("pixel_unshuffle", (1, 3, 4), 2, r"input.shape\[-2\]=3, the height, must be a multiple of downscale_factor=2"),
        ("pixel_unshuffle", (1, 4, 3), 2, r"input.shape\[-1\]=3, the width, must be"),
        ("pixel_unshuffle", (4, 4, 4), -1, "downscale_factor=-1 must be at least 1"),
        ("channel_shuffle", (1, 6, 2), 4, r"input.shape\[1\]=6, the channels, must be a multiple of groups=4"),
        ("channel_shuffle", (6, 2), 2, "input must have 3 axes or more"),
        ("channel_shuffle", (1, 6, 2), 0, "groups=0 must be at least 1"),
    ],
)
def test_what_does_not_fit_is_named(name, shape, number, words):
    assert not same(name, count(*shape), number)
    with pytest.raises(Exception, match=words):
        getattr(CF, name)(count(*shape), number)


@pytest.mark.parametrize("name", NAMES)
def test_derivatives_of_every_kind(name):
    x = count(2, 12, 4, 6).double().sin()
    results = []
    for f in (CF, F):

        def run(x, f=f):
            return getattr(f, name)(x, 2)

        each = torch.func.vmap(torch.func.grad(lambda x: run(x).sin().sum()), 1)(torch.stack([x, 2 * x], 1))
        results.append((torch.func.jvp(run, (x,), (x.cos(),)), each))
    torch.testing.assert_close(*results)
    leaf = x[:1, :4].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: getattr(CF, name)(x, 2), leaf, check_forward_ad=True, fast_mode=True)
    assert torch.autograd.gradgradcheck(lambda x: getattr(CF, name)(x, 2).sin(), leaf, fast_mode=True)


def test_torch_compile_takes_them_whole():
    torch.compiler.reset()

    def run(f, x):
        return f.pixel_unshuffle(f.channel_shuffle(f.pixel_shuffle(x, 2), 3), 4)

    x = count(2, 12, 4, 6).float()
    for last in (torch.contiguous_format, torch.channels_last):
        compiled = torch.compile(lambda x: run(CF, x), fullgraph=True, backend="aot_eager")
        assert torch.equal(compiled(x.contiguous(memory_format=last)), run(F, x))


def test_names_and_order_are_torchs():
    parameters = {name: list(inspect.signature(getattr(CF, name)).parameters) for name in NAMES}
    assert parameters == {
        "pixel_shuffle": ["input", "upscale_factor"],
        "pixel_unshuffle": ["input", "downscale_factor"],
        "channel_shuffle": ["input", "groups"],
    }
