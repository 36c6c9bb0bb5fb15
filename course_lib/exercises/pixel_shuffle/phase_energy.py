"""The energy of an upsampler's phases: the metric that sees a checkerboard."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.analysis import phase_energy as analysis
from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.exercises.pooling.shared import strided


def _phase_energy(x, upscale_factor):
    return analysis.phase_energy(x, upscale_factor), analysis.unevenness(x, upscale_factor)


def _phases(x: Tensor, r: int) -> Tensor:
    """The phases in front: (r, r, N, C, H, W)."""
    return torch.stack([torch.stack([x[..., i::r, j::r] for j in range(r)]) for i in range(r)])


def _tiles(x: Tensor, r: int) -> Tensor:
    """The picture cut into r × r large pieces, as if these were the phases."""
    high, wide = x.shape[-2] // r, x.shape[-1] // r
    rows = [x[..., i * high : (i + 1) * high, :] for i in range(r)]
    return torch.stack([torch.stack([row[..., j * wide : (j + 1) * wide] for j in range(r)]) for row in rows])


def _spread(energy: Tensor, correction: int = 0) -> float:
    return (energy.std(correction=correction) / energy.mean()).nan_to_num(0.0).item()


def _wrong(energy=lambda phases: phases.square().mean((2, 3, 4, 5)), spread=_spread, parts=_phases):
    """Another energy of the phases, another spread of the energies, or parts that are no phases."""

    def phase_energy(x, upscale_factor):
        energies = energy(parts(x, upscale_factor))
        return energies, spread(energies)

    return phase_energy


def _draw(draw: Draw, factors=(2,), channels=(1,), dtype=torch.float32, gradient: bool = False) -> Case:
    r = draw.choice(factors)
    shape = draw.integer(1, 2), draw.choice(channels), draw.integer(2, 3) * r, draw.integer(2, 3) * r
    return Case((draw.distinct(*shape, dtype=dtype) + 1,), {"upscale_factor": r}, gradient=gradient)


TWO = {"upscale_factor": 2}
BOARD = torch.tensor([[1.0, 2, 1, 2], [3, 4, 3, 4]])[None, None]
STEEP = torch.tensor([[3.0, 1, -3, 1], [-1, 2, 1, 2], [1, 0, 3, 0], [2, 2, 2, 4]])[None, None]
SPARSE = torch.tensor([[5.0, 0, 5, 0], [0, 0, 0, 0]])[None, None]

PHASE_ENERGY = Exercise(
    name="phase_energy",
    title="The energy of an upsampler's phases",
    lesson="09_pixel_shuffle",
    oracle=_phase_energy,
    banned=("phase energy",),
    instead="Take the phases as slices x[..., i::r, j::r], and their mean squares.",
    difficulty=2,
    minutes=12,
    facets=(
        Facet(
            "energy",
            1,
            "For each phase (i, j) the mean of the squares of its values, as a tensor (r, r).",
            (
                Case((BOARD,), TWO, "a board that repeats itself: 1, 4, 9 and 16"),
                Case((STEEP,), TWO, "values of both signs, whose sum says little"),
                Case((torch.arange(27.0).reshape(1, 1, 3, 9),), {"upscale_factor": 3}, "nine phases"),
            ),
            lambda draw: [_draw(draw, factors=(2, 3)) for _ in range(5)],
            part=0,
        ),
        Facet(
            "unevenness",
            1,
            "How unequal the energies are: their standard deviation over all r² of them, divided by their mean.",
            (
                Case((torch.ones(1, 1, 4, 4),), TWO, "all phases alike: 0"),
                Case((SPARSE,), TWO, "one phase has it all: the square root of 3, which is the most"),
                Case((BOARD,), TWO, "a board that repeats itself"),
                Case((torch.zeros(1, 1, 4, 4),), TWO, "nothing but zeros counts as even: 0"),
                Case((torch.arange(27.0).reshape(1, 1, 3, 9),), {"upscale_factor": 3}, "nine phases"),
            ),
            lambda draw: [_draw(draw, factors=(2, 3)) for _ in range(5)],
            part=1,
        ),
        Facet(
            "batch and channels",
            0.5,
            "All pictures and channels count together: there are r² energies in all.",
            (
                Case((torch.arange(16.0).reshape(1, 2, 2, 4),), TWO, "two channels"),
                Case((torch.arange(24.0).reshape(3, 2, 2, 2),), TWO, "a batch of three, two channels each"),
            ),
            lambda draw: [_draw(draw, channels=(2, 3)) for _ in range(4)],
            part=0,
        ),
        Facet(
            "any input",
            0.5,
            "The energies keep the dtype, whatever the memory layout is, and the gradient flows to the picture.",
            (
                Case((BOARD,), TWO, "the gradient of the energies", gradient=True),
                Case((BOARD.double() / 3,), TWO, "float64 stays float64"),
                Case((strided(BOARD),), TWO, "memory that is not contiguous"),
            ),
            lambda draw: [
                _draw(draw, dtype=draw.choice([torch.float32, torch.float64]), gradient=True) for _ in range(4)
            ],
        ),
    ),
    misconceptions=(
        Misconception(
            "the mean instead of the energy",
            _wrong(lambda p: p.mean((2, 3, 4, 5))),
            "These are the means of the phases. On noise every mean is near 0, however strong a phase is. Square the values before you average them.",
        ),
        Misconception(
            "the variance instead of the energy",
            _wrong(lambda p: p.var((2, 3, 4, 5), correction=0)),
            "You subtract the mean of each phase first. A checkerboard on a flat wall consists of nothing but different means, and you would not see it. Take the mean of the squares as they are.",
        ),
        Misconception(
            "the sum instead of the mean",
            _wrong(lambda p: p.square().sum((2, 3, 4, 5))),
            "You add the squares up and do not divide by their number, so a larger picture has more energy. Take the mean.",
        ),
        Misconception(
            "the root of the energy",
            _wrong(lambda p: p.square().mean((2, 3, 4, 5)).sqrt()),
            "You take the root. The energy is the mean of the squares itself; so the energies of all phases average to that of the picture.",
        ),
        Misconception(
            "absolute values",
            _wrong(lambda p: p.abs().mean((2, 3, 4, 5))),
            "You average absolute values. The energy is the mean of the squares.",
        ),
        Misconception(
            "pieces instead of phases",
            _wrong(parts=_tiles),
            "You cut the picture into r × r large pieces. A phase is spread over the whole picture: every r-th row from row i on, and every r-th column from column j on.",
        ),
        Misconception(
            "rows and columns exchanged",
            _wrong(parts=lambda x, r: _phases(x, r).transpose(0, 1)),
            "Your energies are transposed: entry (i, j) belongs to row i and column j of each block.",
        ),
        Misconception(
            "divided by one less",
            _wrong(spread=lambda energies: _spread(energies, correction=1)),
            "Torch's std divides by the number of values less one, unless you say correction=0. The r² phases are all there are, not a sample of more.",
        ),
        Misconception(
            "not divided by the mean",
            _wrong(spread=lambda energies: energies.std(correction=0).item()),
            "You return the standard deviation as it is, so a brighter picture is more uneven. Divide by the mean of the energies.",
        ),
        Misconception(
            "zero by zero",
            _wrong(spread=lambda energies: (energies.std(correction=0) / energies.mean()).item()),
            "On nothing but zeros you divide 0 by 0, and the result is no number. There all phases are alike, so the unevenness is 0.",
        ),
        Misconception(
            "the first channel only",
            _wrong(lambda p: p[:, :, :, :1].square().mean((2, 3, 4, 5))),
            "You look at the first channel of each picture only. All channels count.",
        ),
        Misconception(
            "cut from the graph",
            lambda x, upscale_factor: _phase_energy(x.detach(), upscale_factor),
            "The values are right, but no gradient can flow back from the energies to the picture.",
        ),
    ),
    hints=(
        "Phase (i, j) is x[..., i::r, j::r]: every r-th row from i on, every r-th column from j on. Its energy is one number, the mean of all its squares.",
        "Your pixel_shuffle with inverse=True lays all phases beside each other as channels: (N, C · r², H, W). Part the channels into (c, i, j), and average the squares over everything but i and j.",
        "energy is a tensor (r, r). The unevenness is (energy.std(correction=0) / energy.mean()).item(), and 0.0 where the mean is 0.",
    ),
)
