"""Whatever one argument is, our own modules take it, or say which argument they do not take, and change nothing."""

from __future__ import annotations

import pytest
import torch

import course_lib.nn as cnn
from tests.bad_arguments import BAD, refusals

CALLS = {
    "AvgUnpool2d": {"kernel_size": 2, "stride": 2, "padding": 0, "convention": "copy"},
    "BlurPool2d": {"kernel_size": 3, "stride": 2},
    "ConvBlock": {"in_channels": 1, "out_channels": 2, "kernel_size": 3},
    "SpatialPyramidPooling": {"output_sizes": (2, 1), "mode": "max"},
    "SubPixelConv2d": {"in_channels": 1, "out_channels": 2, "upscale_factor": 2, "kernel_size": 3},
    "UNet": {"in_channels": 1, "out_channels": 2, "width": 2, "depth": 1, "align": "pad"},
    "UpProjection": {"in_channels": 1, "out_channels": 2},
    "fit": {"x": torch.ones(1, 2, 2), "height": 3, "width": 3},
    "icnr_": {"weight": torch.ones(8, 2, 3, 3), "upscale_factor": 2},
}


@pytest.mark.parametrize(("name", "argument"), [(name, argument) for name, call in CALLS.items() for argument in call])
def test_a_bad_argument_is_named_and_nothing_is_changed(name, argument):
    refused = refusals(getattr(cnn, name), CALLS[name], argument)
    assert [each for each in refused if argument.removesuffix("s") not in each[1]] == []
    assert len(refused) > len(BAD) // 2
