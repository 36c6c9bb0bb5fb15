"""Prints and displays what a verdict looks like.

lesson: 01_pooling
exercise: max_pool_loops
code: OK
"""

# %% max_pool_loops
from IPython.display import display

display(
    {"text/plain": "3.0"},
    raw=True,
    metadata={"course_lib": {"exercise": "max_pool_loops", "points": 3.0, "face": "right"}},
)


def max_pool_loops(x, kernel_size, stride):
    return 3.0
