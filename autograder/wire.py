"""The byte protocol between the examiner and a learner's process: msgpack with raw tensor bytes, never a pickle.

What is sent at once is 4 bytes of length, then an array of messages in msgpack, each of them a map. What msgpack has no
form for, such as a tensor, is a map with the one key nil, which no dict of ours has. Whoever reads from a learner's
process gives a limit, and for what is larger nothing is ever allocated.
"""

from __future__ import annotations

import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import msgpack
import numpy
import torch
from torch import Tensor

from course_lib.checking.plain import Foreign, is_key, kind_of

LENGTH = struct.Struct("!I")
PARTS = 1 << 18  # lists and dicts that are read at once: each takes a byte of what comes, and a hundred of memory
AXES = 64  # of a tensor, as in numpy
DEPTH = 100  # of lists and dicts in each other; what grading looks at goes from part to part by recursion
CHUNK = 1 << 16  # bytes that are read at once, where they are there
HOLD = 0.05  # seconds for which messages are held back, so that they go together: to wake the other side takes 0.2 ms
DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        *(torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128, torch.bool),
        *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
    )
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


class ProtocolError(Exception):
    """The other side said something that is no message, or one that is too large."""


class Closed(Exception):
    """The other side is gone."""


class Late(Exception):
    """Nothing came before the deadline."""


class Connection:
    """One end of a stream socket, over which messages go both ways."""

    def __init__(self, stream: socket.socket):
        self._stream = stream
        self._come = bytearray()
        self._ready: deque[dict[str, Any]] = deque()
        self._held: list[dict[str, Any]] = []
        self._last = 0.0
        self._packer = msgpack.Packer(default=_told, **TEXT, strict_types=True, buf_size=CHUNK)
        self.received = 0  # bytes in all

    def send(self, message: dict[str, Any], deadline: float | None = None) -> None:
        """Sends a message, and what is held back. Of what is neither a tensor nor plain data, what it is crosses.

        deadline: on time.monotonic's clock. Errors: Closed, Late.
        """
        self._held.append(message)
        self.flush(deadline)

    def hold(self, message: dict[str, Any]) -> None:
        """Holds a message back until `flush`, or until nothing has crossed for HOLD seconds. Errors: Closed.

        Nothing in it may change any more: it is packed with the others when it is sent.
        """
        self._held.append(message)
        if time.monotonic() > self._last + HOLD:
            self.flush()

    def flush(self, deadline: float | None = None) -> None:
        """Sends what is held back. Errors: Closed, Late."""
        if not self._held:
            return
        held, self._held = self._held, []
        packed = self._packer.pack(held)
        self._stream.settimeout(None if deadline is None else max(deadline - time.monotonic(), 0.001))
        try:
            self._stream.sendall(LENGTH.pack(len(packed)) + packed)
        except TimeoutError:
            raise Late from None
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Closed from error
        self._last = time.monotonic()

    def receive(self, limit: int, deadline: float | None = None) -> dict[str, Any]:
        """The next message. With those that were sent at once with it, it has at most ``limit`` bytes.

        deadline: on time.monotonic's clock. Errors: Closed, Late, ProtocolError.
        """
        if not self._ready:
            self._await(LENGTH.size, deadline)
            (size,) = LENGTH.unpack_from(self._come)
            if size > limit:
                raise ProtocolError(f"messages of {size} bytes; at most {limit} are read")
            self._await(LENGTH.size + size, deadline)
            packed = self._come[LENGTH.size : LENGTH.size + size]
            del self._come[: LENGTH.size + size]
            try:
                messages = _unpack(packed)
            except (ValueError, KeyError, TypeError, IndexError, OverflowError, RuntimeError) as error:
                raise ProtocolError(f"not a message: {type(error).__name__}") from error
            if type(messages) is not list or not messages or any(type(each) is not dict for each in messages):
                raise ProtocolError("a message is a dict")
            self._ready.extend(messages)
            self._last = time.monotonic()
        return self._ready.popleft()

    @property
    def has_more(self) -> bool:
        """Whether there is a message that was sent at once with the last one, and behind it."""
        return bool(self._ready)

    def _await(self, size: int, deadline: float | None) -> None:
        """Waits for so many bytes. Nothing is taken before all are there: what was late can be received once more."""
        while len(self._come) < size:
            self._come += self._more(deadline)

    def _more(self, deadline: float | None) -> bytes:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise Late
        self._stream.settimeout(left)
        try:
            came = self._stream.recv(CHUNK)
        except TimeoutError:
            raise Late from None
        except ConnectionResetError as error:
            raise Closed from error
        if not came:
            raise Closed
        self.received += len(came)
        return came

    def close(self) -> None:
        self._stream.close()


