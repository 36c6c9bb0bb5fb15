"""The operator to be built stays out of reach while a learner's code is checked, however it is called."""

from __future__ import annotations

import contextlib
import functools
import importlib

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import course_lib.functional as CF
import course_lib.nn as cnn
from course_lib.checking.guard import FAMILIES, BannedOperator, Hit, guarded, is_banned, static_hits
from course_lib.functional import max_pool2d as reference_taken_earlier
from course_lib.functional._extremum import max_pool as inner_reference_taken_earlier
from course_lib.geometry import source_coordinates

X = torch.arange(16.0).reshape(1, 1, 4, 4)
POOLED = [[[[5.0, 7.0], [13.0, 15.0]]]]
taken_earlier = F.max_pool2d


def by_functional(x):
    return F.max_pool2d(x, 2)


def by_module(x):
    return nn.MaxPool2d(2)(x)


def by_torch(x):
    return torch.max_pool2d(x, 2)


def by_aten(x):
    return torch.ops.aten.max_pool2d_with_indices(x, [2, 2])[0]


def by_import_inside(x):
    from torch.nn.functional import max_pool2d as mp

    return mp(x, 2)


def by_built_name(x):
    return getattr(F, "max_" + "pool2d")(x, 2)


def by_alias(x):
    return taken_earlier(x, 2)


def by_reference(x):
    return CF.max_pool2d(x, 2)


def by_reference_taken_earlier(x):
    return reference_taken_earlier(x, 2)


def by_inner_reference(x):
    return inner_reference_taken_earlier(x)


def by_reference_of_a_built_name(x):
    return getattr(importlib.import_module("course_lib." + "functional.pooling"), "max_" + "pool2d")(x, 2)


def by_reference_inside(x):
    from course_lib.functional import max_pool2d as mp

    return mp(x, 2)


def by_partial(x):
    return functools.partial(F.max_pool2d, kernel_size=2)(x)


def by_adaptive(x):
    return F.adaptive_max_pool2d(x, 2)


def by_return_indices(x):
    return F.max_pool2d(x, 2, return_indices=True)[0]


def by_one_axis_at_a_time(x):
    rows = F.max_pool1d(x[0, 0], 2)
    return F.max_pool1d(rows.T, 2).T[None, None]


def by_volume(x):
    return F.max_pool3d(x[None], (1, 2, 2))[0]


def by_mapping(x):
    return torch.vmap(lambda plane: F.max_pool2d(plane, 2))(x)


