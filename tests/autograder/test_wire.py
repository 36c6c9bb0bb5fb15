"""The byte protocol: what crosses it, and what a hostile sender can't do with it."""

from __future__ import annotations

import math
import socket
import struct
import threading
import time
import tracemalloc

import msgpack
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
    "value",
    [
        *(None, True, 3, -(2**63), 2**64 - 1, -(10**30), 2**64, 2.5, "ü ✓", b"\xff"),
        *([1, [2]], (1, (2,), []), (), {"a": 1, 2: "b"}, {"a": {"b": ({},)}}, {}),
    ],
    ids=repr,
)
def test_plain_data_comes_out_as_it_went_in(pair, value) -> None:
    assert crossed(pair, value) == value
    assert type(crossed(pair, value)) is type(value)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, -0.0, 5e-324, 0.1])
def test_floats_cross_bit_for_bit(pair, value) -> None:
    assert struct.pack("d", crossed(pair, value)) == struct.pack("d", value)


def test_what_a_learner_can_print_crosses_though_it_is_no_utf8(pair) -> None:
    assert crossed(pair, "\ud800 ü") == "\ud800 ü"


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
        torch.randn(2, 3, requires_grad=True),
        torch.randn(2, 3, dtype=torch.complex64).conj(),
        torch.randn(2, 3, dtype=torch.bfloat16).T,
    ],
    ids=["empty", "scalar", "channels_last", "transposed", "expanded", "parameter", "conjugate", "bfloat16"],
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


def raw(pair, packed: bytes) -> None:
    """Sends it as one message, beside what follows, as it may be more than a socket holds."""
    packed = b"\x91" + packed
    threading.Thread(target=pair[0].sendall, args=(wire.LENGTH.pack(len(packed)) + packed,), daemon=True).start()


def of(*fields) -> bytes:
    """A message with a value that says of itself that it is of some kind, such as a tensor."""
    return msgpack.packb({"value": {None: fields}})


def dict_with(key: bytes) -> bytes:
    """A message with a dict whose one key is this, already packed."""
    return b"\x81\xa1a\x81" + key + b"\x00"


LONG = 2**61 - 1  # texts and numbers of 64 bits apart, what is hashed by this has thousands of its kind

NO_MESSAGES = {
    "nothing": b"",
    "cut off": b"\x81\xa1a",
    "two": b"\x80\x80",
    "a list": b"\x90",
    "a number": b"\x01",
    "a byte that msgpack does not use": b"\xc1",
    "no UTF-8": b"\x81\xa1a\xa1\xff",
    "an extension type": b"\x81\xa1a\xd4\x01\x00",
    "an empty extension type": b"\x81\xa1a\xc7\x00\x05",
    "an extension type of all there is": b"\x81\xa1a\xc9\xff\xff\xff\xff\x05",
    "a time": b"\x81\xa1a\xd6\xff\x00\x00\x00\x00",
    "a tuple as key": dict_with(msgpack.packb({None: ["tuple", -1, -2]})),
    "a large number as key": dict_with(msgpack.packb({None: ["int", hex(LONG << 10)]})),
    "a number of 65 bits as key": dict_with(msgpack.packb(2**63)),
    "a float as key": dict_with(msgpack.packb(float(LONG))),
    "bytes as key": dict_with(b"\xc4\x01a"),
    "a list as key": dict_with(b"\x90"),
    "nil as one key of two": b"\x81\xa1a\x82\xc0\x91\xa5tuple\xa1b\x00",
    "nil as key of no list": b"\x81\xa1a\x81\xc0\xa5tuple",
    "an unknown kind": of("pickle", b""),
    "no kind": of(),
    "a kind that is no text": of(["tensor"]),
    "too few fields": of("tensor", "float32"),
    "a shape without bytes": of("tensor", "float32", [], b"1234", 10**12),
    "more bytes than the shape has": of("tensor", "float32", [], b"12345678", 1),
    "a number in place of bytes": of("tensor", "uint8", [], 2**40, 2**40),
    "a text in place of bytes": of("tensor", "uint8", [], "1234", 4),
    "a negative shape": of("tensor", "float32", [], b"1234", -1, -1),
    "a text as shape": of("tensor", "float32", [], b"1234", "a" * 9, 2**40),
    "more axes than anybody has": of("meta", "float32", *[1] * 1000),
    "a shape beyond 64 bits": of("meta", "float32", 2**63, 2**63),
    "a dtype that is none": of("tensor", "object", [], b"12345678", 1),
    "axes that are none": of("tensor", "float32", [7], b"1234", 1),
    "an axis twice": of("tensor", "float32", [0, 0], b"1234", 1, 1),
    "a tensor of numbers as fields": of({None: ["meta", "int8", 2**40]}),
    "a tensor in place of a text": of("foreign", {None: ["meta", "int8", 2**20]}, "torch"),
    "a list in place of a text": of("int", ["f"]),
    "lists in each other": b"\x81\xa1a" + b"\x91" * wire.DEPTH + b"\x00",
    "lists in each other, without end": b"\x81\xa1a" + b"\x91" * 100_000,
    "tuples in each other": b"\x81\xa1a" + b"\x81\xc0\x92\xa5tuple" * 500 + b"\x00",
    "dicts in each other": b"\x81\xa1a" * 1000 + b"\x00",
    "more parts than are read": b"\x81\xa1a\xdd" + struct.pack("!I", wire.PARTS) + b"\x90" * wire.PARTS,
}


