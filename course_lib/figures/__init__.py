"""Numbers to pictures. Every function returns a `Picture`: the last expression of a cell shows it."""

from .axes import window_coverage
from .bars import bars
from .bins import bin_views, picture_bins
from .curves import curves
from .distributions import histograms
from .fields import field_view
from .grids import grids
from .images import images
from .ledger import ledger_view
from .maps import window_coverage_2d, window_views
from .painting import paint_step
from .phases import phase_view, shuffle_view
from .routing import gradient_step
from .rulers import ramp_view, rulers
from .shifts import shift_view
from .signals import probes, signals
from .steps import pooling_step
from .style import Picture, sentence
from .tables import picture_table
from .unet import unet_flow, unet_sizes
from .unpooling import unpool_step

__all__ = [
    "Picture",
    "bars",
    "bin_views",
    "curves",
    "field_view",
    "gradient_step",
    "grids",
    "histograms",
    "images",
    "ledger_view",
    "paint_step",
    "phase_view",
    "picture_bins",
    "picture_table",
    "pooling_step",
    "probes",
    "ramp_view",
    "rulers",
    "sentence",
    "shift_view",
    "shuffle_view",
    "signals",
    "unpool_step",
    "unet_flow",
    "unet_sizes",
    "window_coverage",
    "window_coverage_2d",
    "window_views",
]