WAYS = [
    by_functional,
    by_module,
    by_torch,
    by_aten,
    by_import_inside,
    by_built_name,
    by_alias,
    by_reference,
    by_reference_taken_earlier,
    by_reference_of_a_built_name,
    by_reference_inside,
    by_partial,
    by_adaptive,
    by_return_indices,
    by_one_axis_at_a_time,
    by_volume,
    by_mapping,
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("gradient", [False, True], ids=["", "gradient"])
def test_every_way_is_refused_and_works_again_afterwards(way, gradient: bool) -> None:
    x = X.clone().requires_grad_(gradient)
    assert way(x).tolist() == POOLED
    with guarded(["pooling"]) as guard, pytest.raises(BannedOperator):
        way(x)
    assert is_banned(guard.hits[0].operator, ["pooling"])
    assert way(x).tolist() == POOLED


def test_what_stands_behind_the_reference_operators_is_refused_too() -> None:
    with guarded(["pooling"]), pytest.raises(BannedOperator):
        by_inner_reference(X)


def test_a_caught_refusal_is_still_noted() -> None:
    with guarded(["pooling"]) as guard, contextlib.suppress(Exception):
        by_functional(X)
    assert guard.hits == [Hit("max_pool2d")]


def test_averages_and_norms_are_of_the_family_too() -> None:
    for call in (
        lambda: F.avg_pool2d(X, 2),
        lambda: F.avg_pool1d(X[0], 2),
        lambda: F.lp_pool2d(X, 2, 2),
        lambda: F.adaptive_avg_pool2d(X, 2),
        lambda: CF.min_pool2d(X, 2),
        lambda: CF.lp_pool2d(X, 2, 2),
    ):
        call()
        with guarded(["pooling"]), pytest.raises(BannedOperator):
            call()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("gradient", [False, True], ids=["", "gradient"])
def test_convolutions_are_a_family(dtype: torch.dtype, gradient: bool) -> None:
    x = torch.ones(1, 2, 6, 6, dtype=dtype, requires_grad=gradient)
    weight = torch.ones(2, 2, 3, 3, dtype=dtype)
    for call in (
        lambda: F.conv2d(x, weight),
        lambda: F.conv2d(x, weight[:, :1], groups=2),
        lambda: F.conv2d(x, weight, padding=2, dilation=2),
        lambda: F.conv1d(x[0], weight.new_ones(2, 6, 3)),
        lambda: F.conv3d(x[:, :, None], weight[:, :, None]),
        lambda: F.conv_transpose2d(x, weight),
        lambda: torch.ops.aten.convolution(x, weight, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1),
        lambda: nn.Conv2d(2, 2, 3).to(dtype)(x),
        lambda: CF.conv2d(x, weight),
    ):
        call()
        with guarded(["convolution"]) as guard, pytest.raises(BannedOperator):
            call()
        assert is_banned(guard.hits[0].operator, ["convolution"])


def test_what_one_builds_a_convolution_with_is_free() -> None:
    x, weight = torch.ones(1, 2, 6, 6, requires_grad=True), torch.ones(3, 2, 3, 3, requires_grad=True)
    with guarded(["convolution"]) as guard:
        columns = weight.flatten(1) @ F.unfold(F.pad(x, (1, 1, 1, 1)), 3, stride=2)
        pieces = torch.einsum("nchw,oc->nohw", x[:, :, ::2, ::2], weight[:, :, 0, 0])
        windows = torch.tensordot(x.unfold(2, 3, 1).unfold(3, 3, 1), weight, dims=([1, 4, 5], [1, 2, 3]))
        (columns.sum() + pieces.sum() + windows.sum() + F.linear(x, x[0, 0]).sum()).backward()
    assert guard.hits == []


def test_what_the_course_computes_itself_is_refused_too() -> None:
    from course_lib.analysis.receptive_field import receptive_field as law

    def receptive_field(layers):
        return law(layers)

    assert receptive_field([(3, 1, 1)]) == (3, 1, 0)
    with guarded(["receptive field"]) as guard, pytest.raises(BannedOperator):
        receptive_field([(3, 1, 1)])
    assert guard.hits == [Hit("receptive_field")]


def test_what_one_builds_with_is_free() -> None:
    with guarded(["pooling"]) as guard:
        x = X.clone().requires_grad_()
        y = torch.maximum(F.pad(x, (1, 1)).unfold(-1, 3, 2).amax(-1), x[..., :2])
        y.sum().backward()
        F.conv2d(x, torch.ones(1, 1, 2, 2))
        F.unfold(x, 2)
    assert guard.hits == []


def test_without_a_family_nothing_is_refused() -> None:
    with guarded([]) as guard:
        assert by_functional(X).tolist() == POOLED
    assert guard.hits == []


def test_guards_nest() -> None:
    with guarded(["pooling"]) as outer:
        with guarded(["pooling"]) as inner, pytest.raises(BannedOperator):
            by_reference(X)
        with pytest.raises(BannedOperator):
            by_reference(X)
    assert (len(outer.hits), len(inner.hits)) == (1, 1)
    assert by_reference(X).tolist() == POOLED


def test_everything_is_as_before_after_an_exception() -> None:
    code = CF.max_pool2d.__code__
    with pytest.raises(ZeroDivisionError), guarded(["pooling"]):
        raise ZeroDivisionError
    assert CF.max_pool2d.__code__ is code
    assert by_functional(X).tolist() == by_reference(X).tolist() == POOLED


def test_an_unknown_family_is_the_author_s_mistake() -> None:
    assert "pooling" in FAMILIES
    with pytest.raises(KeyError, match="poling"):
        is_banned("max_pool2d", ["poling"])


def test_a_pyramid_of_poolings_is_a_pooling() -> None:
    assert is_banned("spatial_pyramid_pool", ["pooling"])
    assert is_banned("SpatialPyramidPooling", ["pooling"])


def test_unpooling_is_a_family_of_its_own() -> None:
    for name in ("max_unpool2d", "MaxUnpool3d", "avg_unpool1d", "AvgUnpool2d"):
        assert is_banned(name, ["unpooling"])
        assert not is_banned(name, ["pooling"])
    assert not is_banned("max_pool2d_with_indices", ["unpooling"])


def by_transposed_functional(x):
    return F.conv_transpose2d(x, torch.ones(1, 1, 2, 2))


def by_transposed_module(x):
    return nn.ConvTranspose2d(1, 1, 2)(x)


def by_transposed_flag(x):
    return torch.convolution(x, torch.ones(1, 1, 2, 2), None, [1, 1], [0, 0], [1, 1], True, [0, 0], 1)


def by_transposed_reference(x):
    return CF.conv_transpose2d(x, torch.ones(1, 1, 2, 2))


def by_input_gradient(x):
    return nn.grad.conv2d_input((1, 1, 5, 5), torch.ones(1, 1, 2, 2), x)


TRANSPOSED = [by_transposed_functional, by_transposed_module, by_transposed_flag, by_transposed_reference]


@pytest.mark.parametrize("way", TRANSPOSED)
def test_a_transposed_convolution_is_refused_and_an_ordinary_one_is_not(way) -> None:
    with guarded(["transposed convolution"]) as guard, pytest.raises(BannedOperator):
        way(X)
    assert "conv_transpose" in guard.hits[0].operator
    with guarded(["transposed convolution"]) as guard:
        F.conv2d(X, torch.ones(1, 1, 2, 2))
    assert guard.hits == []


def test_what_is_watched_and_not_banned_gives_the_same_values_and_gradients() -> None:
    def convolved():
        x, weight = X.clone().requires_grad_(), torch.arange(4.0).reshape(1, 1, 2, 2).requires_grad_()
        out = F.conv2d(x, weight, padding=1)
        return out, *torch.autograd.grad(out.square().sum(), (x, weight))

    expected = convolved()
    with contextlib.suppress(BannedOperator), guarded(["convolution"]):
        convolved()  # from here on a convolution is watched
    with guarded(["transposed convolution"]) as guard:
        assert all(map(torch.equal, convolved(), expected))
    assert guard.hits == []


@pytest.mark.filterwarnings("ignore:Sparse CSR")
def test_a_conversion_is_no_convolution() -> None:
    with guarded(["convolution"]) as guard:
        torch.eye(4).to_sparse_csr() @ X[0, 0]
    assert guard.hits == []


@pytest.mark.parametrize("way", [*TRANSPOSED, by_input_gradient])
def test_a_transposed_convolution_is_a_convolution(way) -> None:
    with guarded(["convolution"]), pytest.raises(BannedOperator):
        way(X)


def test_the_gradient_of_a_convolution_is_seen_in_the_source() -> None:
    assert [hit.operator for hit in static_hits(by_input_gradient, ["transposed convolution"])] == ["conv2d_input"]


@pytest.mark.parametrize(
    ("family", "inside", "outside"),
    [
        ("shuffle", ("pixel_shuffle", "PixelUnshuffle", "native_channel_shuffle"), ("permute", "fold")),
        ("icnr", ("icnr_", "SubPixelConv2d"), ("repeat_interleave", "kaiming_normal_")),
        ("phase energy", ("phase_energy", "unevenness", "upsampler_energy"), ("square", "pixel_unshuffle")),
    ],
)
def test_a_shuffle_its_initialisation_and_its_measure_are_families(family: str, inside, outside) -> None:
    assert all(is_banned(name, [family]) for name in inside)
    assert not any(is_banned(name, [family]) for name in outside)


@pytest.mark.parametrize(
    ("family", "inside", "outside"),
    [
        ("alignment", ("fit",), ("pad", "narrow", "cat")),
        ("iou", ("mask_iou", "box_iou_jaccard"), ("logical_or", "previous", "sum")),
        ("unet", ("UNet", "NoSkips"), ("ConvTranspose2d", "max_pool2d", "double_conv")),
    ],
)
def test_what_a_unet_is_built_of_is_permitted_and_the_unet_is_not(family: str, inside, outside) -> None:
    assert all(is_banned(name, [family]) for name in inside)
    assert not any(is_banned(name, [family]) for name in outside)


def by_channels(x):
    return F.pixel_shuffle(x, 2)


def by_channel_module(x):
    return nn.PixelShuffle(2)(x)


def by_channels_of_the_course(x):
    return CF.pixel_shuffle(x, 2)


@pytest.mark.parametrize("way", [by_channels, by_channel_module, by_channels_of_the_course])
def test_a_shuffle_is_refused_while_it_is_asked_for(way) -> None:
    with guarded(["shuffle"]) as guard, pytest.raises(BannedOperator):
        way(X.reshape(1, 4, 2, 2))
    assert guard.hits[0].operator == "pixel_shuffle"
    assert way(X.reshape(1, 4, 2, 2)).shape == (1, 1, 4, 4)


# What the source shows, without running it.


def hidden_from_the_run(x):
    if x is None:
        return F.max_pool2d(x, 2)
    return x


def max_pool(x, kernel_size):
    return x[..., ::kernel_size, ::kernel_size]


def uses_own_max_pool(x):
    max_pool2d = max_pool
    return max_pool2d(x, 2)


def only_talks_about_it(x):
    """As F.max_pool2d does."""
    # F.max_pool2d(x, 2)
    return "F.max_pool2d"


@functools.wraps(by_functional)
def wrapped(x):
    return by_functional(x)


class Pool(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool = nn.MaxPool2d(2)

    def forward(self, x):
        return self.pool(x)


@pytest.mark.parametrize(
    ("work", "operator", "line"),
    [
        (by_functional, "max_pool2d", "return F.max_pool2d(x, 2)"),
        (by_module, "MaxPool2d", "return nn.MaxPool2d(2)(x)"),
        (by_torch, "max_pool2d", "return torch.max_pool2d(x, 2)"),
        (by_aten, "max_pool2d_with_indices", "return torch.ops.aten.max_pool2d_with_indices(x, [2, 2])[0]"),
        (by_import_inside, "max_pool2d", "from torch.nn.functional import max_pool2d as mp"),
        (by_alias, "max_pool2d", "return taken_earlier(x, 2)"),
        (by_reference, "max_pool2d", "return CF.max_pool2d(x, 2)"),
        (by_reference_taken_earlier, "max_pool2d", "return reference_taken_earlier(x, 2)"),
        (by_inner_reference, "max_pool", "return inner_reference_taken_earlier(x)"),
        (by_partial, "max_pool2d", "return functools.partial(F.max_pool2d, kernel_size=2)(x)"),
        (hidden_from_the_run, "max_pool2d", "return F.max_pool2d(x, 2)"),
        (wrapped, "max_pool2d", "return F.max_pool2d(x, 2)"),
        (Pool, "MaxPool2d", "self.pool = nn.MaxPool2d(2)"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_the_source_shows_the_line(work, operator: str, line: str) -> None:
    hits = static_hits(work, ["pooling"])
    assert [hit.operator for hit in hits] == [operator]
    with open(__file__, encoding="utf-8") as file:
        assert file.read().splitlines()[hits[0].line - 1].strip() == line


@pytest.mark.parametrize("work", [max_pool, uses_own_max_pool, only_talks_about_it, len, eval("lambda x: x")])
def test_own_functions_words_and_work_without_a_source_are_no_hits(work) -> None:
    assert static_hits(work, ["pooling"]) == []


def test_a_function_of_a_notebook_with_odd_names_in_it_is_read() -> None:
    scope = {"torch": torch, "odd": type("Odd", (), {"__module__": 3, "__name__": 4})()}
    exec("def work(x):\n    return odd, torch.max(x)", scope)
    assert static_hits(scope["work"], ["pooling"]) == []


@pytest.mark.parametrize("gradient", [False, True], ids=["", "gradient"])
def test_interpolations_are_a_family(gradient: bool) -> None:
    x = torch.ones(1, 2, 4, 4, requires_grad=gradient)
    grid = F.affine_grid(torch.eye(2, 3)[None], [1, 2, 4, 4], align_corners=False)
    for call in (
        lambda: F.interpolate(x, 8),
        lambda: F.interpolate(x, 8, mode="nearest-exact"),
        lambda: F.interpolate(x[0], 8, mode="linear"),
        lambda: F.interpolate(x, 8, mode="bilinear", align_corners=True),
        lambda: F.interpolate(x, 2, mode="bilinear", antialias=True),
        lambda: F.interpolate(x, 8, mode="bicubic"),
        lambda: F.interpolate(x[:, :, None], (1, 8, 8), mode="trilinear"),
        lambda: nn.Upsample(8)(x),
        lambda: nn.UpsamplingBilinear2d(8)(x),
        lambda: F.grid_sample(x, grid, align_corners=False),
        lambda: torch.ops.aten.upsample_bilinear2d(x, [8, 8], False),
        lambda: CF.interpolate(x, 8, mode="bilinear"),
        lambda: source_coordinates(4, 8),
    ):
        call()
        with guarded(["interpolation"]) as guard, pytest.raises(BannedOperator):
            call()
        assert is_banned(guard.hits[0].operator, ["interpolation"])


def resample(x, matrix):
    return torch.einsum("oh,nchw->ncow", matrix, x)


def interpolate(x):
    places = (torch.arange(8) + 0.5) / 2 - 0.5
    left = places.clamp(0, 3).floor().long()
    nearer = torch.lerp(x[..., left], x[..., (left + 1).clamp(max=3)], places.clamp(0, 3) - left)
    return resample(nearer, torch.ones(2, 4)) + F.pad(nearer, (0, 0, 0, 0), mode="replicate")[:, :, :2]


def test_a_learner_s_own_interpolation_is_free_whatever_its_name() -> None:
    x = torch.ones(1, 2, 4, 4, requires_grad=True)
    with guarded(["interpolation"]) as guard:
        interpolate(x).sum().backward()
        x.repeat_interleave(2, dim=-1)
    assert guard.hits == []
    assert static_hits(interpolate, ["interpolation"]) == static_hits(resample, ["interpolation"]) == []


@pytest.mark.parametrize(
    ("family", "call"),
    [
        ("normalization", lambda x: F.batch_norm(x, None, None, training=True)),
        ("normalization", lambda x: nn.BatchNorm2d(2).eval()(x)),
        ("normalization", lambda x: F.group_norm(x, 1)),
        ("normalization", lambda x: F.instance_norm(x)),
        ("normalization", lambda x: F.layer_norm(x, (4, 4))),
        ("normalization", lambda x: CF.batch_norm(x, None, None, training=True)),
        ("folding", lambda x: nn.utils.fuse_conv_bn_weights(x, None, *torch.ones(2, 1), 0.1, None, None)),
        ("folding", lambda x: nn.utils.fuse_conv_bn_eval(nn.Conv2d(2, 2, 1).eval(), nn.BatchNorm2d(2).eval())),
    ],
)
def test_norms_and_folding_are_families(family: str, call) -> None:
    x = torch.ones(1, 2, 4, 4)
    call(x)
    with guarded([family]) as guard, pytest.raises(BannedOperator):
        call(x)
    assert is_banned(guard.hits[0].operator, [family])


def test_a_class_that_is_built_on_the_courses_own_is_a_hit() -> None:
    class ConvBlock(cnn.ConvBlock):
        pass

    class Own(nn.Sequential):
        pass

    for work in ConvBlock, cnn.ConvBlock:
        assert [hit.operator for hit in static_hits(work, ["block"])] == ["course_lib.nn.blocks.ConvBlock"]
    assert static_hits(Own, ["block"]) == []
