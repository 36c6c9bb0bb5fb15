from __future__ import annotations

from course_lib.analysis.saved import block_ledger
from course_lib.widgets import memory_ledger


def controls(widget):
    return {control.description: control for control in widget.children[0].children}


def test_it_begins_with_a_plain_block_in_training():
    widget = memory_ledger(block_ledger)
    assert [control.value for control in controls(widget).values()] == [False, False, False, True]
    assert "Alive at most, while a step runs: 4 maps." in widget.alt


def test_every_switch_changes_the_picture_and_its_sentence():
    first = memory_ledger(block_ledger)
    for name in controls(first):
        widget = memory_ledger(block_ledger)
        controls(widget)[name].value = not controls(widget)[name].value
        assert widget.alt != first.alt, name
        assert widget.image.value != first.image.value, name
    assert widget.alt.startswith("Kept for the backward pass: 0 maps (0 MB).")
