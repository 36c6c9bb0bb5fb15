"""What grading one submission gave, as plain data: the ledger keeps it, the writer replays it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

# As programming judges name them: fine, signal or exit, time, memory, output, and our own fault.
Code = Literal["OK", "SG", "TO", "ML", "OL", "XX"]
Output = dict[str, Any]


def error(name: str, sentence: str) -> Output:
    """An error as a notebook stores it, which says one sentence."""
    return {"output_type": "error", "ename": name, "evalue": sentence, "traceback": [sentence]}


@dataclass
class Record:
    """What grading one submission gave.

    code: how the learner's process ended (OK, SG signal or exit, TO time, ML memory, OL output, XX our own fault);
    detail and sentence say more. outputs: for each code cell, by its place, what a notebook shows under it. checks: the
    facts of each verdict that counts, by grade_id. weak: grade cells of plain asserts, which ran beside learner code.
    """

    code: Code = "OK"
    detail: str = ""
    sentence: str = ""
    outputs: dict[int, list[Output]] = field(default_factory=dict)
    checks: dict[str, dict[str, Any]] = field(default_factory=dict)
    weak: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Record:
        return cls(**data | {"outputs": {int(index): outputs for index, outputs in data["outputs"].items()}})
