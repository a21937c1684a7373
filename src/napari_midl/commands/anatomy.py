"""`napari-midl anatomy …`.

Annotations are read at run time here, so they are not postponed; whatever is heavy is
imported by the command that needs it.
"""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from napari_midl.commands.common import Flat
from napari_midl.methods.anatomy.settings import GenerateSettings, ShapesSettings, TrainSettings
from napari_midl.terminal import drive

app = App(
    name="anatomy",
    help="Generate bones and other shapes from landmarks.",
    # `through` is on from the start, so that it needs a --no-through.
    default_parameter=Parameter(negative=None),
)


@app.command
def generate(
    landmarks: Path,
    /,
    *,
    out: Path,
    model: str = "base",
    scan: Path | None = None,
    settings: Annotated[GenerateSettings, Flat] = GenerateSettings(),  # noqa: B008
) -> None:
    """Generate a shape from landmarks.

    Parameters
    ----------
    landmarks : Path
        Table with the columns name,x,y,z in mm, empty where missing; or a ``.mrk.json`` or
        ``.fcsv`` of 3D Slicer.
    out : Path
        The ``.ply``, ``.stl`` or ``.obj`` (mm) or ``.ome.zarr`` (mask) to write.
    model : str
        ``base`` (the shipped mandible), or the path of a model.
    scan : Path
        Image whose grid a mask takes.
    """
    from napari_midl.methods.anatomy import files

    record = drive(files.generate(landmarks, out, model, scan, settings))
    results = record.results
    print(f"landmark to surface: {results['landmark to surface']:.2f} mm")
    for name in results["misplaced"]:
        print(f"{name!r} lies far from where the others predict it; look at it again.")
    print(out)


@app.command
def train(
    folder: Path,
    /,
    *,
    out: Path,
    template: str = "mandible",
    settings: Annotated[TrainSettings, Flat] = TrainSettings(),  # noqa: B008
) -> None:
    """Train a generator on shapes with landmarks; one that was stopped goes on.

    Parameters
    ----------
    folder : Path
        Closed meshes (mm) or masks, each with landmarks in a file of the same name.
    out : Path
        The ``.safetensors`` file to write.
    template : str
        ``mandible``, or a template file that names the landmarks of another shape.
    """
    from napari_midl.methods.anatomy import files

    drive(files.train(folder, out, template, settings))
    print(out)


@app.command
def shapes(
    folder: Path,
    /,
    *,
    out: Path,
    settings: Annotated[ShapesSettings, Flat] = ShapesSettings(),  # noqa: B008
) -> None:
    """Make semi-real mandibles to train on, from two real meshes and real people's landmarks.

    Parameters
    ----------
    folder : Path
        Holds artisynth_dynjaw.obj, artisynth_vkh.obj, zvejnieki_landmarks.csv and
        corpus_semilandmarks.npz.
    out : Path
        A new folder.
    """
    from napari_midl.methods.anatomy import files

    drive(files.make_shapes(folder, out, settings))
    print(out)
