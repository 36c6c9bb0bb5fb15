"""A report in a notebook: every text is escaped, and colour never stands alone."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
import torch

from course_lib.checking.examine import examine
from course_lib.checking.html import COLOURS, render
from course_lib.checking.numbers import PADDING, Grid
from course_lib.checking.report import Code, Facets, Grids, Text, Title, report

SCRIPT = "<script>alert('&')</script>"


class Tags(HTMLParser):
    """The tags of a page, its text, and whether each tag that opens is closed."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data


def prints(x, times=2):
    print(SCRIPT)
    return x


def raises(x, times=2):
    raise ValueError(SCRIPT)


def returns(x, times=2):
    return SCRIPT


def answers():
    return {"legs": SCRIPT}


def default(x, times=SCRIPT):
    return x


@pytest.mark.parametrize("work", [prints, raises, returns, default], ids=lambda work: work.__name__)
def test_what_a_learner_wrote_is_text_and_never_a_tag(scaled, work) -> None:
    page = report(examine(scaled, work))._repr_mimebundle_()[0]["text/html"]
    read = Tags(page)
    assert "script" not in read.tags
    assert read.open == []
    assert "<script>alert(" in read.words


def test_an_answer_and_a_type_of_an_odd_name_are_text_too(facts, scaled) -> None:
    odd = type(SCRIPT, (Exception,), {})

    def work(x, times=2):
        raise odd

    for exercise, wrong in ((facts, answers), (scaled, work), (scaled, lambda x, times=2: odd())):
        page = report(examine(exercise, wrong))._repr_mimebundle_()[0]["text/html"]
        assert "script" not in Tags(page).tags
        assert "&lt;script&gt;" in page


def test_every_kind_of_block_escapes() -> None:
    grid = Grid(SCRIPT, ((SCRIPT,),))
    blocks = (
        Title("wrong", SCRIPT),
        Facets((("wrong", SCRIPT, SCRIPT, SCRIPT),)),
        Text(SCRIPT),
        Code(SCRIPT),
        Grids((grid,)),
    )
    for block in blocks:
        assert "script" not in Tags(render([block])).tags


def test_the_frame_says_its_face() -> None:
    for face in ("right", "wrong", "raised", "not attempted", "refused"):
        page = render([Title(face, "A title.")])
        assert f'data-face="{face}"' in page
        assert COLOURS[face] in page


def test_a_wrong_cell_has_a_cross_and_padding_is_hatched() -> None:
    grid = Grid("yours", (("1", PADDING),), wrong=frozenset({(0, 0)}), shade=((0.0, None),))
    page = render([Grids((grid,))])
    assert "1&nbsp;✗" in page
    assert page.count("repeating-linear-gradient") == 1


def test_the_cells_of_the_window_have_a_frame() -> None:
    grid = Grid("input", (("1", "2"),), window=frozenset({(0, 1)}), shade=((0.0, 1.0),))
    assert render([Grids((grid,))]).count("dashed") == 1


def test_a_whole_report_is_well_formed(scaled) -> None:
    for work in (lambda x, times=2: x, lambda x, times=2: x * times, lambda x, times=2: torch.zeros(3) / 0, None):
        assert Tags(report(examine(scaled, work))._repr_mimebundle_()[0]["text/html"]).open == []
