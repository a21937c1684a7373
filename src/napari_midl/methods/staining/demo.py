"""The staining tool on a synthetic mosaic: despeckled, stained four ways, compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import tifffile
from matplotlib.figure import Figure

from napari_midl.engine.page import Section
from napari_midl.engine.runs import record_path
from napari_midl.methods.staining import score
from napari_midl.methods.staining.models import named_translator, stains_in
from napari_midl.methods.staining.operations import Despeckle, Stain
from napari_midl.methods.staining.settings import LEARNT, Method
from napari_midl.methods.staining.stains import densities_of
from napari_midl.methods.staining.synthetic import synthetic_mosaic
from napari_midl.methods.staining.watermark import NOTICE
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.tables import write_table

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.engine.jobs import Job
    from napari_midl.methods.staining.synthetic import SyntheticMosaic

SHAPE = (640, 800)
METHODS: tuple[Method, ...] = ("linear", "beer-lambert", "cyclegan", "density")
RESOLUTION = 1 / 0.75


def staining_demo(folder: Path) -> Job[Section]:
    """Despeckle and stain a synthetic mosaic, and score both against what is true."""
    drawn = synthetic_mosaic(SHAPE, np.random.default_rng(11), deviation=0.4)
    reflectance, fluorescence = folder / "reflectance.tif", folder / "fluorescence.tif"
    for path, channel in ((reflectance, drawn.reflectance), (fluorescence, drawn.fluorescence)):
        tifffile.imwrite(
            path,
            (channel * 255).round().astype(np.uint8),
            imagej=True,
            resolution=(RESOLUTION, RESOLUTION),
            metadata={"unit": "um"},
        )
    clean_path = folder / "despeckled.ome.zarr"
    yield from Despeckle.of(reflectance=reflectance, out=clean_path).perform()
    clean: NDArray[np.float32] = np.asarray(open_volume(clean_path).data, np.float32)
    clean /= 255
    pictures: dict[str, NDArray[np.uint8]] = {}
    doubt: NDArray[np.float32] = np.zeros(SHAPE, np.float32)
    for method in METHODS:
        out = folder / f"{method}.ome.zarr"
        doubt_too = method == "cyclegan"
        yield from Stain.of(
            reflectance=reflectance,
            fluorescence=fluorescence,
            method=method,
            doubt=doubt_too,
            out=out,
        ).perform()
        stain = np.asarray(open_volume(out).data)
        pictures[method] = np.moveaxis(stain[:3], 0, -1)
        if doubt_too:
            doubt = stain[3].astype(np.float32) / np.float32(255)
    noise = pd.DataFrame(
        [
            {
                "reflectance": name,
                "PSNR": score.psnr(i, drawn.clean),
                "SSIM": score.ssim(i, drawn.clean),
            }
            for name, i in (("as it is", drawn.reflectance), ("despeckled", clean))
        ]
    )
    scores = pd.DataFrame([_score(drawn, method, pictures[method]) for method in METHODS])
    write_table(noise, folder / "despeckling.csv")
    write_table(scores, folder / "nuclei.csv")
    overview = folder / "stains.png"
    _picture(overview, drawn, clean, pictures, doubt)
    return Section(
        "Staining",
        "A synthetic mosaic, nuclei in fluorescence and fibres in speckled reflectance, becomes "
        f"an H&E slide: {NOTICE}. The nuclei that are found in the stain's hematoxylin are "
        "compared with those in the fluorescence; the density generator has no means to invent "
        "one.",
        pictures=[
            (
                overview,
                "Both channels, the despeckled reflectance, the four stains, and where not "
                "to trust that of the CycleGAN.",
            ),
        ],
        tables=[
            ("Reflectance against the clean one", noise),
            ("Nuclei in the stain against those in the fluorescence", scores),
        ],
        files=[
            (folder / "density.ome.zarr", "the structure-safe stain (OME-Zarr)"),
            (folder / "cyclegan.ome.zarr", "the CycleGAN's, with its doubt"),
            (clean_path, "the despeckled reflectance"),
            (record_path(folder / "density.ome.zarr"), "record that replays the stain"),
        ],
    )


def _score(
    drawn: SyntheticMosaic, method: str, picture: NDArray[np.uint8]
) -> dict[str, str | int | float]:
    learnt = method in LEARNT
    stains = stains_in(named_translator("base", method) if learnt else None)
    hematoxylin = densities_of(picture, np.array(stains.vectors))[0]
    true, found = score.nuclei(drawn.fluorescence), score.nuclei(hematoxylin.clip(0))
    return {
        "method": method,
        "in the fluorescence": len(true),
        "in the stain": len(found),
        **score.matched(found, true),
        "hematoxylin r": score.correlation(hematoxylin, drawn.fluorescence),
    }


def _picture(
    path: Path,
    drawn: SyntheticMosaic,
    clean: NDArray[np.float32],
    pictures: dict[str, NDArray[np.uint8]],
    doubt: NDArray[np.float32],
) -> None:
    figure = Figure(figsize=(14, 6.2), layout="constrained", dpi=110)
    part = (slice(120, 440), slice(160, 560))
    panels: dict[str, NDArray[Any]] = {
        "fluorescence": drawn.fluorescence,
        "reflectance": drawn.reflectance,
        "despeckled": clean,
        **pictures,
    }
    axes = figure.subplots(2, 4).ravel()
    for axis, (title, image) in zip(axes, panels.items(), strict=False):
        axis.imshow(image[part], cmap="gray", vmin=0, vmax=1)
        axis.set_title(title)
    shown = axes[-1].imshow(doubt[part], cmap="viridis", vmin=0, vmax=1)
    axes[-1].set_title("do not trust (cyclegan)")
    figure.colorbar(shown, ax=axes[-1], fraction=0.046)
    for axis in axes:
        axis.set_axis_off()
    figure.savefig(path, bbox_inches="tight")
