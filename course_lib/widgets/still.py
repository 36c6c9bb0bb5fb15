"""`Still`: controls above a picture, and the picture alone for readers that show no widgets."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets

from ..figures import Picture

# Read out by a screen reader whenever it changes; takes no room on the screen.
SPOKEN = '<span role="status" style="position: absolute; width: 1px; height: 1px; overflow: hidden">{}</span>'


class Still(ipywidgets.VBox):
    """Controls above a picture that `draw` makes anew, without arguments, whenever a control's value changes.

    `image` holds the PNG bytes and `alt` the sentence that says what they show. Displaying it emits the live widget
    and, beside it, the picture as `image/png` and the sentence as `text/plain`.
    """

    def __init__(self, controls: Sequence[ipywidgets.Widget], draw: Callable[[], Picture]) -> None:
        self.draw = draw
        self.alt = ""
        self.image = ipywidgets.Image(format="png", layout={"align_self": "flex-start", "max_width": "100%"})
        self.spoken = ipywidgets.HTML()
        row = ipywidgets.Box(controls, layout={"flex_flow": "row wrap"})
        super().__init__([row, self.image, self.spoken])
        for control in controls:
            if control.has_trait("value"):
                control.observe(self.redraw, "value")
        self.redraw()

    def redraw(self, change: Any = None) -> None:
        """Draw the picture for the controls as they stand."""
        picture = self.draw()
        self.alt = picture.alt
        self.image.value = picture.png()
        self.spoken.value = SPOKEN.format(html.escape(picture.alt))

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict]:
        still = {"image/png": base64.b64encode(self.image.value).decode(), "text/plain": self.alt}
        return super()._repr_mimebundle_(**kwargs) | still, {"image/png": {"alt": self.alt}}
