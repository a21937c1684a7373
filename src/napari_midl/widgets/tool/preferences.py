"""What a person has set in napari's preferences for every tool."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from napari.settings import get_plugin_settings

if TYPE_CHECKING:
    from napari_midl.engine.settings import Settings

# As in napari.yaml: it suits the vessel network, other tools have a default of their own.
USUAL_TILE = (32, 128, 128)


def preferred(settings: type[Settings]) -> dict[str, Any]:
    """Values of the fields of a settings class that the preferences speak of.

    A tool that works plane by plane has a tile with one edge: it takes the longer one of the
    preferred tile, once a person has changed that.
    """
    chosen: Any = get_plugin_settings("napari-midl").inference
    tile = (chosen.tile_z, chosen.tile_y, chosen.tile_x)
    values: dict[str, Any] = {}
    for field in fields(settings):
        if field.name == "device":
            values["device"] = chosen.device
        elif field.name == "tile" and isinstance(field.default, tuple):
            values["tile"] = tile
        elif field.name == "tile" and tile != USUAL_TILE:
            values["tile"] = max(tile[1:])
    return values
