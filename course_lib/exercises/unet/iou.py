"""Intersection over union of a prediction and a mask (P. Jaccard's coefficient, 1901)."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.exercises.pooling.shared import strided


def _counts(logits, masks, threshold=0.0):
    """For each picture how many pixels are predicted, true, both, and there at all."""
    predicted, true = (logits > threshold).flatten(1), masks.flatten(1).bool()
    both = (predicted & true).sum(1)
    return predicted.sum(1), true.sum(1), both, torch.full_like(both, predicted.shape[1])


def _share(part, whole, empty=1.0):
    return torch.where(whole > 0, part / whole.clamp(min=1), empty)


def _iou(logits, masks):
    predicted, true, both, _ = _counts(logits, masks)
    return _share(both, predicted + true - both)


def _wrong(share, threshold=0.0):
    """What ``share(predicted, true, both, pixels)`` makes of the counts."""
    return lambda logits, masks: share(*_counts(logits, masks, threshold))


def _soft(logits, masks):
    probable, true = torch.sigmoid(logits).flatten(1), masks.flatten(1).to(logits.dtype)
    both = (probable * true).sum(1)
    return (both / (probable.sum(1) + true.sum(1) - both)).float()


def _whole_batch(logits, masks):
    predicted, true, both, _ = (count.sum() for count in _counts(logits, masks))
    return _share(both, predicted + true - both)


def _at_least_0(logits, masks):
    return _iou(torch.where(logits == 0, 1.0, logits), masks)


def _pair(logits: list, masks: list) -> tuple[Tensor, Tensor]:
    """One picture (1, 1, H, W) and its mask, from rows of numbers."""
    return torch.tensor(logits)[None, None], torch.tensor(masks)[None, None].bool()


def _together(*pairs: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return torch.cat([one for one, _ in pairs]), torch.cat([one for _, one in pairs])


ONE = _pair([[3.0, 0.25, -1.0], [0.0, 2.0, -4.0], [1.0, -2.0, -3.0]], [[1, 1, 1], [0, 0, 1], [0, 0, 1]])
OTHER = _pair([[-1.0, 5.0, 0.5], [0.25, 4.0, 0.0], [-2.0, 3.0, -1.0]], [[0, 1, 0], [0, 1, 0], [0, 1, 1]])
BLIND = _pair([[-3.0, 0.0], [-2.0, -5.0]], [[0, 0], [0, 0]])
INVENTED = _pair([[-3.0, 1.0], [2.0, -5.0]], [[0, 0], [0, 0]])
SINGLE = _pair([[-3.0, 1.0], [-2.0, -5.0]], [[0, 1], [0, 0]])
SPECK = _pair([[-3.0, 1.0], [-2.0, -5.0]], [[0, 0], [0, 0]])
MISSED = _pair([[-3.0, -1.0], [-2.0, -5.0]], [[1, 0], [1, 1]])


def _picture(draw: Draw, both: int, false: int, missed: int) -> tuple[Tensor, Tensor]:
    """5 × 4 pixels, so many of them found, wrongly predicted and missed; one logit is 0, and some lie below 0.5."""
    kinds = [(1, 1)] * both + [(1, 0)] * false + [(0, 1)] * missed
    kinds += [(0, 0)] * (20 - len(kinds))
    order = draw.distinct(20).argsort()
    predicted, true = torch.tensor(kinds).unbind(1)
    size = torch.tensor([0.25 if n == 0 else draw.integer(1, 5) for n in range(20)])
    logits = torch.where(predicted.bool(), size, -1.0 - size)
    logits[-1] = 0.0
    return logits[order].reshape(1, 1, 5, 4), true[order].reshape(1, 1, 5, 4).bool()


def _draw(draw: Draw, dtype=torch.float32, kind=torch.bool) -> Case:
    pictures = []
    for _ in range(draw.integer(2, 3)):
        false = draw.integer(1, 3)
        pictures.append(_picture(draw, draw.integer(2, 5), false, false + draw.integer(1, 3)))
    logits, masks = _together(*pictures)
    return Case((logits.to(dtype), masks.to(kind)))


def _draw_empty(draw: Draw) -> Case:
    blind, invented, missed = (
        _picture(draw, 0, 0, 0),
        _picture(draw, 0, draw.integer(2, 5), 0),
        _picture(draw, 0, 0, draw.integer(2, 5)),
    )
    return Case(_together(blind, missed, invented, blind))


IOU = Exercise(
    name="iou",
    title="Intersection over union",
    lesson="10_unet",
    oracle=_iou,
    banned=("iou",),
    instead="Count the pixels: & and | work on bool tensors, and sum counts what is True.",
    difficulty=1,
    minutes=8,
    facets=(
        Facet(
            "overlap",
            1,
            "For each picture: pixels that are both predicted and true, divided by those that are either.",
            (
                Case(ONE, note="two pixels are found, two more are predicted, three are missed: 2 of 7"),
                Case(OTHER, note="three are found, two more are predicted, one is missed: 3 of 6"),
                Case(_together(ONE, OTHER), note="two pictures give two numbers"),
                Case(SINGLE, note="a single pixel, and it is found"),
            ),
            lambda draw: [_draw(draw) for _ in range(5)],
        ),
        Facet(
            "nothing there",
            0.5,
            "Where nothing is predicted and nothing is true, that is right: 1. Where only one of the two is empty: 0.",
            (
                Case(BLIND, note="nothing is there and nothing is predicted"),
                Case(INVENTED, note="nothing is there, but two pixels are predicted"),
                Case(SPECK, note="nothing is there, but a single pixel is predicted"),
                Case(MISSED, note="three pixels are there, and none is predicted"),
                Case(_together(MISSED, BLIND, INVENTED), note="the three in one batch"),
            ),
            lambda draw: [_draw_empty(draw) for _ in range(3)],
        ),
        Facet(
            "any input",
            0.5,
            "Logits of any float dtype, masks of bool or of 0 and 1, any memory layout; the result is float32.",
            (
                Case((ONE[0].double(), ONE[1]), note="float64 logits"),
                Case((OTHER[0], OTHER[1].float()), note="a mask of 0.0 and 1.0"),
                Case((OTHER[0], OTHER[1].to(torch.uint8)), note="a mask of bytes"),
                Case((strided(ONE[0]), strided(ONE[1])), note="memory that is not contiguous"),
                Case((torch.zeros(0, 1, 4, 4), torch.zeros(0, 1, 4, 4).bool()), note="a batch of no pictures at all"),
            ),
            lambda draw: [
                _draw(draw, torch.float64, torch.int64),
                _draw(draw, torch.float32, torch.float32),
                _draw(draw, torch.float64, torch.uint8),
            ],
        ),
    ),
    misconceptions=(
        Misconception(
            "the share of right pixels",
            _wrong(lambda predicted, true, both, pixels: (pixels - predicted - true + 2 * both) / pixels),
            "This is the accuracy. It also counts background that was left alone, and of that there is so much that a network which predicts nothing at all looks good.",
        ),
        Misconception(
            "Dice instead of IoU",
            _wrong(lambda predicted, true, both, _: _share(2 * both, predicted + true)),
            "This is the Dice coefficient: twice the intersection over the sum of both areas. It ranks two predictions alike, but its values are larger.",
        ),
        Misconception(
            "the intersection counted twice",
            _wrong(lambda predicted, true, both, _: _share(both, predicted + true)),
            "You divide by the sum of both areas, in which the intersection is counted twice. A perfect prediction would get one half. The union is the sum minus the intersection.",
        ),
        Misconception(
            "divided by the prediction",
            _wrong(
                lambda predicted, true, both, _: torch.where(predicted + true > 0, _share(both, predicted, 0.0), 1.0)
            ),
            "You divide by what was predicted. That is the precision, and it does not notice what was missed.",
        ),
        Misconception(
            "divided by the mask",
            _wrong(lambda predicted, true, both, _: torch.where(predicted + true > 0, _share(both, true, 0.0), 1.0)),
            "You divide by what is true. That is the recall, and it does not notice what was predicted too much.",
        ),
        Misconception(
            "0 divided by 0",
            _wrong(lambda predicted, true, both, _: both / (predicted + true - both)),
            "Where nothing is predicted and nothing is true you divide 0 by 0, and a single NaN spoils the mean of a whole test. Decide that case: it is a right answer, 1.",
        ),
        Misconception(
            "an empty union counts 0",
            _wrong(lambda predicted, true, both, _: _share(both, predicted + true - both, 0.0)),
            "Where nothing is predicted and nothing is true you give 0. But the prediction is perfect there: it should be 1.",
        ),
        Misconception(
            "an empty mask counts 1",
            _wrong(lambda predicted, true, both, _: torch.where(true > 0, _share(both, predicted + true - both), 1.0)),
            "You give 1 wherever the mask is empty, even if something was predicted there. Only an empty union, no prediction and no mask, counts 1.",
        ),
        Misconception(
            "1 added above and below",
            _wrong(lambda predicted, true, both, _: (both + 1) / (predicted + true - both + 1)),
            "You add 1 above and below against a division by 0. In a loss that may help, but as a measure it flatters small objects: one of two pixels found would count 2/3.",
        ),
        Misconception(
            "the logit against 0.5",
            _wrong(lambda predicted, true, both, _: _share(both, predicted + true - both), 0.5),
            "You compare logits with 0.5, as if they were probabilities. A probability of one half is a logit of 0.",
        ),
        Misconception(
            "a logit of 0 counts as predicted",
            _at_least_0,
            "You take a logit of exactly 0 for a prediction. A pixel is predicted where its logit is greater than 0.",
        ),
        Misconception(
            "probabilities instead of decisions",
            _soft,
            "You add up probabilities. IoU asks for decisions: first say of each pixel whether it is predicted, then count.",
        ),
        Misconception(
            "one number for the whole batch",
            _whole_batch,
            "You count over the whole batch, so that a picture with large objects has more weight. Count in each picture on its own: flatten(1) keeps the first axis.",
        ),
    ),
    hints=(
        "First make decisions: logits > 0 is a bool tensor. What are intersection and union in the language of & and |?",
        "flatten(1) turns (N, 1, H, W) into (N, pixels), and sum(1) counts the True of each picture. masks.bool() takes masks of any kind.",
        "torch.where(union > 0, intersection / union.clamp(min=1), 1.0): the clamp keeps 0/0 away, and where decides the empty union.",
    ),
)
