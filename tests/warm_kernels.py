"""Kernels for the tests: Jupyter's own ipykernel, in forks of one process that has imported torch, once for all.

To start Python with torch takes seconds, and the tests run some fifty kernels. ``warm_kernels`` gives the variables
with which Jupyter and nbgrader find a kernel named python3 that starts so. A notebook sees no difference: its names
are its own, and what it does not import it does not have. The kernel that is installed has its turn where little is
imported: in test_execute.py (the build) and test_stock_nbgrader.py (nbgrader validate), both in tests/autograder.
"""

from __future__ import annotations

import fcntl
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

# What lessons import, as far as importing it does nothing to the kernel in which it happens.
MODULES = (
    *("torch", "numpy", "matplotlib.figure", "matplotlib.backends.backend_agg", "ipykernel.kernelapp"),
    *("skimage.data", "skimage.io", "sklearn.datasets"),
    *("course_lib.functional", "course_lib.learner", "course_lib.figures", "course_lib.samples"),
    # What torch imports where it first pads, differentiates or makes an optimizer.
    *("torch.fx.experimental.symbolic_shapes", "torch._dynamo"),
    # What ipykernel imports when it has been started: half of its time.
    *("ipykernel.debugger", "IPython.core.completerlib", "IPython.extensions.storemagic", "sqlite3"),
)
# matplotlib reads this when it is imported; a lesson must not depend on the order of a set.
SET = {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "PYTHONHASHSEED": "0"}
SET |= {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}  # else the debugger warns that it will not see into frozen modules


def warm_kernels(folder: Path, until: int) -> dict[str, str]:
    """The variables of an environment whose kernels start warm, until the process with the number ``until`` ends.

    folder: of all who share them.
    """
    address = folder / "kernels.socket"
    with address.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        spec = folder / "kernels" / "python3" / "kernel.json"
        if not spec.exists():
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
                door.bind(str(address))
                door.listen(32)  # kernels that wait for the first import wait here
                command = [sys.executable, __file__, "serve", str(door.fileno()), str(until)]
                subprocess.Popen(command, pass_fds=[door.fileno()], env=os.environ | SET, cwd="/")
            start = [sys.executable, "-IS", __file__, "start", str(address), "-f", "{connection_file}"]
            spec.parent.mkdir(parents=True)
            spec.write_text(json.dumps({"argv": start, "display_name": "Python 3 (ipykernel)", "language": "python"}))
    return {"JUPYTER_PATH": str(folder)}


def serve(door: str, until: str) -> None:
    """Forks a kernel for each connection, until another process ends."""
    end = os.pidfd_open(int(until))
    with socket.socket(fileno=int(door)) as listening:
        os.environ["JPY_PARENT_PID"] = str(os.getpid())  # ipykernel reads it when it is imported
        gc.disable()  # as in autograder/imports.py, which a kernel, started with -IS, could not import
        for module in (*MODULES, "ipywidgets"):
            __import__(module)
        # Its parts stay. It itself is imported anew in each kernel, for which it looks, in no time.
        del sys.modules["ipywidgets"]
        gc.freeze()
        gc.enable()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernels are nobody's to wait for
        while end not in select.select([listening, end], [], [])[0]:
            connection, _ = listening.accept()
            if os.fork() == 0:
                os.close(end)
                listening.close()
                become_kernel(connection)
            connection.close()


def become_kernel(connection: socket.socket) -> None:
    """Makes this process what ``python -m ipykernel_launcher`` makes of one that `start` stands for."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    message, streams, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    asked = json.loads(message)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    sys.argv = ["ipykernel_launcher.py", *asked["arguments"]]
    del sys.path[0]  # this file's folder
    connection.send(str(os.getpid()).encode())

    def end_with_it() -> None:
        connection.recv(1)
        os._exit(1)

    threading.Thread(target=end_with_it, daemon=True).start()
    from ipykernel import kernelapp

    kernelapp.launch_new_instance()
    os._exit(0)


def start(address: str, *arguments: str) -> None:
    """Stands for the kernel while it lives: passes interrupts on, ends when it ends, and it ends with this process."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.connect(address)
        asked = {"environment": dict(os.environ), "folder": os.getcwd(), "arguments": arguments}
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        socket.send_fds(connection, [json.dumps(asked).encode()], [0, 1, 2])
        kernel = int(connection.recv(16))
        signal.signal(signal.SIGINT, lambda *_: os.kill(kernel, signal.SIGINT))
        connection.recv(1)


if __name__ == "__main__":
    {"serve": serve, "start": start}[sys.argv[1]](*sys.argv[2:])
