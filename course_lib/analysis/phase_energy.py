"""Does an upsampler treat all its phases alike? Where not, its output has a checkerboard.

An upsampling by r makes r × r output pixels of each input pixel. Pixel (i, j) of each such block is *phase* (i, j). On
noise, where no place is like another, all phases should be equally strong.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.functional import pixel_unshuffle
from course_lib.functional._windows import check_tensor
from course_lib.geometry import check_int


def phase_energy(image: Tensor, upscale_factor: int) -> Tensor:
    """The mean square of each phase of an upsampled image: (…, C, H·r, W·r) to (r, r). Their mean is the image's own.

    RuntimeError unless both sizes are multiples of `upscale_factor`, r.

    >>> phase_energy(torch.tensor([[[2.0, 1.0, 2.0, 1.0], [1.0, 1.0, 1.0, 1.0]]]), 2)
    tensor([[4., 1.],
            [1., 1.]])
    """
    check_tensor("phase_energy", image, "image")
    check_int("upscale_factor", upscale_factor, 1)
    phases = pixel_unshuffle(image, upscale_factor).unflatten(-3, (-1, upscale_factor, upscale_factor))
    others = [dim for dim in range(phases.dim()) if dim - phases.dim() not in (-4, -3)]
    return phases.square().mean(others)


def unevenness(image: Tensor, upscale_factor: int) -> float:
    """How far the energies of the phases lie apart: their standard deviation over their mean. 0 where all are equal.

    √(r² - 1) is the most, where one phase has it all: that of zeros between the pixels. An image of zeros has 0.

    >>> unevenness(torch.ones(1, 4, 4), 2), round(unevenness(torch.tensor([[[1.0, 0.0], [0.0, 0.0]]]), 2), 4)
    (0.0, 1.7321)
    """
    return unevenness_of(phase_energy(image, upscale_factor))


def unevenness_of(energy: Tensor) -> float:
    """The unevenness of energies that are known already, (r, r): their standard deviation over their mean.

    >>> unevenness_of(torch.tensor([[1.0, 1.0], [1.0, 5.0]]))  # mean 2, standard deviation √3
    0.8660253882408142
    """
    check_tensor("unevenness_of", energy, "energy")
    return (energy.std(correction=0) / energy.mean()).nan_to_num(0.0).item()


def upsampler_energy(
    upsample: Callable[[Tensor], Tensor], upscale_factor: int, channels: int = 1, size: int = 64, seed: int = 0
) -> Tensor:
    """phase_energy of an upsampler's answer to standard normal noise (1, channels, size, size), away from the border.

    A quarter of the output is cut off each side. ValueError unless the output is `upscale_factor` times the size.

    >>> upsampler_energy(lambda x: x.repeat_interleave(2, -1).repeat_interleave(2, -2), 2).unique().numel()
    1
    """
    noise = torch.randn((1, channels, size, size), generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        answer = upsample(noise)
    whole = upscale_factor * size
    if answer.shape[-2:] != (whole, whole):
        raise ValueError(
            f"upsample must make {whole}×{whole} of {size}×{size}, upscale_factor={upscale_factor} times the size, "
            f"but its output has the shape {tuple(answer.shape)}"
        )
    border = upscale_factor * (size // 4)
    return phase_energy(answer[..., border : whole - border, border : whole - border], upscale_factor)
