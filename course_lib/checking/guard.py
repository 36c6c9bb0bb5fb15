"""Keeps the operator that an exercise asks for out of the learner's reach while it is checked.

Three looks, because each sees what the others miss: the source (gives the line), torch's dispatcher (sees the operator,
however it was called), and the reference operators of course_lib (built from plain tensor operations, so the dispatcher
can't tell them; their code is swapped for a refusal while the check runs).
"""

from __future__ import annotations

import ast
import glob
import inspect
import os
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import torch
from torch.library import Library, fallthrough_kernel

from course_lib.checking.plain import functions_of
from course_lib.checking.source import tree_of

# A family is every operator whose name, in lower case and without underscores, contains one of these words.
# What the exercises themselves are made of, "answers", is banned wherever anything is.
FAMILIES: dict[str, tuple[str, ...]] = {
    "answers": (),
    "pooling": ("maxpool", "avgpool", "lppool", "minpool", "powavg", "pyramidpool"),
    "blur": ("blurpool",),
    "unpooling": ("unpool",),
    "convolution": ("conv",),
    "transposed convolution": ("convtranspose", "conv1dinput", "conv2dinput", "conv3dinput"),
    "transposed size": ("transposedsize",),
    "overlap": ("overlap",),
    "normalization": ("batchnorm", "instancenorm", "groupnorm", "layernorm"),
    "folding": ("fuseconv",),
    "block": ("convblock",),
    "interpolation": ("interpolat", "upsampl", "gridsampl", "resampl", "sourcecoordinate", "sourcestep"),
    "receptive field": ("receptivefield",),
    "consistency": ("consistency",),
    "shuffle": ("pixelshuffle", "pixelunshuffle", "channelshuffle"),
    "icnr": ("icnr", "subpixel"),
    "alignment": ("fit",),
    "iou": ("maskiou", "jaccard"),
    "unet": ("unet", "noskips"),
    "phase energy": ("phaseenergy", "unevenness", "upsamplerenergy"),
}


# Where what exercises ask for is done in plain tensor operations, by course_lib or by torch itself.
FUSION = "torch.nn.utils.fusion"
REFERENCES = (
    FUSION,
    "course_lib.functional",
    "course_lib.nn",
    "course_lib.analysis",
    "course_lib.geometry",
)
_HOLD_ANSWERS = (*REFERENCES, "course_lib.exercises")


class BannedOperator(Exception):
    """Raised inside the learner's call when it reaches for the operator that it is asked to build."""


@dataclass(frozen=True)
class Hit:
    """One use of a banned operator: its name as the learner would write it and, where known, the line."""

    operator: str
    line: int | None = None


@dataclass
class Guard:
    """What is banned during one call, and what the guard saw of it."""

    families: Sequence[str] = ()
    hits: list[Hit] = field(default_factory=list)


def _plain(name: str) -> str:
    return name.replace("_", "").lower().replace("convert", "")  # which begins like a convolution and is none


def is_banned(name: str, families: Sequence[str]) -> bool:
    """Whether an operator of this name belongs to one of the families.

    >>> is_banned("adaptive_max_pool2d", ["pooling"]), is_banned("amax", ["pooling"])
    (True, False)
    """
    return _is_banned(name, tuple(families))


@lru_cache(maxsize=4096)
def _is_banned(name: str, families: tuple[str, ...]) -> bool:
    return _holds(_plain(name), families)


def _holds(plain: str, families: Sequence[str]) -> bool:
    return any(word in plain for family in families for word in FAMILIES[family])


def static_hits(work: Callable, families: Sequence[str]) -> list[Hit]:
    """The places in the work's source that name a banned operator of torch or course_lib.

    Names are resolved in the work's own globals, so a learner's own ``max_pool`` is no hit.
    """
    if not families:
        return []
    hits = {hit for function in functions_of(work) for hit in _function_hits(function, families)}
    bases = inspect.getmro(work) if inspect.isclass(work) else ()
    theirs = [base for base in bases if is_banned(base.__name__, families) and _is_theirs(base)]
    hits |= {Hit(f"{base.__module__}.{base.__name__}") for base in theirs}
    return sorted(hits, key=lambda hit: (hit.line or 0, hit.operator))


