"""The staining tool: despeckling, colours, nuclei, seams, speed and memory, invariance.

``python -m benchmarks staining PART --data FOLDER``; ``slides`` writes the pictures that the
shipped weights were trained on.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tifffile
import torch
from imageio import v3 as imageio

from benchmarks import report
from benchmarks.staining_despeckle import despeckle
from benchmarks.staining_pictures import sections, textures
from napari_midl.engine.models import read_card
from napari_midl.engine.ready_model import ReadyModel
from napari_midl.methods.staining import score
from napari_midl.methods.staining.apply import Staining
from napari_midl.methods.staining.models import named_despeckler, named_translator, stains_in
from napari_midl.methods.staining.mosaic import Mosaic
from napari_midl.methods.staining.pictures import read_picture
from napari_midl.methods.staining.pipeline import Pipeline, build_pipeline
from napari_midl.methods.staining.settings import LEARNT, StainSettings
from napari_midl.methods.staining.stains import RUIFROK, BeerLambert, Stains, densities_of
from napari_midl.methods.staining.synthetic import synthetic_mosaic
from napari_midl.volumes.space import Space
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

METHODS = ("linear", "beer-lambert", "cyclegan", "density")
# The vectors that most programs begin with, and no adjustment to the mosaic.
STANDARD = "standard vectors"
STANDARD_STAINS = Stains(vectors=RUIFROK, full=(1.5, 0.8))
NUCLEAR, EOSIN, RENDERED = "_nuclear.tif", "_eosin.tif", "_reference_rgb.jpg"
# The rendering of the shared field is this part of its channels.
RENDERED_PART = (slice(13, 883), slice(31, 579))
MOSAIC = (10_000, 15_000)


def painter(
    mosaic: Mosaic, method: str, model: str | Path = "base", tile: int = 512, **options: bool
) -> ReadyModel:
    """A stain of a mosaic, with the shipped weights or those of a file."""
    if method == STANDARD:
        settings = StainSettings(method="beer-lambert", keep_speckle=True)
        pipeline = Pipeline(BeerLambert(STANDARD_STAINS))
        return ReadyModel(Staining(mosaic, pipeline, settings))
    settings = StainSettings(method=method, tile=tile, **options)  # type: ignore[arg-type]
    translator = named_translator(model, method) if method in LEARNT else None
    cleaner = None if settings.keep_speckle else named_despeckler("base")
    return ReadyModel(Staining(mosaic, build_pipeline(settings, cleaner, translator), settings))


def picture(mosaic: Mosaic, method: str, model: str | Path = "base", **options: bool) -> np.ndarray:
    """The stain of a whole mosaic in one piece, colours last, as bytes."""
    whole = tuple(slice(0, n) for n in mosaic.shape)
    colours = painter(mosaic, method, model, **options).look(whole)[:3, 0]  # type: ignore[arg-type]
    return np.rint(np.moveaxis(colours, 0, -1).clip(0, 1) * 255).astype(np.uint8)


def fields(data: Path) -> dict[str, tuple[Mosaic, np.ndarray]]:
    """Real two-channel fields with the rendering that their authors made."""
    found = {}
    for path in sorted(data.glob(f"*{NUCLEAR}")):
        name = path.name.removesuffix(NUCLEAR)
        channels = [tifffile.imread(data / f"{name}{c}")[None] for c in (NUCLEAR, EOSIN)]
        mosaic = Mosaic([Volume.from_array(c, name=name) for c in channels])
        found[name] = mosaic, read_picture(data / f"{name}{RENDERED}")
    return found


def stain(data: Path, also: Sequence[Path] = ()) -> list[dict[str, object]]:
    """Colours against the independent rendering and real H&E, nuclei against the channel.

    ``also`` are other models, such as the paper's generator.
    """
    stains: dict[str, tuple[str, str | Path]] = {
        method: (method, "base") for method in (STANDARD, *METHODS)
    }
    for path in also:
        kind = "density" if read_card(path)["architecture"] == "density" else "cyclegan"
        stains[path.stem] = kind, path
    slides = {p.stem: read_picture(p) for p in sorted(data.glob("he_*.png"))}
    rows = []
    for name, (mosaic, rendered) in fields(data).items():
        nuclear = mosaic.scaled(mosaic.read(tuple(slice(0, n) for n in mosaic.shape)))[0, 0]  # type: ignore[arg-type]
        true = score.nuclei(nuclear)
        for way, (method, model) in stains.items():
            made = picture(mosaic, method, model, keep_speckle=True)
            part = made[RENDERED_PART]
            hematoxylin = densities_of(made, np.array(_stains(method, model).vectors))[0]
            found = score.nuclei(hematoxylin.clip(0))
            rows.append(
                {
                    "field": name,
                    "method": way,
                    "CIEDE2000 to rendering": score.ciede2000(part, rendered),
                    "SSIM to rendering": score.ssim(part / 255, rendered / 255, channel_axis=-1),
                    "hue to rendering": score.hue_distance(part, rendered),
                    **{
                        f"colours to {s}": score.palette_distance(made, p)
                        for s, p in slides.items()
                    },
                    **{f"hue to {s}": score.hue_distance(made, slides[s]) for s in slides},
                    "hematoxylin r": score.correlation(hematoxylin, nuclear),
                    "nuclei in": len(true),
                    "nuclei out": len(found),
                    **score.matched(found, true),
                    "cycle error": _cycle_error(mosaic, method, model),
                }
            )
    return rows


def _stains(method: str, model: str | Path) -> Stains:
    """What the stain itself was made with, to take it apart again."""
    if method in (STANDARD, "linear"):
        return STANDARD_STAINS
    return stains_in(named_translator(model, method) if method in LEARNT else None)


def _cycle_error(mosaic: Mosaic, method: str, model: str | Path) -> float:
    """Mean difference of what the inverse generator makes of the stain from its start."""
    if method not in LEARNT:
        return float("nan")
    loaded = named_translator(model, method)
    translator = loaded.network
    if method == "density":
        translator.generator.colour = BeerLambert(stains_in(loaded))
    whole = tuple(slice(0, n) for n in mosaic.shape)
    channels = mosaic.scaled(mosaic.read(whole))[:, 0][None]  # type: ignore[arg-type]
    with torch.inference_mode():
        start = translator.start(torch.from_numpy(channels))
        again = translator.inverse(translator.generator(start))
    return float((again - start).abs().mean())


def seams(data: Path) -> list[dict[str, object]]:
    """Tiles of 512 stained alone against the same area of the whole, in levels of 255."""
    rows = []
    mosaics = {name: mosaic for name, (mosaic, _) in fields(data).items()}
    drawn = synthetic_mosaic((1300, 1100), np.random.default_rng(5))
    channels = [Volume.from_array(c[None]) for c in (drawn.fluorescence, drawn.reflectance)]
    mosaics["synthetic"] = Mosaic(channels)
    for name, mosaic in mosaics.items():
        for method in METHODS:
            at_work = painter(mosaic, method)
            whole = at_work.look(tuple(slice(0, n) for n in mosaic.shape))  # type: ignore[arg-type]
            whole = np.rint(whole * 255)
            worst = max(
                float(np.abs(np.rint(at_work.look(core) * 255) - whole[(slice(None), *core)]).max())
                for core in map(at_work.tiling.core, range(len(at_work.tiling)))
            )
            rows.append({"mosaic": name, "method": method, "worst difference of 255": worst})
    return rows


def invariance(data: Path) -> list[dict[str, object]]:
    """CIEDE2000 between stains of the same field with another gain, offset or depth."""
    rows = []
    for name, (mosaic, _) in fields(data).items():
        before = {method: picture(mosaic, method) for method in METHODS}
        stored = [np.asarray(v.data) for v in mosaic.channels]
        tops = [float(c.max()) for c in stored]
        changes = {
            "gain 0.5": [(c * 0.5).astype(np.uint16) for c in stored],
            "gain 3": [(c * 3.0).clip(0, 65535).astype(np.uint16) for c in stored],
            "offset 500": [c + np.uint16(500) for c in stored],
            "8 bits": [
                np.rint(c / t * 255).astype(np.uint8) for c, t in zip(stored, tops, strict=True)
            ],
        }
        for change, channels in changes.items():
            other = Mosaic([Volume.from_array(c, name=name) for c in channels])
            apart = {m: score.ciede2000(picture(other, m), before[m]) for m in METHODS}
            rows.append({"field": name, "change": change, **apart})
    return rows


_STREAM = """
import resource, sys, time
from pathlib import Path
from napari_midl.engine.jobs import run
from napari_midl.methods.staining.operations import Stain
folder, method = Path(sys.argv[1]), sys.argv[2]
started = time.perf_counter()
first = []
run(Stain.of(reflectance=folder / "r.ome.zarr", fluorescence=folder / "f.ome.zarr",
    out=folder / f"{method}.ome.zarr", method=method).perform(),
    lambda p: p.preview and not first and first.append(time.perf_counter()))
