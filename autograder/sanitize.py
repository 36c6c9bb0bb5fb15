"""Shows learners' texts and outputs in the instructor's browser without anything in them that runs.

nbgrader's feedback and formgrader both render notebooks with nbconvert's HTMLExporter and with HTML as it stands.
nbgrader_config.py puts three parts between: filters for rendered markdown and for highlighted code, and a preprocessor
for outputs. Over some texts the renderers take hours, and over others they fail: these are shown as they were written.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import cache, lru_cache
from html import escape
from typing import Any

import bleach
from bleach.css_sanitizer import CSSSanitizer
from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.exporters import HTMLExporter
from nbconvert.filters import Highlight2HTML
from nbconvert.preprocessors.sanitize import SanitizeHTML
from nbformat import NotebookNode

from course_lib.checking.limits import OutOfTime, time_limit


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TAGS = _words(
    """a abbr b blockquote br caption code dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i img
    kbd li mark ol p pre q s samp small span strong sub summary sup table tbody td tfoot th thead tr u ul var"""
)
ATTRIBUTES = _words("align alt aria-hidden colspan data-face height href open rowspan src start style title width")
# What a report's inline styles use, and markdown's tables.
STYLES = _words(
    """background background-color border border-bottom border-collapse border-left border-radius border-right
    border-top color display flex-wrap font-family font-size font-style font-weight gap margin margin-bottom
    margin-left margin-right margin-top max-width min-width outline outline-offset padding padding-bottom padding-left
    padding-right padding-top text-align text-decoration vertical-align white-space width"""
)
# The classes of highlighted code and of headings' links; any other could lay a text over the page.
CLASSES = re.compile(r"highlight|anchor-link|down-and-up-report|[a-z]{1,2}\d?")
PICTURE = re.compile(r"data:image/(png|jpeg|gif);base64,[A-Za-z0-9+/=\s]*")
LINK = re.compile(r"(https?:|mailto:|#|[^:]*$)", re.IGNORECASE)


def clean(html: str) -> str:
    """The HTML with what could run shown as text, or left out where it stands inside a tag.

    >>> clean("<b onclick='steal()'>bold</b><script>steal()</script>")
    '<b>bold</b>&lt;script&gt;steal()&lt;/script&gt;'
    >>> clean("<a href='javascript:steal()'>here</a>")
    '<a>here</a>'
    """
    return bleach.clean(
        html,
        tags=TAGS,
        attributes=_is_allowed,
        protocols={"http", "https", "mailto", "data"},
        css_sanitizer=CSSSanitizer(allowed_css_properties=STYLES),
    )


def _is_allowed(tag: str, name: str, value: str) -> bool:
    if name == "class":
        return all(CLASSES.fullmatch(each) for each in value.split())
    if name == "style":
        return not re.search(r"url|\\|expression", value, re.IGNORECASE)
    if name == "src":
        return tag == "img" and (PICTURE.fullmatch(value) is not None or LINK.match(value) is not None)
    if name == "href":
        return LINK.match(value) is not None
    return name in ATTRIBUTES


@pass_context
def markdown2html(context: Context, source: str) -> str:
    """nbconvert's own filter of this name, its result cleaned. A lesson's cells come again with every learner."""
    html = _in_time(source, lambda: _clean_again(_exporter().markdown2html(context, source)))
    return html or f'<pre style="white-space:pre-wrap">{_as_written(source)}</pre>'


_clean_again = lru_cache(1000)(clean)


def highlight_code(source: str, language: str = "ipython3", metadata: Any = None) -> str:
    """nbconvert's own filter of this name."""
    html = _in_time(source, lambda: _highlighter()(source, language=language, metadata=metadata))
    return html or f'<div class="highlight"><pre>{_as_written(source)}</pre></div>'


PATIENCE = 10.0  # seconds for all texts of a notebook
MEGABYTE = 1 << 20  # of HTML: it counts as a second, which nbconvert takes to read it again
LONGEST = 1 << 18  # characters of a text that is rendered at all: where there is no alarm, as in a thread, this holds
_left = PATIENCE


def _as_written(source: str) -> str:
    """A text that is not rendered; no more than its beginning where of these, too, there are many in a notebook."""
    global _left
    text = escape(source if _left > -PATIENCE else f"{source[:200]}…")
    _left -= 2 * len(text) / MEGABYTE
    return text


def _in_time(source: str, render: Callable[[], str]) -> str:
    """What is rendered; nothing where that fails, or where all of this notebook so far took too long."""
    global _left
    began, html = time.monotonic(), ""
    try:
        if len(source) <= LONGEST and _left > 0:
            with time_limit(_left):
                html = render()
    except (Exception, OutOfTime):
        pass
    _left -= time.monotonic() - began + len(html) / MEGABYTE
    return html if _left > 0 else ""


@cache
def _exporter() -> HTMLExporter:
    return HTMLExporter()


@cache
def _highlighter() -> Highlight2HTML:
    return Highlight2HTML(pygments_lexer="ipython3")


# What formgrader's page on a submission shows of these as HTML.
NAMES = ("student", "first_name", "last_name", "notebook_path")


class Sanitize(SanitizeHTML):
    """Leaves text and pictures of the outputs, and cleans their HTML. Markdown is cleaned when it is rendered.

    A learner's name is one more thing that formgrader shows as it stands: it is escaped.
    """

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        global _left
        _left = PATIENCE
        for name in NAMES:
            if isinstance(resources.get(name), str):
                resources[name] = escape(resources[name])
        return super().preprocess(nb, resources)

    def preprocess_cell(self, cell: NotebookNode, resources: dict, cell_index: int) -> tuple[NotebookNode, dict]:
        if cell.cell_type == "code":
            cell.outputs = self.sanitize_code_outputs(cell.outputs)
        return cell, resources

    def sanitize_html_tags(self, html_str: str | list[str]) -> str:
        return clean("".join(html_str))
