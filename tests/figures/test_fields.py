from __future__ import annotations

import pytest
from matplotlib.collections import PathCollection

from course_lib.figures import field_view

POOLS = [(2, 2, 0), (2, 2, 0)]
POOL_FIELDS = [(1, 1, 0.0), (2, 2, 0.5), (4, 4, 1.5)]


def squares(picture):
    """The positions of the squares that are unseen, seen, and padding, as (x, level)."""
    maps = picture.axes[0]
    return [
        [tuple(map(float, spot)) for spot in each.get_offsets()]
        for each in maps.collections
        if isinstance(each, PathCollection)
    ]


def test_the_law_and_the_gradient_are_both_said(texts):
    picture = field_view(POOLS, POOL_FIELDS, [0, 0, 0, 0, 1, 1, 1, 1], 1)
    said = [
        "By the law, output 1 has a field of 4, positions 4 to 7; the next one lies 4 further.",
        "By the gradient, the field is 4, positions 4 to 7. The two agree.",
    ]
    assert picture.alt == " ".join(said)
    assert set(said) <= set(texts(picture))
    assert {"input, 8", "map 1, 4", "output, 2"} <= set(texts(picture))


def test_every_map_stands_above_what_it_sees():
    _, seen, padding = squares(field_view(POOLS, POOL_FIELDS, [0, 0, 0, 0, 1, 1, 1, 1], 1))
    assert sorted(seen) == [(4, 0), (4.5, 1), (5, 0), (5.5, 2), (6, 0), (6.5, 1), (7, 0)]
    assert padding == []


def test_padding_that_is_seen_is_marked_and_named():
    picture = field_view([(3, 1, 1)], [(1, 1, 0.0), (3, 1, 0.0)], [1, 1, 0, 0], 0)
    assert picture.alt.endswith("positions −1 to 1; the next one lies 1 further. "
                                "By the gradient, the field is 2, positions 0 to 1; the rest is padding.")  # fmt: skip
    assert squares(picture)[2] == [(-1, 0)]


def test_dilation_leaves_squares_out():
    _, seen, _ = squares(field_view([(3, 1, 0, 2)], [(1, 1, 0.0), (5, 1, 2.0)], [1, 0, 1, 0, 1], 0))
    assert sorted(seen) == [(0, 0), (2, 0), (2, 1), (4, 0)]


def test_a_law_that_the_gradient_does_not_bear_out_is_told():
    assert field_view([(3, 1, 0)], [(1, 1, 0.0), (2, 1, 0.5)], [1, 1, 1, 0], 0).alt.endswith("The two disagree.")
    assert field_view([(3, 1, 0)], [(1, 1, 0.0), (3, 1, 1.0)], [1, 1, 0, 0], 0).alt.endswith("The two disagree.")


def test_an_output_may_see_nothing():
    picture = field_view([(1, 1, 2)], [(1, 1, 0.0), (1, 1, -2.0)], [0, 0, 0], 0)
    assert picture.alt.endswith("By the gradient, this output sees nothing: its whole field is padding.")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((POOLS, POOL_FIELDS, [1] * 8, 2), "index=2 must be between 0 and 1"),
        ((POOLS, POOL_FIELDS[:2], [1] * 8, 0), "fields must have an entry for each of the 3 maps, but has 2"),
        (([(9, 1, 0)], POOL_FIELDS[:2], [1] * 8, 0), "no window fits"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        field_view(*arguments)
