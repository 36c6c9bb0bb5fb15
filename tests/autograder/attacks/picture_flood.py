"""Displays a hundred megabytes of something that calls itself a picture.

lesson: 01_pooling
exercise: max_pool_loops
code: *
"""

# %% max_pool_loops
from IPython.display import display

for _ in range(100):
    display({"image/png": "A" * (1 << 20)}, raw=True)


def max_pool_loops(x, kernel_size, stride):
    return x
