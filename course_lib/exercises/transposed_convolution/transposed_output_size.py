"""How large a transposed convolution makes an axis."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Law, Misconception
from course_lib.geometry import output_size


def _transposed_output_size(size, kernel_size, stride=1, padding=0, output_padding=0, dilation=1):
    """Measured: how long a signal torch makes."""
    x, weight = torch.zeros(1, 1, size), torch.zeros(1, 1, kernel_size)
    return F.conv_transpose1d(x, weight, None, stride, padding, output_padding, 1, dilation).shape[-1]


def _law(law):
    """A wrong law over n, k, s, p, q and d."""

    def transposed_output_size(size, kernel_size, stride=1, padding=0, output_padding=0, dilation=1):
        return law(size, kernel_size, stride, padding, output_padding, dilation)

    return transposed_output_size


def _inverts(outputs, cases) -> bool:
    """Whether a convolution with the same arguments leads back to the size."""
    names = ("kernel_size", "stride", "padding", "dilation")
    for output, case in zip(outputs, cases, strict=True):
        arguments = {name: case.kwargs[name] for name in names if name in case.kwargs}
        try:
            back = output_size(output, **({"stride": 1} | arguments))
        except ValueError:
            return False
        if back != case.kwargs["size"]:
            return False
    return True


def _cases(*calls: tuple[dict, str]) -> tuple[Case, ...]:
    return tuple(Case(kwargs=kwargs, note=note) for kwargs, note in calls)


def _call(size, kernel_size, stride=1, padding=0, output_padding=0, dilation=1) -> dict:
    return {
        "size": size,
        "kernel_size": kernel_size,
        "stride": stride,
        "padding": padding,
        "output_padding": output_padding,
        "dilation": dilation,
    }


def _draw(draw: Draw, *, more: bool = False, spread: bool = False) -> Case:
    k, s = draw.integer(2, 5), draw.integer(2, 4)
    d = draw.integer(2, 3) if spread else 1
    q = draw.integer(1, s - 1) if more else 0
    return Case(kwargs=_call(draw.integer(3, 12), k, s, draw.integer(0, (k - 1) // 2), q, d))


TRANSPOSED_OUTPUT_SIZE = Exercise(
    name="transposed_output_size",
    title="The output size of a transposed convolution",
    lesson="08_transposed_convolution",
    oracle=_transposed_output_size,
    banned=("convolution", "transposed size"),
    instead="Count: where does the last stroke begin, how far does it reach, and what is cut off?",
    difficulty=1,
    minutes=8,
    facets=(
        Facet(
            "stride and padding",
            0.5,
            "The last stroke begins at (size − 1) · stride and is kernel_size long; padding is cut off both ends.",
            _cases(
                ({"size": 3, "kernel_size": 3}, "stride 1"),
                ({"size": 4, "kernel_size": 2, "stride": 2}, "the doubling layer of many decoders"),
                ({"size": 4, "kernel_size": 4, "stride": 2, "padding": 1}, "another one that doubles"),
                ({"size": 5, "kernel_size": 2, "stride": 3}, "gaps between the strokes"),
                ({"size": 1, "kernel_size": 1}, "a single position"),
            ),
            lambda draw: [_draw(draw) for _ in range(6)],
        ),
        Facet(
            "output_padding",
            0.5,
            "output_padding is added once, at the end.",
            _cases(
                ({"size": 3, "kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1}, "from 3 to 6, not 5"),
                ({"size": 5, "kernel_size": 3, "stride": 4, "output_padding": 3}, "stride 4 allows for three"),
            ),
            lambda draw: [_draw(draw, more=True) for _ in range(6)],
        ),
        Facet(
            "dilation",
            0.5,
            "With dilation a stroke reaches over dilation · (kernel_size − 1) + 1 positions.",
            _cases(
                ({"size": 3, "kernel_size": 3, "stride": 2, "dilation": 2}, "a stroke of five positions"),
                ({"size": 4, "kernel_size": 2, "stride": 2, "padding": 1, "dilation": 3}, "with padding"),
            ),
            lambda draw: [_draw(draw, spread=True) for _ in range(6)],
        ),
        Facet(
            "there and back",
            0.5,
            "A convolution with the same arguments leads back to size, whatever output_padding below the stride was taken.",
            _cases(
                (_call(4, 3, 2, 1, 0), "7 goes back to 4"),
                (_call(4, 3, 2, 1, 1), "and so does 8"),
                (_call(5, 3, 3, 0, 0, 2), "with dilation"),
                (_call(5, 3, 3, 0, 2, 2), "with dilation, and as large as can be"),
            ),
            lambda draw: [_draw(draw, more=True, spread=True) for _ in range(6)],
            law=Law(
                "A convolution with the same kernel_size, stride, padding and dilation must turn your size into the size that you began with.",
                _inverts,
            ),
        ),
    ),
    misconceptions=(
        Misconception(
            "dilation left out",
            _law(lambda n, k, s, p, q, d: (n - 1) * s - 2 * p + k + q),
            "This is the formula that one finds in many texts, and it holds for dilation=1 only. The taps of a stroke lie dilation apart, so that it reaches over dilation · (kernel_size − 1) + 1 positions.",
        ),
        Misconception(
            "dilation times kernel_size",
            _law(lambda n, k, s, p, q, d: (n - 1) * s - 2 * p + d * k + q),
            "A kernel of k taps that lie d apart has k − 1 steps between them: it reaches over d · (k − 1) + 1 positions, not d · k.",
        ),
        Misconception(
            "size times stride",
            _law(lambda n, k, s, p, q, d: n * s - 2 * p + q),
            "size · stride is right for kernel_size = stride only. The last stroke begins at (size − 1) · stride and is as long as the kernel.",
        ),
        Misconception(
            "one stroke too many",
            _law(lambda n, k, s, p, q, d: n * s - 2 * p + d * (k - 1) + 1 + q),
            "size strokes have size − 1 steps between them: the last one begins at (size − 1) · stride.",
        ),
        Misconception(
            "padding once",
            _law(lambda n, k, s, p, q, d: (n - 1) * s - p + d * (k - 1) + 1 + q),
            "padding is cut off at both ends: subtract it twice.",
        ),
        Misconception(
            "padding added",
            _law(lambda n, k, s, p, q, d: (n - 1) * s + 2 * p + d * (k - 1) + 1 + q),
            "padding makes the output of a convolution larger. Here it is the other way round: it is cut off.",
        ),
        Misconception(
            "output_padding at both ends",
            _law(lambda n, k, s, p, q, d: (n - 1) * s - 2 * p + d * (k - 1) + 1 + 2 * q),
            "output_padding is added at one end only: once.",
        ),
        Misconception(
            "output_padding ignored",
            _law(lambda n, k, s, p, q, d: (n - 1) * s - 2 * p + d * (k - 1) + 1),
            "Several sizes become the same in a convolution, and output_padding says which of them is meant: add it.",
        ),
        Misconception(
            "one too few",
            _law(lambda n, k, s, p, q, d: (n - 1) * s - 2 * p + d * (k - 1) + q),
            "From the first to the last tap there are dilation · (kernel_size − 1) steps, and one position more.",
        ),
        Misconception(
            "the law of the convolution",
            _law(lambda n, k, s, p, q, d: (n + 2 * p - d * (k - 1) - 1) // s + 1 + q),
            "This is the size that a convolution makes. Turn the question round: how large was a map that it makes size of?",
        ),
    ),
    hints=(
        "Draw an axis with three strokes of length 3, two apart. Where does the last one begin, and where does it end?",
        "The last stroke begins at (size − 1) · stride. Its taps lie dilation apart: from the first to the last there are dilation · (kernel_size − 1) positions. Then padding is cut off at both ends, and output_padding is given back at one.",
        "(size − 1) · stride + dilation · (kernel_size − 1) + 1 − 2 · padding + output_padding.",
    ),
)
