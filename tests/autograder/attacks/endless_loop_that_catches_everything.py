"""Loops for ever in the call that is checked, and swallows every exception.

lesson: 01_pooling
exercise: max_pool_loops
code: *
loops: for ever
"""


# %% max_pool_loops
def max_pool_loops(x, kernel_size, stride):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
