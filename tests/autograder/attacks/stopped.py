"""Stops itself as Ctrl-Z does.

lesson: 01_pooling
exercise: max_pool_loops
code: *
loops: for ever
"""

# %% max_pool_loops
import os
import signal
import time

os.kill(os.getpid(), signal.SIGSTOP)
time.sleep(1000)
