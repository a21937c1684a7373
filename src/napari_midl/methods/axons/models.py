"""The trackers: shipped, untrained, or files."""

from __future__ import annotations

from napari_midl.engine.cards import is_number
from napari_midl.engine.models import ModelFamily
from napari_midl.methods.axons.network import build_actor

_FAMILY = ModelFamily(
    "axons",
    build_actor,
    {"base": "axons-base"},
    fields={
        "calibration": (
            "two or three numbers",
            lambda v: isinstance(v, list) and len(v) in (2, 3) and all(map(is_number, v)),
        )
    },
)
named_model, scratch = _FAMILY.load, _FAMILY.scratch
