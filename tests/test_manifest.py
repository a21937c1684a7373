from __future__ import annotations

from importlib import import_module
from typing import get_args

import pytest
from npe2 import PluginManifest

from napari_midl.engine.settings import Device
from napari_midl.methods.vessels.settings import PredictSettings


@pytest.fixture(scope="module")
def manifest():
    return PluginManifest.from_distribution("napari-midl")


def test_every_command_leads_to_something_callable(manifest):
    for command in manifest.contributions.commands:
        assert callable(_load(command.python_name)), command.id


def test_contributions_name_known_commands(manifest):
    contributions = manifest.contributions
    known = {command.id for command in contributions.commands}
    used = {widget.command for widget in contributions.widgets}
    used |= {sample.command for sample in contributions.sample_data}
    used |= {reader.command for reader in contributions.readers}
    used |= {item.command for items in contributions.menus.values() for item in items}
    assert used == known


def test_dock_is_in_the_segment_menu(manifest):
    assert [i.command for i in manifest.contributions.menus["napari/layers/segment"]] == [
        "napari-midl.vessels",
        "napari-midl.segment",
    ]


def test_preferences_are_those_of_the_settings(manifest):
    shown = manifest.contributions.configurations["inference"].properties
    settings = PredictSettings()
    assert tuple(shown["device"].enum) == get_args(Device)
    assert shown["device"].default == settings.device
    assert tuple(shown[f"tile_{axis}"].default for axis in "zyx") == settings.tile


def _load(python_name):
    module, name = python_name.split(":")
    return getattr(import_module(module), name)
