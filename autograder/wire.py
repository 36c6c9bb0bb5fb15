"""The byte protocol between the examiner and a learner's process: JSON and raw tensor bytes, never a pickle.

A message is a header (4 bytes of length, then JSON) followed by blobs whose lengths the header names. Whoever reads
from a learner's process gives a limit, and nothing larger is ever allocated.
"""

from __future__ import annotations

import json
import math
import socket
import struct
import time
from typing import Any

import torch
from torch import Tensor

from course_lib.checking.plain import Foreign, is_key, kind_of

LENGTH = struct.Struct("!I")
HEADER_LIMIT = 8 << 20
CHUNK = 1 << 16  # bytes that are read at once, where they are there
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

    def send(self, message: dict[str, Any], deadline: float | None = None) -> None:
        """Sends one message. Of what is neither a tensor nor plain data, what it is crosses.

        deadline: on time.monotonic's clock. Errors: Closed, Late.
        """
        blobs: list[bytes] = []
        body = _pack(message, blobs)
        header = _ENCODER.encode({"body": body, "blobs": [len(blob) for blob in blobs]}).encode()
        self._stream.settimeout(None if deadline is None else max(deadline - time.monotonic(), 0.001))
        try:
            self._stream.sendall(b"".join([LENGTH.pack(len(header)), header, *blobs]))
        except TimeoutError:
            raise Late from None
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Closed from error

    def receive(self, limit: int, deadline: float | None = None) -> dict[str, Any]:
        """Receives one message of at most ``limit`` bytes in blobs.

        deadline: on time.monotonic's clock. Errors: Closed, Late, ProtocolError.
        """
        (size,) = LENGTH.unpack(self._take(LENGTH.size, deadline))
        if size > HEADER_LIMIT:
            raise ProtocolError(f"a header of {size} bytes; at most {HEADER_LIMIT} are read")
        try:
            header = json.loads(self._take(size, deadline))
            lengths = header["blobs"]
            if not all(type(length) is int and length >= 0 for length in lengths) or sum(lengths) > limit:
                raise ProtocolError(f"blobs of more than {limit} bytes")
            blobs = [self._take(length, deadline) for length in lengths]
            message = _unpack(header["body"], blobs)
        except (ValueError, KeyError, TypeError, IndexError, RecursionError, RuntimeError) as error:
            raise ProtocolError(f"not a message: {type(error).__name__}") from error
        if not isinstance(message, dict):
            raise ProtocolError("a message is a dict")
        return message

    def _take(self, size: int, deadline: float | None) -> bytearray:
        """The next so many bytes of what comes."""
        while len(self._come) < size:
            self._come += self._more(deadline)
        taken = self._come[:size]
        del self._come[:size]
        return taken

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
        return came

    def close(self) -> None:
        self._stream.close()


_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


def _pack(value: Any, blobs: list[bytes]) -> Any:
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        return value if -1 << 63 < value < 1 << 63 else {"$": "int", "text": hex(value)[:4096]}
    if kind is float:
        return value if math.isfinite(value) else {"$": "float", "text": repr(value)}
    if isinstance(value, Tensor):
        return _pack_tensor(value, blobs)
    if kind is list:
        return [_pack(part, blobs) for part in value]
    if kind is tuple:
        return {"$": "tuple", "parts": [_pack(part, blobs) for part in value]}
    if kind is dict:
        if "$" not in value and all(type(key) is str for key in value):
            return {key: _pack(part, blobs) for key, part in value.items()}
        keys, values = ([_pack(part, blobs) for part in parts] for parts in (value, value.values()))
        return {"$": "dict", "keys": keys, "values": values}
    foreign = value if kind is Foreign else Foreign(kind_of(value), str(kind.__module__))
    return {"$": "foreign", "kind": str(foreign.kind)[:200], "module": str(foreign.module)[:80]}


def _pack_tensor(value: Tensor, blobs: list[bytes]) -> Any:
    name = NAMES.get(value.dtype)
    if name is None or value.layout is not torch.strided:
        kind = f"a {value.layout} tensor of {value.dtype}".replace("torch.", "")
        return {"$": "foreign", "kind": kind, "module": "torch"}
    if value.device.type == "meta":  # a shape without values, as a check keeps of what is too large
        return {"$": "meta", "dtype": name, "shape": list(value.shape)}
    plain = value.detach().cpu()
    if plain.is_complex() or plain.is_neg():
        plain = plain.resolve_conj().resolve_neg()
    bits = plain.view(torch.int16) if plain.dtype is torch.bfloat16 else plain  # a dtype that numpy lacks
    blobs.append(bits.numpy().tobytes())
    return {
        "$": "tensor",
        "dtype": name,
        "shape": list(plain.shape),
        "stride": list(plain.stride()),
        "blob": len(blobs) - 1,
    }


def _unpack(value: Any, blobs: list[bytearray]) -> Any:
    if isinstance(value, list):
        return [_unpack(part, blobs) for part in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("$")
    if kind is None:
        return {key: _unpack(part, blobs) for key, part in value.items()}
    if kind == "tensor":
        return _unpack_tensor(value, blobs)
    if kind == "meta":
        return torch.empty([int(n) for n in value["shape"]], dtype=DTYPES[value["dtype"]], device="meta")
    if kind == "tuple":
        return tuple(_unpack(part, blobs) for part in value["parts"])
    if kind == "dict":
        if not all(map(is_key, value["keys"])):
            raise ValueError("a key that is no text and no number of 64 bits")
        return dict(zip(value["keys"], [_unpack(v, blobs) for v in value["values"]], strict=True))
    if kind == "float":
        return float(value["text"])
    if kind == "int":
        return int(value["text"], 16)
    if kind == "foreign":
        return Foreign(str(value["kind"])[:200], str(value["module"])[:80])
    raise ValueError(kind)


def _unpack_tensor(value: dict[str, Any], blobs: list[bytearray]) -> Tensor:
    dtype, shape, blob = DTYPES[value["dtype"]], [int(n) for n in value["shape"]], blobs[value["blob"]]
    if len(shape) > 16 or any(n < 0 for n in shape) or math.prod(shape) * dtype.itemsize != len(blob):
        raise ValueError("a tensor's shape and bytes disagree")
    if not len(blob):
        return torch.empty(shape, dtype=dtype)
    return _restride(torch.frombuffer(blob, dtype=dtype).reshape(shape), value["stride"])


def _restride(plain: Tensor, stride: list[int]) -> Tensor:
    """The same values with the strides that the tensor had, where these are a mere reordering of its axes."""
    if list(plain.stride()) == stride or len(stride) != plain.dim():
        return plain
    order = sorted(range(plain.dim()), key=lambda axis: (-stride[axis], axis))
    copy = plain.permute(order).contiguous()
    back = sorted(range(plain.dim()), key=order.__getitem__)
    return copy.permute(back)
