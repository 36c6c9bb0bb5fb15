"""The bundled class: one small text a learner, which says how the released notebook was changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

LEARNERS = Path(__file__).with_name("learners")
NOT_A_NOTEBOOK = "not a notebook"


@dataclass(frozen=True)
class Answers:
    """What one learner handed in.

    student_id: the name of the text. name: the learner's own. did: one sentence on what this learner did.
    cells: the new source of the cells that were changed, by grade_id. deleted: the cells that are gone.
    instead: what was handed in under the notebook's name, if it is no notebook.
    """

    student_id: str
    name: str
    did: str
    cells: Mapping[str, str] = field(default_factory=dict)
    deleted: frozenset[str] = frozenset()
    instead: str | None = None


def read(path: Path) -> Answers:
    """The answers in one text.

    Its first line names the learner and its second says in one sentence what this learner did. Then come cells that
    begin with ``# %% max_pool`` (the new source of a solution cell), ``# %% edit check_max_pool`` (of a cell that the
    learner should have left alone), ``# %% delete check_max_pool``, or ``# %% not a notebook`` (a whole other file).
    Errors: ValueError where a line is none of these.
    """
    head, *parts = re.split(r"^# %% *", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = [line.removeprefix("# ") for line in head.strip().splitlines()]
    if len(lines) != 2 or not parts:
        raise ValueError(f"{path}: begin with '# the name', '# what this learner did.' and a cell '# %% grade_id'.")
    name, did = lines
    cells, deleted, instead = {}, set(), None
    for part in parts:
        title, _, source = part.partition("\n")
        match title.split():
            case [grade_id] | ["edit", grade_id]:
                cells[grade_id] = source.strip("\n")
            case ["delete", grade_id]:
                deleted.add(grade_id)
            case _ if title.strip() == NOT_A_NOTEBOOK:
                instead = source
            case _:
                raise ValueError(
                    f"{path}: '# %% {title}' should be '# %% grade_id', '# %% edit grade_id', "
                    f"'# %% delete grade_id' or '# %% {NOT_A_NOTEBOOK}'."
                )
    return Answers(path.stem, name, did, cells, frozenset(deleted), instead)


def everyone() -> dict[str, list[Answers]]:
    """The whole class, by assignment and then by student_id."""
    folders = sorted(path for path in LEARNERS.iterdir() if path.is_dir())
    return {folder.name: [read(path) for path in sorted(folder.glob("*.txt"))] for folder in folders}
