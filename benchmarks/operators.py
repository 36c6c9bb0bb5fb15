"""How fast are our operators beside torch's own?

    python benchmarks/operators.py [NAME…] [--threads N] [--repetitions N] [--compiled] [--device cuda] [--save]

Each row of CASES is one operator with its arguments on one input. Ours and torch's run in turn, in the same process on
the same data, forward alone and forward with backward. Beside them stands the time to copy the input's bytes, the least
that any operator could take. Least times are compared, medians shown with them; and the most memory that a call holds
at once. Where ours is the slower, a profile says what the call does, and REASONS why. `--compiled` compares one case of
each operator with both sides under torch.compile instead. On a GPU the time to copy becomes the share of the copying
bandwidth that a forward reaches. `--save` writes docs/benchmarks/operators.md and a picture of the ratios beside it, or
docs/benchmarks/operators_compiled.md; for a GPU, pages of their own whose names end in _cuda.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch.profiler import ProfilerActivity, profile

import course_lib.functional as CF

TABLE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "operators.md"
COMPILED = TABLE.with_stem("operators_compiled")
PICTURE = TABLE.with_suffix(".png")
FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def blur_by_convolution(x: torch.Tensor, stride: int = 2) -> torch.Tensor:
    row = 0.5 - 0.25 * torch.arange(-1, 2, device=x.device).abs()  # 1 2 1, made where the image is
    kernel = torch.outer(row, row).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), kernel, stride=stride, groups=x.shape[1])


def pyramid_of_pools(x: torch.Tensor) -> torch.Tensor:
    return torch.cat([F.adaptive_max_pool2d(x, size).flatten(1) for size in (4, 2, 1)], 1)


# What one writes with torch where it has no such operator.
INSTEAD: Mapping[str, Callable] = {
    "min_pool2d": lambda x, **arguments: -F.max_pool2d(-x, **arguments),
    "avg_unpool2d": lambda x, kernel_size: F.interpolate(x, scale_factor=kernel_size),
    "blur_pool2d": blur_by_convolution,
    "spatial_pyramid_pool": pyramid_of_pools,
}


# Why an operator is slower than torch's on some row, where nothing was found that would change it; by the first words
# of its name.
REASONS = {
    "max_pool": (
        "An operation on tensors compares two maps, so a window is a walk for each tap of each axis, where torch walks "
        "once and keeps the best so far. In channels_last torch's walk is dense and nothing makes up for the others; "
        "where windows overlap, the gradient is a scatter_add besides, 2 to 8 ns an output."
    ),
    "min_pool": "As max_pool, of which it is the mirror.",
    "avg_pool": (
        "A sum is a walk for each tap of each axis; in channels_last torch's single walk is dense, so that ours only "
        "adds walks. On small maps the calls themselves count, 3 to 10 µs each."
    ),
    "lp_pool": "A power and a root around avg_pool.",
    "adaptive_max_pool": (
        "Bins are read tap by tap too, those of one size and distance at a time, where torch walks once; and a peak of "
        "twice torch's cuts small maps into pieces, a few calls of 3 to 10 µs for each. The gradient is a scatter_add. "
        "With one to come, a map too small to be cut stands in memory six times, as the values and the positions of "
        "the best so far, of the challengers and of who won: 4.7 MB against 2.3 on 13×13."
    ),
    "adaptive_avg_pool": (
        "Bins are read tap by tap, those of one size and distance at a time; a peak of twice torch's cuts small maps "
        "into pieces, none smaller than a sample. Beside a small result lies what is between its axes, of one sample "
        "in channels_last: 0.24 MB against 0.10 on 60×60."
    ),
    "spatial_pyramid_pool": "Three adaptive maxima.",
    "max_unpool2d": (
        "A scatter reads 8 bytes of index for each 4 of value. In channels_last each number of a row of "
        "channels has an index of its own."
    ),
    "avg_unpool2d": (
        "Copies on both sides. Ours in a plane doubles each row by index_select, then each column by making pairs of "
        "numbers, two walks; in channels_last one index_select looks up every pixel. torch's nearest interpolation, "
        "which stands beside it, makes one walk."
    ),
    "blur_pool2d": (
        "A walk of multiplying and adding for each tap of each axis, add_ in the profile, on zeros that are filled "
        "first. torch's convolution adds up taps in one walk; most of its time goes into the padding that it needs."
    ),
    "interpolate": (
        "torch's kernel for channels_last makes an output pixel from its neighbours in one walk through memory. One "
        "axis after the other writes and reads the map between them once more."
    ),
    "batch_norm": (
        "torch normalizes in one walk. An operation on tensors makes one multiplication and one addition at most, so "
        "to subtract, square and sum are three, though in the cache."
    ),
    "channel_shuffle": (
        "Both sides copy. In channels_last ours looks up each number by its index; torch transposes the channels of a "
        "pixel in registers."
    ),
    "pixel_shuffle": (
        "In channels_last the channels of an output pixel lie r² apart, so the copy moves single numbers; torch "
        "transposes blocks of them."
    ),
    "pixel_unshuffle": "Its gradient is pixel_shuffle.",
    "relu": (
        "Forward, both sides are the same single walk. The gradient is three operations on each block: of the "
        "selections tried (where, masked_fill, a product of bits) the fastest that lets no infinity through."
    ),
    "unfold": (
        "Both sides copy each tap. With a stride, ours reads every second number tap by tap, so each row as often as "
        "it has taps."
    ),
    "fold": (
        "As unfold, but writing: every second number, tap by tap, each row as often as it has taps; torch's walk makes "
        "each row once."
    ),
    "conv": (
        "A product of matrices needs columns, so each number is copied for each tap of a row before it is multiplied; "
        "torch's library packs numbers as it multiplies. Depthwise there are no matrices, and each tap is a "
        "walk that writes the output again, addcmul_, where torch adds up all taps in registers; the weight's gradient "
        "is two walks a tap, mul and sum. In conv3d the products alone, on columns of 144 numbers, take longer than "
        "all of torch's; pieces of any other size (2^16 to 2^22 numbers tried) take longer still."
    ),
}


# The same under torch.compile, where one is slower.
COMPILED_REASONS = {
    "max_pool": (
        "Most of the time goes into the forward that finds the positions for a gradient: values and positions of one "
        "axis after the other. torch's compiler makes one loop over the window and keeps its position in a byte."
    ),
    "min_pool": "As max_pool.",
    "lp_pool": (
        "With backward: the gradient of its sums is that of slices, each put back among zeros, and these are added up."
    ),
    "spatial_pyramid_pool": "Three adaptive maxima, and with a gradient their positions, as max_pool.",
    "conv": (
        "A convolution is one operation to torch.compile, so it runs what it runs eagerly: products of matrices and "
        "the copies that they need, addmm_ 60 to 80 % of the time."
    ),
}


class Case(NamedTuple):
    operator: str
    shape: tuple[int, ...]
    arguments: Mapping[str, object]
    memory: str = "contiguous"
    tensors: Mapping[str, tuple[int, ...]] = {}


STEM, MIDDLE, VOLUME = (8, 64, 112, 112), (8, 256, 28, 28), (2, 16, 32, 64, 64)
WINDOWS = (
    {"kernel_size": 2},
    {"kernel_size": 3, "stride": 2, "padding": 1},
    {"kernel_size": 3, "stride": 1, "padding": 1},
)
DECODER = (8, 64, 56, 56)
ADAPTIVE = (((8, 512, 14, 14), 1), (MIDDLE, 7), ((8, 256, 13, 13), 6), ((8, 512, 60, 60), 6), ((8, 64, 60, 60), 7))
RESIZINGS = (
    *(
        {"mode": mode, **target}
        for mode in ("nearest", "bilinear", "bicubic", "area")
        for target in ({"scale_factor": 2}, {"scale_factor": 0.5}, {"size": (97, 97)})
    ),
    {"mode": "nearest-exact", "scale_factor": 2},
    {"mode": "bilinear", "scale_factor": 2, "align_corners": True},
)
CONVOLUTIONS = (
    ("conv2d", (8, 3, 224, 224), (64, 3, 7, 7), {"stride": 2, "padding": 3}),
    ("conv2d", DECODER, (64, 64, 3, 3), {"padding": 1}),
    ("conv2d", STEM, (128, 64, 3, 3), {"stride": 2, "padding": 1}),
    ("conv2d", MIDDLE, (64, 256, 1, 1), {}),
    ("conv2d", (32, 512, 7, 7), (512, 512, 3, 3), {"padding": 1}),
    ("conv2d", (8, 128, 28, 28), (128, 4, 3, 3), {"padding": 1, "groups": 32}),
    ("conv2d", DECODER, (64, 1, 3, 3), {"padding": 1, "groups": 64}),
    ("conv_transpose2d", MIDDLE, (256, 128, 2, 2), {"stride": 2}),
    ("conv_transpose2d", DECODER, (64, 32, 4, 4), {"stride": 2, "padding": 1}),
    ("conv_transpose2d", DECODER, (64, 64, 3, 3), {"padding": 1}),
)
SHUFFLES = (
    ("pixel_shuffle", STEM, {"upscale_factor": 2}),
    ("pixel_shuffle", MIDDLE, {"upscale_factor": 4}),
    ("pixel_unshuffle", STEM, {"downscale_factor": 2}),
    ("pixel_unshuffle", MIDDLE, {"downscale_factor": 4}),
    ("channel_shuffle", STEM, {"groups": 4}),
    ("channel_shuffle", MIDDLE, {"groups": 8}),
)
STATISTICS = ("running_mean", "running_var", "weight", "bias")
CASES = [
    *(
        Case(operator, shape, window, memory)
        for operator, shape, memory, window in itertools.product(
            ("max_pool2d", "avg_pool2d"), (STEM, MIDDLE), FORMATS, WINDOWS
        )
    ),
    Case("max_pool2d", MIDDLE, {"kernel_size": 13, "stride": 1, "padding": 6}),
    Case("max_pool2d", STEM, {"kernel_size": 2, "return_indices": True}),
    Case("lp_pool2d", STEM, {"norm_type": 2, "kernel_size": 2}),
    Case("max_pool1d", (16, 64, 16384), {"kernel_size": 4}),
    Case("avg_pool1d", (16, 64, 16384), {"kernel_size": 4}),
    Case("max_pool3d", VOLUME, {"kernel_size": 2}),
    Case("avg_pool3d", VOLUME, {"kernel_size": 2}),
    *(Case("min_pool2d", STEM, {"kernel_size": 2}, memory) for memory in FORMATS),
    *(
        Case(f"adaptive_{kind}_pool2d", shape, {"output_size": size}, memory)
        for memory, kind, (shape, size) in itertools.product(FORMATS, ("max", "avg"), ADAPTIVE)
    ),
    *(Case("spatial_pyramid_pool", (8, 256, 13, 13), {}, memory) for memory in FORMATS),
    *(
        Case("max_unpool2d", shape, {"kernel_size": 2}, memory, {"indices": shape})
        for shape, memory in itertools.product((DECODER, MIDDLE), FORMATS)
    ),
    *(Case("avg_unpool2d", DECODER, {"kernel_size": 2}, memory) for memory in FORMATS),
    *(Case("blur_pool2d", DECODER, {}, memory) for memory in FORMATS),
    *(Case("interpolate", DECODER, resizing, memory) for memory, resizing in itertools.product(FORMATS, RESIZINGS)),
    *(
        Case("interpolate", DECODER, {"mode": mode, "size": size, "antialias": True})
        for mode, size in itertools.product(("bilinear", "bicubic"), (28, 97))
    ),
    Case("interpolate", (8, 21, 32, 32), {"mode": "bilinear", "scale_factor": 8}),
    Case("interpolate", (8, 3, 224, 224), {"mode": "bilinear", "size": (320, 320)}),
    Case("interpolate", (16, 64, 4096), {"mode": "nearest", "scale_factor": 2}),
    Case("interpolate", (16, 64, 4096), {"mode": "linear", "scale_factor": 2}),
    Case("interpolate", (2, 16, 16, 32, 32), {"mode": "nearest", "scale_factor": 2}),
    Case("interpolate", (2, 16, 16, 32, 32), {"mode": "trilinear", "scale_factor": 2}),
    *(
        Case(operator, shape, arguments, memory, {"weight": weight})
        for memory, (operator, shape, weight, arguments) in itertools.product(FORMATS, CONVOLUTIONS)
    ),
    Case("conv1d", (8, 64, 4096), {"padding": 2}, tensors={"weight": (64, 64, 5)}),
    Case("conv1d", (8, 1, 16000), {"padding": 4}, tensors={"weight": (16, 1, 9)}),
    Case("conv3d", (2, 16, 32, 32, 32), {"padding": 1}, tensors={"weight": (32, 16, 3, 3, 3)}),
    Case("conv_transpose1d", (8, 64, 2048), {"stride": 2, "padding": 1}, tensors={"weight": (64, 32, 4)}),
    Case("conv_transpose3d", (2, 32, 16, 16, 16), {"stride": 2}, tensors={"weight": (32, 16, 2, 2, 2)}),
    *(
        Case("batch_norm", shape, {"training": training}, memory, dict.fromkeys(STATISTICS, shape[1:2]))
        for shape, memory, training in itertools.product((STEM, MIDDLE), FORMATS, (False, True))
    ),
    *(Case(*shuffle, memory) for memory, shuffle in itertools.product(FORMATS, SHUFFLES)),
    *(Case("relu", STEM, {}, memory) for memory in FORMATS),
    Case("unfold", MIDDLE, {"kernel_size": 3, "padding": 1}),
    Case("unfold", DECODER, {"kernel_size": 2, "stride": 2}),
    Case("fold", (8, 256 * 9, 28 * 28), {"output_size": 28, "kernel_size": 3, "padding": 1}),
    Case("fold", (8, 64 * 4, 28 * 28), {"output_size": 56, "kernel_size": 2, "stride": 2}),
]


def times(functions: Mapping[str, Callable[[], object]], repetitions: int, device: str) -> dict[str, list[float]]:
    """Milliseconds of each call; the functions take turns, so that a slow moment of the machine hits all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for repetition in range(repetitions + 1):
        for name, function in functions.items():
            begin = time.perf_counter()
            function()
            if device == "cuda":
                torch.cuda.synchronize()
            if repetition:
                seconds[name].append((time.perf_counter() - begin) * 1e3)
    return seconds