def _function_hits(function: Callable, families: Sequence[str]) -> Iterator[Hit]:
    tree = tree_of(function)
    if tree is None:
        return
    scope = getattr(inspect.unwrap(function), "__globals__", {})
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            value = _resolve(node, scope)
            written = node.attr if isinstance(node, ast.Attribute) else node.id
            for name in (written, getattr(value, "__name__", None)):
                if isinstance(name, str) and (
                    (is_banned(name, families) and _is_theirs(value)) or (name == written and _is_answer(value))
                ):
                    yield Hit(name, node.lineno)
                    break
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("torch", "course_lib"):
            for alias in node.names:
                if is_banned(alias.name, families):
                    yield Hit(alias.name, node.lineno)


def _resolve(node: ast.AST, scope: dict[str, Any]) -> Any:
    """The object that a dotted name stands for, following modules only; None where it isn't known."""
    if isinstance(node, ast.Name):
        return scope.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _resolve(node.value, scope)
        if isinstance(owner, types.ModuleType) or type(owner).__module__ == "torch._ops":
            return getattr(owner, node.attr, None)
    return None


def _is_theirs(value: Any) -> bool:
    """Whether an object comes from torch or from course_lib's operators and analyses, not from the learner."""
    module = str(getattr(value, "__module__", None) or type(value).__module__)
    return module.split(".")[0] == "torch" or module.startswith(REFERENCES)


def _is_answer(value: Any) -> bool:
    """Whether an object is one that an exercise is made of: an oracle, a wrong function, or what these call."""
    return inspect.isfunction(value) and str(value.__module__).startswith("course_lib.exercises")


# A key that torch's dispatcher keeps for its own tests, before autograd and every mode. An operator that has no kernel
# for it falls through at no cost, so that nothing is slower but what is watched. (A TorchDispatchMode would add 10 µs
# to every call of every operator.)
KEY_NAME = "TESTING_ONLY_GenericMode"
KEY = torch._C._dispatch_key_parse(KEY_NAME)
_libraries: dict[str, Library] = {}
_watched: set[str] = set()


@cache
def _watch(families: tuple[str, ...]) -> None:
    """Gives every operator of these families a kernel for the key. It stays, and is reached within guarded alone."""
    if not _libraries:
        _libraries["_"] = Library("_", "IMPL")
        _libraries["_"].fallback(fallthrough_kernel, KEY_NAME)
    for plain, operators in _operators().items():
        if _holds(plain, families):
            for operator in operators - _watched:
                _watched.add(operator)
                namespace, name = operator.split("::")
                library = _libraries.setdefault(namespace, Library(namespace, "IMPL"))
                library.impl(name, _kernel(namespace, *name.split(".")), KEY_NAME, with_keyset=True)


@cache
def _operators() -> dict[str, set[str]]:
    """Every operator that torch's dispatcher knows, by its plain name without namespace and overload."""
    found: dict[str, set[str]] = {}
    for operator in torch._C._dispatch_get_all_op_names():
        found.setdefault(_plain(operator.split("::")[1].split(".")[0]), set()).add(operator)
    return found


def _kernel(namespace: str, name: str, overload: str = "default") -> Callable:
    """What a guard's context has in the place of an operator: it refuses, or calls it where it is not banned now."""

    def kernel(keys, *args, **kwargs):
        written = name.strip("_")
        if written == "convolution" and args[6]:  # one operator for both; its seventh argument is `transposed`
            written = "conv_transpose"
        for guard in reversed(_open):
            if is_banned(written, guard.families):
                guard.hits.append(Hit(written.removesuffix("_with_indices")))
                raise BannedOperator(written)
        operator = getattr(getattr(getattr(torch.ops, namespace), name), overload)
        return operator.redispatch(keys.remove(KEY), *args, **kwargs)

    return kernel


