from __future__ import annotations

import numpy as np
import pytest

from course_lib.figures import phase_view, shuffle_view


def test_it_says_where_the_channel_goes():
    assert shuffle_view(2, channels=2, channel=5).alt == (
        "Eight input channels become two. Channel 5 goes to output channel 1, row 0 and column 1 of every block."
    )
    assert shuffle_view(2, 2, 5, "DCR").alt.endswith("output channel 1, row 1 and column 0 of every block.")
    assert shuffle_view(3, 3, 26).alt.startswith("27 input channels become three.")


def test_the_law_of_the_mode_stands_above(texts):
    assert "mode CRD, as in torch: input channel = output channel · 9 + row · 3 + column" in texts(shuffle_view(3))
    dcr = shuffle_view(3, channels=2, mode="DCR")
    assert "mode DCR, as in TensorFlow: input channel = (row · 3 + column) · 2 + output channel" in texts(dcr)


def test_the_cells_of_the_channel_that_is_followed_are_yellow(pixels):
    """Four above and four below, whichever channel it is."""
    yellow = [(pixels(shuffle_view(2, 2, channel)) == (250, 243, 176)).all(-1) for channel in range(8)]
    counts = [int(found.sum()) for found in yellow]
    assert min(counts) > 1000
    assert max(counts) - min(counts) < 0.2 * max(counts)
    assert len({found.tobytes() for found in yellow}) == 8


def test_a_factor_of_one_moves_nothing():
    assert shuffle_view(1).alt.startswith("One input channel becomes one.")
    assert shuffle_view(1, channels=3, channel=2).alt.endswith("output channel 2, row 0 and column 0 of every block.")


def test_a_channel_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="channel=8 must be between 0 and 7"):
        shuffle_view(2, 2, 8)


def test_the_energies_stand_in_their_places(texts):
    picture = phase_view(np.zeros((4, 4)), [[1, 2], [3, 4.5]], 0.25, name="nearest")
    assert {"nearest, 4 × 4", "1", "2", "3", "4.5", "unevenness 0.25"} <= set(texts(picture))
    assert picture.alt == (
        "The picture of nearest. Its phases have the energies 1, 2, 3, 4.5; their unevenness is 0.25."
    )
