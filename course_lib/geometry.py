"""Where a window stands: sizes and positions along one axis, in whole numbers, without any tensor.

A window reads `kernel_size` positions that lie `dilation` apart. Window number `index` begins at position
`index * stride - padding`. Positions below 0 or from `size` on are padding. All the rest follows from that.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence


def per_axis(value: int | Sequence[int], n: int, name: str) -> tuple[int, ...]:
    """Spread an argument over `n` axes: an int, or a sequence of one, serves all; a sequence of `n` gives each its own.

    Raises TypeError for anything that is no whole number and ValueError for a wrong count, with `name` in its words.

    >>> per_axis(3, 2, "kernel_size")
    (3, 3)
    >>> per_axis((3, 5), 2, "kernel_size")
    (3, 5)
    """
    values = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
    if not all(is_int(v) for v in values):
        raise TypeError(f"{name}={value!r} must be an int or a sequence of {n} ints")
    if len(values) not in (1, n):
        raise ValueError(f"{name}={value!r} must have 1 or {n} entries, one for each axis, not {len(values)}")
    return tuple(map(operator.index, values)) * (n if len(values) == 1 else 1)


def check_int(name: str, value: object, least: int) -> None:
    """Raise TypeError for what is no whole number and ValueError for one below `least`, with `name` in its words.

    >>> check_int("stride", 0, 1)
    Traceback (most recent call last):
    ValueError: stride=0 must be at least 1
    """
    if not is_int(value):
        raise TypeError(f"{name}={value!r} must be an int")
    if value < least:  # type: ignore[operator]
        raise ValueError(f"{name}={value} must be at least {least}")


def output_size(
    size: int,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> int:
    """Number of windows that fit on an axis of `size` positions.

    size + 2·padding - dilation·(kernel_size - 1) - 1, divided by stride, rounded down, plus 1. With `ceil_mode` the
    division rounds up, so that the last window may hang over the right end, but it must begin inside the input
    or its left padding: a window that would read right padding alone is dropped. (torch.nn.MaxPool2d, "Shape".)
    `stride` None means `kernel_size`. Raises ValueError for an argument out of range and where no window fits.

    >>> output_size(5, 2), output_size(5, 2, ceil_mode=True)
    (2, 3)
    >>> output_size(112, 3, stride=2, padding=1)
    56
    """
    stride = kernel_size if stride is None else stride
    _check_window(kernel_size, stride, padding, dilation)
    check_int("size", size, 1)
    span = dilation * (kernel_size - 1) + 1
    room = size + 2 * padding - span
    count = (room + (stride - 1 if ceil_mode else 0)) // stride + 1
    if ceil_mode and (count - 1) * stride >= size + padding:
        count -= 1
    if count < 1:
        raise ValueError(
            f"no window fits: it spans {span} positions (kernel_size={kernel_size}, dilation={dilation}) and the "
            f"padded input has {size + 2 * padding} (size={size}, padding={padding}); "
            "take a smaller window or more padding"
        )
    return count


def transposed_size(
    size: int, kernel_size: int, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1
) -> int:
    """Number of positions that the windows of `size` outputs cover: what a transposed convolution makes of an axis.

    (size - 1)·stride - 2·padding + dilation·(kernel_size - 1) + output_padding + 1: without output_padding the smallest
    axis on which output_size counts `size` windows. (torch.nn.ConvTranspose2d, "Shape".) Raises ValueError for an
    argument out of range and where padding leaves nothing.

    >>> transposed_size(3, kernel_size=3, stride=2, padding=1), transposed_size(3, 3, 2, 1, output_padding=1)
    (5, 6)
    """
    _check_window(kernel_size, stride, padding, dilation)
    check_int("size", size, 1)
    check_int("output_padding", output_padding, 0)
    whole = (size - 1) * stride + dilation * (kernel_size - 1) + output_padding + 1
    if whole <= 2 * padding:
        raise ValueError(f"padding={padding} must be at most {(whole - 1) // 2}: it is cut off both ends of {whole}")
    return whole - 2 * padding


def window(index: int, kernel_size: int, stride: int | None = None, padding: int = 0, dilation: int = 1) -> range:
    """Input positions that output `index` reads; those below 0 or from the input's size on are padding.

    >>> list(window(1, kernel_size=3, stride=2))
    [2, 3, 4]
    >>> list(window(0, kernel_size=3, padding=1))
    [-1, 0, 1]
    """
    stride = kernel_size if stride is None else stride
    _check_window(kernel_size, stride, padding, dilation)
    if index < 0:
        raise ValueError(f"index={index} must be at least 0")
    start = index * stride - padding
    return range(start, start + dilation * (kernel_size - 1) + 1, dilation)


def unreached(
    size: int,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> tuple[int, ...]:
    """Input positions that no window reads: the output doesn't depend on them and their gradient is zero.

    >>> unreached(5, 2)
    (4,)
    >>> unreached(7, kernel_size=2, stride=3)
    (2, 5, 6)
    """
    count = output_size(size, kernel_size, stride, padding, dilation, ceil_mode)
    read = {p for i in range(count) for p in window(i, kernel_size, stride, padding, dilation)}
    return tuple(p for p in range(size) if p not in read)


def adaptive_bins(size: int, output_size: int) -> tuple[range, ...]:
    """Input positions that each of `output_size` adaptive bins reads.

    Bin i begins at ⌊i·size / output_size⌋ and ends before ⌈(i + 1)·size / output_size⌉: together the bins cover the
    axis, and where the sizes don't divide, neighbours share a position. (torch.nn.AdaptiveAvgPool2d.) No output has no
    bins. Raises ValueError for a size below 1 or an output_size below 0.

    >>> adaptive_bins(5, 2)
    (range(0, 3), range(2, 5))
    """
    _check_sizes(size, max(output_size, 1))
    if output_size < 0:
        raise ValueError(f"output_size={output_size} must be at least 0")
    return tuple(range(i * size // output_size, -(-(i + 1) * size // output_size)) for i in range(output_size))


# The offset and the shift of source_coordinate. Counted from the left edge, pixel i spans [i, i + 1) and has its centre
# at i + ½. So an offset of ½ looks at an output's centre, and a shift of ½ counts from the first pixel's centre.
CONVENTIONS = {
    "nearest": (0.0, 0.0),
    "nearest-exact": (0.5, 0.0),
    "half-pixel": (0.5, 0.5),
    "align_corners": (0.0, 0.0),
}


def source_step(
    size: int,
    output_size: int,
    convention: str = "half-pixel",
    scale_factor: float | None = None,
    rounded: Callable = float,
) -> float:
    """How far apart on the input two neighbouring outputs stand.

    size / output_size, or 1 / scale_factor where that is given. "align_corners" lets the first and last centres of both
    axes coincide: (size - 1) / (output_size - 1), whatever the scale_factor, and 0 for a single output.

    >>> source_step(4, 8), source_step(4, 7, "align_corners")
    (0.5, 0.5)
    """
    _check_sizes(size, output_size)
    if convention not in CONVENTIONS:
        raise ValueError(f"convention={convention!r} must be one of {', '.join(CONVENTIONS)}")
    if convention == "align_corners":
        return rounded((size - 1) / (output_size - 1)) if output_size > 1 else 0.0
    if scale_factor is None:
        return rounded(size / output_size)
    if not scale_factor > 0:
        raise ValueError(f"scale_factor={scale_factor} must be above 0")
    return rounded(1.0 / scale_factor)


def source_coordinate(
    index,
    size: int,
    output_size: int,
    convention: str = "half-pixel",
    scale_factor: float | None = None,
    rounded: Callable = float,
):
    """Where on the input output `index` looks: step·(index + offset) - shift, in pixels.

    "half-pixel": step·(i + ½) - ½. Both axes span the same length. A whole number is the centre of a pixel.
    "align_corners": step·i. The centres of the first and the last pixels coincide, so the step is another.
    "nearest-exact": step·(i + ½). Its floor is the pixel in which the output's centre lies.
    "nearest": step·i. Its floor is the pixel in which the output's left edge lies: half a pixel off the centre.

    `rounded` rounds after every operation: torch works in float32, so rounding to that gives its very numbers. With a
    `rounded` that takes arrays, an array of indices gives an array.

    >>> source_coordinate(1, size=2, output_size=4)
    0.25
    """
    step = source_step(size, output_size, convention, scale_factor, rounded)
    offset, shift = CONVENTIONS[convention]
    return rounded(rounded(step * (index + offset)) - shift)


def source_coordinates(
    size: int, output_size: int, convention: str = "half-pixel", scale_factor: float | None = None
) -> tuple[float, ...]:
    """source_coordinate of every output.

    >>> source_coordinates(2, 4)
    (-0.25, 0.25, 0.75, 1.25)
    >>> source_coordinates(3, 5, "align_corners")
    (0.0, 0.5, 1.0, 1.5, 2.0)
    >>> [int(p) for p in source_coordinates(8, 4, "nearest")]
    [0, 2, 4, 6]
    >>> [int(p) for p in source_coordinates(8, 4, "nearest-exact")]
    [1, 3, 5, 7]
    """
    _check_sizes(size, output_size)
    return tuple(source_coordinate(i, size, output_size, convention, scale_factor) for i in range(output_size))


def phase_of_channel(channel: int, upscale_factor: int, channels: int = 1, mode: str = "CRD") -> tuple[int, int, int]:
    """Where a pixel shuffle to `channels` output channels puts an input channel: (output channel, row, column).

    Row and column are those inside each block of `upscale_factor` × `upscale_factor` pixels: the phase. In `mode`
    "CRD", torch's order, the phase runs fastest along the input channels; in "DCR", TensorFlow's, the output channel.
    (ONNX operator DepthToSpace.) Raises ValueError for a channel out of range and for another mode.

    >>> [phase_of_channel(c, 2, channels=2) for c in (0, 1, 4)]
    [(0, 0, 0), (0, 0, 1), (1, 0, 0)]
    >>> [phase_of_channel(c, 2, channels=2, mode="DCR") for c in (0, 1, 4)]
    [(0, 0, 0), (1, 0, 0), (0, 1, 0)]
    """
    phases = upscale_factor**2
    if not 0 <= channel < phases * channels:
        raise ValueError(f"channel={channel} must be between 0 and {phases * channels - 1}")
    if mode not in ("CRD", "DCR"):
        raise ValueError(f"mode={mode!r} must be 'CRD' or 'DCR'")
    output, phase = divmod(channel, phases) if mode == "CRD" else divmod(channel, channels)[::-1]
    return output, *divmod(phase, upscale_factor)


def _check_sizes(size: int, output_size: int) -> None:
    check_int("size", size, 1)
    check_int("output_size", output_size, 1)


def is_int(value: object) -> bool:
    """Whether a value counts as a whole number: an int or what stands for one, but no bool.

    >>> is_int(3), is_int(True), is_int(3.0)
    (True, False, False)
    """
    # int first: a number that torch.compile follows is one, but cannot be asked for its attributes
    return (isinstance(value, int) or hasattr(value, "__index__")) and not isinstance(value, bool)


def _check_window(kernel_size: int, stride: int, padding: int, dilation: int) -> None:
    check_int("kernel_size", kernel_size, 1)
    check_int("stride", stride, 1)
    check_int("padding", padding, 0)
    check_int("dilation", dilation, 1)
