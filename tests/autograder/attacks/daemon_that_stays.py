"""Leaves a process behind that would outlive the notebook.

lesson: 01_pooling
exercise: max_pool_loops
code: OK
"""

# %% max_pool_loops
import os
import time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            time.sleep(0.1)
    os._exit(0)


def max_pool_loops(x, kernel_size, stride):
    return x
