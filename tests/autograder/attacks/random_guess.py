"""Guesses: returns another result each time, in the hope that one of them is right.

lesson: 01_pooling
exercise: max_pool_loops
code: OK
"""


# %% max_pool_loops
def max_pool_loops(x, kernel_size, stride):
    rows = (x.shape[0] - kernel_size) // stride + 1
    columns = (x.shape[1] - kernel_size) // stride + 1
    return torch.randint(-9, 9, (rows, columns)).to(x.dtype)
