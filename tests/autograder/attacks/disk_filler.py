"""Writes files until the disk is full.

lesson: 01_pooling
exercise: max_pool_loops
code: OK
"""

# %% max_pool_loops
import os

written = 0
try:
    for number in range(10_000):
        with open(f"/tmp/{number}", "wb") as file:
            written += file.write(os.urandom(1 << 20))
except OSError:
    pass


def max_pool_loops(x, kernel_size, stride):
    raise RuntimeError(f"wrote {written >> 20} MiB")
