from __future__ import annotations

import pytest
import torch

from course_lib.figures import probes, signals
from course_lib.samples import eeg
from course_lib.samples import probes as sample_probes


def test_a_pooled_sample_stands_in_the_middle_of_its_window():
    _, pooled = signals([1, 5, 2, 4], [5, 4], windows=[None, 2]).axes
    assert pooled.lines[-1].get_xdata().tolist() == [0.5, 2.5]


def test_padding_and_dilation_move_the_middle():
    _, pooled = signals(torch.zeros(7), torch.zeros(3), windows=[None, (3, 2, 1, 2)]).axes
    assert pooled.lines[-1].get_xdata().tolist() == [1, 3, 5]


def test_with_a_rate_time_is_in_seconds(texts):
    signal, rate = eeg()
    picture = signals(signal[0], rate=rate)
    assert picture.axes[0].lines[-1].get_xdata()[-1] == pytest.approx(799 / 80)
    assert "time in s" in texts(picture)


def test_the_first_signal_lies_behind_the_others():
    first, second = signals([1, 2, 3], [4.0], titles=["a", "b"]).axes
    assert [len(first.lines), len(second.lines)] == [1, 2]
    assert second.lines[0].get_ydata().tolist() == [1, 2, 3]


def test_titles_count_the_samples(texts):
    assert "max, 2 samples" in texts(signals([1, 5, 2, 4], [5, 4], titles=["signal", "max"]))


def test_more_than_one_channel_is_refused():
    with pytest.raises(ValueError, match=r"a shape is \(4, 800\); pick one channel"):
        signals(eeg()[0])


def test_windows_must_match_the_signals():
    with pytest.raises(ValueError, match="windows must have an entry for each of the 2 tensors, but has 1"):
        signals([1, 2], [2], windows=[2])


def test_probes_stand_above_what_they_became(texts):
    before = sample_probes(8)
    picture = probes(before, {name: x[::2] for name, x in before.items()}, window=(1, 2))
    assert len(picture.axes) == 8
    shown = texts(picture)
    assert [name for name in shown if name in before] == list(before)
    assert "became" in shown
    assert "−7" in shown


def test_a_probe_that_became_nothing_is_named():
    with pytest.raises(ValueError, match="lacks step"):
        probes({"ramp": [0, 1], "step": [0, 1]}, {"ramp": [1]})
