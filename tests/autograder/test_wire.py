"""The byte protocol: what crosses it, and what a hostile sender can't do with it."""

from __future__ import annotations

import json
import math
import socket
import time

import pytest
import torch

from autograder import wire
from course_lib.checking.plain import Foreign, plain


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


def crossed(pair, value):
    """A value after it has been sent and received."""
    wire.Connection(pair[0]).send({"value": value})
    return wire.Connection(pair[1]).receive(1 << 20)["value"]


@pytest.mark.parametrize(
    "value", [None, True, 3, -(10**30), 2.5, "ü ✓", [1, [2]], (1, (2,)), {"a": 1, 2: "b"}, {"$": "tensor"}, {}]
)
def test_plain_data_comes_out_as_it_went_in(pair, value) -> None:
    assert crossed(pair, value) == value
    assert type(crossed(pair, value)) is type(value)


def test_floats_that_json_does_not_know(pair) -> None:
    assert crossed(pair, math.inf) == math.inf
    assert math.isnan(crossed(pair, math.nan))


@pytest.mark.parametrize("dtype", list(wire.DTYPES.values()), ids=str)
def test_tensors_of_every_dtype(pair, dtype) -> None:
    tensor = torch.arange(6).reshape(2, 3).to(dtype)
    received = crossed(pair, tensor)
    assert received.dtype == dtype
    assert torch.equal(received, tensor)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(0, 3),
        torch.tensor(5.0),
        torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        torch.randn(3, 4).T,
        torch.randn(1, 3).expand(4, 3),
    ],
    ids=["empty", "scalar", "channels_last", "transposed", "expanded"],
)
def test_shapes_and_the_order_of_axes_in_memory(pair, tensor) -> None:
    received = crossed(pair, tensor)
    assert torch.equal(received, tensor)
    if 0 not in tensor.stride():
        assert received.stride() == tensor.stride()


def test_a_shape_without_values_crosses_as_one(pair) -> None:
    received = crossed(pair, torch.empty(2**20, 2**20, dtype=torch.int8, device="meta"))
    assert (received.device.type, received.dtype, received.shape) == ("meta", torch.int8, (2**20, 2**20))


def test_one_value_of_a_column_crosses(pair) -> None:
    tensor = torch.arange(6.0).reshape(2, 3)[1:, 1]
    assert tensor.is_contiguous()
    assert tensor.stride() == (3,)
    assert crossed(pair, tensor).tolist() == [4]


def test_anything_else_crosses_as_what_a_check_says_of_it(pair) -> None:
    import numpy

    assert crossed(pair, numpy.zeros(3)) == Foreign("a ndarray", "numpy") == crossed(pair, plain(numpy.zeros(3)))


def raw(pair, header: bytes, size: int | None = None) -> None:
    pair[0].sendall(wire.LENGTH.pack(len(header) if size is None else size) + header)


@pytest.mark.parametrize(
    "header",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"body": 1, "blobs": []}',
        b'{"body": {"$": "pickle"}, "blobs": []}',
        b'{"body": {"$": "dict", "keys": [{"$": "tuple", "parts": [-1, -2]}], "values": [0]}, "blobs": []}',
        b'{"body": {"$": "dict", "keys": [2305843009213693951000], "values": [0]}, "blobs": []}',
        b'{"body": {"$": "tensor", "dtype": "float32", "shape": [1000000000000], "blob": 0}, "blobs": [4]}1234',
        b'{"body": {}, "blobs": [99999999999]}',
        b'{"body": {}, "blobs": [-1]}',
        b'{"body": ' + b"[" * 50_000 + b"]" * 50_000 + b', "blobs": []}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_message_is_refused(pair, header) -> None:
    raw(pair, header.partition(b"1234")[0])
    pair[0].sendall(b"1234")
    with pytest.raises(wire.ProtocolError):
        wire.Connection(pair[1]).receive(1 << 20, time.monotonic() + 5)


def test_a_huge_header_is_refused_before_it_is_read(pair) -> None:
    raw(pair, b"", size=wire.HEADER_LIMIT + 1)
    with pytest.raises(wire.ProtocolError, match="at most"):
        wire.Connection(pair[1]).receive(1 << 20, time.monotonic() + 5)


def test_messages_that_came_together_are_read_one_by_one(pair) -> None:
    sender, reader = map(wire.Connection, pair)
    for number in range(3):
        sender.send({"number": number, "x": torch.full((2,), number)})
    for number in range(3):
        message = reader.receive(1 << 20)
        assert message["number"] == number
        assert message["x"].tolist() == [number, number]


def test_silence_ends_at_the_deadline_and_a_closed_connection_at_once(pair) -> None:
    with pytest.raises(wire.Late):
        wire.Connection(pair[1]).receive(1, time.monotonic() + 0.05)
    pair[0].close()
    with pytest.raises(wire.Closed):
        wire.Connection(pair[1]).receive(1, time.monotonic() + 5)


def test_nothing_is_pickled() -> None:
    """The module does not know how; and what it sends is JSON and bytes."""
    assert "pickle" not in vars(wire)
    ours, theirs = socket.socketpair()
    wire.Connection(ours).send({"x": torch.ones(2)})
    ours.close()
    data = theirs.makefile("rb").read()
    size = wire.LENGTH.unpack(data[:4])[0]
    assert json.loads(data[4 : 4 + size])["blobs"] == [8]
    assert len(data) == 4 + size + 8