def _refused(families: Sequence[str]) -> tuple[types.FunctionType, ...]:
    """The functions of course_lib that do a banned job, those behind its public face too, and the exercises' own."""
    import course_lib.functional  # noqa: F401, for it to be loaded

    loaded = tuple(name for name in _hold_answers() if name in sys.modules)
    return _refused_of(tuple(families), loaded)


@cache
def _hold_answers() -> tuple[str, ...]:
    """The modules that hold answers, loaded or not.

    A fork that looks at the name of every loaded module copies the page of memory on which each lies: 20 ms.
    """
    root = Path(__file__).parents[1]
    files = sorted(glob.glob("**/*.py", root_dir=root, recursive=True))
    names = (f"{root.name}.{file[:-3].replace(os.sep, '.')}".removesuffix(".__init__") for file in files)
    return FUSION, *(name for name in names if name.startswith(_HOLD_ANSWERS))


@lru_cache(maxsize=64)
def _refused_of(families: tuple[str, ...], modules: tuple[str, ...]) -> tuple[types.FunctionType, ...]:
    """Looked up anew whenever one more of them is loaded. A closure's code can't be swapped, what it calls can."""
    references, answers = _functions_of(modules)
    return (*(each for each in references if is_banned(each.__name__, families)), *answers)


@lru_cache(maxsize=1)
def _functions_of(modules: tuple[str, ...]) -> tuple[list[types.FunctionType], list[types.FunctionType]]:
    """The functions that these modules hold: torch's and course_lib's operators, and what exercises are made of."""
    found = {
        member: None for name in modules for member in vars(sys.modules[name]).values() if inspect.isfunction(member)
    }
    references = [each for each in found if _is_theirs(each)]
    return references, [each for each in found if _is_answer(each) and not each.__code__.co_freevars]


_open: list[Guard] = []
_withheld: list[tuple[str, ...]] = []


def _refuse(*args, **kwargs):
    # This code runs in the place of a reference operator's own, in that operator's module: it imports what it needs.
    import sys

    from course_lib.checking import guard

    name = sys._getframe().f_code.co_name
    for open_guard in guard._open[-1:]:  # none is open for what a learner's thread calls between two calls
        open_guard.hits.append(guard.Hit(name))
    raise guard.BannedOperator(name)


@cache
def _refusal(name: str) -> types.CodeType:
    """The code that refuses, under the name of what it stands for."""
    return _refuse.__code__.replace(co_name=name)


@contextmanager
def withheld(families: Sequence[str]) -> Iterator[None]:
    """While this context is open, the functions of course_lib that do a banned job refuse.

    ``guarded`` opens it for one call. Around many calls it is opened once: hundreds of functions are swapped, which
    takes longer than most calls.
    """
    families = tuple(families)
    if not families or _withheld[-1:] == [families]:
        yield
        return
    codes = [(function, function.__code__) for function in _refused(families)]
    _withheld.append(families)
    try:
        for function, code in codes:
            function.__code__ = _refusal(code.co_name)
        yield
    finally:
        for function, code in codes:
            function.__code__ = code
        _withheld.pop()


@contextmanager
def guarded(families: Sequence[str]) -> Iterator[Guard]:
    """While this context is open, a banned operator raises BannedOperator and is noted in the guard's hits.

    >>> import torch
    >>> with guarded(["pooling"]) as guard:
    ...     try:
    ...         torch.nn.functional.max_pool2d(torch.ones(1, 1, 2, 2), 2)
    ...     except BannedOperator:
    ...         print(guard.hits[0].operator)
    max_pool2d
    """
    guard = Guard(tuple(families))
    if not families:
        yield guard
        return
    with withheld(families):
        _watch(guard.families)
        _open.append(guard)
        try:
            with torch._C._IncludeDispatchKeyGuard(KEY):
                yield guard
        finally:
            _open.pop()
