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

from course_lib.checking.plain import Foreign, kind_of

LENGTH = struct.Struct("!I")
HEADER_LIMIT = 8 << 20
DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        *(torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128, torch.bool),
        *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
    )
}


class ProtocolError(Exception):
    """The other side said something that is no message, or one that is too large."""


class Closed(Exception):
    """The other side is gone."""


class Late(Exception):
    """Nothing came before the deadline."""


def send(connection: socket.socket, message: dict[str, Any], deadline: float | None = None) -> None:
    """Sends one message. Tensors, tuples, floats of every kind and plain data cross; of anything else, what it is.

    deadline: on time.monotonic's clock. Errors: Closed, Late.
    """
    blobs: list[bytes] = []
    header = json.dumps(
        {"body": _pack(message, blobs), "blobs": [len(blob) for blob in blobs]}, allow_nan=False
    ).encode()
    connection.settimeout(None if deadline is None else max(deadline - time.monotonic(), 0.001))
    try:
        connection.sendall(b"".join([LENGTH.pack(len(header)), header, *blobs]))
    except TimeoutError:
        raise Late from None
    except (BrokenPipeError, ConnectionResetError) as error:
        raise Closed from error


def receive(connection: socket.socket, limit: int, deadline: float | None = None) -> dict[str, Any]:
    """Receives one message of at most ``limit`` bytes in blobs.

    deadline: on time.monotonic's clock. Errors: Closed, Late, ProtocolError.
    """
    connection.settimeout(None)
    (size,) = LENGTH.unpack(_exactly(connection, LENGTH.size, deadline))
    if size > HEADER_LIMIT:
        raise ProtocolError(f"a header of {size} bytes; at most {HEADER_LIMIT} are read")
    try:
        header = json.loads(_exactly(connection, size, deadline))
        lengths = header["blobs"]
        if not all(type(length) is int and length >= 0 for length in lengths) or sum(lengths) > limit:
            raise ProtocolError(f"blobs of more than {limit} bytes")
        blobs = [_exactly(connection, length, deadline) for length in lengths]
        message = _unpack(header["body"], blobs)
    except (ValueError, KeyError, TypeError, IndexError, RecursionError, RuntimeError) as error:
        raise ProtocolError(f"not a message: {type(error).__name__}") from error
    if not isinstance(message, dict):
        raise ProtocolError("a message is a dict")
    return message


def _exactly(connection: socket.socket, size: int, deadline: float | None) -> bytearray:
    data = bytearray(size)
    view, got = memoryview(data), 0
    while got < size:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Late
            connection.settimeout(left)
        try:
            count = connection.recv_into(view[got:])
        except TimeoutError:
            raise Late from None
        except ConnectionResetError as error:
            raise Closed from error
        if not count:
            raise Closed
        got += count
    return data


def _pack(value: Any, blobs: list[bytes]) -> Any:
    if value is None or type(value) in (bool, int, str):
        return value if type(value) is not int or abs(value) < 1 << 63 else {"$": "int", "text": hex(value)[:4096]}
    if type(value) is float:
        return value if math.isfinite(value) else {"$": "float", "text": repr(value)}
    if isinstance(value, Tensor):
        return _pack_tensor(value, blobs)
    if type(value) is list:
        return [_pack(part, blobs) for part in value]
    if type(value) is tuple:
        return {"$": "tuple", "parts": [_pack(part, blobs) for part in value]}
    if type(value) is dict:
        return {
            "$": "dict",
            "keys": [_pack(k, blobs) for k in value],
            "values": [_pack(v, blobs) for v in value.values()],
        }
    foreign = value if type(value) is Foreign else Foreign(kind_of(value), str(type(value).__module__))
    return {"$": "foreign", "kind": str(foreign.kind)[:200], "module": str(foreign.module)[:80]}


def _pack_tensor(value: Tensor, blobs: list[bytes]) -> Any:
    name = str(value.dtype).removeprefix("torch.")
    if name not in DTYPES or value.layout is not torch.strided:
        kind = f"a {value.layout} tensor of {name}".replace("torch.", "")
        return {"$": "foreign", "kind": kind, "module": "torch"}
    if value.device.type == "meta":  # a shape without values, as a check keeps of what is too large
        return {"$": "meta", "dtype": name, "shape": list(value.shape)}
    plain = value.detach().cpu().resolve_conj().resolve_neg()
    stride = list(plain.stride())
    # One value alone counts as contiguous whatever its strides, and bytes want a stride of 1.
    flat = torch.empty(plain.numel(), dtype=plain.dtype).copy_(plain.reshape(-1))
    blobs.append(flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b"")
    return {"$": "tensor", "dtype": name, "shape": list(plain.shape), "stride": stride, "blob": len(blobs) - 1}


def _unpack(value: Any, blobs: list[bytearray]) -> Any:
    if isinstance(value, list):
        return [_unpack(part, blobs) for part in value]
    if not isinstance(value, dict):
        return value
    kind = value["$"]
    if kind == "tensor":
        return _unpack_tensor(value, blobs)
    if kind == "meta":
        return torch.empty([int(n) for n in value["shape"]], dtype=DTYPES[value["dtype"]], device="meta")
    if kind == "tuple":
        return tuple(_unpack(part, blobs) for part in value["parts"])
    if kind == "dict":
        keys = [_unpack(key, blobs) for key in value["keys"]]
        return dict(zip(keys, [_unpack(v, blobs) for v in value["values"]], strict=True))
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
    plain = torch.frombuffer(blob, dtype=torch.uint8).view(dtype).reshape(shape)
    return _restride(plain, value["stride"])


def _restride(plain: Tensor, stride: list[int]) -> Tensor:
    """The same values with the strides that the tensor had, where these are a mere reordering of its axes."""
    if list(plain.stride()) == stride or len(stride) != plain.dim():
        return plain
    order = sorted(range(plain.dim()), key=lambda axis: (-stride[axis], axis))
    copy = plain.permute(order).contiguous()
    back = sorted(range(plain.dim()), key=order.__getitem__)
    return copy.permute(back)
