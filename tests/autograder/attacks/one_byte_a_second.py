"""Answers one byte at a time, so that the next always comes and the last never does.

lesson: 01_pooling
exercise: max_pool_loops
code: TO
loops: yes
"""

# %% first
import os
import signal
import time

signal.signal(signal.SIGINT, signal.SIG_IGN)
message = b"\0\1\0\0"  # of so many bytes
while True:
    for handle in range(3, 256):
        try:
            os.write(handle, message)
        except OSError:
            pass
    message = b"\0"
    time.sleep(0.1)
