"""What an ablation of four decoders shows and what it does not: to be read off its table."""

from __future__ import annotations

from course_lib.checking.exercise import Case, Exercise, Facet, Misconception


def _ablation_verdict():
    """What every seed says, far outside the spread of the seeds."""
    return {
        "order": ["plain", "no skips", "unpooling", "U-Net"],
        "against_parameters": ["unpooling", "no skips"],
        "small_digits": "B",
        "places": "C",
        "gain": "grows",
    }


def _believed(**wrong):
    return lambda: _ablation_verdict() | wrong


def _facet(name: str, points: float, asks: str) -> Facet:
    return Facet(name, points, asks, (Case(),), part=name)


ABLATION_VERDICT = Exercise(
    name="ablation_verdict",
    title="The ablation's verdict",
    lesson="10_unet",
    oracle=_ablation_verdict,
    kind="answer",
    difficulty=2,
    minutes=12,
    facets=(
        _facet("order", 1, "The four decoders by mean IoU behind three poolings, the worst first."),
        _facet(
            "against_parameters",
            1,
            "The pair that refutes the parameters: the better one with fewer, the worse with more.",
        ),
        _facet(
            "small_digits", 1, "What the column of the smallest digits says about what pooling does to small objects."
        ),
        _facet("places", 0.5, "What the places of the maxima bring about, and what they do not."),
        _facet("gain", 0.5, "Whether what the skips bring grows, shrinks or stays from two poolings to three."),
    ),
    misconceptions=(
        Misconception(
            "the best one first",
            _believed(order=["U-Net", "unpooling", "no skips", "plain"]),
            "You begin with the best decoder. Asked for is the order from the worst to the best.",
        ),
        Misconception(
            "ordered by parameters",
            _believed(order=["plain", "unpooling", "no skips", "U-Net"]),
            "This is the order of the parameters. Read the column of the IoU: two of the four change places.",
        ),
        Misconception(
            "places rated above skips",
            _believed(order=["plain", "no skips", "U-Net", "unpooling"]),
            "The unpooling decoder comes close to the U-Net, but does not reach it in the mean: look at the IoU once more.",
        ),
        Misconception(
            "a pair that proves nothing",
            _believed(against_parameters=["U-Net", "no skips"]),
            "The U-Net is better, but it has more parameters as well, so it may owe its success to them. Look for a pair in which the better one has fewer.",
        ),
        Misconception(
            "the pair the wrong way round",
            _believed(against_parameters=["no skips", "unpooling"]),
            "The pair is the right one. The better decoder, which has fewer parameters, should come first.",
        ),
        Misconception(
            "erased by the poolings",
            _believed(small_digits="A"),
            "The decoder without skips stands behind the same three poolings and gets nothing but the bottom map. If that held no small digits, nobody could find most of their pixels in it. Compare its column with that of the plain one.",
        ),
        Misconception(
            "only skips can find them",
            _believed(small_digits="C"),
            "The decoder without skips has none, and yet it finds far more of the smallest digits than the plain one does. Skips find still more; but they are not the only remedy.",
        ),
        Misconception(
            "size does not matter",
            _believed(small_digits="D"),
            "Read the rows from right to left: behind three poolings every decoder finds less of the smallest digits than of the largest.",
        ),
        Misconception(
            "places do nothing",
            _believed(places="A"),
            "Between no skips and unpooling there is a clear step, in every seed, and with fewer parameters. The places of the maxima do bring something.",
        ),
        Misconception(
            "places are all there is to a skip",
            _believed(places="B"),
            "From unpooling to the U-Net there is another step, so places alone do not explain what a skip brings. A skip also carries the values of the fine map.",
        ),
        Misconception(
            "skips matter less in a deeper network",
            _believed(gain="shrinks"),
            "Subtract: the IoU of the U-Net minus that of the decoder without skips, once behind two poolings and once behind three. Which difference is larger?",
        ),
        Misconception(
            "skips are worth the same at any depth",
            _believed(gain="stays"),
            "The two differences are far apart: behind two poolings the decoder without skips is still close, behind three it has fallen back.",
        ),
    ),
    hints=(
        "All of it stands in the two tables. First look at the means of the column IoU, then ask whether the ranges in parentheses lie apart.",
        "For the parameters go through the six pairs: in one of them the decoder that is better has fewer parameters. For the small digits compare plain and no skips: both get the bottom map and nothing else.",
        "For the places: no skips → unpooling is what places bring; unpooling → U-Net is what is added by values. For the gain: U-Net minus no skips, in the row of two poolings and in that of three.",
    ),
)
