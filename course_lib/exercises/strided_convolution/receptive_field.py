"""The receptive field of a stack of layers: size, jump and centre."""

from __future__ import annotations

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception


def _seen(layers, index: int) -> set[int]:
    """The input positions that an output sees, found by walking back through the layers."""
    positions = {index}
    for layer in reversed(layers):
        kernel_size, stride, padding, dilation = (*layer, 1)[:4]
        positions = {p * stride - padding + dilation * tap for p in positions for tap in range(kernel_size)}
    return positions


def _receptive_field(layers):
    """Counts what outputs 0 and 1 see, without any formula."""
    first, second = _seen(layers, 0), _seen(layers, 1)
    low, high = min(first), max(first)
    return high - low + 1, min(second) - low, (low + high) / 2


def _law(
    reach=lambda k, d: d * (k - 1),
    middle=lambda k, d: d * (k - 1) / 2,
    join=lambda jump, stride: jump * stride,
    first=0.0,
    in_steps=True,
    early=False,
    padded=True,
    padding_in_steps=True,
    order=1,
):
    """The law with one piece of it wrong."""

    def receptive_field(layers):
        size, jump, centre = 1, 1, first
        for layer in layers[::order]:
            kernel_size, stride, padding = layer[:3]
            dilation = layer[3] if len(layer) > 3 else 1
            before = jump
            jump = join(jump, stride)
            step = (jump if early else before) if in_steps else 1
            size += reach(kernel_size, dilation) * step
            centre += middle(kernel_size, dilation) * step
            centre -= padding * (step if padding_in_steps else 1) if padded else 0
        return size, jump, centre

    return receptive_field


def _stacks(*rows: tuple[list, str]) -> tuple[Case, ...]:
    return tuple(Case((layers,), note=note) for layers, note in rows)


def _draw_stack(draw: Draw, dilated: bool = False) -> Case:
    layers = []
    for _ in range(draw.integer(2, 5)):
        layer = (draw.integer(1, 5), draw.integer(1, 3), draw.integer(0, 3))
        layers.append((*layer, draw.integer(1, 4)) if dilated and draw.choice([True, True, False]) else layer)
    return Case((layers,))


VGG = [(3, 1, 1), (3, 1, 1), (2, 2, 0), (3, 1, 1), (3, 1, 1), (2, 2, 0)]
STEM = [(7, 2, 3), (3, 2, 1)]

