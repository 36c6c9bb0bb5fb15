from __future__ import annotations

import pytest
import torch

from course_lib.figures import ramp_view, rulers


def test_all_four_conventions_in_one_picture(texts):
    picture = rulers(8, 4)
    shown = texts(picture)
    assert "nearest: copies the pixel above the left edge, ⌊i · 2⌋" in shown
    assert "nearest-exact: copies the pixel above the centre, ⌊(i + ½) · 2⌋" in shown
    assert "align_corners=False: the place above the centre, (i + ½) · 2 − ½" in shown
    assert "align_corners=True: the outer centres coincide, i · 2.33" in shown
    assert picture.alt == (
        "From 8 pixels to 4. nearest: 0, 2, 4, 6. nearest-exact: 1, 3, 5, 7. "
        "half-pixel: 0.5, 2.5, 4.5, 6.5. align_corners: 0, 2.33, 4.67, 7."
    )


def test_places_beyond_the_pixels_are_negative_with_a_true_minus_sign():
    assert rulers(2, 4, ["half-pixel"]).alt == "From 2 pixels to 4. half-pixel: −0.25, 0.25, 0.75, 1.25."


def test_each_line_goes_from_where_an_output_looks_to_what_it_finds():
    (axes,) = rulers(4, 2, ["nearest"]).axes
    (lines,) = (c for c in axes.collections if hasattr(c, "get_segments") and len(c.get_segments()) == 2)
    # From the left edge at 2 straight up, then to the centre of pixel 2.
    assert [float(x) for x, _ in lines.get_segments()[1]] == [2.0, 2.0, 2.5]


def test_a_single_pixel_and_a_single_output_are_rulers_as_well():
    assert rulers(1, 1, ["align_corners"]).alt == "From 1 pixel to 1. align_corners: 0."
    assert rulers(1, 3, ["align_corners"]).alt == "From 1 pixel to 3. align_corners: 0, 0, 0."
    assert rulers(5, 1, ["half-pixel"]).alt == "From 5 pixels to 1. half-pixel: 2."


def test_a_size_of_zero_is_the_error_of_geometry():
    with pytest.raises(ValueError, match="size=0 must be at least 1"):
        rulers(0, 2)


def test_an_error_that_is_the_same_everywhere_is_said_once(texts):
    picture = ramp_view(2 * torch.arange(8), torch.full((16,), -0.5), align_corners=False)
    assert "In the middle half the error is −0.5 pixels." in texts(picture)
    assert picture.alt.startswith("From 16 pixels to 8 and back with align_corners=False.")


def test_the_ends_do_not_count():
    errors = torch.zeros(8)
    errors[[1, 2, 5, 6]] = torch.tensor([9.0, -0.25, 0.5, 9.0])
    assert ramp_view(torch.arange(4), errors, True).alt.endswith("the error goes from −0.25 to 0.5 pixels.")


def test_where_the_decoder_takes_the_samples_to_stand():
    above, _ = ramp_view([0.5, 2.5], torch.zeros(4), align_corners=True).axes
    true, believed = (c.get_offsets()[:, 0].tolist() for c in above.collections if len(c.get_offsets()) == 2)
    assert (true, believed) == ([0.5, 2.5], [0.0, 3.0])


def test_an_error_that_is_too_large_ends_in_an_arrow():
    errors = torch.zeros(8)
    errors[7] = -5.0
    _, below = ramp_view(torch.arange(4), errors, align_corners=False).axes
    within, beyond = below.collections[-2:]
    assert (len(within.get_offsets()), beyond.get_offsets().tolist()) == (7, [[7.0, -1.6]])
