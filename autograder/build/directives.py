"""Fills in lines like ``<!-- hints: max_pool -->`` in a lesson's markdown cells."""

from __future__ import annotations

import re
from types import ModuleType

from autograder.build import BuildError, course_map

DIRECTIVE = re.compile(r"^<!-- (\w+)(?:: (\w+))? -->$", re.MULTILINE)


def fill(markdown: str, stem: str) -> str:
    """The text with every directive replaced by what the lesson's exercises or the course map say.

    >>> fill("Try it.", "01_pooling")
    'Try it.'
    """

    def replace(match: re.Match[str]) -> str:
        word, name = match.groups()
        if word not in DIRECTIVES:
            raise BuildError(f"unknown directive {match[0]}; there are {', '.join(DIRECTIVES)}.")
        return DIRECTIVES[word](name or stem)

    return DIRECTIVE.sub(replace, markdown)


def exercises() -> ModuleType:
    """``course_lib.exercises``. It imports torch, so the build starts its kernel before it."""
    from course_lib import exercises

    return exercises


def facts(name: str) -> str:
    """One line about an exercise: title, points, difficulty, minutes."""
    exercise = exercises().find(name)
    parts = [f"**{exercise.title}**", counted(exercise.points, "point"), difficulty(exercise.difficulty)]
    return " · ".join([*parts, counted(exercise.minutes, "minute")])


def hints(name: str) -> str:
    """The hints of an exercise, folded, from a nudge to nearly the answer."""
    texts = exercises().find(name).hints
    return "\n\n".join(
        f"<details><summary>Hint {number} of {len(texts)}</summary>\n\n{text}\n\n</details>"
        for number, text in enumerate(texts, 1)
    )


def points(stem: str) -> str:
    """The table of a lesson's exercises with their points."""
    lesson = exercises().of_lesson(stem)
    rows = [f"| {each.title} | {each.points:g} | {difficulty(each.difficulty)} | {each.minutes} |" for each in lesson]
    worth, minutes = sum(each.points for each in lesson), sum(each.minutes for each in lesson)
    total = f"| **together** | **{worth:g}** | | **{minutes}** |"
    head = ["| exercise | points | difficulty | minutes |", "|---|--:|:-:|--:|"]
    return "\n".join([*head, *rows, total])


def difficulty(level: int) -> str:
    """A difficulty of 1 to 3 as filled dots.

    >>> difficulty(2)
    '●●○'
    """
    return "●" * level + "○" * (3 - level)


def counted(number: float, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "point"), counted(4, "point")
    ('1 point', '4 points')
    """
    return f"{number:g} {noun}" + ("" if number == 1 else "s")


def course_table(_: str) -> str:
    """The course map, with links from one lesson to another."""
    return course_map.table("..")


DIRECTIVES = {"facts": facts, "hints": hints, "points": points, "map": course_table}
