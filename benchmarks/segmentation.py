"""The segmentation experiment of lesson 10: four decoders behind one encoder, at several depths, three seeds each.

    python benchmarks/segmentation.py [--scenes N] [--seeds N] [--epochs N] [--save]

Prints a Markdown table in percent: means over the seeds, the least and the greatest behind them. `--save` writes it to
docs/benchmarks/segmentation.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from course_lib import samples
from course_lib.analysis import scenes
from course_lib.analysis.segmentation import NoSkips, Plain, Unpooling, compare, table
from course_lib.analysis.shift_consistency import split
from course_lib.exercises import find

TABLE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "segmentation.md"
HEAD = """# Segmentation of digits on textures

Percent, the mean over {seeds} seeds, the least and the greatest of them behind it. Trained for {epochs} epochs on
{scenes} scenes with brick and grass, judged on 200 scenes with other digits on gravel. "Found" is the share of the
pixels of digits of one size that a network finds. Made by `benchmarks/segmentation.py --save`.

"""

DECODERS = {"plain": Plain, "no skips": NoSkips, "unpooling": Unpooling, "U-Net": find("UNet").oracle}
# Which decoders are trained at which depth: all of them at three poolings, the two of the depth question at others too.
DEPTHS = {1: ("no skips", "U-Net"), 2: ("no skips", "U-Net"), 3: tuple(DECODERS)}


def main(arguments: Sequence[str] | None = None) -> str:
    """Runs the experiment and returns its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=100, help="how many scenes to train on")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--depths", type=int, nargs="+", default=list(DEPTHS), choices=list(DEPTHS))
    parser.add_argument("--save", action="store_true", help=f"write the table to docs/benchmarks/{TABLE.name}")
    chosen = parser.parse_args(arguments)
    taught, judged = (half[0] for half in split(*samples.digits()))
    grounds = [samples.as_float(texture()) for texture in (samples.brick, samples.grass)]
    to_learn = scenes.make(chosen.scenes, grounds, taught, seed=0)
    unseen = scenes.make(200, [samples.as_float(samples.gravel())], judged, seed=1)
    rows = []
    total = sum(len(DEPTHS[depth]) for depth in chosen.depths) * chosen.seeds * chosen.epochs
    with tqdm(total=total, desc="epochs", disable=None) as bar:
        for depth in chosen.depths:
            decoders = {name: DECODERS[name] for name in DEPTHS[depth]}
            rows += compare(decoders, to_learn, unseen, [depth], range(chosen.seeds), chosen.epochs, bar.update)
    made = table(rows)
    if chosen.save:
        facts = {"seeds": chosen.seeds, "epochs": chosen.epochs, "scenes": chosen.scenes}
        TABLE.write_text(HEAD.format(**facts) + made + "\n", encoding="utf-8")
    return made


if __name__ == "__main__":
    print(main())
