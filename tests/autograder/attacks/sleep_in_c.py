"""Sleeps in a call that Python's signals do not reach, with every signal blocked.

lesson: 01_pooling
exercise: max_pool_loops
code: TO
loops: for ever
"""

# %% max_pool_loops
import signal
import time

signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))
time.sleep(1000)
