from __future__ import annotations

import pytest

from course_lib.figures import bars
from course_lib.figures.bars import short

AMOUNTS = {"bytes": {"first": 2_000_000, "second": 500}, "parameters": {"first": 0, "second": 1200}}


def test_each_amount_has_its_number(texts):
    picture = bars(AMOUNTS)
    assert {"bytes", "parameters", "first", "second", "2 M", "500", "0", "1.2 k"} <= set(texts(picture))
    assert picture.alt == "Bars. Bytes: first 2 M, second 500. Parameters: first 0, second 1.2 k."


def test_the_first_name_is_on_top_and_bars_begin_at_zero():
    axes = bars(AMOUNTS).axes[0]
    assert [patch.get_width() for patch in axes.patches] == [2_000_000, 500]
    assert axes.get_xlim()[0] == 0
    assert axes.get_ylim() == (1.5, -0.5)


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (7, "7"), (999, "999"), (38_720, "38.7 k"), (7_079_424, "7.08 M"), (4.6e9, "4.6 G")]
)
def test_numbers_are_short(value, text):
    assert short(value) == text


def test_amounts_that_do_not_match_are_refused():
    with pytest.raises(ValueError, match="every panel of amounts must have the same names"):
        bars({"a": {"first": 1}, "b": {"second": 1}})
    with pytest.raises(ValueError, match="must not be negative"):
        bars({"a": {"first": -1}})
