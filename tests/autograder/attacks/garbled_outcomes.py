"""Answers in its own place with outcomes in which each field is what no examiner expects, to make it fail.

lesson: 01_pooling
exercise: max_pool_loops
code: OK
"""

# %% first
import itertools

import torch

from autograder import attempt

ODD = [
    float("inf"),
    float("nan"),
    -1,
    10**5000,
    "\ud800",
    [],
    {},
    (1, 2, 3),
    torch.ones(2),
    torch.empty(2, device="meta"),
    None,
]
FIELDS = ("status", "value", "gradients", "buffers", "changed", "unsteady", "raised", "state", "hits", "printed")
WITHIN = (
    [{"raised": {"type": odd, "message": odd, "lines": [(odd, odd, odd)]}} for odd in ODD]
    + [{"hits": [(odd, odd)]} for odd in ODD]
    + [{"changed": [odd]} for odd in ODD]
    + [{"state": odd} for odd in ODD]
)
SAID = [{field: odd} for field in FIELDS for odd in ODD] + WITHIN
said = itertools.cycle(SAID)


def garbled(cells, question):
    yield {"problem": None, "hits": []}
    for _ in question["cases"]:
        yield {"outcome": {"status": "returned", "value": None} | next(said), "late": torch.ones(2)}


attempt.ANSWERS["examine"] = garbled


# %% max_pool_loops
def max_pool_loops(x, kernel_size, stride):
    return x