def peak(function: Callable[[], object], device: str) -> int:
    """The bytes that a call holds at most, beyond what was there before."""
    function()
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        function()
        return torch.cuda.max_memory_allocated() - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        function()
    changes, ahead = [], list(profiled.profiler.kineto_results.experimental_event_tree())
    while ahead:
        event = ahead.pop()
        ahead += event.children
        if event.typed[0].name == "Allocation":
            changes.append((event.start_time_ns, event.typed[1].alloc_size))
    return max(itertools.accumulate(size for _, size in sorted(changes)), default=0)


def values(operator: Callable, arguments: Mapping[str, object], x: torch.Tensor) -> torch.Tensor:
    y = operator(x, **arguments)
    return y[0] if isinstance(y, tuple) else y


def gradient(function: Callable, leaves: Sequence[torch.Tensor], weights: torch.Tensor) -> torch.Tensor:
    return torch.autograd.grad(function(leaves[0]), leaves, weights)[0]


def calls(case: Case, device: str, compiled: bool = False) -> dict[str, Callable[[], torch.Tensor]]:
    """What is measured: the copy, and each side forward and with backward."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(case.shape, generator=generator).to(device).contiguous(memory_format=FORMATS[case.memory])
    leaf = x.clone(memory_format=torch.preserve_format).requires_grad_()
    tensors = {name: torch.rand(shape, generator=generator).to(device) for name, shape in case.tensors.items()}
    if "indices" in tensors:
        tensors["indices"] = indices_of_maxima(case, generator).to(device)
    fixed = ("running_mean", "running_var", "indices")
    trained = {name: t.clone().requires_grad_() for name, t in tensors.items() if name not in fixed}
    functions: dict[str, Callable[[], torch.Tensor]] = {"copy": x.clone}
    for name, module in (("ours", CF), ("torch", F)):
        operator = INSTEAD.get(case.operator) if module is F else None
        operator = operator or getattr(module, case.operator)
        operator = torch.compile(operator, fullgraph=True, dynamic=False) if compiled else operator
        forward = partial(values, operator, {**case.arguments, **tensors})
        functions[f"{name}, forward"] = partial(forward, x)
        functions[f"{name}, with backward"] = partial(
            gradient,
            partial(values, operator, {**case.arguments, **tensors, **trained}),
            (leaf, *trained.values()),
            torch.ones_like(values(getattr(CF, case.operator), {**case.arguments, **tensors}, x)),
        )
    return functions


def indices_of_maxima(case: Case, generator: torch.Generator) -> torch.Tensor:
    """Where the maxima of a map twice as large were."""
    *planes, height, width = case.shape
    large = torch.randn((*planes, 2 * height, 2 * width), generator=generator)
    return F.max_pool2d(large, 2, return_indices=True)[1].contiguous(memory_format=FORMATS[case.memory])


class Measured(NamedTuple):
    """Milliseconds of each call, the bytes that it holds at most, and what a forward reads and writes over a copy."""

    case: Case
    times: dict[str, list[float]]
    peaks: dict[str, int]
    traffic: float

    def ratio(self, what: str) -> float:
        """Torch's least time over ours."""
        return min(self.times[f"torch, {what}"]) / min(self.times[f"ours, {what}"])

    def memory(self, what: str) -> float:
        """Our peak over torch's."""
        return self.peaks[f"ours, {what}"] / max(1, self.peaks[f"torch, {what}"])


