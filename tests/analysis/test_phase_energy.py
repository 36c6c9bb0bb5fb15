"""Phase energy: nearest and ICNR are even, zeros between pixels are as uneven as can be."""

from __future__ import annotations

import pytest
import torch

import course_lib.functional as CF
import course_lib.nn as cnn
from course_lib.analysis.phase_energy import phase_energy, unevenness, upsampler_energy


def test_each_phase_has_its_own_mean_square():
    image = torch.tensor([[[1.0, 2.0, 1.0, 2.0], [3.0, 4.0, 3.0, 4.0]]])
    assert phase_energy(image, 2).tolist() == [[1, 4], [9, 16]]
    assert phase_energy(image, 1).tolist() == [[7.5]]


@pytest.mark.parametrize("shape", [(3, 6, 9), (2, 3, 6, 9), (2, 2, 3, 6, 9)])
def test_the_energies_average_to_the_images_own(shape):
    image = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(phase_energy(image, 3).mean(), image.square().mean())


def test_zeros_between_the_pixels_are_the_most_uneven():
    image = torch.zeros(1, 6, 6)
    assert unevenness(image, 3) == 0
    image[:, ::3, ::3] = 1
    assert unevenness(image, 3) == pytest.approx(8**0.5)


def noise_through(upsample) -> float:
    energy = upsampler_energy(upsample, 2)
    return (energy.std(correction=0) / energy.mean()).item()


def test_upsamplers_from_even_to_uneven():
    torch.manual_seed(0)
    kernel = torch.ones(1, 1, 3, 3)
    nearest = noise_through(lambda x: CF.interpolate(x, scale_factor=2))
    icnr = noise_through(cnn.SubPixelConv2d(1, 1, 2))
    overlapping = noise_through(lambda x: CF.conv_transpose2d(x, kernel, None, 2, 1, 1))
    unpooled = noise_through(lambda x: CF.conv_transpose2d(x, kernel[..., :1, :1], None, 2, 0, 1))
    assert nearest == 0
    assert icnr < 1e-6
    assert icnr < overlapping < unpooled == pytest.approx(3**0.5)


def test_a_wrong_size_is_refused():
    with pytest.raises(ValueError, match=r"must make 128×128 of 64×64, .* its output has the shape \(1, 1, 64, 64\)"):
        upsampler_energy(lambda x: x, 2)
    with pytest.raises(RuntimeError, match="must be a multiple of downscale_factor=2"):
        phase_energy(torch.zeros(1, 3, 4), 2)
