"""A stain as slide, picture and annotations for other programs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_midl.cli import main
from napari_midl.engine.jobs import run
from napari_midl.errors import InputError
from napari_midl.methods.staining.operations import Export
from napari_midl.methods.staining.ports import SlideOut, StainIn
from napari_midl.methods.staining.review import find_fields, review_path, write_review
from napari_midl.methods.staining.settings import StainSettings
from napari_midl.methods.staining.stained import OnGlass
from napari_midl.volumes.lazy import Lazy
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.slide import TILE, write_slide
from napari_midl.volumes.space import Space

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (1100, 1300)
HALF = 1024  # columns that are stained of a partial stain
MICRONS = Space.of((2.0, 0.5, 0.25), ("micrometer",) * 3)


def make(path: Path, about: dict[str, Any], columns: int, space: Space = MICRONS) -> Path:
    """A stain of which the first columns are there."""
    image = OmeZarrImage.create(
        path,
        shape=(4, *SHAPE),
        dtype="uint8",
        axes="CYX",
        chunks=(4, TILE, TILE),
        channels=("red", "green", "blue", "doubt"),
        space=space,
        about={"notice": "not for diagnosis", "method": "linear", **about},
    )
    y, x = np.indices((SHAPE[0], columns))
    grain = np.random.default_rng(0).integers(0, 12, (4, SHAPE[0], columns))
    pixels = grain + np.stack([100 + y % 100, 50 + x % 90, 120 + (x + y) % 50, y % 240])
    image.write((slice(None), slice(None), slice(0, columns)), pixels.astype(np.uint8))
    return path


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return make(tmp_path / "whole.ome.zarr", {"complete": True}, SHAPE[1])


@pytest.fixture
def partial(tmp_path: Path) -> Path:
    return make(tmp_path / "partial.ome.zarr", {"complete": False}, HALF)


def export(stain: Path, name: str, **how: Any) -> Path:
    out = stain.with_name(name)
    run(Export(stain=StainIn(stain), out=SlideOut(out), **how).perform())
    return out


def stored(stain: Path, level: int = 0) -> np.ndarray:
    levels = OmeZarrImage.open(stain).levels
    return np.moveaxis(np.asarray(levels[level][:3]), 0, -1)


def test_a_slide_has_each_level_of_the_stain_and_the_size_of_its_pixels(whole):
    with tifffile.TiffFile(export(whole, "slide.ome.tif")) as file:
        (series,) = file.series
        assert file.is_ome and series.axes == "YXS"
        assert [level.shape[:2] for level in series.levels[:3]] == [SHAPE, (550, 650), (275, 325)]
        for number, level in enumerate(series.levels):
            np.testing.assert_array_equal(level.asarray(), stored(whole, number))
        first = file.pages[0]
        assert len(first.subifds) == len(series.levels) - 1
        assert first.tile == (TILE, TILE) and first.photometric.name == "RGB"
        assert first.get_resolution("MICROMETER") == pytest.approx((4.0, 2.0))
        words = file.ome_metadata
    image = tifffile.xml2dict(words)["OME"]["Image"]
    pixels = image["Pixels"]
    assert (pixels["PhysicalSizeX"], pixels["PhysicalSizeY"]) == (0.25, 0.5)
    assert pixels["PhysicalSizeXUnit"] == "µm" and pixels["SizeC"] == 3
    assert "not for diagnosis" in image["Description"] and "linear" in image["Description"]


def test_a_slide_as_jpeg_is_smaller_and_looks_the_same(whole):
    plain, small = export(whole, "a.ome.tif"), export(whole, "b.ome.tif", compression="jpeg")
    with tifffile.TiffFile(small) as file:
        assert file.pages[0].compression.name == "JPEG" and len(file.series[0].levels) >= 3
        seen = file.series[0].levels[1].asarray()
    assert np.abs(seen.astype(int) - stored(whole, 1)).mean() < 12
    assert small.stat().st_size < plain.stat().st_size


def test_what_is_not_stained_is_white_in_a_slide_and_said(partial):
    path = export(partial, "slide.ome.tif")
    with tifffile.TiffFile(path) as file:
        for number, level in enumerate(file.series[0].levels):
            seen, last = level.asarray(), -(-HALF // 2**number)
            assert (seen[:, last:] == 255).all()
            np.testing.assert_array_equal(seen[:, :last], stored(partial, number)[:, :last])
        assert "Only some tiles of the mosaic are stained" in file.ome_metadata


def test_a_slide_without_a_known_size_claims_none(tmp_path):
    stain = make(tmp_path / "s.ome.zarr", {}, SHAPE[1], Space())
    with tifffile.TiffFile(export(stain, "slide.ome.tif")) as file:
        assert "PhysicalSize" not in file.ome_metadata


class Counted(Lazy):
    """Counts the values that are read, and the most of them at once."""

    def __init__(self, array: np.ndarray) -> None:
        super().__init__(array.shape, array.dtype)
        self._array, self.read_in_all, self.most = array, 0, 0

    def read(self, box: Any) -> np.ndarray:
        found = self._array[box]
        self.read_in_all += found.size
        self.most = max(self.most, found.size)
        return found


def test_a_slide_is_read_tile_by_tile_and_once(tmp_path):
    shapes = [(3, 2100, 1700), (3, 1050, 850), (3, 525, 425)]
    levels = [Counted(np.full(shape, 90, np.uint8)) for shape in shapes]
    slides = [OnGlass(level, partial=True) for level in levels]
    write_slide(slides, MICRONS, tmp_path / "slide.ome.tif", name="n", about="a")
    for level in levels:
        assert level.most <= 3 * TILE**2 and level.read_in_all == level.size


def test_a_slide_lies_where_its_stain_lies(tmp_path):
    stain = make(tmp_path / "s.ome.zarr", {}, SHAPE[1], replace(MICRONS, origin=(7.0, 8.0, 0.0)))
    opened = open_volume(export(stain, "slide.ome.tif"), colours=True)
    assert opened.space.origin == (7, 8, 0)


def test_a_slide_that_is_cancelled_leaves_nothing(whole):
    before = sorted(whole.parent.iterdir())
    job = Export(stain=StainIn(whole), out=SlideOut(whole.with_name("slide.ome.tif"))).perform()
    steps = iter(job)
    while (step := next(steps)).message != "writing the slide":
        pass
    assert step.total >= 9
    job.close()
    assert sorted(whole.parent.iterdir()) == before


def test_a_stack_is_written_slice_by_slice(tmp_path):
    stain = tmp_path / "stack.ome.zarr"
    image = OmeZarrImage.create(
        stain,
        shape=(3, 2, 600, 700),
        dtype="uint8",
        axes="CZYX",
        chunks=(3, 1, TILE, TILE),
        channels=("red", "green", "blue"),
        space=MICRONS,
        about={"method": "linear"},
    )
    pixels = np.full((3, 2, 600, 700), 80, np.uint8)
    pixels[:, 1] = 160
    image.write((slice(None),) * 4, pixels)
    with tifffile.TiffFile(export(stain, "slide.ome.tif")) as file:
        series = file.series[0]
        assert series.axes == "ZYXS" and series.shape == (2, 600, 700, 3)
        assert [level.shape[1:3] for level in series.levels] == [(600, 700), (300, 350), (150, 175)]
        assert series.levels[1].asarray()[:, 0, 0, 0].tolist() == [80, 160]
    with Image.open(export(stain, "one.png", box="1:2,0:300,0:300")) as picture:
        assert np.asarray(picture)[0, 0, 0] == 160
    with pytest.raises(InputError, match=r"2 slices, of which a picture shows one.*--box 1:2,:,:"):
        export(stain, "all.png")


def test_a_picture_is_the_field_with_a_bar_of_a_round_length(whole):
    path = export(whole, "field.png", box="100:500,200:800")
    with Image.open(path) as picture:
        said, seen = picture.info, np.asarray(picture)
    assert seen.shape == (400, 600, 4) and (seen[..., 3] == 255).all()
    np.testing.assert_array_equal(seen[:300, :400, :3], stored(whole)[100:400, 200:600])
    assert "not for diagnosis" in said["Disclaimer"] and "not for diagnosis" in said["Description"]
    # A quarter of 600 pixels of 0.25 um is 37.5 um, so that the bar is of 20 um.
    black = (seen[300:, :, :3] == 0).all(-1).sum(1)
    assert black.max() == 80


def test_what_is_not_stained_is_transparent_in_a_picture(partial):
    with Image.open(export(partial, "field.png", box="0:200,900:1200")) as picture:
        opacity = np.asarray(picture)[..., 3]
    assert (opacity[:100, :124] == 255).all() and (opacity[:100, 124:] == 0).all()


def test_a_review_becomes_annotations_of_qupath(whole):
    fields = [field for field, _ in run(find_fields(whole))]
    first = replace(fields[0], verdict="rejected", comment="folded")
    write_review([first, *fields[1:]], review_path(whole))
    held = json.loads(export(whole, "review.geojson").read_text(encoding="utf-8"))
    assert held["type"] == "FeatureCollection" and len(held["features"]) == len(fields)
    feature = held["features"][0]
    (ring,) = feature["geometry"]["coordinates"]
    assert feature["geometry"]["type"] == "Polygon" and ring[0] == ring[-1] and len(ring) == 5
    low, high = np.min(ring, axis=0), np.max(ring, axis=0)
    assert low.tolist() == [first.x, first.y]
    assert high.tolist() == [first.x + first.width, first.y + first.height]
    said = feature["properties"]
    assert said["objectType"] == "annotation" and said["classification"]["name"] == "rejected"
    assert said["measurements"] == {"doubt": first.doubt} and "folded" in str(said["metadata"])
    assert "classification" not in held["features"][1]["properties"]
    for one in (held, *(each["properties"] for each in held["features"])):
        assert "not for diagnosis" in one["notice"]


@pytest.mark.parametrize(
    ("name", "how", "sentence"),
    [
        ("review.geojson", {}, "has no review yet"),
        ("slide.ome.tif", {"box": "0:10,0:10"}, "leave it out to write"),
        ("field.png", {"box": "0:10,0:9999"}, "give a box inside it"),
        ("slide.jpg", {}, "does not end in"),
    ],
)
def test_what_cannot_be_exported_is_said(whole, name, how, sentence):
    before = sorted(whole.parent.iterdir())
    with pytest.raises(InputError, match=sentence):
        export(whole, name, **how)
    assert sorted(whole.parent.iterdir()) == before


def test_a_page_of_no_review_is_refused_as_a_table_of_it_is(whole, tmp_path, capfd):
    with pytest.raises(SystemExit) as ended:
        main(["staining", "export-review", str(whole), "--out", str(tmp_path / "page")])
    assert ended.value.code == 2 and "has no review yet" in capfd.readouterr().err
    assert not (tmp_path / "page").exists()


def test_what_is_no_stain_is_said(tmp_path, capfd):
    path = tmp_path / "image.ome.zarr"
    image = OmeZarrImage.create(
        path, shape=(3, 64, 64), dtype="uint8", axes="CYX", chunks=(3, 64, 64)
    )
    image.write((slice(None),) * 3, np.ones((3, 64, 64), np.uint8))
    with pytest.raises(SystemExit) as ended:
        main(["staining", "export", str(path), "--out", str(tmp_path / "slide.ome.tif")])
    assert ended.value.code == 2 and "is no stain" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("0,0,512,512,nan,accepted,", "is no review"),
        ("0,0,512,512,2,accepted,", "is no review"),
        ("0,0,0,512,0.1,accepted,", "is no review"),
        ("-9,0,512,512,0.1,accepted,", "is no review"),
        ("1024,1024,76,277,0.1,accepted,", r"beyond .*whole\.ome\.zarr of 1100 x 1300 pixels"),
    ],
)
def test_a_review_of_fields_that_cannot_be_is_refused(whole, field, said):
    lines = f"y,x,height,width,doubt,verdict,comment\n{field}\n"
    review_path(whole).write_text(lines, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        export(whole, "review.geojson")
    assert not whole.with_name("review.geojson").exists()


@pytest.mark.parametrize("name", ["picture.tif", "whole.ome.zarr/0"])
def test_an_image_of_another_kind_is_no_stain(whole, name):
    tifffile.imwrite(whole.with_name("picture.tif"), np.zeros((9, 9), np.uint8))
    image = whole.with_name("whole.ome.zarr").parent / name
    with pytest.raises(InputError, match=f"{name} is no stain; give the OME-Zarr"):
        run(Export.of(stain=image, out=whole.with_name("s.ome.tif")).perform())


def test_a_field_that_is_not_stained_is_not_reviewed(partial):
    assert {field.x for field, _ in run(find_fields(partial))} == {0, 512}


def test_no_pixel_of_a_stain_is_black(mosaic):
    from napari_midl.methods.staining.apply import Staining
    from napari_midl.methods.staining.pipeline import Pipeline

    model = Staining(mosaic, Pipeline(), StainSettings(method="linear", watermark=True))
    black = np.zeros((3, 1, *mosaic.shape[1:]), np.float32)
    (colours,) = model.stored(black, tuple(slice(0, n) for n in mosaic.shape))
    assert colours.min() > 0
