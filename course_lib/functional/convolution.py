"""Convolution and transposed convolution, over signals, images and volumes.

Drop-ins for those of torch.nn.functional. Input is (N, C, L), (N, C, H, W) or (N, C, D, H, W), N may be missing. An
argument for several axes is one int for all or a tuple with one for each. A refusal is of the kind that torch
raises: TypeError for a wrong kind of argument, RuntimeError for a value or a shape out of range, NotImplementedError
for a dtype. One implementation serves any number of axes: how it is done stands in _convolution.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib import geometry
from course_lib.functional._convolution import INPUT, OUTPUT, convolve
from course_lib.functional._pieces import Convolution
from course_lib.functional._windows import FLOATS, INTEGERS, SHAPES, Axis, check_dtype, check_tensor
from course_lib.geometry import is_int

Ints = int | Sequence[int]

COMPLEX = (torch.complex32, torch.complex64, torch.complex128)


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: str | Ints = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> Tensor:
    """Convolution of a signal: (N, C, L) with a weight (O, C/groups, K) to (N, O, L'). See conv2d.

    >>> conv1d(torch.tensor([[1.0, 2.0, 4.0, 8.0]]), torch.tensor([[[-1.0, 1.0]]]))
    tensor([[1., 2., 4.]])
    """
    return _conv(1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: str | Ints = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> Tensor:
    """Convolution of an image: (N, C, H, W) with a weight (O, C/groups, KH, KW) to (N, O, H', W').

    output[n, o, i] = bias[o] + Σ over c and taps k of weight[o, c, k] · input[n, c, i·stride - padding + k·dilation],
    sizes by geometry.output_size, padding of zeros. (The kernel isn't flipped: mathematics calls this a correlation.)
    `padding` "valid" is 0; "same" keeps the size, for stride 1 only, an odd zero going to the right end. The channels
    are parted into `groups`, and outputs of a group see its inputs alone; groups = C is depthwise convolution.

    >>> edges = torch.tensor([[[[-1.0, 1.0]]]])
    >>> conv2d(torch.tensor([[[0.0, 0.0, 5.0, 5.0], [0.0, 5.0, 5.0, 5.0]]]), edges)
    tensor([[[0., 5., 0.],
             [5., 0., 0.]]])
    """
    return _conv(2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: str | Ints = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> Tensor:
    """Convolution of a volume: (N, C, D, H, W) with a weight (O, C/groups, KD, KH, KW). See conv2d.

    >>> conv3d(torch.arange(8.0).reshape(1, 2, 2, 2), torch.ones(1, 1, 2, 2, 2))
    tensor([[[[28.]]]])
    """
    return _conv(3, input, weight, bias, stride, padding, dilation, groups)


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Ints = 0,
    output_padding: Ints = 0,
    groups: int = 1,
    dilation: Ints = 1,
) -> Tensor:
    """Transposed convolution of a signal: (N, C, L) with a weight (C, O/groups, K) to (N, O, L'). See conv_transpose2d.

    >>> conv_transpose1d(torch.tensor([[1.0, 2.0]]), torch.tensor([[[1.0, 1.0, 1.0]]]), stride=2)
    tensor([[1., 1., 3., 2., 2.]])
    """
    return _conv_transpose(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Ints = 0,
    output_padding: Ints = 0,
    groups: int = 1,
    dilation: Ints = 1,
) -> Tensor:
    """Transposed convolution of an image: (N, C, H, W) with a weight (C, O/groups, KH, KW) to (N, O, H', W').

    The transpose of conv2d with the same weight and arguments: ⟨conv2d(x, w), y⟩ = ⟨x, conv_transpose2d(y, w)⟩. Each
    input spreads weight · input over the window that it would read, and where windows overlap they add up. Sizes by
    geometry.transposed_size: several input sizes give conv2d the same output, `output_padding`, less than stride or
    than dilation, says how far above the least of them to be.

    >>> conv_transpose2d(torch.tensor([[[1.0, 2.0]]]), torch.ones(1, 1, 2, 2), stride=2)
    tensor([[[1., 1., 2., 2.],
             [1., 1., 2., 2.]]])
    """
    return _conv_transpose(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Ints = 0,
    output_padding: Ints = 0,
    groups: int = 1,
    dilation: Ints = 1,
) -> Tensor:
    """Transposed convolution of a volume: (N, C, D, H, W), weight (C, O/groups, KD, KH, KW). See conv_transpose2d.

    >>> conv_transpose3d(torch.tensor([[[[3.0]]]]), torch.ones(1, 1, 1, 2, 2))
    tensor([[[[3., 3.],
              [3., 3.]]]])
    """
    return _conv_transpose(3, input, weight, bias, stride, padding, output_padding, groups, dilation)


def _conv(n: int, input: Tensor, weight: Tensor, bias, stride, padding, dilation, groups) -> Tensor:
    name = f"conv{n}d"
    _check_tensors(name, n, input, weight, bias, groups)
    if isinstance(padding, str) and padding not in ("same", "valid"):
        raise RuntimeError(f"{name}(): padding={padding!r} must be an int, a tuple of ints, 'same' or 'valid'")
    strides, dilations = _each(name, n, "stride", stride), _each(name, n, "dilation", dilation)
    if padding == "same" and strides != (1,) * n:
        raise RuntimeError(f"{name}(): stride={stride!r} must be 1 with padding='same'")
    pads = (0,) * n if isinstance(padding, str) else _each(name, n, "padding", padding)
    if len(weight) < groups or len(weight) % groups:
        raise RuntimeError(
            f"{name}(): weight.shape[0]={len(weight)}, the outputs, must be a positive multiple of groups={groups}"
        )
    _check_channels(
        name, n, input, weight.shape[1] * groups, f"weight.shape[1] · groups = {weight.shape[1]} · {groups}"
    )
    _check_bias(name, bias, len(weight))
    _check_numbers(name, input, weight, bias, INTEGERS if max(dilations) == 1 else (torch.int64,))
    axes = []
    for dim, (size, k, s, p, d) in enumerate(
        zip(input.shape[-n:], weight.shape[2:], strides, pads, dilations, strict=True), start=-n
    ):
        try:
            out = geometry.output_size(size, k, s, d * (k - 1) if padding == "same" else p, d)
        except ValueError as error:
            raise RuntimeError(f"{name}(): on dim {dim}, {error}") from None
        axes.append(Axis(dim, size, *((size, k, s, d * (k - 1) // 2, d) if padding == "same" else (out, k, s, p, d))))
    y = _run(OUTPUT, input, weight, bias, Convolution(tuple(axes), groups, weight.shape[1]))
    return y if weight.shape[1] else y.narrow(-n - 1, 0, 0)  # of no channels torch makes no channels


def _conv_transpose(
    n: int, input: Tensor, weight: Tensor, bias, stride, padding, output_padding, groups, dilation
) -> Tensor:
    name = f"conv_transpose{n}d"
    _check_tensors(name, n, input, weight, bias, groups)
    if weight.shape[1] == 0:
        raise RuntimeError(f"{name}(): weight.shape[1]=0, the outputs of a group, must be at least 1")
    if len(weight) < groups or len(weight) % groups:
        raise RuntimeError(
            f"{name}(): weight.shape[0]={len(weight)}, the inputs, must be a positive multiple of groups={groups}"
        )
    _check_channels(name, n, input, len(weight), "weight.shape[0]")
    _check_bias(name, bias, weight.shape[1] * groups)
    _check_numbers(name, input, weight, bias, (torch.int64,))
    each = [
        _each(name, n, argument, value)
        for argument, value in (
            ("stride", stride),
            ("padding", padding),
            ("output_padding", output_padding),
            ("dilation", dilation),
        )
    ]
    axes = []
    for dim, (out, k, s, p, more, d) in enumerate(
        zip(input.shape[-n:], weight.shape[2:], *each, strict=True), start=-n
    ):
        try:
            size = geometry.transposed_size(out, k, s, p, more, d)
        except ValueError as error:
            raise RuntimeError(f"{name}(): on dim {dim}, {error}") from None
        if more >= max(s, d) and input.shape[0]:  # torch looks only where there is a batch
            raise RuntimeError(
                f"{name}(): on dim {dim}, output_padding={more} must be between 0 and {max(s, d) - 1}: "
                f"less than stride={s} or than dilation={d}"
            )
        axes.append(Axis(dim, size, out, k, s, p, d))
    return _run(INPUT, input, weight, bias, Convolution(tuple(axes), groups, weight.shape[1]))


def _run(role: str, input: Tensor, weight: Tensor, bias: Tensor | None, conv: Convolution) -> Tensor:
    """The convolution (OUTPUT) of the input, or the transposed one (INPUT), plus the bias."""
    device = input.device.type
    if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device) and input.dtype in FLOATS[:3]:
        dtype = torch.get_autocast_dtype(device)
        input, weight, bias = input.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)
    batch = input if input.dim() == weight.dim() else input.unsqueeze(0)
    y = convolve(role, *((batch, weight) if role == OUTPUT else (weight, batch)), conv)
    if bias is not None:
        y = y + bias.reshape(-1, *(1,) * len(conv.axes))
    return y if batch is input else y.squeeze(0)


def _each(name: str, n: int, argument: str, value) -> tuple[int, ...]:
    try:
        return geometry.per_axis(value, n, argument)
    except TypeError as error:
        raise TypeError(f"{name}(): {error}") from None
    except ValueError as error:
        raise RuntimeError(f"{name}(): {error}") from None


def _check_tensors(name: str, n: int, input, weight, bias, groups) -> None:
    check_tensor(name, input)
    check_tensor(name, weight, "weight")
    if bias is not None:
        check_tensor(name, bias, "bias")
    if not is_int(groups):
        raise TypeError(f"{name}(): groups={groups!r} must be an int")
    if groups < 1:
        raise RuntimeError(f"{name}(): groups={groups} must be at least 1")
    if input.dim() not in (n + 1, n + 2):
        raise RuntimeError(
            f"{name}(): input must have {n + 1} or {n + 2} axes, {SHAPES[n]}, but its shape is {tuple(input.shape)}"
        )
    if weight.dim() != n + 2:
        raise RuntimeError(
            f"{name}(): weight must have {n + 2} axes, two of channels and {n} of the kernel, "
            f"but its shape is {tuple(weight.shape)}"
        )


def _check_channels(name: str, n: int, input: Tensor, channels: int, why: str) -> None:
    if input.shape[-n - 1] != channels:
        raise RuntimeError(
            f"{name}(): input must have {channels} channels ({why}), but its shape is {tuple(input.shape)}, "
            f"with {input.shape[-n - 1]}"
        )


def _check_bias(name: str, bias: Tensor | None, outputs: int) -> None:
    if bias is not None and bias.shape != (outputs,):
        raise RuntimeError(f"{name}(): bias must have the shape ({outputs},), not {tuple(bias.shape)}")


def _check_numbers(name: str, input: Tensor, weight: Tensor, bias: Tensor | None, integers) -> None:
    for argument, tensor in (("weight", weight), ("bias", bias)):
        if tensor is not None and tensor.dtype != input.dtype:
            raise RuntimeError(f"{name}(): {argument}.dtype={tensor.dtype} must be input.dtype={input.dtype}")
    check_dtype(name, input, (*FLOATS, *COMPLEX, *(() if input.device.type == "cuda" else integers)))
