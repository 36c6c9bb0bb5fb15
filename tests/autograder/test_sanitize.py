"""What a learner wrote is shown to a person, rendered or as it stands, in time and whatever it is."""

from __future__ import annotations

import time

import pytest

from autograder import sanitize
from autograder.sanitize import highlight_code, markdown2html

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def rendered(text: str, **cell) -> str:
    return markdown2html({"cell": cell, "resources": {}}, text)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def a_notebook_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sanitize, "PATIENCE", 0.5)
    monkeypatch.setattr(sanitize, "_left", 0.5)


def test_markdown_and_code_are_rendered() -> None:
    highlight_code("warm = 1")
    assert "<strong>bold</strong>" in rendered("**bold**")
    assert "<span" in highlight_code("def f(x):\n    return x")


def test_a_picture_that_was_pasted_is_shown() -> None:
    pasted = {"here.png": {"image/png": PNG}}
    assert f'src="data:image/png;base64,{PNG}"' in rendered("![seen](attachment:here.png)", attachments=pasted)


def test_what_cannot_be_rendered_is_shown_as_it_was_written() -> None:
    assert rendered("**a** ![seen](attachment:gone.png)").endswith("**a** ![seen](attachment:gone.png)</pre>")


@pytest.mark.parametrize(
    ("show", "text"),
    [(rendered, "<div>\n\n" * 20_000), (rendered, "<b><table>" * 5_000), (highlight_code, " \n" * 5_000 + "<b>")],
    ids=["nested", "formatted", "blank lines"],
)
def test_what_takes_hours_is_shown_as_it_was_written(show, text: str) -> None:
    began = time.monotonic()
    html = show(text)
    assert time.monotonic() - began < 5
    assert "<b>" not in html
    assert html.count("&lt;") == text.count("<")
    assert "<strong>" not in rendered("**after it**")


def test_of_many_such_texts_the_beginnings_are_shown() -> None:
    texts = [rendered("<b><table>" * 20_000) for _ in range(10)]
    assert texts[0].count("&lt;") == 40_000
    assert texts[-1].count("&lt;") == 40
