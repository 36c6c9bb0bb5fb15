"""Figures with controls: move a slider and the picture is drawn anew. The only place that imports ipywidgets.

Every function returns a `Still`: the last expression of a cell shows it, and where no kernel runs (a web viewer, an
exported page) its picture is shown as it was.
"""

from .binner import bin_explorer
from .explorer import window_explorer
from .fielder import field_explorer
from .follower import index_follower
from .gallery import mode_gallery
from .ledger import memory_ledger
from .painter import kernel_painter
from .phaser import artifact_explorer, shuffle_explorer
from .router import gradient_router
from .rulers import pixel_ruler, ramp_explorer
from .shifter import shift_slider
from .stepper import pooling_stepper
from .still import Still
from .unet import flow_chooser, unet_explorer

__all__ = [
    "Still",
    "artifact_explorer",
    "bin_explorer",
    "field_explorer",
    "flow_chooser",
    "gradient_router",
    "memory_ledger",
    "index_follower",
    "kernel_painter",
    "mode_gallery",
    "pixel_ruler",
    "pooling_stepper",
    "ramp_explorer",
    "shift_slider",
    "shuffle_explorer",
    "unet_explorer",
    "window_explorer",
]
