"""The digits experiment of lesson 02: accuracy and shift consistency for several downsamplings, three seeds each.

    python benchmarks/shift_consistency.py [--digits N] [--seeds N] [--epochs N] [--save]

Prints a Markdown table in percent: means over the seeds, the least and the greatest behind them. `--save` writes it to
docs/benchmarks/shift_consistency.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from course_lib import samples
from course_lib.analysis.shift_consistency import JUDGED, compare, framed, table
from course_lib.exercises import find

TABLE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "shift_consistency.md"
HEAD = """# Shift consistency on digits

Percent, the mean over {seeds} seeds, the least and the greatest of them behind it. Trained for {epochs} epochs on
{taught} digits in the middle of the canvas, judged on {judged} others at 16 places. Made by
`benchmarks/shift_consistency.py --save`.

"""


def blurred(x: Tensor, kernel_size: int) -> Tensor:
    """The maximum of 2 × 2 at every position, then BlurPool as lesson 02 has it."""
    return find("blur_pool").oracle(F.max_pool2d(x, 2, stride=1), kernel_size)


DOWNS = {
    "maximum": lambda x: F.max_pool2d(x, 2),
    "strided": lambda x: x[:, :, ::2, ::2],
    "average": lambda x: F.avg_pool2d(x, 2),
    "blurred, 1 2 1": partial(blurred, kernel_size=3),
    "blurred, 1 4 6 4 1": partial(blurred, kernel_size=5),
}


def main(arguments: Sequence[str] | None = None) -> str:
    """Runs the experiment and returns its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--digits", type=int, default=1797, help="how many of the digits to use")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--save", action="store_true", help=f"write the table to docs/benchmarks/{TABLE.name}")
    chosen = parser.parse_args(arguments)
    digits, labels = samples.digits()
    pictures = framed(digits)
    with tqdm(total=len(DOWNS) * chosen.seeds * chosen.epochs, desc="epochs", disable=None) as bar:
        rows = compare(
            DOWNS,
            pictures[: chosen.digits],
            labels[: chosen.digits],
            range(chosen.seeds),
            chosen.epochs,
            tick=bar.update,
        )
    made = table(rows)
    if chosen.save:
        taught = 2 * chosen.digits // 3
        facts = {
            "seeds": chosen.seeds,
            "epochs": chosen.epochs,
            "taught": taught,
            "judged": min(chosen.digits - taught, JUDGED),
        }
        TABLE.write_text(HEAD.format(**facts) + made + "\n", encoding="utf-8")
    return made


if __name__ == "__main__":
    print(main())