WHATS = ("forward", "with backward")


def measure(case: Case, repetitions: int, device: str) -> Measured:
    functions = calls(case, device)
    peaks = {name: peak(function, device) for name, function in functions.items() if name != "copy"}
    entries, made = math.prod(case.shape), functions["ours, forward"]().numel()
    return Measured(case, times(functions, repetitions, device), peaks, (entries + made) / (2 * entries))


def named(case: Case) -> list[str]:
    sizes = {name: "×".join(map(str, shape)) for name, shape in case.tensors.items() if len(shape) > 1}
    arguments = ", ".join(f"{name}={value}" for name, value in {**sizes, **case.arguments}.items())
    return [f"`{case.operator}`", arguments, "×".join(map(str, case.shape)), case.memory]


def row(measured: Measured, device: str) -> str:
    def both(name: str) -> str:
        return f"{min(measured.times[name]):.2f} ({statistics.median(measured.times[name]):.2f})"

    copied = both("copy")
    if device == "cuda":
        share = measured.traffic * min(measured.times["copy"]) / min(measured.times["ours, forward"])
        copied += f", {share:.0%} reached"
    cells = [*named(measured.case), copied]
    for what in WHATS:
        cells += [both(f"ours, {what}"), both(f"torch, {what}"), f"{measured.ratio(what):.2f}"]
        cells += [f"{measured.memory(what):.2f}"]
    return "| " + " | ".join(cells) + " |"


