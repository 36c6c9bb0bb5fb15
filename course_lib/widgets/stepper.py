"""Pooling stepper: one window after the other, by hand or played."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets

from ..figures import Picture, pooling_step
from ..figures.grids import as_matrix
from .still import Still


def pooling_stepper(
    x: Any,
    output: Any,
    kernel_size: int | Sequence[int] = 2,
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    mode: str = "max",
    count_include_pad: bool = True,
    yours: Any = None,
) -> Still:
    """Step through the pooling of `x` to `output`: the input, the window, its line of arithmetic, the output so far.

    `x` is `(H, W)` or `(L,)`, and `output` is what the operator makes of it: nothing is pooled here. `mode` (max, min
    or avg) names the operator. `yours`, a tensor or a function that is called once as `yours(x)`, is compared with
    `output`, cell by cell; where the function raises, a note says so and the target stands alone. The control `step`
    counts from 1; the buttons are `previous` and `next`, and `play` advances by itself.
    """
    result, note = _result(yours, x)
    steps = as_matrix(output, "output").size

    def draw() -> Picture:
        arguments = (kernel_size, stride, padding, dilation, mode, count_include_pad)
        return pooling_step(x, output, step.value - 1, *arguments, yours=result)

    step = ipywidgets.IntSlider(1, 1, steps, description="step")
    play = ipywidgets.Play(value=1, min=1, max=steps, interval=900, description="play")
    ipywidgets.jslink((play, "value"), (step, "value"))
    buttons = [_button("previous", step, -1), _button("next", step, +1)]
    notes = [ipywidgets.Label(note)] if note else []
    return Still([buttons[0], step, buttons[1], play, *notes], draw)


def _button(name: str, step: ipywidgets.IntSlider, by: int) -> ipywidgets.Button:
    button = ipywidgets.Button(description=name, layout={"width": "6em"})

    def move(_: Any) -> None:
        step.value += by  # the slider keeps its value between min and max

    button.on_click(move)
    return button


def _result(yours: Any | Callable[[Any], Any], x: Any) -> tuple[Any, str]:
    """What `yours` is or returns, and a note where there is nothing to compare."""
    if not callable(yours):
        return yours, ""
    name = getattr(yours, "__name__", "<lambda>").replace("<lambda>", "yours")
    try:
        result = yours(x)
        if as_matrix(result, "the result").dtype.kind not in "biuf":
            raise TypeError(f"it returned {type(result).__name__}, not a tensor")
    except NotImplementedError:
        return None, f"{name} is not written yet, so you see the target alone."
    except Exception as error:
        return None, f"{name} raised {type(error).__name__}: {error}. You see the target alone."
    return result, ""
