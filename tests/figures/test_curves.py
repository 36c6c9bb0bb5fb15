from __future__ import annotations

import pytest

from course_lib.figures import curves

LINE = ([0.0, 1.0, 2.0], [0.0, 1.1, -0.1])


def test_each_curve_has_its_name_and_its_own_dash(texts):
    picture = curves({"linear": LINE, "cubic": LINE}, points=([0, 1], [0, 1]))
    assert {"linear", "cubic", "position in pixels"} <= set(texts(picture))
    (axes,) = picture.axes
    assert len({line.get_linestyle() for line in axes.lines}) == 2
    assert picture.alt == "Curves. linear goes from −0.1 to 1.1. cubic goes from −0.1 to 1.1."


def test_there_are_no_more_than_four():
    with pytest.raises(ValueError, match="at most 4 curves, but has 5"):
        curves({str(n): LINE for n in range(5)})
