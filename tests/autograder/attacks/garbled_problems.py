"""Says of its work what no examiner expects: problems that are none, and places of banned operators that are none.

lesson: 01_pooling
exercise: max_pool_loops
code: OK
"""

# %% first
import torch

from autograder import attempt

ODD = iter(
    [
        {"problem": torch.ones(2)},
        {"problem": ("SIGNATURE", {})},
        {"problem": None, "hits": torch.ones(2, 2)},
        {"problem": ("SIGNATURE", {"wanted": torch.ones(2), "yours": 10**5000})},
        {"problem": None, "hits": [("max_pool2d", float("inf"))]},
    ]
)
attempt.ANSWERS["examine"] = lambda cells, question: iter([next(ODD)])
