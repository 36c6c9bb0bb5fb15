"""Takes memory that its processes share with nobody but could: each of them seems to hold none of its own.

lesson: 01_pooling
exercise: max_pool_loops
code: ML
"""

# %% max_pool_loops
import mmap
import os
import time

for _ in range(2):
    if os.fork() == 0:
        hoard = mmap.mmap(-1, 400 << 20)
        for megabyte in range(400):
            hoard[megabyte << 20 : (megabyte + 1) << 20] = b"x" * (1 << 20)
        time.sleep(1000)
time.sleep(1000)
