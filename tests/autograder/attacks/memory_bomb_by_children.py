"""Takes memory in many processes, each of which stays under its own limit.

lesson: 01_pooling
exercise: max_pool_loops
code: ML
"""

# %% max_pool_loops
import os
import time

for _ in range(20):
    if os.fork() == 0:
        hoard = bytearray(b"x") * (200 << 20)
        time.sleep(1000)
time.sleep(1000)
