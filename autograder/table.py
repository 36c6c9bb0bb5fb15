"""Lines for a terminal of 100 columns, in which a wide character takes two."""

from __future__ import annotations

import textwrap
import unicodedata

WIDTH = 100


def width(text: str) -> int:
    """The columns that a text takes: two for each wide character (Unicode, UAX #11), none for a combining one.

    >>> width("abc"), width("漢字")
    (3, 4)
    """
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF") for letter in text
    )


def pad(text: str, columns: int) -> str:
    """The text with spaces behind it, or cut to fit.

    >>> pad("ab", 4) + "|", pad("abcdef", 4) + "|"
    ('ab  |', 'abc…|')
    """
    if width(text) > columns:
        while width(text) > columns - 1:
            text = text[:-1]
        text += "…"
    return text + " " * (columns - width(text))


def cut(begin: str, text: str) -> str:
    """A line that fits; a text that is too long is cut at a word."""
    return begin + textwrap.shorten(text, max(WIDTH - width(begin), 20), placeholder=" …")


def wrapped(text: str) -> list[str]:
    """A text in lines that fit, with room for an indent."""
    return textwrap.wrap(text, WIDTH - 6, break_on_hyphens=False, break_long_words=False)


def printable(text: str) -> str:
    """The text with everything that could move a terminal's cursor or change its colours written out.

    >>> printable("a\\x1b[31mb")
    'a\\\\x1b[31mb'
    """
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
