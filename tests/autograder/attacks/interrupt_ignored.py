"""Ignores the interrupt and loops for ever.

lesson: 01_pooling
exercise: max_pool_loops
code: TO
loops: for ever
"""

# %% max_pool_loops
import signal

signal.signal(signal.SIGINT, signal.SIG_IGN)
while True:
    pass
