from __future__ import annotations

from types import SimpleNamespace

import pytest

from course_lib.figures import ledger_view


def row(names, nbytes, kept_by=(), held=False):
    return SimpleNamespace(names=names, nbytes=nbytes, kept_by=list(kept_by), held=held)


ROWS = [
    row(["x"], 1000, ["conv"], held=True),
    row(["bn", "relu"], 1000, ["relu", "pool"]),
    row(["list"], 1000, held=True),
    row(["gone"], 500),
]


def test_each_row_says_what_became_of_it(texts):
    picture = ledger_view(ROWS, unit=1000, peak_bytes=4000)
    assert {"x", "bn → relu", "list", "gone"} <= set(texts(picture))
    assert {"1 map, kept by relu and pool", "1 map, held", "0.5 maps, freed"} <= set(texts(picture))
    assert picture.alt.startswith(
        "Kept for the backward pass: 2 maps (0.002 MB). Alive after the forward pass: 3 maps. "
        "Alive at most, while a step runs: 4 maps. Rows: x 1 map, kept by conv, bn → relu 1 map"
    )


def test_a_bar_is_as_long_as_its_row_has_bytes_and_looks_like_its_fate():
    bars = ledger_view(ROWS, unit=1000).axes[0].patches
    assert [bar.get_width() for bar in bars] == [1, 1, 1, 0.5]
    assert [bar.get_hatch() for bar in bars] == ["", "", "///", ""]
    assert [bar.get_linestyle() for bar in bars] == ["-", "-", "-", "--"]


@pytest.mark.parametrize("count", [0, 1, 4, 9])
def test_a_ledger_of_any_length_is_drawn(count):
    picture = ledger_view(ROWS[:1] * count, unit=1000)
    assert picture.get_size_inches()[1] == pytest.approx(ledger_view(ROWS, unit=1000).get_size_inches()[1], abs=1.2)
    assert picture.png().startswith(b"\x89PNG")
