"""Returns a tensor of many gigabytes that takes no memory, and one that is nested without end.

lesson: 01_pooling
exercise: max_pool_loops
code: *
"""


# %% max_pool_loops
def max_pool_loops(x, kernel_size, stride):
    if kernel_size == 2:
        return torch.zeros(1).expand(1 << 40)
    nested = []
    for _ in range(100_000):
        nested = [nested]
    return nested
