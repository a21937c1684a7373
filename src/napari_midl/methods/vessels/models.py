"""The vessel models: shipped, untrained, or files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_midl.engine.models import ModelFamily
from napari_midl.errors import InputError

if TYPE_CHECKING:
    from torch import nn


def build(preset: str) -> nn.Module:
    """A fresh network of a preset.

    Raises
    ------
    InputError
        If there is no such preset.
    """
    # torch takes seconds to import, and a dock only asks where the shipped files lie.
    from napari_midl.methods.vessels.joint_network import build_joint_network, is_joint
    from napari_midl.methods.vessels.network import ARCHITECTURES, build_network
    from napari_midl.methods.vessels.pixel_network import PIXEL_ARCHITECTURES, build_pixel_network

    if preset in PIXEL_ARCHITECTURES:
        return build_pixel_network(preset)
    if preset in ARCHITECTURES:
        return build_network(preset)
    if is_joint(preset):
        return build_joint_network(preset)
    names = ", ".join((*PIXEL_ARCHITECTURES, *ARCHITECTURES))
    raise InputError(f"{preset!r} is no preset; choose one of {names}.")


_FAMILY = ModelFamily("vessels", build, {"base": "vessels-pixels", "unet": "vessels-base"})
named_model, scratch = _FAMILY.load, _FAMILY.scratch
UNTRAINED = {"scratch": "pixels", "unet-scratch": "compact", "tubenet-scratch": "tubenet"}
path_of = _FAMILY.path