HEAD = (
    "| operator | arguments | input | memory | copy | ours | torch | ratio | peak "
    "| ours, with backward | torch | ratio | peak |",
    "|" + "---|" * 13,
)


def is_convolution(case: Case) -> bool:
    return case.operator.startswith("conv")


def summary(every: Sequence[Measured]) -> list[str]:
    """Geometric means of the ratios, and who misses what the course aims at."""
    lines = ["| | forward | with backward |", "|---|--:|--:|"]
    for title, chosen in (
        ("without convolutions, geometric mean", [m for m in every if not is_convolution(m.case)]),
        (
            "without convolutions, contiguous alone",
            [m for m in every if not is_convolution(m.case) and m.case.memory == "contiguous"],
        ),
        ("convolutions, geometric mean", [m for m in every if is_convolution(m.case)]),
        ("convolutions, least", [m for m in every if is_convolution(m.case)]),
    ):
        if not chosen:
            continue
        found = [[m.ratio(what) for m in chosen] for what in WHATS]
        numbers = [min(r) if title.endswith("least") else math.exp(statistics.fmean(map(math.log, r))) for r in found]
        lines.append(f"| {title} | {numbers[0]:.2f} | {numbers[1]:.2f} |")
    rest = [m for m in every if not is_convolution(m.case)]
    slower = [str(sum(m.ratio(what) < 1 for m in rest)) for what in WHATS]
    lines.append(f"| without convolutions, slower than torch's, of {len(rest)} | {' | '.join(slower)} |")
    hungry = [str(sum(m.memory(what) > 2 for m in every)) for what in WHATS]
    lines.append(f"| more than twice torch's peak of memory, of {len(every)} | {' | '.join(hungry)} |")
    return lines


