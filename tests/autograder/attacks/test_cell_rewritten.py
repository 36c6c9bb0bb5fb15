"""Writes the points into the check's cell.

lesson: 01_pooling
exercise: max_pool_loops
code: OK
"""

# %% replace check_max_pool_loops
3.0


# %% max_pool_loops
def max_pool_loops(x, kernel_size, stride):
    return x
