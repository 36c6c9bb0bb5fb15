"""Returns a view of its input and changes it from a thread afterwards.

lesson: 01_pooling
exercise: max_pool_loops
code: OK
"""

# %% max_pool_loops
import threading
import time


def max_pool_loops(x, kernel_size, stride):
    rows = (x.shape[0] - kernel_size) // stride + 1
    columns = (x.shape[1] - kernel_size) // stride + 1
    out = x.new_zeros(rows, columns)
    threading.Thread(target=lambda: (time.sleep(0.01), out.fill_(9)), daemon=True).start()
    return out
