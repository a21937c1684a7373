"""Slides as people have them give the colours that one sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_midl.errors import InputError
from napari_midl.methods.staining.pictures import read_picture, read_pictures
from napari_midl.methods.staining.stains import stains_of


@pytest.fixture
def white(slide, tmp_path, monkeypatch) -> np.ndarray:
    """A slide on white glass, and where to save it."""
    monkeypatch.chdir(tmp_path)
    picture = slide.copy()
    picture[:, 70:] = 255
    return picture


def differs(path: Path, white: np.ndarray) -> float:
    """Mean difference from the slide, in 255."""
    read = read_picture(path)
    assert read.dtype == np.uint8 and read.shape == white.shape
    return float(np.abs(read.astype(int) - white).mean())


@pytest.mark.parametrize(("suffix", "depth"), [("png", 8), ("tif", 8), ("tif", 16)])
def test_what_is_transparent_shows_white_glass(white, suffix, depth):
    glass = (white == 255).all(-1)
    clear = np.dstack([np.where(glass[..., None], 0, white), np.where(glass, 0, 255)])
    clear = clear.astype(np.uint8) if depth == 8 else clear.astype(np.uint16) * 257
    path = Path(f"clear.{suffix}")
    if suffix == "tif":
        tifffile.imwrite(path, clear, photometric="rgb")
    else:
        Image.fromarray(clear, "RGBA").save(path)
    assert differs(path, white) == 0


def test_half_transparent_is_half_white(white):
    half = np.dstack([white, np.full(white.shape[:2], 128, np.uint8)])
    Image.fromarray(half, "RGBA").save("half.png")
    assert differs(Path("half.png"), (white * 128.0 + 255.0 * 127) / 255) < 1


def test_premultiplied_colours_are_laid_on_white(white):
    glass = (white == 255).all(-1)
    clear = np.dstack([np.where(glass[..., None], 0, white), np.where(glass, 0, 255)])
    tifffile.imwrite(
        "clear.tif", clear.astype(np.uint8), photometric="rgb", extrasamples=["assocalpha"]
    )
    assert differs(Path("clear.tif"), white) == 0


@pytest.mark.parametrize("name", ["slide.tif", "slide.jpg"])
def test_cmyk_is_converted(white, name):
    Image.fromarray(white).convert("CMYK").save(name, **({"quality": 95} if "j" in name else {}))
    assert differs(Path(name), white) < 4


@pytest.mark.parametrize("name", ["slide.png", "slide.tif", "slide.bmp"])
def test_palettes_are_resolved(white, name):
    Image.fromarray(white).quantize(128).save(name)
    assert differs(Path(name), white) < 4


def test_a_transparent_palette_shows_white_glass(white):
    palette = Image.fromarray(white).quantize(128)
    glass = palette.getpixel((90, 5))
    colours = palette.getpalette()
    colours[3 * glass : 3 * glass + 3] = [0, 0, 0]
    palette.putpalette(colours)
    palette.save("slide.png", transparency=glass)
    assert differs(Path("slide.png"), white) < 4


def test_planes_of_colours_become_pixels(white):
    planes = np.moveaxis(white, -1, 0)
    tifffile.imwrite("planar.tif", planes, photometric="rgb", planarconfig="separate")
    assert differs(Path("planar.tif"), white) == 0


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_more_than_8_bits_become_8(white, bits):
    deep = np.rint(white / 255 * (2**bits - 1)).astype(np.uint16)
    tifffile.imwrite("deep.tif", deep, photometric="rgb")
    assert differs(Path("deep.tif"), white) < 1


def test_jpeg_in_tiff(white):
    Image.fromarray(white).save("slide.tif", compression="jpeg", quality=95)
    assert differs(Path("slide.tif"), white) < 6


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16"])
def test_grey_is_no_slide(white, mode):
    grey = Image.fromarray(white).convert("L")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    (deep if mode == "I;16" else grey.convert(mode)).save("grey.png")
    with pytest.raises(InputError, match=r"grey\.png is no colour picture; .*\.$"):
        read_picture(Path("grey.png"))


@pytest.mark.parametrize(
    ("axes", "shape"), [("YX", (60, 70)), ("ZYX", (5, 60, 70)), ("YXS", (60, 70, 2))]
)
def test_a_tiff_without_colours_is_no_slide(white, axes, shape):
    alpha = {"extrasamples": ["unassalpha"], "planarconfig": "contig"} if "S" in axes else {}
    tifffile.imwrite("grey.tif", np.ones(shape, np.uint8), photometric="minisblack", **alpha)
    with pytest.raises(InputError, match=r"grey\.tif is no colour picture"):
        read_picture(Path("grey.tif"))


def test_colours_as_floats_are_refused_by_name(white):
    tifffile.imwrite("float.tif", (white / 255).astype(np.float32), photometric="rgb")
    with pytest.raises(InputError, match=r"float\.tif holds colours of the type float32; .* 16"):
        read_picture(Path("float.tif"))


def test_grey_saved_as_colours_has_no_stains(white):
    grey = np.repeat(white[..., :1], 3, -1)
    with pytest.raises(InputError, match="the slide is grey"):
        stains_of(grey)


def test_all_of_a_folder_are_read(white):
    Path("slides").mkdir()
    Image.fromarray(white).save("slides/a.png")
    Image.fromarray(white).convert("CMYK").save("slides/b.jpg")
    tifffile.imwrite("slides/c.tif", white, photometric="rgb")
    read = read_pictures(Path("slides"))
    assert list(read) == ["a.png", "b.jpg", "c.tif"]
    assert {picture.shape for picture in read.values()} == {white.shape}


def test_a_slide_in_lab_is_refused(tmp_path):
    path = tmp_path / "lab.tif"
    tifffile.imwrite(path, np.full((20, 30, 3), 128, np.uint8), photometric="cielab")
    with pytest.raises(InputError, match="CIELAB; save it in RGB"):
        read_picture(path)
