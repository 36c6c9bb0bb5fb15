"""Numbers to pictures. Every function returns a `Picture`: the last expression of a cell shows it."""

from .axes import window_coverage, window_coverage_2d, window_views

__all__ = ["window_coverage", "window_coverage_2d", "window_views"]