used = resource.getrusage(resource.RUSAGE_SELF)
print(time.perf_counter() - started, first[0] - started, used.ru_utime + used.ru_stime,
    used.ru_maxrss / 1024)
"""


def speed(_: Path) -> list[dict[str, object]]:
    """Megapixels a second from store to store, and peak memory, of a small and a large mosaic."""
    rows = []
    for height, width in ((2_500, 3_750), MOSAIC):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_mosaic(folder, height, width)
            for method in ("density", "cyclegan"):
                done = subprocess.run(
                    [sys.executable, "-c", _STREAM, name, method],
                    capture_output=True,
                    text=True,
                    check=True,
                )
                seconds, first, cores, peak = map(float, done.stdout.split()[-4:])
                rows.append(
                    {
                        "mosaic": f"{width} x {height}",
                        "method": method,
                        "seconds": seconds,
                        "Mpixel/s": height * width / seconds / 1e6,
                        "CPU s a Mpixel": cores / (height * width / 1e6),
                        "first tile s": first,
                        "peak MiB": peak,
                    }
                )
                print(report.markdown(rows[-1:]), flush=True)
    return rows


def write_mosaic(folder: Path, height: int, width: int) -> None:
    """A large mosaic of both channels as OME-Zarr: one synthetic field, repeated."""
    from napari_midl.volumes.ome_zarr import OmeZarrImage

    drawn = synthetic_mosaic((1024, 1024), np.random.default_rng(0))
    for name, channel in (("f", drawn.fluorescence), ("r", drawn.reflectance)):
        field = (channel * 255).round().astype(np.uint8)
        image = OmeZarrImage.create(
            folder / f"{name}.ome.zarr",
            shape=(height, width),
            dtype="uint8",
            axes="YX",
            space=Space.of((None, 0.75, 0.75), "micrometer"),
            chunks=(512, 512),
        )
        for y in range(0, height, 1024):
            for x in range(0, width, 1024):
                part = field[: height - y, : width - x]
                image.write((slice(y, y + part.shape[0]), slice(x, x + part.shape[1])), part)


def slides(data: Path) -> list[dict[str, object]]:
    """Write what the despeckler is trained on into ``slides``, and the stains into ``he``."""
    rows = []
    for folder, pictures in (
        ("slides", textures(data)),
        ("he", sections(data)),
    ):
        Path(folder).mkdir(exist_ok=True)
        for name, image in pictures.items():
            imageio.imwrite(Path(folder) / f"{name}.png", image)
            size = f"{image.shape[1]} x {image.shape[0]}"
            rows.append({"folder": folder, "picture": name, "pixels": size})
    return rows


PARTS: dict[str, Callable[..., list[dict[str, object]]]] = {
    "slides": slides,
    "despeckle": despeckle,
    "stain": stain,
    "seams": seams,
    "invariance": invariance,
    "speed": speed,
}


def main(arguments: list[str]) -> None:
    """Print the table of each part and keep it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks staining")
    parser.add_argument("parts", nargs="*", default=["despeckle", "stain", "seams", "invariance"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/staining"))
    parser.add_argument("--also", type=Path, nargs="*", default=[], help="models to score too")
    given = parser.parse_args(arguments)
    for name in given.parts:
        started = time.monotonic()
        part = PARTS[name]
        rows = part(given.data, given.also) if part in (despeckle, stain) else part(given.data)
        seconds = time.monotonic() - started
        print(f"\n{name} ({seconds:.0f} s)\n\n{report.markdown(rows)}", flush=True)
        if name != "slides":
            report.write(f"staining-{name}", rows)