@pytest.mark.parametrize("packed", NO_MESSAGES.values(), ids=NO_MESSAGES.keys())
def test_what_is_no_message_is_refused(pair, packed) -> None:
    raw(pair, packed)
    with pytest.raises(wire.ProtocolError):
        wire.Connection(pair[1]).receive(1 << 20, time.monotonic() + 5)


MESSAGES = {
    "a text as key": dict_with(b"\xa1b"),
    "a key of 64 bits": dict_with(msgpack.packb(2**63 - 1)),
    "a tensor": of("tensor", "float32", [], b"1234", 1),
    "its axes the other way round": of("tensor", "float32", [1, 0], b"1234", 1, 1),
    "a large shape without values": of("meta", "int8", 2**40),
    "a tuple": of("tuple", [], -1),
    "an int": of("int", "-fF"),
    "what is foreign": of("foreign", "a list", "builtins"),
    "lists in each other": b"\x81\xa1a" + b"\x91" * (wire.DEPTH - 3) + b"\x90",
    "as many parts as are read": b"\x81\xa1a\xdd" + struct.pack("!I", wire.PARTS - 3) + b"\x90" * (wire.PARTS - 3),
}


@pytest.mark.parametrize("packed", MESSAGES.values(), ids=MESSAGES.keys())
def test_what_differs_from_these_by_little_is_read(pair, packed) -> None:
    raw(pair, packed)
    assert wire.Connection(pair[1]).receive(1 << 20, time.monotonic() + 5)


def test_a_huge_message_is_refused_before_it_is_read(pair) -> None:
    pair[0].sendall(wire.LENGTH.pack((1 << 20) + 1))
    with pytest.raises(wire.ProtocolError, match="at most"):
        wire.Connection(pair[1]).receive(1 << 20, time.monotonic() + 5)


def test_a_length_that_is_only_said_takes_no_memory(pair) -> None:
    """A thousand lists in each other, each of which says that it has four thousand million parts."""
    raw(pair, (b"\xdd" + b"\xff" * 4) * 1000 + bytes(1 << 20))
    tracemalloc.start()
    with pytest.raises(wire.ProtocolError):
        wire.Connection(pair[1]).receive(2 << 20, time.monotonic() + 5)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 128 << 20


@pytest.mark.parametrize("packed", [b"", b"\x90", b"\x80", b"\x92\x80", b"\x92\x80\x01", b"\x91\x80\x80", b"\xc0"])
def test_what_is_no_array_of_messages_is_refused(pair, packed) -> None:
    pair[0].sendall(wire.LENGTH.pack(len(packed)) + packed)
    with pytest.raises(wire.ProtocolError):
        wire.Connection(pair[1]).receive(1 << 20, time.monotonic() + 5)


def test_messages_that_were_held_back_come_together_and_in_their_order(pair, monkeypatch) -> None:
    monkeypatch.setattr(wire, "HOLD", 1e9)
    sender, reader = map(wire.Connection, pair)
    for number in range(3):
        sender.hold({"number": number, "x": torch.full((2,), number)})
    with pytest.raises(wire.Late):
        reader.receive(1 << 20, time.monotonic() + 0.05)
    sender.flush()
    for number in range(3):
        message = reader.receive(1 << 20, time.monotonic() + 5)
        assert (message["number"], message["x"].tolist()) == (number, [number, number])
        assert reader.has_more is (number < 2)


def test_nothing_is_held_back_for_long(pair, monkeypatch) -> None:
    monkeypatch.setattr(wire, "HOLD", 0)
    sender, reader = map(wire.Connection, pair)
    sender.hold({})
    assert reader.receive(1 << 20, time.monotonic() + 5) == {}
    sender.flush()
    with pytest.raises(wire.Late):  # there was nothing any more
        reader.receive(1 << 20, time.monotonic() + 0.05)


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


def test_what_was_late_by_a_part_can_be_received_once_more(pair) -> None:
    packed = msgpack.packb([{"id": 1}])
    pair[0].sendall(wire.LENGTH.pack(len(packed)) + packed[:2])
    connection = wire.Connection(pair[1])
    with pytest.raises(wire.Late):
        connection.receive(100, time.monotonic() + 0.05)
    pair[0].sendall(packed[2:])
    assert connection.receive(100) == {"id": 1}


def test_nothing_is_pickled() -> None:
    """The module does not know how; and what it sends is msgpack, with a tensor's bytes as they are."""
    assert "pickle" not in vars(wire)
    ours, theirs = socket.socketpair()
    wire.Connection(ours).send({"x": torch.ones(2)})
    ours.close()
    data = theirs.makefile("rb").read()
    (message,) = msgpack.unpackb(data[4:], strict_map_key=False)
    assert message == {"x": {None: ["tensor", "float32", [], struct.pack("2f", 1, 1), 2]}}
