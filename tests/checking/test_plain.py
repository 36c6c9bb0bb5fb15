"""What is left of a learner's output: plain data, and nothing that could agree with everything."""

from __future__ import annotations

import collections

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.checking.plain import Foreign, kind_of, message_of, plain, text, unwrapped


class Yes(torch.Tensor):
    """Says yes to every question."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return True

    def __eq__(self, other):
        return True

    @property
    def shape(self):
        return torch.Size([7])

    def detach(self):
        return torch.arange(3.0)


class YesInt(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__


class YesDict(dict):
    def __getitem__(self, key):
        return "whatever you wanted"

    def items(self):
        return ()


class Rude:
    def __repr__(self):
        raise RuntimeError("no")

    __str__ = __eq__ = __repr__


def test_a_tensor_becomes_a_detached_copy() -> None:
    x = torch.ones(2, requires_grad=True)
    out = plain(x)
    x.data.zero_()
    assert out.tolist() == [1, 1]
    assert not out.requires_grad


def test_a_subclass_loses_its_voice() -> None:
    out = plain(torch.zeros(3).as_subclass(Yes))
    assert type(out) is torch.Tensor
    assert out.shape == (3,)
    assert (out == 1).tolist() == [False, False, False]
    assert type(plain(nn.Parameter(torch.ones(1)))) is torch.Tensor


def test_a_subclass_keeps_its_graph_while_it_is_unwrapped() -> None:
    x = torch.ones(3, requires_grad=True)
    unwrapped((2 * x).as_subclass(Yes)).sum().backward()
    assert x.grad.tolist() == [2, 2, 2]


def test_numbers_texts_and_containers_lose_theirs() -> None:
    assert type(plain(YesInt(3))) is int
    assert plain(np.float64(2.5)) == 2.5
    assert type(plain(np.float64(2.5))) is float
    assert plain(YesDict(a=YesInt(3))) == {"a": 3}
    assert type(plain(YesDict())) is dict
    assert plain(collections.namedtuple("Pair", "a b")(1, [2])) == (1, [2])
    assert type(plain(torch.return_types.max((torch.ones(1), torch.ones(1))))) is tuple
    assert plain({"a": 1, 2: 3, 10**30: 4, (5,): 6}) == {"a": 1, 2: 3}
    assert plain([True, None, "x", 2, 2.5]) == [True, None, "x", 2, 2.5]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (np.ones(2), "a ndarray"),
        (Rude(), "a Rude"),
        (Rude, "the class Rude"),
        (len, "a builtin_function_or_method"),
        ((n for n in ()), "a generator"),
        (torch.ones(2).to_sparse(), "a tensor of a special kind (sparse, nested, quantized or a subclass)"),
        (2 + 3j, "a complex"),
        ({1, 2}, "a set"),
    ],
)
def test_what_has_no_plain_form_leaves_its_kind(value, kind: str) -> None:
    assert plain(value) == Foreign(kind, type(value).__module__)


def test_a_list_that_holds_itself_comes_to_an_end() -> None:
    endless: list = []
    endless.append(endless)
    assert "Foreign" in repr(plain(endless))


def test_a_tensor_that_claims_more_memory_than_there_is_keeps_shape_and_dtype() -> None:
    out = plain(torch.ones(1).expand(10**6, 10**6))
    assert (tuple(out.shape), out.dtype, out.device.type) == ((10**6, 10**6), torch.float32, "meta")


def test_a_lazily_negated_or_conjugated_tensor_is_resolved() -> None:
    out = plain(torch.tensor([1 + 2j]).conj().imag)
    assert not out.is_neg()
    assert out.tolist() == [-2]


def test_text_is_cut_and_fits_into_utf_8() -> None:
    assert text("a" * 10, most=3) == "aaa…"
    assert text("\ud800") == "?"
    assert len(text("a" * 30_000_000)) < 10_000


def test_a_message_that_can_not_be_had_is_empty() -> None:
    class Mute(Exception):
        def __str__(self):
            raise SystemExit

    assert message_of(ValueError("k=0")) == "k=0"
    assert message_of(Mute()) == ""


def test_the_kind_of_a_value_is_always_short() -> None:
    assert kind_of("x" * 10**6).startswith("a str ('xxx")
    assert len(kind_of("x" * 10**6)) < 100
    assert kind_of(10**5000) == "an int (a number of 16610 bits)"
    assert kind_of(None) == "a NoneType"
    assert kind_of(type("N" * 10**6, (), {})()) == f"a {'N' * 60}…"
