from __future__ import annotations

import importlib
import sys

import pytest
import torch

from course_lib import samples


@pytest.mark.parametrize(
    ("name", "shape", "low", "high"),
    [
        ("chelsea", (3, 300, 451), 0, 231),
        ("camera", (1, 512, 512), 0, 255),
        ("brick", (1, 512, 512), 63, 207),
        ("astronaut", (3, 512, 512), 0, 255),
        ("coffee", (3, 400, 600), 0, 255),
        ("rocket", (3, 427, 640), 0, 255),
        ("retina", (3, 1411, 1411), 0, 255),
    ],
)
def test_a_picture_is_uint8_with_channels_first(name, shape, low, high):
    picture = getattr(samples, name)()
    assert picture.dtype == torch.uint8
    assert tuple(picture.shape) == shape
    assert picture.is_contiguous()
    assert (picture.min(), picture.max()) == (low, high)


def test_the_cat_is_reddish_so_its_channels_are_in_the_order_red_green_blue():
    means = samples.chelsea().double().mean((1, 2))
    torch.testing.assert_close(means, torch.tensor([147.67, 111.44, 86.80]).double(), atol=0.01, rtol=0)


def test_as_float_maps_0_to_255_onto_0_to_1():
    values = samples.as_float(torch.tensor([0, 51, 255], dtype=torch.uint8))
    torch.testing.assert_close(values, torch.tensor([0.0, 0.2, 1.0]))
    with pytest.raises(TypeError, match="must be uint8"):
        samples.as_float(values)


def test_digits_stand_in_the_middle_of_a_black_canvas():
    pictures, labels = samples.digits()
    assert (pictures.dtype, labels.dtype) == (torch.float32, torch.int64)
    assert tuple(pictures.shape) == (1797, 1, 32, 32)
    assert labels.unique().tolist() == list(range(10))
    assert (pictures.min(), pictures.max()) == (0, 1)
    black = pictures.clone()
    black[:, :, 8:24, 8:24] = 0
    assert not black.any()


def test_eeg_is_ten_seconds_of_four_standardised_channels():
    signal, rate = samples.eeg()
    assert signal.dtype == torch.float32
    assert tuple(signal.shape) == (4, 800)
    assert signal.shape[1] / rate == 10.0
    torch.testing.assert_close(signal.mean(1), torch.zeros(4), atol=1e-3, rtol=0)
    torch.testing.assert_close(signal.std(1), torch.ones(4), atol=5e-3, rtol=0)


def test_neighbouring_eeg_samples_are_alike_so_the_time_axis_is_the_right_one():
    signal, _ = samples.eeg()
    steps = signal.diff(dim=1).abs().mean()
    assert steps < 0.5 * signal.abs().mean()


@pytest.mark.parametrize("load", [samples.chelsea, lambda: samples.eeg()[0], lambda: samples.digits()[0]])
def test_writing_into_a_sample_does_not_change_the_next_one(load):
    load().zero_()
    assert load().any()


def test_the_four_probes_typed_out():
    expected = {
        "impulse": [0, 0, 0, 0, 1, 0, 0, 0],
        "ramp": [0, 1, 2, 3, 4, 5, 6, 7],
        "step": [0, 0, 0, 0, 1, 1, 1, 1],
        "all_negative": [-1, -4, -7, -3, -6, -2, -5, -1],
    }
    probes = samples.probes(8)
    assert {name: probe.tolist() for name, probe in probes.items()} == expected
    assert all(probe.dtype == torch.float32 for probe in probes.values())


def test_the_probes_in_two_dimensions():
    assert samples.impulse(2, 3).tolist() == [[0, 0, 0], [0, 1, 0]]
    assert samples.ramp(2, 3).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert samples.step(2, 3).tolist() == [[0, 1, 1], [0, 1, 1]]
    assert samples.all_negative(2, 3).tolist() == [[-1, -4, -7], [-3, -6, -2]]


@pytest.mark.parametrize("shape", [(), (0,), (4, -1)])
def test_a_probe_without_room_is_an_error_that_says_what_to_pass(shape):
    with pytest.raises(ValueError, match="sizes of at least 1"):
        samples.ramp(*shape)


def test_importing_samples_loads_no_plotting_and_no_imaging_package(monkeypatch):
    for name in list(sys.modules):
        if name.split(".")[0] in ("course_lib", "matplotlib", "skimage"):
            monkeypatch.delitem(sys.modules, name)
    importlib.import_module("course_lib.samples")
    assert not {"matplotlib", "skimage"} & set(sys.modules)


def test_a_label_map_holds_two_labels_and_shows_a_horse():
    labels = samples.horse()
    assert (labels.dtype, tuple(labels.shape)) == (torch.int64, (1, 328, 400))
    assert labels.unique().tolist() == [0, 3]
    assert labels[0, 0, 0] == 0
    assert labels[0, 164, 200] == 3


def test_disparity_is_larger_for_what_is_closer_and_infinite_where_unknown():
    picture, shift = samples.disparity()
    assert (picture.dtype, tuple(picture.shape)) == (torch.uint8, (3, 500, 741))
    assert (shift.dtype, tuple(shift.shape)) == (torch.float32, (1, 500, 741))
    known = shift[shift.isfinite()]
    assert 0.92 < known.numel() / shift.numel() < 0.93
    assert 7 < known.min() < known.max() < 60
    top, bottom = (half[half.isfinite()].mean() for half in shift.chunk(2, dim=1))
    assert bottom > top


def test_the_land_is_as_high_as_the_file_says():
    heights = samples.elevation()
    assert (heights.dtype, tuple(heights.shape)) == (torch.float32, (1, 344, 403))
    assert (heights.min(), heights.max()) == (236, 1076)


def test_the_volume_has_its_slices_first():
    volume = samples.mri()
    assert (volume.dtype, tuple(volume.shape)) == (torch.float32, (1, 25, 41, 33))
    assert (volume.min(), volume.max()) == (0, 1)
    assert volume.is_contiguous()
    # A brain is nearly the same from left to right, and quite another thing from front to back.
    middle = volume[0, 8:20]
    assert (middle - middle.flip(2)).abs().mean() < 0.7 * (middle - middle.flip(1)).abs().mean()
