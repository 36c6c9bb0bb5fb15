"""The pictures, the signal and the probes that the lessons use.

Real data comes from files inside the packages that the environment installs, so nothing is downloaded. A file
is read once; every call returns a tensor of its own, so writing into one harms nobody else's.

The four *probes* come back in every lesson, because each exposes a different fault: an impulse shows the
kernel, a ramp shows sub-pixel shifts, a step shows overshoot, and values that are all negative show a zero that
padding let in.
"""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor

__all__ = [
    "all_negative",
    "as_float",
    "astronaut",
    "brick",
    "camera",
    "chelsea",
    "coffee",
    "digits",
    "disparity",
    "eeg",
    "elevation",
    "grass",
    "gravel",
    "horse",
    "impulse",
    "mri",
    "probes",
    "ramp",
    "retina",
    "rocket",
    "step",
]


# Pictures ---------------------------------------------------------------------------------------------------


def chelsea() -> Tensor:
    """A cat's face in colour: uint8 `(3, 300, 451)`, RGB, values 0 to 231.

    Source: `skimage.data.chelsea`, in the scikit-image package. CC0 by the photographer, Stefan van der Walt.

    >>> chelsea().shape
    torch.Size([3, 300, 451])
    """
    return _picture("chelsea").clone()


def camera() -> Tensor:
    """A photographer at his camera in grey: uint8 `(1, 512, 512)`, values 0 to 255.

    Source: `skimage.data.camera`, in the scikit-image package. CC0 by the photographer, Lav Varshney.

    >>> camera().shape
    torch.Size([1, 512, 512])
    """
    return _picture("camera").clone()


def brick() -> Tensor:
    """A brick wall in grey, full of fine regular lines: uint8 `(1, 512, 512)`, values 63 to 207.

    Source: `skimage.data.brick`, in the scikit-image package. From CC0Textures (Bricks25), CC0.

    >>> brick().dtype
    torch.uint8
    """
    return _picture("brick").clone()


def retina() -> Tensor:
    """The back of an eye in colour, blood vessels on a bright disc: uint8 `(3, 1411, 1411)`, RGB, values 0 to 255.

    Source: `skimage.data.retina`, in the scikit-image package. CC0 by Mikael Häggström,
    "Medical gallery of Mikael Häggström", WikiJournal of Medicine, 2014.

    >>> retina().shape
    torch.Size([3, 1411, 1411])
    """
    return _picture("retina").clone()


def grass() -> Tensor:
    """A lawn from above in grey: uint8 `(1, 512, 512)`, values 0 to 244.

    Source: `skimage.data.grass`, in the scikit-image package. From DeviantArt (Grass 01 by linolafett), CC0.

    >>> grass().shape
    torch.Size([1, 512, 512])
    """
    return _picture("grass").clone()


def gravel() -> Tensor:
    """Small stones from above in grey: uint8 `(1, 512, 512)`, values 0 to 237.

    Source: `skimage.data.gravel`, in the scikit-image package. From CC0Textures (Gravel04), CC0.

    >>> gravel().shape
    torch.Size([1, 512, 512])
    """
    return _picture("gravel").clone()


def astronaut() -> Tensor:
    """Eileen Collins before a flag in colour: uint8 `(3, 512, 512)`, RGB, values 0 to 255.

    Source: `skimage.data.astronaut`, in the scikit-image package. By NASA, in the public domain.

    >>> astronaut().shape
    torch.Size([3, 512, 512])
    """
    return _picture("astronaut").clone()


def coffee() -> Tensor:
    """A cup of coffee on a wooden table in colour: uint8 `(3, 400, 600)`, RGB, values 0 to 255.

    Source: `skimage.data.coffee`, in the scikit-image package. CC0 by the photographer, Rachel Michetti.

    >>> coffee().shape
    torch.Size([3, 400, 600])
    """
    return _picture("coffee").clone()


def rocket() -> Tensor:
    """A rocket that takes off, in colour: uint8 `(3, 427, 640)`, RGB, values 0 to 255.

    Source: `skimage.data.rocket`, in the scikit-image package. By SpaceX, in the public domain.

    >>> rocket().shape
    torch.Size([3, 427, 640])
    """
    return _picture("rocket").clone()