RECEPTIVE_FIELD = Exercise(
    name="receptive_field",
    title="What an output sees: size, jump and centre",
    lesson="03_strided_convolution",
    oracle=_receptive_field,
    banned=("receptive field",),
    instead="Walk through the layers from the input upwards, and keep three numbers as you go.",
    difficulty=2,
    minutes=20,
    facets=(
        Facet(
            "jump",
            1,
            "The fields of two neighbouring outputs lie as far apart as all the strides multiplied.",
            _stacks(
                ([(3, 2, 1)], "one layer with stride 2"),
                (STEM, "the first two layers of a ResNet"),
                ([(2, 2, 0), (2, 3, 0), (2, 2, 0)], "strides 2, 3 and 2"),
                ([], "no layer at all: the output is the input"),
            ),
            lambda draw: [_draw_stack(draw) for _ in range(6)],
            part=1,
        ),
        Facet(
            "size",
            1,
            "The size counts the positions from the first to the last that one output sees.",
            _stacks(
                ([(3, 1, 1), (3, 1, 1)], "two convolutions of 3"),
                ([(3, 2, 1), (3, 1, 1)], "the same, but the first one steps by 2"),
                (STEM, "the first two layers of a ResNet"),
                (VGG, "the first two stages of VGG"),
                ([(2, 2, 0), (2, 3, 0), (3, 1, 1)], "strides 2 and 3, and then a convolution"),
                ([], "no layer at all: a single position"),
            ),
            lambda draw: [_draw_stack(draw) for _ in range(6)],
            part=0,
        ),
        Facet(
            "dilation",
            1,
            "A layer may have a fourth number, its dilation, which is 1 where it is left out.",
            _stacks(
                ([(3, 1, 2, 2)], "three values that lie 2 apart"),
                ([(3, 1, 1, 1), (3, 1, 2, 2), (3, 1, 4, 4)], "dilations 1, 2 and 4"),
                ([(2, 2, 0), (2, 2, 0), (4, 1, 0, 3)], "two poolings and then a dilated layer"),
            ),
            lambda draw: [_draw_stack(draw, dilated=True) for _ in range(6)],
            part=0,
        ),
        Facet(
            "centre",
            2,
            "The centre is the middle of what output 0 sees, where the first pixel is position 0 and padding lies below 0.",
            _stacks(
                ([(3, 1, 0)], "without padding, output 0 looks at positions 0 to 2"),
                ([(3, 1, 1)], "with padding, it looks at −1 to 1"),
                ([(2, 2, 0)], "between two positions: a half"),
                (STEM, "padding of half the kernel: output 0 stays on position 0"),
                (VGG, "two poolings move it to the right"),
                ([(3, 2, 1), (3, 2, 0), (4, 1, 2)], "padding counts in steps of the strides before it"),
                ([(3, 1, 1, 3), (2, 1, 0)], "dilation moves the middle too"),
                ([], "no layer at all"),
            ),
            lambda draw: [_draw_stack(draw, dilated=True) for _ in range(8)],
            part=2,
        ),
    ),
    misconceptions=(
        Misconception(
            "one position too many a layer",
            _law(reach=lambda k, d: d * (k - 1) + 1),
            "Each layer adds its whole span to the size. But one position of the window lies on what was seen already: a layer adds only dilation · (kernel_size − 1) steps.",
        ),
        Misconception(
            "strides forgotten in the size",
            _law(in_steps=False),
            "You add the same for a layer wherever it stands. Behind a stride of 2 a step of one position is two positions of the input: multiply by the product of all strides before the layer.",
        ),
        Misconception(
            "a layer's own stride counted too early",
            _law(early=True),
            "You multiply by the layer's own stride before you use the jump. The layer reads its input, whose positions lie as far apart as the strides of the layers *before* it say. Update the jump last.",
        ),
        Misconception(
            "strides added up",
            _law(join=lambda jump, stride: jump + stride - 1),
            "You add strides. A step of 2 in a map whose positions lie 3 apart goes over 2 · 3 positions of the input, so strides multiply.",
        ),
        Misconception(
            "dilation ignored",
            _law(reach=lambda k, d: k - 1, middle=lambda k, d: (k - 1) / 2),
            "A layer with four numbers is dilated: between two values that it reads lie dilation steps, so it reaches over dilation · (kernel_size − 1) of them.",
        ),
        Misconception(
            "dilation times kernel_size",
            _law(reach=lambda k, d: d * k - 1, middle=lambda k, d: (d * k - 1) / 2),
            "There are kernel_size − 1 gaps between kernel_size values, so a layer reaches over dilation · (kernel_size − 1) steps, not over dilation · kernel_size − 1.",
        ),
        Misconception(
            "padding left out of the centre",
            _law(padded=False),
            "Padding lets the first window begin before the picture, so it moves the centre of output 0 to the left.",
        ),
        Misconception(
            "padding counted in pixels of the input",
            _law(padding_in_steps=False),
            "The padding of a layer lies around the layer's own input. One position there is as many pixels as the strides before it say: multiply padding by the jump.",
        ),
        Misconception(
            "half a pixel off",
            _law(first=0.5),
            "Your centres count from the left edge of the first pixel. Here position 0 is the middle of the first pixel, so that without any layer the centre is 0.",
        ),
        Misconception(
            "rounded to a whole position",
            _law(middle=lambda k, d: d * (k - 1) // 2),
            "The middle of an even number of positions lies between two of them. Divide with / instead of //.",
        ),
        Misconception(
            "the first position instead of the middle",
            _law(middle=lambda k, d: 0),
            "This is where the field of output 0 begins. Its centre lies half its reach further to the right.",
        ),
        Misconception(
            "layers in reverse",
            _law(order=-1),
            "You walk from the last layer to the first, but the jump must be that of the layers nearer to the input. Begin with layers[0].",
        ),
    ),
    hints=(
        "Draw three outputs of the last layer, then what each of them reads one map below, and again one map below that. By how much does a field grow there, and how far apart do two fields lie?",
        "Walk from the input up and keep three numbers: size = 1, jump = 1, centre = 0. A layer reaches over dilation · (kernel_size − 1) steps of its own input, and one such step is jump positions of the picture.",
        "For each layer: size grows by reach · jump; centre by (reach / 2 − padding) · jump; only then is jump multiplied by the layer's stride. A layer with three numbers has dilation 1.",
    ),
)