def reasons(every: Sequence[Measured]) -> list[str]:
    """What the calls do that take longer than torch's, or more than twice its memory, and why."""
    slower = [m for m in every if min(map(m.ratio, WHATS)) < 1]
    hungry = [m for m in every if max(map(m.memory, WHATS)) > 2]
    if not slower and not hungry:
        return []
    lines = ["", "## Where ours is slower than torch's, or takes more than twice its memory", ""]
    for operator in dict.fromkeys(m.case.operator for m in every if m in (*slower, *hungry)):
        lines += [f"- `{operator}`: {reason}" for name, reason in REASONS.items() if operator.startswith(name)]
    lines += [
        "",
        "Of torch the profile shows little more than one kernel; what is said of its inside was not measured. "
        "What these calls do: the number of operations, on whole tensors or on blocks of them, and those that took "
        "most of the time. What is missing to 100 % is Python and small operations.",
        "",
        "| operator | arguments | input | memory | | ours | torch |",
        "|" + "---|" * 7,
    ]
    for m in slower:
        functions = calls(m.case, "cpu")
        for what in WHATS:
            if m.ratio(what) < 1:
                sides = [kernels(functions[f"{side}, {what}"]) for side in ("ours", "torch")]
                lines.append(f"| {' | '.join(named(m.case))} | {what} | {' | '.join(sides)} |")
    return lines