def as_float(picture: Tensor) -> Tensor:
    """The picture as float32 between 0 and 1: a uint8 tensor of any shape divided by 255.

    >>> as_float(torch.tensor([0, 51, 255], dtype=torch.uint8))
    tensor([0.0000, 0.2000, 1.0000])
    """
    if picture.dtype != torch.uint8:
        raise TypeError(f"picture must be uint8 (values 0 to 255), but its dtype is {picture.dtype}")
    return picture.to(torch.float32) / 255


@cache
def _picture(name: str) -> Tensor:
    from skimage import data

    pixels = torch.from_numpy(getattr(data, name)().copy())
    return pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1).contiguous()


# Maps that hold something else than brightness --------------------------------------------------------------


def horse() -> Tensor:
    """A map of labels: 3 where a horse is and 0 elsewhere, int64 `(1, 328, 400)`.

    Source: `skimage.data.horse`, in the scikit-image package. CC0 by Andreas Preuss.

    >>> horse().unique().tolist()
    [0, 3]
    """
    return 3 * (_picture("horse") == 0).long()


def disparity() -> tuple[Tensor, Tensor]:
    """A motorcycle in colour, uint8 `(3, 500, 741)`, and its disparity in pixels, float32 `(1, 500, 741)`.

    Disparity says how far a point moves between the left and the right eye: 7 pixels at the far wall, 60 at what is
    close. It is infinite where it is not known.

    Source: `skimage.data.stereo_motorcycle`, in the scikit-image package; from the Middlebury 2014 stereo benchmark
    (Scharstein et al., "High-resolution stereo datasets with subpixel-accurate ground truth", 2014).

    >>> picture, shift = disparity()
    >>> picture.shape, shift.shape
    (torch.Size([3, 500, 741]), torch.Size([1, 500, 741]))
    """
    picture, shift = _motorcycle()
    return picture.clone(), shift.clone()


@cache
def _motorcycle() -> tuple[Tensor, Tensor]:
    from skimage import data

    left, _, shift = data.stereo_motorcycle()
    return torch.from_numpy(left.copy()).permute(2, 0, 1).contiguous(), torch.from_numpy(shift.copy())[None]


def elevation() -> Tensor:
    """Heights of the land around Jacksboro, Tennessee, in metres: float32 `(1, 344, 403)`, values 236 to 1076.

    Source: `jacksboro_fault_dem.npz` in matplotlib's sample data, under matplotlib's licence.

    >>> elevation().shape
    torch.Size([1, 344, 403])
    """
    return _elevation().clone()


@cache
def _elevation() -> Tensor:
    import numpy as np
    from matplotlib.cbook import get_sample_data

    with np.load(get_sample_data("jacksboro_fault_dem.npz", asfileobj=False)) as file:
        return torch.from_numpy(file["elevation"].astype(np.float32))[None]


def mri() -> Tensor:
    """A magnetic resonance image of the middle of a brain: float32 `(1, 25, 41, 33)`, values 0 to 1, voxels of 2 mm.

    The axes are slices from below upwards, rows from the front backwards, and columns.

    Source: `nibabel/tests/data/anatomical.nii`, in the nibabel package, under nibabel's licence (MIT).

    >>> mri().shape
    torch.Size([1, 25, 41, 33])
    """
    return _mri().clone()


@cache
def _mri() -> Tensor:
    from importlib.resources import as_file, files

    import numpy as np
    from nibabel import Nifti1Image

    with as_file(files("nibabel.tests") / "data" / "anatomical.nii") as path:
        voxels = np.asarray(Nifti1Image.from_filename(path).dataobj, dtype=np.float32)
    volume = torch.from_numpy(voxels).permute(2, 1, 0).flip(1).clamp(min=0)
    return (volume / volume.max()).contiguous()[None]


# Digits -----------------------------------------------------------------------------------------------------


