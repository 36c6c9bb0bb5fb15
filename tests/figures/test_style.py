from __future__ import annotations

import base64
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from IPython.core.formatters import DisplayFormatter
from matplotlib.figure import Figure

from course_lib.figures import grids, sentence
from course_lib.figures.style import as_array, number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (7, "7"),
        (1024, "1024"),
        (-2.5, "−2.5"),
        (-0.0, "0"),
        (1 / 3, "0.333"),
        (float("-inf"), "−∞"),
        (float("nan"), "nan"),
        (1e9, "1e+09"),
    ],
)
def test_numbers_are_written_short_and_with_a_true_minus(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor([1.5, 2.0], requires_grad=True),
        torch.tensor([1.5, 2.0], dtype=torch.bfloat16),
        [1.5, 2.0],
        np.array([1.5, 2.0]),
    ],
)
def test_figures_take_tensors_of_every_kind_and_plain_lists(tensor):
    assert as_array(tensor).tolist() == [1.5, 2.0]


def test_a_picture_is_a_figure_that_displays_itself_once_with_its_sentence():
    picture = grids([[1, 2]])
    assert isinstance(picture, Figure)
    data, metadata = DisplayFormatter().format(picture)
    assert set(data) == {"image/png", "text/plain"}
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert data["text/plain"] == "Grids of numbers: (1, 2)."
    assert metadata["image/png"]["alt"] == data["text/plain"]


def test_the_inline_backend_adds_no_second_image_and_keeps_the_sentence():
    code = """
from IPython.core.interactiveshell import InteractiveShell
from matplotlib_inline.backend_inline import configure_inline_support
shell = InteractiveShell.instance()
configure_inline_support(shell, "inline")
from course_lib.figures import grids
print(sorted(shell.display_formatter.format(grids([[1]]))[0]))
import matplotlib.pyplot as plt
print(plt.get_fignums())
"""
    inline = os.environ | {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=inline)
    assert shown.stdout.split("\n")[:2] == ["['image/png', 'text/plain']", "[]"]


def test_the_paper_is_opaque_white_so_that_ink_reads_in_dark_mode(pixels):
    corners = pixels(sentence("Nothing to draw."))[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners == 255).all()


def test_the_same_picture_is_the_same_file():
    assert grids([[1, 2]]).png() == grids([[1, 2]]).png()


def test_a_long_sentence_is_broken_into_lines(texts):
    (shown,) = texts(sentence("A word and " * 20))
    assert max(map(len, shown.splitlines())) < 90


def test_importing_the_course_loads_no_plotting_and_no_widgets():
    code = "import course_lib, sys; print([m for m in ('matplotlib', 'ipywidgets', 'skimage') if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