# A lone surrogate, which a learner can print, crosses as it is.
TEXT = {"unicode_errors": "surrogatepass"}


def _told(value: Any) -> dict[None, list[Any]]:
    """What msgpack has no form for: a kind and its fields, behind the key nil."""
    if isinstance(value, Tensor):
        return {None: _tensor_told(value)}
    kind = type(value)
    if kind is tuple:
        return {None: ["tuple", *value]}
    if kind is int:  # beyond 64 bits
        return {None: ["int", hex(value)[:4096]]}
    foreign = value if kind is Foreign else Foreign(kind_of(value), str(kind.__module__))
    return {None: ["foreign", str(foreign.kind)[:200], str(foreign.module)[:80]]}


def _tensor_told(value: Tensor) -> list[Any]:
    name = NAMES.get(value.dtype)
    if name is None or value.layout is not torch.strided or value.dim() > AXES:
        return ["foreign", f"a {value.layout} tensor of {value.dtype}".replace("torch.", ""), "torch"]
    if value.is_meta:  # a shape without values, as a check keeps of what is too large
        return ["meta", name, *value.shape]
    back = []
    if not value.is_contiguous():  # then its axes cross in the order in which they lie in memory
        order = sorted(range(value.dim()), key=value.stride().__getitem__, reverse=True)
        back, value = sorted(range(value.dim()), key=order.__getitem__), value.permute(order)
    bits = value.view(torch.int16) if value.dtype is torch.bfloat16 else value  # a dtype that numpy lacks
    return ["tensor", name, back, bits.numpy(force=True).tobytes(), *value.shape]


def _unpack(packed: bytearray) -> Any:
    # A length of -2 lets not even empty ones through: no extension type is sent. (-1 would let all through.)
    hooks: dict[str, Any] = {"object_pairs_hook": _dict_of, "max_ext_len": -2}
    if len(packed) > PARTS:  # else it holds no more of them
        left = iter(range(PARTS))

        def counted(parts: list[Any]) -> list[Any]:
            if next(left, None) is None:
                raise ValueError("more parts than are read")
            return parts

        hooks |= {"list_hook": counted, "object_pairs_hook": lambda pairs: _dict_of(counted(pairs))}
    return _shallow(msgpack.unpackb(packed, **hooks, **TEXT, strict_map_key=False))


def _dict_of(pairs: list[tuple[Any, Any]]) -> Any:
    """A dict, or what msgpack has no form for."""
    if len(pairs) == 1 and pairs[0][0] is None and type(pairs[0][1]) is list:
        kind, *fields = pairs[0][1]
        return KINDS[kind](*fields)
    for key, _ in pairs:
        if type(key) is not str and not is_key(key):
            raise ValueError("a key that is no text and no number of 64 bits")
    return dict(pairs)


def _shallow(messages: Any) -> Any:
    """The messages, if they are nested no deeper than DEPTH."""
    level = [messages]
    for _ in range(DEPTH):
        parts = [part for each in level for part in (each.values() if type(each) is dict else each)]
        level = [part for part in parts if type(part) in (dict, list, tuple)]
        if not level:
            return messages
    raise ValueError("nested too deep")


# How each kind is made of its fields, of which every one may be anything that crosses.


def _tensor(name: str, back: list[int], data: bytes, *shape: int) -> Tensor:
    dtype = DTYPES[name]
    # Of a view, since of a number bytearray would make as many bytes.
    values = numpy.ndarray(shape, "int16" if dtype is torch.bfloat16 else name, bytearray(memoryview(data)))
    if values.nbytes != len(data):
        raise ValueError("a tensor's shape and bytes disagree")
    tensor = torch.from_numpy(values)
    tensor = tensor.view(dtype) if dtype is torch.bfloat16 else tensor
    return tensor.permute(back) if back else tensor


def _meta(name: str, *shape: int) -> Tensor:
    if len(shape) > AXES:
        raise ValueError("more axes than are read")
    return torch.empty(shape, dtype=DTYPES[name], device="meta")


def _cut(text: str, most: int) -> str:
    if type(text) is not str:
        raise TypeError("no text")
    return text[:most]


KINDS: dict[str, Callable[..., Any]] = {
    "tensor": _tensor,
    "meta": _meta,
    "tuple": lambda *parts: parts,
    "int": lambda text: int(_cut(text, 4096), 16),
    "foreign": lambda kind, module: Foreign(_cut(kind, 200), _cut(module, 80)),
}
