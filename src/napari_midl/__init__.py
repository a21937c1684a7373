"""Segment vessels in napari with a network that learns from a few strokes."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("napari-midl")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