def kernels(function: Callable[[], object]) -> str:
    """How many operations a call makes, and the three that take most of its time."""
    function()
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        function()
    events = sorted(profiled.key_averages(), key=lambda event: event.self_cpu_time_total, reverse=True)
    total = sum(event.self_cpu_time_total for event in events)
    operations = [event for event in events if event.key.startswith(("aten::", "mkldnn")) and event.self_cpu_time_total]
    working = [event for event in operations if event.self_cpu_time_total > total / 100]
    shares = [f"{event.key.removeprefix('aten::')} {event.self_cpu_time_total / total:.0%}" for event in working[:3]]
    return f"{sum(event.count for event in working)}: {', '.join(shares)}"


def on_a_gpu(every: Sequence[Measured]) -> list[str]:
    """How many kernels a call starts, and how much of its time they work."""
    found: dict[str, list[tuple[int, float]]] = {}
    for m in every:
        for name, function in calls(m.case, "cuda").items():
            function()
            torch.cuda.synchronize()
            with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiled:
                function()
                torch.cuda.synchronize()
            work = [event for event in profiled.events() if event.device_type == torch.autograd.DeviceType.CUDA]
            busy = sum(event.time_range.elapsed_us() for event in work) / 1e3
            found.setdefault(name, []).append((len(work), busy / min(m.times[name])))
    lines = ["", "## Where the time goes on a GPU", "", "| median of all cases | kernels | of the time they work |"]
    lines.append("|---|--:|--:|")
    for name, each in found.items():
        started, working = (statistics.median(numbers) for numbers in zip(*each, strict=True))
        lines.append(f"| {name} | {started:.0f} | {working:.0%} |")
    lines += ["", "In the rest of a call's time Python starts them. TF32 is off."]
    print("\n".join(lines))
    return lines


