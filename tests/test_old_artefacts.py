"""What commits 498e827 and 364b426 wrote still opens, and their records are done again.

``fixtures/make_*.py`` say how the files were made: those of the segmentation tool by the later
one. Bits of a network's output are the same
only with the same torch on the same kind of processor; elsewhere the inputs alone are compared.
Trainings are done again to their end, but their weights are not compared: which lessons are drawn
belongs to the version.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from napari_midl.cli import main
from napari_midl.engine.jobs import run
from napari_midl.engine.models import hash_tensors, read_card
from napari_midl.engine.project import classes_folder
from napari_midl.engine.runs import read_run
from napari_midl.engine.semantic.models import classes_of
from napari_midl.engine.streaming import stream
from napari_midl.methods.anatomy.models import named_model as anatomy_model
from napari_midl.methods.axons.models import named_model as axon_model
from napari_midl.methods.segment.models import named_model as segment_model
from napari_midl.methods.staining.models import named_despeckler, named_translator
from napari_midl.methods.staining.review import read_review
from napari_midl.methods.vessels.models import named_model as vessel_model
from napari_midl.methods.vessels.models import scratch
from napari_midl.methods.vessels.predictor import VesselModel
from napari_midl.methods.vessels.settings import PredictSettings
from napari_midl.volumes.annotations import AnnotationStore
from napari_midl.volumes.landmarks import read_landmarks
from napari_midl.volumes.meshes import read_mesh
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.space import Space
from napari_midl.volumes.traces import read_seeds, read_traces
from napari_midl.volumes.volume import hash_volume

pytestmark = pytest.mark.usefixtures("two_threads")  # as where they were made

FIXTURES = Path(__file__).parent / "fixtures"
VERSIONS = {
    "anatomy": "v498e827",
    "axons": "v498e827",
    "segment": "v364b426",
    "staining": "v498e827",
    "vessels": "v498e827",
}
PLACE = "@HERE@"
TRAININGS = (
    "anatomy.train",
    "axons.finetune",
    "segment.train",
    "staining.train",
    "staining.train-despeckler",
    "vessels.finetune",
)
MODELS = {
    "anatomy/egg.safetensors": anatomy_model,
    "axons/tracer.safetensors": axon_model,
    "segment/network.safetensors": segment_model,
    "segment/pixels.safetensors": segment_model,
    "staining/despeckler.safetensors": named_despeckler,
    "staining/stain.safetensors": lambda path: named_translator(path, "density"),
    "vessels/image.tif.midl/models/fine-tuned-1.safetensors": vessel_model,
}


def stored(tool: str) -> Path:
    """Where the files of a tool are kept."""
    return FIXTURES / VERSIONS[tool] / tool


RECORDS = sorted(
    path.relative_to(stored(tool).parent).as_posix()
    for tool in VERSIONS
    for path in stored(tool).rglob("*.run.json")
)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The stored files as if they had been written in this place."""
    place = tmp_path / "old"
    for tool in VERSIONS:
        shutil.copytree(stored(tool), place / tool)
    for record in place.rglob("*.run.json"):
        text = record.read_text(encoding="utf-8").replace(PLACE, place.as_posix())
        record.write_text(text, encoding="utf-8")
    return place


def held(record: Path) -> dict[str, Any]:
    """A record as it is written, whatever a later version makes of it."""
    values: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
    return values


def made_on_such_a_machine(tool: str) -> bool:
    made = json.loads((stored(tool).parent / "made.json").read_text(encoding="utf-8"))
    return (
        made
        == {
            "torch": torch.__version__,
            "cpu": torch.backends.cpu.get_cpu_capability(),
            "threads": torch.get_num_threads(),
        }
        and a_network_knows_no_threads()
    )


