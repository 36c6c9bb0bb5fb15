"""Turns what a learner's code returned into plain data: tensors, numbers, text, and tuples, lists and dicts of these.

Nothing of the learner's own survives it: no subclass whose ``==`` or ``__torch_function__`` agrees with everything, no
object whose ``repr`` raises. Of what has no plain form only the kind is kept.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

# What nests deeper, or is larger, is not looked into.
DEPTH = 8
ELEMENTS = 2**26
TEXT = 5000


@dataclass(frozen=True)
class Foreign:
    """The place of a value that has no plain form: what it is in a few words, and the module of its type."""

    kind: str
    module: str = ""


def plain(value: Any, depth: int = DEPTH) -> Any:
    """The value without anything of the learner's in it; tensors are detached copies.

    A tensor too large to be copied becomes a tensor of its shape and dtype on the device "meta", without values.

    >>> plain([torch.nn.Parameter(torch.ones(2)), 3, len])
    [tensor([1., 1.]), 3, Foreign(kind='a builtin_function_or_method', module='builtins')]
    """
    kind = type(value)
    if issubclass(kind, Tensor):
        return _plain_tensor(value)
    if value is None or kind is bool:
        return value
    if issubclass(kind, int):
        return int.__int__(value)
    if issubclass(kind, float):
        return float.__float__(value)
    if issubclass(kind, str):
        return text(value)
    if depth and issubclass(kind, list):
        return [plain(part, depth - 1) for part in list.__iter__(value)]
    if depth and issubclass(kind, tuple):
        return tuple(plain(part, depth - 1) for part in tuple.__iter__(value))
    if depth and issubclass(kind, dict):
        pairs = [(plain(key, 0), plain(part, depth - 1)) for key, part in dict.items(value)]
        return {key: part for key, part in pairs if is_key(key)}
    return Foreign(kind_of(value), _module(kind))


def is_key(value: Any) -> bool:
    """Whether this may be a plain dict's key: a text, or a number of 64 bits.

    Of larger numbers, and of tuples, anybody can make thousands that share one hash, and no dict of those is ever done.
    """
    return isinstance(value, str) or (isinstance(value, int) and -1 << 63 <= value < 1 << 63)


def unwrapped(value: Any) -> Any:
    """A tensor of any subclass as a torch.Tensor in the same graph; anything else as it is."""
    if type(value) is Tensor or not is_dense(value):
        return value
    with torch._C.DisableTorchFunctionSubclass():
        return Tensor.as_subclass(value, Tensor)


def is_dense(value: Any) -> bool:
    """Whether this is a tensor whose values lie in memory one by one: not sparse, nested, quantized or made up."""
    if not issubclass(type(value), Tensor) or type(value).__torch_dispatch__ is not Tensor.__torch_dispatch__:
        return False
    with torch._C.DisableTorchFunctionSubclass():
        layout, nested, quantized = (
            getattr(Tensor, name).__get__(value) for name in ("layout", "is_nested", "is_quantized")
        )
    return layout == torch.strided and not nested and not quantized


def _plain_tensor(value: Tensor) -> Tensor | Foreign:
    if not is_dense(value):
        return Foreign("a tensor of a special kind (sparse, nested, quantized or a subclass)", _module(type(value)))
    tensor = unwrapped(value)
    if tensor.numel() > ELEMENTS:
        return torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
    return tensor.detach().clone().resolve_conj().resolve_neg()


def text(value: str, most: int = TEXT) -> str:
    """A text cut to a length that a report can hold, with nothing in it that has no place in UTF-8.

    >>> text("abc", most=2), text("a" + chr(0xD800))
    ('ab…', 'a?')
    """
    value = str.__str__(value)
    cut = value[:most] + ("…" if len(value) > most else "")
    return cut.encode("utf-8", "replace").decode("utf-8")


def message_of(error: BaseException) -> str:
    """An error's own message; empty where it has none, or none that can be had."""
    try:
        return text(str(error))
    except (Exception, SystemExit):
        return ""


def kind_of(value: Any) -> str:
    """What a value is, in a few words.

    >>> kind_of(3.5), kind_of([1]), kind_of(torch.ones(2, 3)), kind_of(len), kind_of(dict)
    ('a float (3.5)', 'a list', 'a tensor of shape (2, 3)', 'a builtin_function_or_method', 'the class dict')
    """
    kind = type(value)
    if kind is Foreign:
        return value.kind
    if kind is Tensor:
        return f"a tensor of shape {tuple(value.shape)}"
    if issubclass(kind, type):
        return f"the class {name_of(value)}"
    name = name_of(kind)
    article = "an" if name[:1].lower() in tuple("aeiou") else "a"
    if kind in (bool, float):
        return f"{article} {name} ({value!r})"
    if kind is int:
        return f"{article} {name} ({short(value)})"
    if kind is str:
        return f"{article} {name} ({text(value, 60)!r})"
    return f"{article} {name}"


def short(value: int) -> str:
    """A whole number in digits, or how long it is where nobody would read them.

    >>> short(10**20), short(10**5000)
    ('100000000000000000000', 'a number of 16610 bits')
    """
    return str(value) if value.bit_length() <= 200 else f"a number of {value.bit_length()} bits"


def name_of(kind: type) -> str:
    """The name of a type, whatever its metaclass says."""
    return text(type.__dict__["__name__"].__get__(kind), 60)


def _module(kind: type) -> str:
    module = getattr(kind, "__module__", "")
    return module if type(module) is str else ""


def functions_of(work: Any) -> list[Callable]:
    """The functions that a work consists of: itself, or what a class defines."""
    if inspect.isclass(work):
        return [member for member in vars(work).values() if inspect.isfunction(member)]
    return [work]
