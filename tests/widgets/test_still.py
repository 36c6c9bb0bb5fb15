from __future__ import annotations

import base64

import ipywidgets
from IPython.core.formatters import DisplayFormatter

from course_lib.figures import grids
from course_lib.widgets import Still


def still() -> tuple[Still, ipywidgets.IntSlider]:
    slider = ipywidgets.IntSlider(3, 0, 9, description="value")
    return Still([slider], lambda: grids([[slider.value]], titles=[f"now {slider.value}"])), slider


def test_displaying_emits_the_widget_and_beside_it_the_picture_and_the_sentence():
    widget, _ = still()
    data, metadata = DisplayFormatter().format(widget)
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"}
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == widget.model_id
    assert base64.b64decode(data["image/png"]) == widget.image.value
    assert data["text/plain"] == "Grids of numbers: now 3 (1, 1)."
    assert metadata["image/png"]["alt"] == data["text/plain"]


def test_moving_a_control_draws_the_picture_anew():
    widget, slider = still()
    before = widget.image.value
    slider.value = 4
    assert widget.image.value != before
    assert bytes(widget.image.value).startswith(b"\x89PNG")
    assert widget.alt == "Grids of numbers: now 4 (1, 1)."
    slider.value = 3
    assert widget.image.value == before


def test_a_screen_reader_hears_the_new_sentence_with_its_signs_escaped():
    slider = ipywidgets.IntSlider(1)
    widget = Still([slider], lambda: grids([[slider.value]], titles=["a < b"]))
    assert 'role="status"' in widget.spoken.value
    assert "a &lt; b (1, 1)" in widget.spoken.value
