"""Convolution by example, then every argument against torch.nn.functional. Derivatives have a file of their own."""

from __future__ import annotations

import doctest
import functools
import inspect
import itertools
import warnings

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import course_lib.functional as CF
from course_lib.functional import _pieces, convolution

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}
NAMES = [f"{kind}{n}d" for kind in ("conv", "conv_transpose") for n in (1, 2, 3)]
SIZES = {1: (9,), 2: (7, 6), 3: (5, 4, 5)}


def whole(*shape: int, seed: int = 0, **options) -> torch.Tensor:
    """Whole numbers from -4 to 4: floats add them up without rounding, in whatever order."""
    return torch.randint(-4, 5, shape, generator=torch.Generator().manual_seed(seed)).float().to(**options)


def matches(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    if ours.dtype is not theirs.dtype or not torch.equal(ours, theirs):
        half = theirs.dtype in (torch.float16, torch.bfloat16)
        torch.testing.assert_close(ours, theirs, **({"rtol": 1e-2, "atol": 1e-1} if half else {}))
    # For volumes, and on CUDA, torch's choice of a kernel decides the format.
    if theirs.numel() and theirs.dim() < 5 and not theirs.is_cuda:
        assert steps(ours) == steps(theirs)


def steps(y: torch.Tensor) -> list[int]:
    """The memory format: the strides, but for axes of one position, whose stride says nothing."""
    return [step for step, size in zip(y.stride(), y.shape, strict=True) if size > 1]


def same(name: str, *arguments, **options) -> bool:
    """Both give the same answer (True), or both refuse with the same kind of error, ours with its name in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says that padding="same" may copy
        try:
            expected = getattr(F, name)(*arguments, **options)
        except Exception as error:
            expected = error
    if isinstance(expected, torch.Tensor) and 0 in expected.shape[-int(name[-2]) :]:
        expected = RuntimeError("see test_torchs_kernels_disagree_about_a_map_of_nothing")
    if isinstance(expected, Exception):
        with pytest.raises(type(expected)) as ours:
            getattr(CF, name)(*arguments, **options)
        assert ours.type is type(expected), f"torch: {expected}; ours: {ours.value}"
        assert str(ours.value).startswith(f"{name}(): ")
        return False
    matches(getattr(CF, name)(*arguments, **options), expected)
    return True


def test_the_documented_examples_run():
    results = doctest.testmod(convolution)
    assert results.attempted == 6 + 1
    assert results.failed == 0


def test_each_output_is_a_weighted_sum_of_a_window():
    x = torch.arange(16.0).reshape(1, 4, 4)
    assert CF.conv2d(x, torch.tensor([[[[1.0, 0.0], [0.0, 10.0]]]])).tolist() == [
        [[50, 61, 72], [94, 105, 116], [138, 149, 160]]
    ]


def test_stride_skips_windows_dilation_spreads_taps_padding_adds_zeros():
    x, w = torch.tensor([[1.0, 2, 3, 4, 5]]), torch.tensor([[[1.0, 10.0]]])
    assert CF.conv1d(x, w, stride=2).tolist() == [[21, 43]]
    assert CF.conv1d(x, w, dilation=3).tolist() == [[41, 52]]
    assert CF.conv1d(x, w, padding=1).tolist() == [[10, 21, 32, 43, 54, 5]]
    assert CF.conv1d(x, w, padding="same").tolist() == [[21, 32, 43, 54, 5]]


def test_the_bias_is_added_to_each_output():
    assert CF.conv1d(torch.ones(1, 3), torch.ones(2, 1, 2), torch.tensor([0.5, -2.0])).tolist() == [[2.5, 2.5], [0, 0]]


def test_groups_do_not_see_each_other():
    x = torch.tensor([[1.0, 2.0], [10.0, 20.0]])
    assert CF.conv1d(x, torch.ones(2, 1, 2), groups=2).tolist() == [[3], [30]]
    assert CF.conv1d(x, torch.ones(4, 1, 1), groups=2).tolist() == [[1, 2], [1, 2], [10, 20], [10, 20]]


def test_the_transpose_spreads_each_input_over_its_window():
    x, w = torch.tensor([[1.0, 2.0]]), torch.tensor([[[1.0, 10.0, 100.0]]])
    assert CF.conv_transpose1d(x, w).tolist() == [[1, 12, 120, 200]]
    assert CF.conv_transpose1d(x, w, stride=2).tolist() == [[1, 10, 102, 20, 200]]
    assert CF.conv_transpose1d(x, w, stride=2, padding=1).tolist() == [[10, 102, 20]]
    assert CF.conv_transpose1d(x, w, stride=2, padding=1, output_padding=1).tolist() == [[10, 102, 20, 200]]


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize(("stride", "padding", "dilation", "groups"), [(1, 0, 1, 1), (2, 1, 1, 2), (3, 2, 2, 4)])
def test_the_transpose_is_the_adjoint(n, stride, padding, dilation, groups):
    x, w = whole(2, 4, *[8] * n), whole(8, 4 // groups, *[3] * n, seed=1)
    y = CF.__dict__[f"conv{n}d"](x, w, None, stride, padding, dilation, groups)
    g = whole(*y.shape, seed=2)
    more = (8 + 2 * padding - 2 * dilation - 1) % stride
    back = CF.__dict__[f"conv_transpose{n}d"](g, w, None, stride, padding, more, groups, dilation)
    assert (y * g).sum() == (x * back).sum()


GRID = [
    (kernel, stride, padding, dilation, groups)
    for kernel, stride, padding, dilation, groups in itertools.product(
        (1, 2, 3), (1, 2, 3), (0, 1, "same", "valid"), (1, 2), (1, 2, 4)
    )
]


def inputs(n: int):
    """A batch, no batch, an empty batch, views, channels_last."""
    x = whole(2, 4, *SIZES[n])
    yield from (x, x[0], x[:0], x.mT if n > 1 else x.flip(-1), whole(2, 4, *SIZES[n][:-1], 12)[..., ::2])
    if n > 1:
        yield x.contiguous(memory_format=FORMATS[n + 2])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_every_argument_of_conv_against_torch(n, device):
    compared = 0
    for x, (kernel, stride, padding, dilation, groups) in itertools.product(inputs(n), GRID[:: (2, 3, 5)[n - 1]]):
        x, w, b = x.to(device), whole(8, 4 // groups, *[kernel] * n, seed=1).to(device), whole(8).to(device)
        compared += same(f"conv{n}d", x, w, b, stride, padding, dilation, groups)
    assert compared > 100


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_every_argument_of_conv_transpose_against_torch(n, device):
    compared = 0
    grid = [law for law in GRID if not isinstance(law[2], str)]
    for x, law, more in itertools.product(inputs(n), grid[:: (2, 3, 5)[n - 1]], (0, 1)):
        kernel, stride, padding, dilation, groups = law
        w = whole(4, 2, *[kernel] * n, seed=1).to(device)
        b = whole(2 * groups).to(device)
        compared += same(f"conv_transpose{n}d", x.to(device), w, b, stride, padding, more, groups, dilation)
    assert compared > 100


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("channels_last", [False, True])
def test_cutting_into_pieces_changes_nothing(name, channels_last, monkeypatch):
    n = int(name[-2])
    size = (0, 19, 9, 5)[n]
    x, w = whole(3, 4, *[size] * n), whole(4, 4, *[3] * n, seed=1)
    if channels_last and n > 1:
        x = x.contiguous(memory_format=FORMATS[n + 2])
    for room in (1, 500):
        monkeypatch.setattr(_pieces, "CACHE", room)
        for stride, dilation in ((1, 1), (1, 2), (2, 1), (3, 2)):
            options = {"stride": stride, "dilation": dilation, "padding": 1}
            assert same(name, x, w, **options)
            assert same(name, x, w[:, :2] if name == f"conv{n}d" else w, groups=2, **options)
            assert same(name, x, w[:, :1] if name == f"conv{n}d" else w, groups=4, **options)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "dtype",
    [
        *(torch.float64, torch.float16, torch.bfloat16, torch.complex64, torch.complex128),
        *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool, torch.uint16),
    ],
)
def test_each_dtype_is_taken_or_refused_as_by_torch(name, dtype, device):
    n = int(name[-2])
    if device == "cuda" and not (dtype.is_floating_point or dtype.is_complex):
        pytest.skip("torch has no convolution of integers on CUDA; its error there depends on the build")
    for groups, dilation in itertools.product((1, 4), (1, 2)):
        x, w = whole(2, 4, *[6] * n), whole(4, 4 if name.startswith("conv_") else 4 // groups, *[2] * n, seed=1)
        x, w = (t.abs().to(device, dtype) for t in (x, w))
        same(name, x, w, groups=groups, dilation=dilation)


@pytest.mark.parametrize("name", [name for name in NAMES if "1" not in name])
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_memory_format_follows_torch(name, groups, dtype):
    n = int(name[-2])
    x = whole(2, 4, *[6] * n).to(dtype)
    w = whole(4, 4 if "transpose" in name else 4 // groups, *[3] * n, seed=1).to(dtype)
    for first, second in itertools.product((False, True), repeat=2):
        tensors = [t.contiguous(memory_format=FORMATS[n + 2]) if last else t for t, last in ((x, first), (w, second))]
        assert same(name, *tensors, groups=groups)


def test_autocast_takes_the_lower_precision_as_torch_does():
    x, w, b = whole(1, 4, 6, 6), whole(2, 4, 3, 3), whole(2)
    for dtype in (torch.bfloat16, torch.float16):
        with torch.autocast("cpu", dtype):
            assert same("conv2d", x, w, b)
            assert same("conv2d", x.double(), w.double(), b.double())


def test_torchs_kernels_disagree_about_a_map_of_nothing():
    """With groups and dilation torch answers; elsewhere it refuses a padding that leaves nothing, as we always do."""
    x, w, rest = torch.ones(1, 2, 4, 2), torch.ones(2, 1, 1, 2), (None, 1, 2, 0)
    assert F.conv_transpose2d(x, w, *rest, 2, 2).shape == (1, 2, 0, 0)
    with pytest.raises(RuntimeError, match="Output size is too small"):
        F.conv_transpose2d(x, w, *rest, 1, 2)
    for groups in (1, 2):
        with pytest.raises(RuntimeError, match="on dim -2, padding=2 must be at most 1"):
            CF.conv_transpose2d(x, w, *rest, groups, 2)


@functools.cache
def one_or_each(n: int, low: int, high: int):
    return st.integers(low, high) | st.tuples(*[st.integers(low, high)] * n)


@settings(max_examples=250, deadline=None, derandomize=True)
@given(data=st.data(), n=st.integers(1, 3), transpose=st.booleans(), seed=st.integers(0, 99))
def test_any_arguments_give_torchs_answer_or_torchs_kind_of_refusal(data, n, transpose, seed):
    def drawn(low, high):
        return data.draw(one_or_each(n, low, high))

    groups = data.draw(st.sampled_from([1, 1, 2, 3, 0]))
    inside, outside = data.draw(st.sampled_from([(1, 1), (2, 1), (1, 2), (3, 2), (0, 1)]))
    wrong = data.draw(st.sampled_from([0] * 9 + [1]))
    kernel = data.draw(st.lists(st.integers(1, 4), min_size=n, max_size=n))
    sizes = data.draw(st.lists(st.integers(1, 7), min_size=n, max_size=n))
    batch = data.draw(st.sampled_from([(1,), (3,), (), (0,)]))
    channels, outputs = inside * groups + wrong, outside * groups
    x = whole(*batch, channels, *sizes, seed=seed)
    w = whole(*((inside * groups, outside) if transpose else (outputs, inside)), *kernel, seed=seed + 1)
    if len(x) and x.dim() == n + 2 and n > 1 and data.draw(st.booleans()):
        x = x.contiguous(memory_format=FORMATS[n + 2])
    bias = data.draw(st.sampled_from([None, whole(outputs, seed=seed), whole(outputs, seed=seed), whole(outputs + 1)]))
    stride, dilation = drawn(1, 3), drawn(1, 3)
    if transpose:
        rest = (stride, drawn(0, 2), drawn(0, 2), groups, dilation)
    else:
        padding = data.draw(st.sampled_from(["same", "valid", "full"])) if seed % 5 == 0 else drawn(0, 3)
        rest = (stride, padding, dilation, groups)
    same(f"conv{'_transpose' * transpose}{n}d", x, w, bias, *rest)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"stride": 0}, "on dim -., stride=0 must be at least 1"),
        ({"stride": ()}, r"stride=\(\) must have 1 or . entries"),
        ({"stride": None}, "stride=None must be an int"),
        ({"stride": True}, "stride=True must be an int"),
        ({"stride": (1, 1, 1, 1)}, "stride=.* must have 1 or"),
        ({"padding": -1}, "on dim -., padding=-1 must be at least 0"),
        ({"padding": 1.5}, "padding=1.5 must be an int"),
        ({"dilation": 0}, "dilation=0 must be at least 1"),
        ({"groups": 0}, "groups=0 must be at least 1"),
        ({"groups": 3}, "weight.shape.0.=4, the (in|out)puts, must be a positive multiple of groups=3"),
        ({"groups": 1.0}, "groups=1.0 must be an int"),
        ({"groups": True}, "groups=True must be an int"),
        ({"bias": torch.ones(5)}, r"bias must have the shape \(4,\), not \(5,\)"),
        ({"bias": 1.0}, "bias must be a Tensor, not float"),
        ({"bias": torch.ones(4, dtype=torch.float64)}, "bias.dtype=torch.float64 must be input.dtype=torch.float32"),
    ],
)
def test_an_argument_out_of_range_is_named(name, options, words):
    n = int(name[-2])
    x, w = torch.ones(2, 4, *[6] * n), torch.ones(4, 4, *[3] * n)
    assert not same(name, x, w, **options)
    with pytest.raises(Exception, match=words):
        getattr(CF, name)(x, w, **options)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("x", "w", "words"),
    [
        ((2, 3, 6), (4, 4, 3), "input must have 4 channels"),
        ((2, 4, 6), (4, 4), r"weight must have . axes, two of channels and . of the kernel, but its shape is"),
        ((2, 4, 6), (4, 4, 3, 3, 3, 3), "weight must have"),
        ((4,), (4, 4, 3), "input must have . or . axes"),
        ((2, 2, 2, 2, 4, 6), (4, 4, 3), "input must have . or . axes"),
        ((2, 4, 6), (4, 4, 0), "kernel_size=0 must be at least 1"),
        ((2, 4, 0), (4, 4, 3), "size=0 must be at least 1"),
        ((2, 4, 6), (0, 4, 3), "weight.shape.0.=0"),
    ],
)
def test_a_shape_that_does_not_fit_is_named(name, x, w, words):
    more = int(name[-2]) - 1
    x, w = (torch.ones(*shape, *shape[-1:] * more if len(shape) in (3,) else ()) for shape in (x, w))
    assert not same(name, x, w)
    with pytest.raises(RuntimeError, match=words):
        getattr(CF, name)(x, w)


def test_what_only_one_of_the_two_refuses():
    x, w = torch.ones(1, 1, 4), torch.ones(1, 1, 6)
    with pytest.raises(RuntimeError, match="no window fits: it spans 6 positions"):
        CF.conv1d(x, w)
    with pytest.raises(RuntimeError, match="padding='full' must be an int, a tuple of ints, 'same' or 'valid'"):
        CF.conv1d(x, w, padding="full")
    with pytest.raises(RuntimeError, match="stride=2 must be 1 with padding='same'"):
        CF.conv1d(x, w, padding="same", stride=2)
    with pytest.raises(RuntimeError, match="padding=5 must be at most 4: it is cut off both ends of 9"):
        CF.conv_transpose1d(x, w, padding=5)
    with pytest.raises(RuntimeError, match="output_padding=2 must be between 0 and 1: less than stride=2"):
        CF.conv_transpose1d(x, w, stride=2, output_padding=2)
    with pytest.raises(RuntimeError, match="weight.dtype=torch.float16 must be input.dtype=torch.float32"):
        CF.conv1d(x, w.half())
    for name in ("conv1d", "conv_transpose1d"):
        for arguments in (("x", w), (x, [1.0]), (None, w)):
            assert not same(name, *arguments)


@pytest.mark.parametrize("name", NAMES)
def test_names_order_and_defaults_are_torchs(name):
    expected = (
        "input weight bias=None stride=1 padding=0 output_padding=0 groups=1 dilation=1"
        if "transpose" in name
        else "input weight bias=None stride=1 padding=0 dilation=1 groups=1"
    )
    parameters = inspect.signature(getattr(CF, name)).parameters.values()
    assert " ".join(p.name if p.default is p.empty else f"{p.name}={p.default}" for p in parameters) == expected
