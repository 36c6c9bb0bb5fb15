from __future__ import annotations

from course_lib.figures import window_coverage_2d, window_views


def test_a_map_names_its_unread_rows_and_columns(texts):
    shown = texts(window_coverage_2d((5, 7), kernel_size=2))
    assert "A map of 5 × 7 is pooled to 2 × 3." in shown
    assert "No window reads row 4." in shown
    assert "No window reads column 6." in shown


def test_a_map_crosses_out_the_cells_of_its_unread_rows_and_columns():
    (axes,) = window_coverage_2d((3, 4), kernel_size=2, stride=(1, 3)).axes
    (crosses,) = (c for c in axes.collections if len(c.get_offsets()) > 1)
    assert {(int(y), int(x)) for x, y in crosses.get_offsets()} == {(r, c) for r in range(3) for c in (2, 3)}


def test_each_axis_may_have_its_own_arguments(texts):
    shown = texts(window_coverage_2d(6, kernel_size=(2, 3), stride=(2, 1), padding=(0, 1)))
    assert "A map of 6 × 6 is pooled to 3 × 6." in shown


def test_both_views_on_one_sheet(texts):
    picture = window_views(7, kernel_size=2)
    assert len(picture.axes) == 2
    assert "A map of 7 × 7 is pooled to 3 × 3." in texts(picture)
    assert picture.alt.endswith("No window reads position 6.")
