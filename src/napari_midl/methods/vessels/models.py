"""The vessel models: shipped, untrained, or files."""

from __future__ import annotations

from napari_midl.engine.models import ModelFamily
from napari_midl.methods.vessels.network import build_network

_FAMILY = ModelFamily("vessels", build_network, {"base": "vessels-base"})
named_model, scratch = _FAMILY.load, _FAMILY.scratch
path_of = _FAMILY.path
