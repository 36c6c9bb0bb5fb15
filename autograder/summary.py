"""What an instructor is told when grading is done: a table for each assignment, in lines of 100 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from autograder import messages
from autograder.table import WIDTH, cut, pad, printable, width

if TYPE_CHECKING:
    from autograder.grade import Row

NAMES = 28  # columns that a learner's name may take
CHECK = "check_"  # how a lesson names a grade cell after its exercise


def lines(rows: Sequence[Row], seconds: float) -> Iterator[str]:
    """The tables, what was strange, what has no grade, and how long it took."""
    for assignment in sorted({row.assignment for row in rows}):
        chosen = sorted((row for row in rows if row.assignment == assignment), key=lambda row: row.student)
        yield from ("", printable(assignment), "─" * min(width(printable(assignment)), WIDTH))
        yield from _table(chosen)
    told = [(row, sentence) for row in rows for sentence in _sentences(row)]
    if told:
        yield from ("", "What to look at", "───────────────")
        for row, sentence in sorted(told, key=lambda pair: (pair[0].assignment, pair[0].student)):
            yield cut(f"{printable(row.student)}: ", printable(" ".join(sentence.split())))
    written, failed = sum(row.written for row in rows), sum(bool(row.problem) for row in rows)
    yield ""
    yield messages.SUMMARY.format(
        total=len(rows), written=written, kept=len(rows) - written - failed, failed=failed, seconds=seconds
    )


def _table(rows: Sequence[Row]) -> Iterator[str]:
    columns = list(dict.fromkeys((nb, cell) for row in rows for nb, cells in row.scores.items() for cell in cells))
    titles = [printable(cell.removeprefix(CHECK)) for _, cell in columns]
    names = min(max([len("learner"), *(width(printable(row.student)) for row in rows)]), NAMES)
    if names + sum(max(width(title), 5) + 2 for title in titles) + 27 > WIDTH:
        for number, title in enumerate(titles, 1):
            yield f"{number:>3}  {title}"
        titles = [str(number) for number in range(1, len(titles) + 1)]
    least = 5 if len(titles) < 9 else 3
    widths = [max(width(title), least) + 2 for title in titles]
    room = max(1, (WIDTH - names - 27) // 5)
    if len(titles) > room:  # more exercises than fit: the totals have to do
        columns, titles, widths = [], [], []
    heads = "".join(" " * (columns_ - width(title)) + title for title, columns_ in zip(titles, widths, strict=True))
    yield f"{pad('learner', names)}{heads}{'total':>9}  outcome   anomalies"
    for row in rows:
        scores = [row.scores.get(notebook, {}).get(cell) for notebook, cell in columns]
        every = [score for cells in row.scores.values() for score in cells.values()]
        cells = "".join(
            f"{'–' if score is None else f'{score.score:g}':>{columns_}}"
            for score, columns_ in zip(scores, widths, strict=True)
        )
        total = "–" if row.problem else f"{sum(score.score for score in every):g}"
        outcome = messages.OUTCOMES["XX" if row.problem else row.code]
        strange = str(len(row.anomalies) or "")
        yield f"{pad(printable(row.student), names)}{cells}{total:>9}  {outcome:<8}  {strange:>9}".rstrip()


def _sentences(row: Row) -> Iterator[str]:
    if row.problem:
        yield row.problem
    elif row.sentence:
        yield row.sentence
    yield from (anomaly.sentence for anomaly in row.anomalies)
