"""Field explorer: edit a stack of layers, and see what one of its outputs sees, by the law and by the gradient."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import ipywidgets

from ..figures import Picture, field_view, sentence
from ..figures.fields import map_sizes
from .still import Still

Layers = Sequence[Sequence[int]]

ADD = {"add (3, 1, 1)": (3, 1, 1), "add (3, 2, 1)": (3, 2, 1), "add (2, 2, 0)": (2, 2, 0)}
MOST = 8  # layers that the picture has room for


def field_explorer(
    law: Callable[[Layers], tuple[int, int, float]],
    gradient: Callable[[Layers, int, int, bool], Any],
    stacks: Mapping[str, Layers],
    size: int = 64,
) -> Still:
    """Edit a stack of layers along one axis; the picture shows what one output sees of `size` positions.

    `law(layers)` gives (size, jump, centre), and `gradient(layers, size, index, random)` a tensor `(size,)`: the
    gradient of output `index`, with all weights 1 or with random ones. Nothing is computed here. `stacks` are the
    stacks to choose from, a layer being (kernel_size, stride, padding[, dilation]).

    The controls are `stack`, `layers` (a list as Python writes it; Enter draws it), a button for each layer to add and
    one to remove the last, `output`, and `weights`. Where a stack cannot be drawn, a sentence says why.
    """
    names = list(stacks)
    stack = ipywidgets.Dropdown(options=names, description="stack")
    text = ipywidgets.Text(_written(stacks[names[0]]), description="layers", continuous_update=False)
    text.layout.width = "36em"
    output = ipywidgets.IntSlider(0, 0, 0, description="output")
    weights = ipywidgets.Dropdown(options={"all 1": False, "random": True}, description="weights")

    def edit(change: Callable[[list], list]) -> Callable[[Any], None]:
        def clicked(_: Any) -> None:
            layers = _read(text.value)
            if isinstance(layers, list):
                text.value = _written(change(layers))

        return clicked

    buttons = [_button(name, edit(partial(_with, new=new))) for name, new in ADD.items()]
    buttons.append(_button("remove the last", edit(lambda layers: layers[:-1])))

    def fit(_: Any = None) -> None:
        """Let the slider reach from the first to the last output, and put it in the middle; name no other stack."""
        layers = _read(text.value)
        try:
            last = map_sizes(size, layers)[-1] - 1 if isinstance(layers, list) else 0
        except ValueError:
            last = 0
        with output.hold_trait_notifications():
            output.max, output.value = last, (last + 1) // 2
        if layers != [tuple(layer) for layer in stacks.get(stack.value, ())]:
            stack.value = None

    def choose(change: Any) -> None:
        if change.new is not None:
            text.value = _written(stacks[change.new])

    def draw() -> Picture:
        layers = _read(text.value)
        if isinstance(layers, str):
            return sentence(layers)
        try:
            sizes = map_sizes(size, layers)
            fields = [law(layers[:count]) for count in range(len(layers) + 1)]
        except NotImplementedError:
            return sentence("The law is not written yet: solve the exercise first.")
        except ValueError as error:
            return sentence(f"This stack cannot be drawn: {error}.")
        except Exception as error:
            return sentence(f"The law raised {type(error).__name__}: {error}.")
        index = min(output.value, sizes[-1] - 1)
        return field_view(layers, fields, gradient(layers, size, index, weights.value), index)

    text.observe(fit, "value")
    stack.observe(choose, "value")
    fit()
    still = Still([text, output, weights], draw)
    still.children[0].children = (stack, text, *buttons, output, weights)
    return still


def _button(name: str, clicked: Callable[[Any], None]) -> ipywidgets.Button:
    button = ipywidgets.Button(description=name, layout={"width": "10em"})
    button.on_click(clicked)
    return button


def _with(layers: list, new: tuple[int, ...]) -> list:
    return [*layers, new]


def _written(layers: Layers) -> str:
    return str([tuple(layer) for layer in layers])


def _read(text: str) -> list[tuple[int, ...]] | str:
    """The layers that a text holds, or a sentence that says what it should hold."""
    try:
        layers = [tuple(layer) for layer in ast.literal_eval(text)]
        right = all(len(layer) in (3, 4) and all(type(number) is int for number in layer) for layer in layers)
    except (ValueError, SyntaxError, TypeError, MemoryError):
        right = False
    if not right:
        return "Write a list of layers, each with 3 or 4 whole numbers: [(3, 1, 1), (2, 2, 0)]."
    if len(layers) > MOST:
        return f"The picture has room for {MOST} layers, but there are {len(layers)}."
    return layers
