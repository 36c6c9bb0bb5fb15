"""Window explorer: which positions no window reads."""

from __future__ import annotations

import ipywidgets

from ..figures import Picture, sentence, window_views
from .still import Still

RANGES = {"size": (1, 12), "kernel_size": (1, 6), "stride": (1, 6), "padding": (0, 3), "dilation": (1, 4)}


def window_explorer(
    size: int = 7,
    kernel_size: int = 2,
    stride: int = 2,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> Still:
    """A control for each argument of the output-size law; below, one axis and the square map, unread positions lit up.

    Each control is labelled with the argument's name. Where torch refuses a combination, a sentence in the picture's
    place says which rule it breaks.
    """
    start = {
        "size": size,
        "kernel_size": kernel_size,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
    }
    controls: dict[str, ipywidgets.Widget] = {
        name: ipywidgets.IntSlider(
            start[name], low, max(high, start[name]), description=name, style={"description_width": "6em"}
        )
        for name, (low, high) in RANGES.items()
    }
    controls["ceil_mode"] = ipywidgets.Checkbox(ceil_mode, description="ceil_mode", indent=False)
    return Still(
        list(controls.values()),
        lambda: _draw(**{name: control.value for name, control in controls.items()}),
    )


def _draw(size: int, kernel_size: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> Picture:
    if padding > kernel_size // 2:
        return sentence(
            f"torch refuses padding={padding} with kernel_size={kernel_size}: the padding of a pooling window is at "
            f"most half of kernel_size, here {kernel_size // 2}, so that every window reads some of the input."
        )
    try:
        return window_views(size, kernel_size, stride, padding, dilation, ceil_mode)
    except ValueError as error:
        return sentence(f"torch refuses this: {error}.")