def digits() -> tuple[Tensor, Tensor]:
    """1,797 handwritten digits in the middle of a black canvas, and which they are: float32 `(1797, 1, 32, 32)`, int64.

    Values go from 0 to 1. A digit has 8 × 8 values, doubled by bilinear interpolation to 16 × 16, so it may move by 8
    pixels in each direction before it leaves the canvas.

    Source: `sklearn.datasets.load_digits`, in the scikit-learn package; the test part of UCI's "Optical Recognition of
    Handwritten Digits" (E. Alpaydin, C. Kaynak, 1998), CC BY 4.0.

    >>> pictures, labels = digits()
    >>> pictures.shape, labels[:5].tolist()
    (torch.Size([1797, 1, 32, 32]), [0, 1, 2, 3, 4])
    """
    pictures, labels = _digits()
    return pictures.clone(), labels.clone()


@cache
def _digits() -> tuple[Tensor, Tensor]:
    from sklearn.datasets import load_digits

    data = load_digits()
    small = torch.from_numpy(data.images.astype("float32"))[:, None] / 16
    doubled = torch.nn.functional.interpolate(small, scale_factor=2, mode="bilinear")
    return torch.nn.functional.pad(doubled, (8, 8, 8, 8)), torch.from_numpy(data.target.astype("int64"))


# Signal -----------------------------------------------------------------------------------------------------


def eeg() -> tuple[Tensor, float]:
    """Ten seconds of an electroencephalogram: float32 `(4, 800)`, and its sampling rate of 80.0 Hz.

    Each channel has mean 0 and standard deviation 1, so the values have no physical unit.

    Source: `eeg.dat` in matplotlib's sample data, under matplotlib's licence. The file holds bare numbers; it is
    matplotlib's example "MRI with EEG" that reads them as 800 samples over 10 s of PG3, PG5, PG7 and PG9.

    >>> signal, rate = eeg()
    >>> signal.shape[-1] / rate
    10.0
    """
    return _eeg().clone(), 80.0


@cache
def _eeg() -> Tensor:
    import numpy as np
    from matplotlib.cbook import get_sample_data

    samples = np.fromfile(get_sample_data("eeg.dat", asfileobj=False), dtype="<f8").reshape(800, 4)
    return torch.from_numpy(samples.T.astype(np.float32))


# Probes -----------------------------------------------------------------------------------------------------


def impulse(*shape: int) -> Tensor:
    """Zeros with a single 1 in the middle, at index `size // 2` of each axis: float32 of the shape given.

    >>> impulse(5)
    tensor([0., 0., 1., 0., 0.])
    """
    _check_shape(shape)
    x = torch.zeros(shape)
    x[tuple(size // 2 for size in shape)] = 1
    return x


def ramp(*shape: int) -> Tensor:
    """0, 1, 2, … in reading order, which is linear along every axis and tells rows from columns: float32.

    >>> ramp(2, 3)
    tensor([[0., 1., 2.],
            [3., 4., 5.]])
    """
    _check_shape(shape)
    return torch.arange(math.prod(shape), dtype=torch.float32).reshape(shape)


def step(*shape: int) -> Tensor:
    """0 in the first half of the last axis and 1 from index `size // 2` on: float32 of the shape given.

    >>> step(5)
    tensor([0., 0., 1., 1., 1.])
    """
    _check_shape(shape)
    x = torch.zeros(shape)
    x[..., shape[-1] // 2 :] = 1
    return x


def all_negative(*shape: int) -> Tensor:
    """Values from −7 to −1 in a fixed jumble, none of them 0: float32 of the shape given.

    >>> all_negative(8)
    tensor([-1., -4., -7., -3., -6., -2., -5., -1.])
    """
    _check_shape(shape)
    return (-1 - torch.arange(math.prod(shape)) * 3 % 7).to(torch.float32).reshape(shape)


def probes(*shape: int) -> dict[str, Tensor]:
    """The four probes of one shape, by name, in the order impulse, ramp, step, all_negative.

    >>> list(probes(8))
    ['impulse', 'ramp', 'step', 'all_negative']
    """
    return {probe.__name__: probe(*shape) for probe in (impulse, ramp, step, all_negative)}


def _check_shape(shape: tuple[int, ...]) -> None:
    if not shape or any(size < 1 for size in shape):
        raise ValueError(f"shape must be one or more sizes of at least 1, as in ramp(8) or ramp(4, 6), not {shape}")
