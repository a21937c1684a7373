"""The code of docs/how-to-add-a-method.md runs as it stands."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tifffile

from napari_midl.cli import app as command_line
from napari_midl.commands import command_of
from napari_midl.engine.jobs import run
from napari_midl.engine.operations import OPERATIONS
from napari_midl.engine.replaying import replay
from napari_midl.engine.runs import record_path
from tests.page import page_modules


@pytest.fixture
def blocks(monkeypatch):
    """The page's modules below the window, by name."""
    with page_modules("methods/") as found:
        yield found


@pytest.fixture
def image(tmp_path):
    """Three spots of radius 3 in a plane."""
    y, x = np.indices((64, 64))
    plane = sum(
        np.exp(-((y - a) ** 2 + (x - b) ** 2) / 9.0) for a, b in ((12, 12), (40, 20), (30, 50))
    )
    tifffile.imwrite(tmp_path / "spots.tif", (255 * plane / plane.max()).astype(np.uint8))
    return tmp_path / "spots.tif"


def test_the_page_makes_an_operation_that_finds_the_spots(blocks, image, tmp_path):
    scope = dict(sys.modules["napari_midl.methods.spots.operations"].__dict__)
    scope |= {"image": image, "out": tmp_path / "found.csv"}
    exec(blocks["a notebook"], scope)
    table = scope["outcome"].result
    places = sorted(zip(table["y"], table["x"], strict=True))
    np.testing.assert_allclose(places, [(12, 12), (30, 50), (40, 20)], atol=1)
    assert scope["outcome"].run.results == {"spots": 3}
    assert run(replay(record_path(tmp_path / "found.csv"))).same


def test_the_page_makes_a_command(blocks, image, tmp_path, capsys):
    group = type(command_line)(name="spots", result_action="return_value")
    group.command(command_of(OPERATIONS["spots.find"]), name="find")
    group(["find", str(image), "--out", str(tmp_path / "t.csv"), "--radius", "3"])
    assert capsys.readouterr().out.splitlines() == ["3 spots", str(tmp_path / "t.csv")]
