"""What can be done with anatomy: generate, fit, morph, train, make shapes; outline and fill."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from napari_midl.engine.inputs import FileIn, ImageIn
from napari_midl.engine.jobs import Progress, elsewhere
from napari_midl.engine.operations import Operation, operation
from napari_midl.engine.outputs import FolderOut
from napari_midl.engine.settings import within
from napari_midl.engine.trained import TrainedOperation
from napari_midl.errors import InputError
from napari_midl.methods.anatomy.outlining import Fill, Outline, laid, opened
from napari_midl.methods.anatomy.ports import (
    AnatomyModelIn,
    LandmarksIn,
    ShapeOut,
    TemplateIn,
)
from napari_midl.methods.anatomy.settings import GenerateSettings, ShapesSettings, TrainSettings
from napari_midl.methods.anatomy.words import (
    CROSSED,
    TURNED,
    crossed_in_words,
    scan_in_words,
    turned_in_words,
)
from napari_midl.volumes.atomic import not_written
from napari_midl.volumes.units import length_in_words

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from napari_midl.engine.jobs import Job
    from napari_midl.engine.models import Model
    from napari_midl.engine.running import Running
    from napari_midl.methods.anatomy.apply import Generated
    from napari_midl.methods.anatomy.shapes import Shape
    from napari_midl.volumes.volume import Volume


__all__ = ["Fill", "Fit", "Generate", "Morph", "Outline", "Shapes", "Train"]


@dataclass(frozen=True, kw_only=True)
class ShapeOperation(Operation["Generated"]):
    """An operation that generates a shape."""

    model: AnatomyModelIn = AnatomyModelIn()
    out: ShapeOut
    settings: GenerateSettings = GenerateSettings()

    def keep(
        self, run: Running, made: Generated, model: Model, of: str, scan: Volume | None = None
    ) -> Job[Generated]:
        """Write the shape with a table of what the model thinks of each landmark."""
        if self.out.path is not None:
            from napari_midl.methods.anatomy.export import write_shape

            command = self.name.replace(".", " ")
            by = f"napari-midl {command}, model {model.sha256[:12]}, {of}, mm"
            yield from write_shape(made, run.staged(), by, scan)
        import numpy as np

        from napari_midl.methods.anatomy.checks import turned_over
        from napari_midl.methods.anatomy.score import crossing

        crossed = 0
        if not made.clean:
            looking = elsewhere(lambda: crossing(made.mesh), "looking at the surface")
            crossed = len((yield from looking))
        run.results |= {
            "misplaced": list(made.misplaced),
            TURNED: turned_over(
                made.landmarks, None if scan is None else scan.space, self.settings.mirrored
            ),
            CROSSED: crossed,
            "landmark to surface": float(np.nanmean(made.to_surface)),
            "volume": made.mesh.volume,
            "vertices": len(made.mesh.vertices),
        }
        return made

    def summary(self, results: dict[str, Any]) -> list[str]:
        """How well the landmarks fit."""
        return [
            f"landmark to surface: {length_in_words(results['landmark to surface'], 'millimeter')}",
            *(
                f"{name!r} lies far from where the others predict it; look at it again."
                for name in results["misplaced"]
            ),
            *turned_in_words(results.get(TURNED, False)),
            *crossed_in_words(results),
            *scan_in_words(results),
        ]


@operation("anatomy.generate", argument="landmarks")
@dataclass(frozen=True, kw_only=True)
class Generate(ShapeOperation):
    """Generate a shape from landmarks.

    Parameters
    ----------
    scan : ImageIn, optional
        Image on whose voxels a mask is laid, and in which the shape has to lie; without one a
        mask has voxels of 1 mm about the shape.
    """

    landmarks: LandmarksIn
    scan: ImageIn | None = None

    def job(self, run: Running) -> Job[Generated]:
        """Generate and write it."""
        scan = (yield from opened(run, self.scan)) if self.scan is not None else None
        path = yield from run.open(self.landmarks, "reading the landmarks")
        from napari_midl.methods.anatomy import apply
        from napari_midl.volumes.landmarks import read_landmarks

        given = read_landmarks(path)
        model = yield from run.open(self.model, "loading the model")
        try:
            made = yield from apply.generate(given, model, self.settings)
        except InputError as error:
            raise _named(self.landmarks.path, error) from None
        if scan is not None:
            of = f" of {self.landmarks.path}" if self.landmarks.path is not None else ""
            yield from laid(run, made.mesh, scan, f"the shape{of}")
        return (yield from self.keep(run, made, model, path.name, scan))


@operation("anatomy.fit", argument="landmarks")
@dataclass(frozen=True, kw_only=True)
class Fit(ShapeOperation):
    """Generate a shape from landmarks, and pull it onto the surface of the bone in a scan.

    Parameters
    ----------
    scan : ImageIn
        The scan, in which bone is brighter than what is around it.
    level : float, optional
        The surface of the bone is where the scan passes this value; guessed where none is given.
    """

    landmarks: LandmarksIn
    scan: ImageIn
    level: float | None = None

    def job(self, run: Running) -> Job[Generated]:
        """Generate, fit and write it."""
        scan = yield from opened(run, self.scan)
        path = yield from run.open(self.landmarks, "reading the landmarks")
        from napari_midl.methods.anatomy import apply, fitting
        from napari_midl.methods.anatomy.scan import read_voxels
        from napari_midl.volumes.landmarks import read_landmarks

        given = read_landmarks(path)
        model = yield from run.open(self.model, "loading the model")
        try:
            made = yield from apply.generate(given, model, self.settings, smooth=False)
        except InputError as error:
            raise _named(self.landmarks.path, error) from None
        yield from laid(run, made.mesh, scan, "the shape")
        level = self.level
        if level is None:
            level = (yield from elsewhere(lambda: read_voxels(scan), "looking for bone")).threshold
        held = given.points[given.placed] if self.settings.through else given.points[:0]
        fitted = yield from fitting.fit(made.mesh, held, scan, level)
        run.results |= {"level": level} | fitted.in_numbers
        return (yield from self.keep(run, made.on(fitted), model, path.name, scan))

    def summary(self, results: dict[str, Any]) -> list[str]:
        """How far it lay from the bone, and lies now."""
        from napari_midl.methods.anatomy.words import fit_in_words

        return [fit_in_words(results), *super().summary(results)]


@operation("anatomy.morph", argument="landmarks")
@dataclass(frozen=True, kw_only=True)
class Morph(ShapeOperation):
    """Generate the shape between two sets of landmarks.

    Parameters
    ----------
    landmarks : LandmarksIn
        Where to begin: table with the columns name,x,y,z in mm, empty where missing; or a
        ``.mrk.json`` or ``.fcsv`` of 3D Slicer.
    other : LandmarksIn
        Where to end, turned and shifted onto the first set; landmarks that either of the two
        lacks are left out.
    fraction : float
        How far on the way, from 0 to 1.
    """

    landmarks: LandmarksIn
    other: LandmarksIn
    fraction: Annotated[float, within(0.0, 1.0, step=0.05)] = 0.5

    def job(self, run: Running) -> Job[Generated]:
        """Generate and write it."""
        paths = []
        for port in (self.landmarks, self.other):
            paths.append((yield from run.open(port, "reading the landmarks")))
        model = yield from run.open(self.model, "loading the model")
        from napari_midl.methods.anatomy import apply
        from napari_midl.methods.anatomy.checks import read_set
        from napari_midl.methods.anatomy.morphing import morph
        from napari_midl.methods.anatomy.template import Template

        template = Template.from_dict(model.card["template"])
        one, other = (read_set(path, template) for path in paths)
        made = yield from apply.generate(morph(one, other, self.fraction), model, self.settings)
        between = f"{self.fraction:g} from {paths[0].name} to {paths[1].name}"
        return (yield from self.keep(run, made, model, between))


@operation("anatomy.train", argument="folder")
@dataclass(frozen=True, kw_only=True)
class Train(TrainedOperation):
    """Train a generator on shapes with landmarks.

    Parameters
    ----------
    folder : FileIn
        Closed meshes (mm, LPS) or masks, each with landmarks in a file of the same name. A folder
        ``warped`` in it may hold shapes ``NAME-….ply`` that were warped from the shape ``NAME``;
        they say how people vary.
    """

    facts = ("steps", "spread_ratio")

    folder: FileIn
    template: TemplateIn = TemplateIn()
    settings: TrainSettings = TrainSettings()

    def train(self, run: Running) -> Job[Model]:
        """Train."""
        kind = yield from run.open(self.template, "reading the template")
        from napari_midl.methods.anatomy import learn
        from napari_midl.methods.anatomy.models import usual_size
        from napari_midl.methods.anatomy.shapes import (
            check_origins,
            check_sizes,
            list_shapes,
            read_shape,
            read_teeth,
        )

        folder = self.folder.open()
        pairs = list_shapes(folder)
        shapes = []
        for k, (shape, landmarks) in enumerate(pairs):
            yield Progress(k, len(pairs), f"reading {shape.name}")
            shapes.append(read_shape(shape, landmarks, kind))
        check_origins(folder, shapes)
        check_sizes(shapes, kind, usual_size(kind))
        data = {"shapes": {"count": len(shapes), "sha256": _hash(p for q in pairs for p in q)}}
        run.inputs |= data
        checkpoint = run.checkpoint({**data, "template": kind.to_dict()})
        return (
            yield from learn.train(
                shapes,
                kind,
                self.settings,
                checkpoint,
                teeth=read_teeth(folder),
                enough=run.watch.enough,
                exactly=run.steps,
            )
        )


@operation("anatomy.shapes", argument="folder")
@dataclass(frozen=True, kw_only=True)
class Shapes(Operation["list[Shape]"]):
    """Make semi-real mandibles to train on, from real meshes and real people's landmarks.

    Parameters
    ----------
    folder : FileIn
        Holds artisynth_dynjaw.obj, artisynth_vkh.obj, opensim_jaw.stl, landmarks_dynjaw.csv,
        landmarks_vkh.csv, zvejnieki_landmarks.csv and corpus_semilandmarks.npz.
    """

    folder: FileIn
    out: FolderOut
    settings: ShapesSettings = ShapesSettings()

    def job(self, run: Running) -> Job[list[Shape]]:
        """Make the shapes, and write each as a mesh with its landmarks."""
        folder = yield from run.open(self.folder, "reading the meshes")
        from napari_midl.methods.anatomy import population
        from napari_midl.methods.anatomy.registration import in_correspondence
        from napari_midl.methods.anatomy.shapes import WARPED, write_teeth
        from napari_midl.methods.anatomy.teeth import crowns
        from napari_midl.methods.anatomy.template import load_template
        from napari_midl.volumes.landmarks import Landmarks, write_landmarks
        from napari_midl.volumes.meshes import write_mesh

        template = load_template("mandible")
        bases = yield from in_correspondence(population.real_meshes(folder, template))
        yield Progress(0, 0, "placing people on the mesh")
        people = population.real_people(folder, bases[0], template)
        shapes = yield from population.make(bases, people, self.settings)
        out = run.staged()
        try:
            (out / WARPED).mkdir(parents=True)
        except OSError as error:
            raise not_written(out, error) from error
        for k, shape in enumerate([*bases, *shapes]):
            yield Progress(k, len(shapes), "writing shapes")
            place = out / (
                f"{WARPED}/{shape.warped_from}-{k:04d}" if shape.warped_from else shape.name
            )
            write_mesh(place.with_suffix(".ply"), shape.mesh, "napari-midl anatomy shapes, mm")
            marks = Landmarks(template.names, shape.landmarks)
            write_landmarks(place.with_suffix(".csv"), marks)
        write_teeth(out, bases[0].mesh.vertices[crowns(bases[0], template)])
        run.results["count"] = len(shapes)
        return shapes


def _named(path: Path | None, error: InputError) -> InputError:
    return InputError(f"{path}: {error}") if path is not None else error


def _hash(paths: Iterable[Path]) -> str:
    """SHA-256 over names and contents of files, as records have held it from the first."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode())
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()