def compiled_rows(cases: Sequence[Case], repetitions: int, device: str) -> list[str]:
    """One case of each operator, both sides under torch.compile; what torch's own compiler fails on is said."""
    lines = ["| operator | arguments | input | memory | ratio | with backward |", "|" + "---|" * 6]
    print("\n".join(lines))
    first = {(case.operator, case.arguments.get("mode")): case for case in reversed(cases)}
    for case in reversed(first.values()):
        torch.compiler.reset()
        functions, cells = calls(case, device, compiled=True), []
        for what in WHATS:
            sides, failed = {side: functions[f"{side}, {what}"] for side in ("ours", "torch")}, []
            for side in [*sides]:
                try:
                    sides[side]()
                except Exception as error:
                    failed.append(f"{side}: not compiled ({type(error).__name__})")
                    del sides[side]
            least = {side: min(taken) for side, taken in times(sides, repetitions, device).items()}
            cells.append(", ".join(failed) or f"{least['torch'] / least['ours']:.2f}")
        lines.append(f"| {' | '.join(named(case))} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    if device == "cuda":
        return [*lines, "", f"What is not compiled is what the Dynamo of torch {torch.__version__} refuses."]
    operators = dict.fromkeys(case.operator for case in first.values())
    lines += ["", "Where ours is slower than torch's:", ""]
    lines += [
        f"- `{name}…`: {why}" for name, why in COMPILED_REASONS.items() if any(o.startswith(name) for o in operators)
    ]
    return lines


TICKS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


def draw(every: Sequence[Measured], path: Path) -> None:
    """A dot for each row: how many times torch's speed, by operator."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import NullLocator

    from course_lib.figures import style

    names = sorted({m.case.operator for m in every}, reverse=True)
    figure, panels = plt.subplots(1, 2, figsize=(11, 0.28 * len(names) + 1.4), sharey=True, layout="constrained")
    ratios = [m.ratio(what) for m in every for what in WHATS]
    least, most = min(ratios), max(ratios)
    looks = {"contiguous": ("o", style.BLUE), "channels_last": ("^", style.ORANGE)}
    for panel, what in zip(panels, WHATS, strict=True):
        for memory, (marker, colour) in looks.items():
            chosen = [m for m in every if m.case.memory == memory]
            panel.scatter(
                [m.ratio(what) for m in chosen],
                [names.index(m.case.operator) for m in chosen],
                marker=marker,
                s=22,
                color=colour,
                alpha=0.75,
                label=memory,
            )
        panel.axvline(1, color="0.4", linewidth=1)
        panel.set_xscale("log")
        panel.set_xticks([tick for tick in TICKS if least / 1.5 < tick < most * 1.5])
        panel.xaxis.set_major_formatter("{x:g}")
        panel.xaxis.set_minor_locator(NullLocator())
        panel.set_title(f"{what}: times torch's speed")
        panel.set_yticks(range(len(names)), names)
        panel.grid(axis="both", alpha=0.25)
    panels[0].legend(loc="lower right")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="operators to measure; all if none is named")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--compiled", action="store_true", help="compare both sides under torch.compile instead")
    parser.add_argument("--save", action="store_true", help="write the table and its picture to docs/benchmarks")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    table, compiled, picture, command = TABLE, COMPILED, PICTURE, "python benchmarks/operators.py"
    if options.device == "cuda":
        if not torch.cuda.is_available():
            parser.error("--device=cuda needs a GPU, and torch sees none")
        torch.backends.cudnn.allow_tf32 = False  # or torch's convolutions would round to 10 bits, and ours not
        table, compiled, picture = (path.with_stem(f"{path.stem}_cuda") for path in (TABLE, COMPILED, PICTURE))
        command = f"{command} --device cuda"
    cases = [case for case in CASES if not options.names or case.operator in options.names]
    if not cases:
        parser.error(f"NAME={options.names} must be among {sorted({case.operator for case in CASES})}")
    where = processor() if options.device == "cpu" else torch.cuda.get_device_name()
    made = f"{datetime.date.today()}, {where}, {options.threads} thread(s), torch {torch.__version__}, float32. "
    if options.compiled:
        lines = [
            "# Our operators beside torch's, both under torch.compile",
            "",
            f"{made}One case of each operator; torch's least of {options.repetitions} times over ours, above 1 ours is "
            f"faster. Made by `{command} --compiled --save`.",
            "",
            *compiled_rows(cases, options.repetitions, options.device),
        ]
        save(compiled, lines, options.save)
        return
    every, rows = [], []
    print("\n".join(HEAD))
    for case in cases:
        every.append(measure(case, options.repetitions, options.device))
        rows.append(row(every[-1], options.device))
        print(rows[-1], flush=True)
    print("\n".join(summary(every)))
    lines = [
        "# Our operators beside torch's",
        "",
        f"{made}Milliseconds: least (median) of {options.repetitions} runs that take turns; ratio: torch's least over "
        "ours, above 1 ours is faster; peak: the most memory that ours holds at once, over torch's. Where torch has no "
        "such operator, its column is what one would write with it. "
        f"The machine's load at the end was {os.getloadavg()[0]:.1f}, of which this run is 1. "
        f"Made by `{command} --save`; both sides under torch.compile: [{compiled.name}]({compiled.name}).",
        "",
        *summary(every),
        "",
        f"![Ratios by operator]({picture.name})",
        "",
        *HEAD,
        *rows,
        *(reasons(every) if options.device == "cpu" else on_a_gpu(every)),
    ]
    save(table, lines, options.save)
    if options.save:
        draw(every, picture)


def save(path: Path, lines: Sequence[str], wanted: bool) -> None:
    if wanted:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def processor() -> str:
    """The processor's name, as the system tells it."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