def a_network_knows_no_threads() -> bool:
    """Whether a network gives the same bits on one thread, as where the files were made.

    How its work is cut follows from the processor's caches too, of which torch says nothing.
    """
    network, threads = scratch(seed=1).network.eval(), torch.get_num_threads()
    image = torch.rand(1, 1, 16, 48, 48, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        many = network(image)
        torch.set_num_threads(1)
        one = network(image)
    torch.set_num_threads(threads)
    return torch.equal(many, one)


def test_each_operation_but_the_long_ones_left_a_record():
    files = [stored(record.split("/")[0]).parent / record for record in RECORDS]
    operations = {read_run(file).operation for file in files}
    assert operations == {held(file)["operation"] for file in files}
    assert operations == {
        *TRAININGS,
        "anatomy.generate",
        "axons.trace",
        "segment.predict",
        "staining.despeckle",
        "staining.stain",
        "vessels.labels",
        "vessels.predict",
    }


@pytest.mark.usefixtures("few_pixel_steps")
@pytest.mark.parametrize("record", RECORDS)
def test_a_record_is_done_again(record, old, monkeypatch, capsys):
    kept = held(old / record)
    # The trainings named their folders by relative paths.
    monkeypatch.chdir(old / Path(record).parts[0])
    with pytest.raises(SystemExit) as ended:
        main(["runs", "replay", str(old / record)])
    said = capsys.readouterr().out
    verdicts = dict(line.split(": ") for line in said.splitlines() if ": " in line)
    inputs = {name: verdict for name, verdict in verdicts.items() if name.startswith("input")}
    if kept["arguments"].get("model") in ("base", "scratch"):
        inputs.pop("input model", None)  # the shipped weights may become better
    if kept["arguments"].get("reference", "") is None:
        inputs.pop("input stains", None)  # and so may the stains where no slide was given
    alike = made_on_such_a_machine(record.split("/")[0])
    if "despeckler" in kept["inputs"] and not alike:
        inputs.pop("input one", None)  # it is what a network makes of the image
    assert set(inputs.values()) <= {"the same"}, said
    outputs = [verdict for name, verdict in verdicts.items() if name.startswith("output")]
    assert outputs, said
    # Meshes and traces say in a comment now which way their axes point and whence they count.
    says_more = record.endswith((".ply.run.json", ".swc.run.json"))
    # Despeckling keeps the mean and what is far brighter than all else now; traces end with their
    # fibres, and none is followed twice; the doubt of landmarks has a share of placing them.
    changed = ("staining.despeckle", "staining.stain", "axons.trace", "anatomy.generate")
    differs = says_more or kept["operation"] in changed
    same = kept["operation"] not in TRAININGS and not differs
    if same and alike:
        assert ended.value.code == 0, said


@pytest.mark.parametrize("name, load", MODELS.items(), ids=list(MODELS))
def test_a_model_opens_with_the_weights_that_its_record_names(name, load, old):
    model = load(old / name)
    outputs = held(old / f"{name}.run.json")["outputs"]
    recorded = outputs.get("model", outputs.get(Path(name).name))["sha256"]
    assert hash_tensors(model.network.state_dict()) == model.sha256 == recorded
    assert read_card(old / name)["tool"] == name.split("/")[0]


def test_an_unfinished_prediction_goes_on(old):
    folder = old / "vessels"
    model = vessel_model(folder / "image.tif.midl/models/fine-tuned-1.safetensors")
    partial = folder / "image.tif.midl/results/prediction-1.ome.zarr"
    volume = open_volume(folder / "image.tif").spatial()
    settings = PredictSettings(tile=(16, 24, 24), device="cpu")
    before = np.asarray(open_volume(partial).data)
    run(stream(VesselModel(volume, model, settings), partial, resume=True)).close()
    after = np.asarray(open_volume(partial).data)
    np.testing.assert_array_equal(after[:, :24, :24], before[:, :24, :24])
    np.testing.assert_allclose(
        after, np.asarray(open_volume(folder / "prediction.ome.zarr").data), atol=0.01
    )


@pytest.mark.parametrize(
    "name, channels, labels",
    [
        ("vessels/prediction.ome.zarr", ("vessel probability",), ("vessels", "vessels-0.30")),
        ("anatomy/egg.ome.zarr", (), ()),
        ("segment/by network.ome.zarr", ("nucleus", "cytoplasm", "doubt"), ()),
        ("segment/by pixels.ome.zarr", ("nucleus", "cytoplasm", "doubt"), ()),
        ("staining/density.ome.zarr", ("red", "green", "blue", "doubt"), ()),
        ("staining/linear.ome.zarr", ("red", "green", "blue"), ()),
        ("staining/despeckled.ome.zarr", (), ()),
    ],
)
def test_an_ome_zarr_opens_with_the_voxels_that_its_record_names(name, channels, labels, old):
    volume = open_volume(old / name)
    assert volume.channels == channels
    assert OmeZarrImage.open(old / name).levels[0].shape[-2:] == volume.shape[-2:]
    for output in held(old / f"{name}.run.json")["outputs"].values():
        if output["path"].endswith(".zarr"):
            assert hash_volume(volume) == output["sha256"]
    probability = np.asarray(volume.data) if labels else None
    for label, threshold in zip(labels, (0.5, 0.3), strict=False):
        cut = np.asarray(open_volume(old / name / "labels" / label).data)
        np.testing.assert_array_equal(cut, probability >= np.float32(threshold))


def test_a_project_folder_holds_what_was_painted(old):
    folder = old / "vessels"
    volume = open_volume(folder / "image.tif").spatial()
    strokes = np.asarray(open_volume(folder / "labels.tif").data)
    for place in ("patches", "models/fine-tuned-1 patches"):
        patches, problems = AnnotationStore(folder / "image.tif.midl" / place, volume).load()
        assert problems == []
        assert [(p.name, p.origin) for p in patches] == [
            ("patch 1", (3, 4, 6)),
            ("patch 2", (12, 4, 6)),
        ]
        for patch in patches:
            np.testing.assert_array_equal(patch.labels[0], strokes[patch.origin[0], 4:44, 6:42])


def test_classes_and_what_was_painted_with_them_open(old):
    folder = old / "segment"
    volume = open_volume(folder / "image.tif").spatial()
    store = AnnotationStore(classes_folder(folder / "image.tif.midl", 0, 0), volume)
    classes = store.kept_classes()
    assert classes is not None
    assert classes.names == classes_of(segment_model(folder / "network.safetensors")).names
    assert classes.labels[1].colour == "#123456"
    (patch,), problems = AnnotationStore(store.folder, volume, classes).load()
    assert problems == []
    assert (patch.name, patch.origin) == ("patch 1", (0, 4, 4))
    strokes = np.asarray(open_volume(folder / "labels.tif").data)
    np.testing.assert_array_equal(patch.labels[0], strokes.reshape(96, 96)[4:60, 4:92])


def test_traces_seeds_landmarks_meshes_and_reviews_open(old):
    (seed,) = read_seeds(old / "axons/seeds.csv")
    size = Space.of((0.5, 0.5, 0.5), "micrometer")
    table, swc = (read_traces(old / f"axons/{name}", size) for name in ("table.csv", "traces.swc"))
    assert [trace.path for trace in table] == [seed.path] == ["fibre 1"]
    np.testing.assert_allclose(swc[0].points, table[0].points, atol=0.01)
    kept = read_traces(old / "axons/image.tif.midl/traces.csv", size)
    np.testing.assert_allclose(kept[0].points, table[0].points, atol=0.01)

    landmarks = read_landmarks(old / "anatomy/landmarks.csv")
    assert [n for n, p in zip(landmarks.names, landmarks.placed, strict=True) if not p] == [
        "bottom"
    ]
    project = read_landmarks(old / "anatomy/scan.tif.midl/landmarks.csv")
    np.testing.assert_array_equal(project.points, landmarks.points)
    assert read_mesh(old / "anatomy/egg.ply", closed=True).volume > 1000

    (field,) = read_review(old / "staining/density.ome.zarr.review.csv")
    assert (field.y, field.x, field.verdict) == (0, 0, "accepted")
    assert field.comment == '=2 nuclei, "pale" – see below'
