from __future__ import annotations

import re

import torch

from course_lib.widgets import mode_gallery


def test_each_mode_is_called_with_the_crop_and_timed():
    picture = torch.arange(100.0).reshape(1, 10, 10) / 100
    seen = []

    def twice(part, factor):
        seen.append((part[0, 0, 0, 0].item(), tuple(part.shape), factor))
        return 2 * part.repeat_interleave(factor, -1).repeat_interleave(factor, -2)

    widget = mode_gallery(picture, {"copies": twice}, row=1, column=2, crop=4, factor=3)
    assert re.fullmatch(
        r"Pictures side by side: the crop, 4 × 4; copies, \d+\.\d ms, 12 × 12\.", " ".join(widget.alt.split())
    )
    row, _, factor = widget.children[0].children
    row.value, factor.value = 6, 2
    assert [(round(first, 2), shape, n) for first, shape, n in (seen[0], seen[-1])] == [
        (0.12, (1, 1, 4, 4), 3),
        (0.62, (1, 1, 4, 4), 2),
    ]
    assert row.max == 6
