"""The lessons of the course in their order: what each is about, how long it takes and what it is worth."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Lesson:
    """One lesson.

    stem: its folder under solutions/ and notebooks/, which is also nbgrader's name of the assignment.
    minutes: what a learner needs from end to end.
    topics: what it is about, as the course map lists it.
    planned: (title, points) of the exercises to come; empty once the lesson is built, because from then on
        ``course_lib.exercises`` says it.
    """

    stem: str
    title: str
    minutes: int
    topics: tuple[str, ...]
    planned: tuple[tuple[str, int], ...] = ()

    @property
    def built(self) -> bool:
        """Whether the lesson has exercises that can be checked."""
        return bool(_exercises(self.stem))

    @property
    def exercises(self) -> tuple[tuple[str, float], ...]:
        """(title, points) of each exercise: as defined, or as planned where the lesson is not built."""
        return tuple((each.title, each.points) for each in _exercises(self.stem)) or self.planned

    @property
    def points(self) -> float:
        """The sum of the exercises' points."""
        return sum(points for _, points in self.exercises)


def _exercises(stem: str) -> tuple:
    from course_lib.exercises import of_lesson

    return of_lesson(stem)


def find(stem: str) -> Lesson:
    """The lesson of this stem; KeyError where the course has none.

    >>> find("01_pooling").title
    'Pooling: maximum, average, minimum'
    """
    for lesson in LESSONS:
        if lesson.stem == stem:
            return lesson
    raise KeyError(f"no lesson is named {stem!r}; there are {', '.join(each.stem for each in LESSONS)}")


LESSONS: tuple[Lesson, ...] = (
    Lesson(
        stem="00_start_here",
        title="Start here: checks, sizes and four probes",
        minutes=40,
        topics=("output sizes and size alignment", "ceil_mode", "checks, hints and validation"),
    ),
    Lesson(
        stem="01_pooling",
        title="Pooling: maximum, average, minimum",
        minutes=75,
        topics=("max pooling", "average pooling", "min pooling", "1-D pooling", "where it is used: speech"),
    ),
    Lesson(
        stem="02_backward_and_shift",
        title="Backward and shift",
        minutes=90,
        topics=("gradients of pooling", "shift consistency", "anti-aliased downsampling"),
    ),
    Lesson(
        stem="03_strided_convolution",
        title="Strided convolution, receptive field, cost",
        minutes=80,
        topics=("strided convolution", "receptive field", "cost", "where it is used: classification"),
    ),
    Lesson(
        stem="04_adaptive_pooling",
        title="Adaptive pooling and pyramids",
        minutes=70,
        topics=("adaptive pooling", "spatial pyramid pooling (SPP)", "where it is used: detection"),
    ),
    Lesson(
        stem="05_cnn_block",
        title="The CNN block",
        minutes=75,
        topics=("Conv → BatchNorm → ReLU → Pool", "in-place ReLU"),
    ),
    Lesson(
        stem="06_interpolation",
        title="Interpolation",
        minutes=120,
        topics=(
            "interpolate and Upsample",
            "nearest, linear, bilinear, bicubic, trilinear",
            "size and scale_factor",
            "align_corners",
            "recompute_scale_factor",
            "UpsamplingNearest2d and UpsamplingBilinear2d",
        ),
    ),
    Lesson(
        stem="07_unpooling",
        title="Unpooling",
        minutes=60,
        topics=("max unpooling", "average unpooling", "the residual up-sampling block"),
    ),
    Lesson(
        stem="08_transposed_convolution",
        title="Transposed convolution",
        minutes=80,
        topics=("ConvTranspose2d", "its output size", "where it is used: GANs"),
    ),
    Lesson(
        stem="09_pixel_shuffle",
        title="Pixel shuffle and the checkerboard",
        minutes=75,
        topics=("PixelShuffle", "checkerboards", "where it is used: super-resolution"),
    ),
    Lesson(
        stem="10_unet",
        title="Encoder and decoder: U-Net",
        minutes=90,
        topics=("U-Net", "skips", "symmetric encoder and decoder", "where it is used: segmentation"),
    ),
)
