"""Each tool's demo as `napari-midl demo` runs it, on built-in data."""

from __future__ import annotations

import errno
from functools import partial
from importlib import import_module

import pandas as pd
import pytest
import tifffile

from napari_midl import demo
from napari_midl.demo import demo_of
from napari_midl.engine.jobs import run
from napari_midl.errors import InputError
from napari_midl.methods import METHODS


@pytest.fixture
def short(monkeypatch, few_pixel_steps, few_learners):
    """Networks that learn for a moment, and samples of a third of their pixels and fewer."""
    monkeypatch.setattr(import_module("napari_midl.methods.segment.demo"), "MINUTES", 0.05)
    vessels = import_module("napari_midl.methods.vessels.demo")
    small = partial(vessels.synthetic_sample, (40, 72, 72))
    monkeypatch.setattr(vessels, "synthetic_sample", small)
    staining = import_module("napari_midl.methods.staining.demo")
    monkeypatch.setattr(staining, "SHAPE", (320, 400))


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("method", METHODS)
def test_a_demo_makes_every_picture_and_file_that_its_section_shows(method, tmp_path):
    section = run(demo_of(method)(tmp_path))
    shown = [path for path, _ in (*section.pictures, *section.files)]
    assert section.pictures and section.tables
    assert [path for path in shown if not path.exists()] == []


def test_the_fibres_of_the_demo_are_followed_to_their_ends(tmp_path):
    run(demo_of("axons")(tmp_path))
    scores = pd.read_csv(tmp_path / "scores.csv")
    assert len(scores) == 6
    assert scores["coverage"].min() > 0.95
    # One ends beside a seam, and its trace runs on into the next field.
    most, *others = sorted(scores["off the fibre"], reverse=True)
    assert most < 0.1 and max(others) < 0.01


def test_a_full_disk_is_a_sentence(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tifffile, "imwrite", full)
    with pytest.raises(InputError, match=r"new cannot be written \(No space left on device\)"):
        run(demo.run_demo(tmp_path / "new"))
    monkeypatch.setattr(demo, "METHODS", ())
    monkeypatch.setattr(demo, "write_page", full)
    with pytest.raises(InputError, match="No space left"):
        run(demo.run_demo(tmp_path / "other"))
