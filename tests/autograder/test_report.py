"""Does the page say what the gradebook and the graded notebooks say, and can nothing of a learner's run in it?"""

from __future__ import annotations

import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from autograder.__main__ import main
from autograder.report import Bar, bars, write
from autograder.results import read

pytestmark = pytest.mark.xdist_group("graded")

MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def page(graded: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(graded.root, graded.stem, tmp_path_factory.mktemp("page") / "class.html")


@pytest.fixture(scope="module")
def section(page: Path) -> dict[str, str]:
    """The text of each section by its id, without tags; rows end in a line break."""
    parts = re.split(r'<h2 id="(\w+)">', page.read_text(encoding="utf-8"))
    texts = [re.sub(r"<[^>]*>", " ", part.replace("</tr>", "\f")) for part in parts]
    texts = ["\n".join(" ".join(unescape(row).split()) for row in text.split("\f")) for text in texts]
    return {"head": texts[0], **dict(zip(parts[1::2], texts[2::2], strict=True))}


class Elements(HTMLParser):
    """The elements of a page with their attributes."""

    def __init__(self, text: str):
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_head_has_the_class_in_numbers(section: dict[str, str]) -> None:
    head = section["head"]
    assert "learners graded 5" in head
    assert "without a grade 1" in head
    assert "points to win 6" in head
    assert "mean 4.0 median 4" in head


def test_each_exercise_has_its_row(section: dict[str, str]) -> None:
    assert "output_size 2.4 of 4 2 0 " in section["exercises"]
    assert "probe_outputs 1.6 of 2 4 0 " in section["exercises"]


def test_the_most_frequent_misconception_comes_first_with_its_sentence_and_an_example(section: dict[str, str]) -> None:
    first, second, *_ = section["misconceptions"].splitlines()[1:]
    assert first.startswith("always rounded up 2 output_size Rounding up is what ceil_mode=True asks for.")
    assert first.endswith("bob : The output should be 3, but it is 4.")
    assert second.startswith(f"{MARKUP} 1 output_size")


def test_outcomes_anomalies_and_the_slowest(section: dict[str, str]) -> None:
    assert "ran to its end OK 4 all others" in section["outcomes"]
    assert "took too long TO 1 late" in section["outcomes"]
    assert "The slowest: late 16.5 s" in section["outcomes"]
    assert "carl The learner changed the cell check_probe_outputs" in section["anomalies"]


def test_every_learner_is_there_and_who_has_no_grade(section: dict[str, str]) -> None:
    rows = section["learners"].splitlines()
    assert "Ada King, Countess ada 4 2 6" in rows
    assert "=HYPERLINK(1) 0 2 2" in rows
    assert "Enrolled, without a grade: Zoë ." in rows[-1]


def test_nothing_of_a_learners_is_markup_and_nothing_is_loaded(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    elements = Elements(text).found
    assert MARKUP not in text
    assert text.count("&lt;img src=x onerror=alert(1)&gt;") == 2
    assert not {tag for tag, _ in elements} & {"script", "img", "link", "iframe", "object", "a", "form", "base"}
    names = {name for _, attributes in elements for name in attributes}
    assert not {name for name in names if name.startswith("on")} | names & {"src", "href", "action", "data", "style"}
    assert "url(" not in text
    assert "@import" not in text


def test_tables_and_pictures_are_readable_without_eyes(page: Path) -> None:
    elements = Elements(page.read_text(encoding="utf-8")).found
    heads = [attributes for tag, attributes in elements if tag == "th"]
    pictures = [attributes for tag, attributes in elements if tag == "svg"]
    assert len(heads) > 20
    assert all(attributes.get("scope") in ("row", "col") for attributes in heads)
    assert len(pictures) == 3
    assert pictures[0]["aria-label"] == (
        "Learners by their total: 0 with 0, 0 with 1, 1 with 2, 0 with 3, 3 with 4, 0 with 5, 1 with 6"
    )


def test_a_browser_shows_it_without_asking_anybody(page: Path, browser: Any) -> None:
    shown = browser.new_page(viewport={"width": 1100, "height": 800})
    asked, said = [], []
    shown.on("request", lambda request: asked.append(request.url))
    shown.on("console", lambda message: said.append(message.text))
    shown.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    shown.goto(page.as_uri())
    width = shown.evaluate("document.documentElement.scrollWidth")
    colours = []
    for scheme in ("light", "dark"):
        shown.emulate_media(color_scheme=scheme)
        colours.append(shown.evaluate("getComputedStyle(document.body).backgroundColor"))
    shown.close()
    assert asked == [page.as_uri()]
    assert said == []
    assert width <= 1100
    assert colours == ["rgb(255, 255, 255)", "rgb(22, 22, 22)"]


def test_scores_are_the_gradebooks_even_where_the_graded_notebook_is_gone_or_lies(graded: Any) -> None:
    path = graded.root / "autograded" / "bob" / graded.stem / f"{graded.stem}.ipynb"
    text = path.read_text()
    liar = {
        "code": ["OK"],
        "seconds": "x",
        "weak": 3,
        "anomalies": [["edited"], [["a"], 1], "edited", ["no such", "x"]],
    }
    mine = {"nbgrader": {"grade_id": "check_output_size"}}
    cells = [
        3,
        {"metadata": mine, "outputs": [4, {"metadata": 5}, {"output_type": "error", "ename": [], "evalue": {}}]},
    ]
    try:
        path.chmod(0o644)
        for broken in ("{", "[]", '{"cells": 3}', '{"cells": []}', {"cells": cells, "metadata": {"down_and_up": liar}}):
            path.write_text(broken if isinstance(broken, str) else json.dumps(broken))
            (bob,) = (one for one in read(graded.root, graded.stem).learners if one.student_id == "bob")
            assert (bob.score, bob.code, bob.anomalies) == (4.0, "OK", ())
        assert [diagnosis.text for diagnosis in bob.diagnoses.values()] == ["[]: {}"]
    finally:
        path.write_text(text)


def test_bars_of_many_points_are_spans() -> None:
    assert bars([0, 4.5, 40], 40) == tuple(
        Bar(label, count)
        for label, count in zip(
            ["0–2", "3–5", "6–8", "9–11", "12–14", "15–17", "18–20", "21–23", "24–26", "27–29", "30–32", "33–35"]
            + ["36–38", "39–40"],
            [1, 1, *[0] * 11, 1],
            strict=True,
        )
    )


def test_the_command_says_where_the_page_lies_or_why_there_is_none(graded: Any, monkeypatch, capsys) -> None:
    monkeypatch.chdir(graded.root)
    assert main(["report", graded.stem]) == 0
    assert Path(capsys.readouterr().out.strip()) == graded.root / "build" / "report" / f"{graded.stem}.html"
    assert main(["report", "99_none"]) == 1
    assert "Grade first" in capsys.readouterr().err
    assert main(["report", graded.stem, "--to", "."]) == 1
    assert "is a folder" in capsys.readouterr().err
