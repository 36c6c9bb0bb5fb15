"""Numbers to pictures. Every function returns a `Picture`: the last expression of a cell shows it."""

from .axes import window_coverage
from .bins import bin_views, picture_bins
from .distributions import histograms
from .grids import grids
from .images import images
from .maps import window_coverage_2d, window_views
from .routing import gradient_step
from .shifts import shift_view
from .signals import probes, signals
from .steps import pooling_step
from .style import Picture, sentence

__all__ = [
    "Picture",
    "bin_views",
    "gradient_step",
    "grids",
    "histograms",
    "images",
    "picture_bins",
    "pooling_step",
    "probes",
    "sentence",
    "shift_view",
    "signals",
    "window_coverage",
    "window_coverage_2d",
    "window_views",
]
