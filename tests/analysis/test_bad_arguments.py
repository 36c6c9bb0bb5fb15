"""Whatever one argument is, a measure answers, or says which argument it does not take, and changes nothing."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.analysis import cost, overlap, phase_energy, receptive_field, shift_consistency
from tests.bad_arguments import BAD, refusals

WINDOW = {"kernel_size": 3, "stride": 2}
NET = {"module": nn.Conv1d(1, 1, 3), "x": torch.ones(1, 1, 9)}
CALLS = [
    (overlap.overlap_counts, {"size": [3], **WINDOW, "padding": 0, "output_padding": 0, "dilation": 1}),
    (overlap.overlap_pattern, {**WINDOW, "dilation": 1}),
    (overlap.overlaps_evenly, {**WINDOW, "dilation": 1, "n": 2}),
    (overlap.distinct_counts, {**WINDOW, "n": 2}),
    (receptive_field.receptive_field, {"layers": [(3, 2)]}),
    (receptive_field.layers_of, {"module": nn.Conv1d(1, 1, 3)}),
    (receptive_field.gradient_field, NET),
    (receptive_field.measured_field, NET),
    (receptive_field.reach, {"gradient": torch.ones(3)}),
    (phase_energy.phase_energy, {"image": torch.ones(1, 4, 4), "upscale_factor": 2}),
    (phase_energy.unevenness, {"image": torch.ones(1, 4, 4), "upscale_factor": 2}),
    (phase_energy.unevenness_of, {"energy": torch.ones(2, 2)}),
    (shift_consistency.consistency, {"logits": torch.ones(2, 1, 3)}),
    (shift_consistency.moved, {"pictures": torch.ones(1, 1, 3, 3), "down": 0, "right": 1}),
    (cost.cost, {"module": NET["module"]}),
    (cost.layer_costs, {"module": NET["module"]}),
]


@pytest.mark.parametrize(
    ("measure", "arguments", "which"),
    [(measure, arguments, which) for measure, arguments in CALLS for which in arguments],
    ids=lambda value: getattr(value, "__name__", value if isinstance(value, str) else ""),
)
def test_a_bad_argument_is_named_and_nothing_is_changed(measure, arguments, which):
    refused = refusals(measure, arguments, which)
    assert [each for each in refused if which not in each[1]] == []
    assert len(refused) > len(BAD) // 2
