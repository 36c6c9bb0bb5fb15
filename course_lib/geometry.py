"""Where a window stands: sizes and positions along one axis, in whole numbers, without any tensor.

A window reads `kernel_size` positions that lie `dilation` apart. Window number `index` begins at position
`index * stride - padding`. Positions below 0 or from `size` on are padding. All the rest follows from that.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence


def per_axis(value: int | Sequence[int], n: int, name: str) -> tuple[int, ...]:
    """Spread an argument over `n` axes: one int serves them all, a sequence of one too, a sequence of `n` gives each its own.

    Raises TypeError for anything that is no whole number and ValueError for a wrong count, with `name` in its words.

    >>> per_axis(3, 2, "kernel_size")
    (3, 3)
    >>> per_axis((3, 5), 2, "kernel_size")
    (3, 5)
    """
    values = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
    if not all(_is_int(v) for v in values):
        raise TypeError(f"{name}={value!r} must be an int or a sequence of {n} ints")
    if len(values) not in (1, n):
        raise ValueError(f"{name}={value!r} must have 1 or {n} entries, one for each axis, not {len(values)}")
    return tuple(map(operator.index, values)) * (n if len(values) == 1 else 1)


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
    if size < 1:
        raise ValueError(f"size={size} must be at least 1")
    span = dilation * (kernel_size - 1) + 1
    room = size + 2 * padding - span
    count = (room + (stride - 1 if ceil_mode else 0)) // stride + 1
    if ceil_mode and (count - 1) * stride >= size + padding:
        count -= 1
    if count < 1:
        raise ValueError(
            f"no window fits: it spans {span} positions (kernel_size={kernel_size}, dilation={dilation}) and the "
            f"padded input has {size + 2 * padding} (size={size}, padding={padding}); take a smaller window or more padding"
        )
    return count


def window(
    index: int, kernel_size: int, stride: int | None = None, padding: int = 0, dilation: int = 1
) -> range:
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


def _is_int(value: object) -> bool:
    return hasattr(value, "__index__") and not isinstance(value, bool)


def _check_window(kernel_size: int, stride: int, padding: int, dilation: int) -> None:
    for name, value, least in (
        ("kernel_size", kernel_size, 1),
        ("stride", stride, 1),
        ("padding", padding, 0),
        ("dilation", dilation, 1),
    ):
        if value < least:
            raise ValueError(f"{name}={value} must be at least {least}")
