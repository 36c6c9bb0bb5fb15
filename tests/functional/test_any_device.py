"""Every operator and module on a device whose tensors have no values: nothing names the CPU, nothing waits for a value.

torch's FakeTensorMode knows of each tensor only shape, dtype and device; it refuses to mix devices and to tell a value.
Without a GPU it can't do so for "cuda" (views and gradients ask for a driver), so the device is "meta", where our
operators go the same way as on every device that is no CPU. What only CUDA does is left to the tests that want one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

import course_lib.nn as cnn
from tests.functional.test_every_operator import CALLS, run

DEVICE = "meta"
FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}
pytestmark = pytest.mark.xdist_group("test_torch_compile")  # as tests/conftest.py says


@cache
def without_values() -> FakeTensorMode:
    """One mode for all, since it remembers what operations it has seen; made late, since it imports torch.compile."""
    return FakeTensorMode()


class NothingComesBack(TorchDispatchMode):
    """Refuses copies from the device to the CPU, which would wait for them."""

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is torch.ops.aten._to_copy.default and args[0].device.type == DEVICE:
            assert result.device.type == DEVICE, f"copied back to {result.device}"
        return result


def there(value: Any) -> Any:
    """A tensor of the same shape, memory and dtype on the device, without values."""
    if not isinstance(value, Tensor):
        return value
    twin = torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device=DEVICE)
    return twin.requires_grad_(value.requires_grad)


def outputs_and_gradients(function: Callable, *inputs: Any) -> list[Tensor]:
    """What a function makes of inputs on the device, and the gradients of those that want one."""
    with without_values(), NothingComesBack():
        inputs = tree_map(there, inputs)
        outputs = [y for y in tree_leaves(function(*inputs)) if isinstance(y, Tensor)]
        leaves = [x for x in tree_leaves(inputs) if isinstance(x, Tensor) and x.requires_grad]
        total = sum(y.square().sum() for y in outputs if y.requires_grad)
        return outputs + (list(torch.autograd.grad(total, leaves)) if leaves else [])


def devices(tensors: list[Tensor]) -> set[str]:
    return {tensor.device.type for tensor in tensors}


def in_format(x: Tensor, last: bool) -> Tensor:
    return x.contiguous(memory_format=FORMATS[x.dim()]) if last else x


CASES = [
    (name, last, gradient)
    for name, (shape, _) in CALLS.items()
    for last in (False, True)[: 1 + (len(shape) in FORMATS)]
    for gradient in (False, True)
    # An extremum that nobody differentiates is found in another way.
    if gradient or any(word in name for word in ("max_pool", "min_pool", "pyramid"))
]


@pytest.mark.filterwarnings("ignore:.*deprecated")
@pytest.mark.parametrize(("name", "last", "gradient"), CASES)
def test_an_operator_stays_on_the_device_and_waits_for_nothing(name, last, gradient):
    shape, arguments = CALLS[name]
    x = in_format(torch.zeros(shape), last).requires_grad_(gradient)
    if gradient and "weight" in arguments:
        arguments = {**arguments, "weight": arguments["weight"].clone().requires_grad_()}
    found = outputs_and_gradients(lambda x, arguments: run(name, x, arguments), x, arguments)
    assert devices(found) == {DEVICE}
    assert len(found) == 1 + gradient + (gradient and "weight" in arguments)


SIGNAL, IMAGE, VOLUME = torch.zeros(2, 4, 8), torch.zeros(2, 4, 8, 8), torch.zeros(2, 4, 4, 4, 4)
BUILDS: dict[str, tuple[Any, ...]] = {
    **{f"{kind}Pool{n}d": (2,) for kind in ("Max", "Avg", "Min") for n in (1, 2, 3)},
    **{f"LPPool{n}d": (2, 2) for n in (1, 2, 3)},
    **{f"Adaptive{kind}Pool{n}d": (3,) for kind in ("Max", "Avg") for n in (1, 2, 3)},
    **{f"MaxUnpool{n}d": (2,) for n in (1, 2, 3)},
    **{"AvgUnpool2d": (2,), "BlurPool2d": (), "SpatialPyramidPooling": (), "PixelShuffle": (2,), "ReLU": (True,)},
    **{"Conv2d": (4, 6, 3), "ConvTranspose2d": (4, 6, 3), "BatchNorm2d": (4,), "ConvBlock": (4, 6)},
    **{"SubPixelConv2d": (4, 6, 2), "UpProjection": (4, 6), "UNet": (4, 2, 4, 1)},
}


@pytest.mark.parametrize("name", BUILDS)
def test_a_module_stays_on_the_device_and_waits_for_nothing(name):
    module = getattr(cnn, name)(*BUILDS[name])
    x = {"1": SIGNAL, "3": VOLUME}.get(name[-2], IMAGE)
    inputs = (x, torch.zeros(x.shape, dtype=torch.long)) if name.startswith("MaxUnpool") else (x,)
    state = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    found = outputs_and_gradients(
        lambda state, *inputs: torch.func.functional_call(module, state, inputs), state, *inputs
    )
    assert devices(found) == {DEVICE}
    assert len(found) == 1 + len([*module.parameters()])


def test_every_module_is_here():
    assert {name for name in cnn.__all__ if isinstance(getattr(cnn, name), type)} == {*BUILDS}
    assert devices(outputs_and_gradients(lambda x: cnn.fit(x, 9, 7), IMAGE)) == {DEVICE}
    assert devices(outputs_and_gradients(lambda w: cnn.icnr_(w, 2), torch.zeros(8, 2, 3, 3))) == {DEVICE}


def test_an_average_over_all_batches_so_far_waits_for_their_number_as_torchs_does():
    """The one exception: without a momentum the number of batches is looked at."""
    for layer in (cnn.BatchNorm2d(4, momentum=None), nn.BatchNorm2d(4, momentum=None)):
        state = {**dict(layer.named_parameters()), **dict(layer.named_buffers())}
        with pytest.raises(DataDependentOutputException, match="_local_scalar_dense"):
            outputs_and_gradients(lambda state, x, at=layer: torch.func.functional_call(at, state, (x,)), state, IMAGE)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda x: x + torch.arange(8.0), "cpu"),
        (lambda x: x.index_select(-1, torch.arange(2)), "cpu"),
        (lambda x: x + torch.tensor([1.0] * 8, device=x.device), "convert all Tensors"),
        (lambda x: x / x.max().item(), "_local_scalar_dense"),
        (lambda x: -x if x.sum() > 0 else x, "_local_scalar_dense"),
        (lambda x: x[x > 0], "nonzero"),
        (lambda x: x.cpu(), "copied back"),
    ],
    ids=["adds a CPU's", "looks up by a CPU's", "copies a list while the CPU waits", "item", "if", "nonzero", "cpu"],
)
def test_what_names_the_cpu_or_waits_is_found(wrong, words):
    with pytest.raises(Exception, match=words):
        outputs_and_gradients(wrong, IMAGE)
