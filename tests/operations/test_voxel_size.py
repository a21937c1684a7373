"""A voxel size that is typed: each operation on an image takes it, records it and replays it."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import tifffile

from napari_midl.cli import main
from napari_midl.engine.inputs import ImageIn
from napari_midl.engine.jobs import run
from napari_midl.engine.operations import hints_of, options_of
from napari_midl.engine.replaying import replay
from napari_midl.engine.runs import read_run
from napari_midl.errors import InputError
from napari_midl.methods import all_operations
from napari_midl.volumes import open as opening
from tests.operations.examples import EXAMPLES

OPERATIONS = all_operations()
SIZE = "2, 0.25, 0.25 um"


def stack(path, shape):
    tifffile.imwrite(path, np.zeros(shape, np.uint8), photometric="minisblack")


def images_of(name):
    """The fields of an operation that are images, and their options for the voxel size."""
    hints = {f.name: str(hints_of(OPERATIONS[name])[f.name]) for f in fields(OPERATIONS[name])}
    kinds = [ImageIn, *ImageIn.__subclasses__()]
    named = [n for n, hint in hints.items() if any(kind.__name__ in hint for kind in kinds)]
    sizes = {o.field: o.name for o in options_of(OPERATIONS[name]) if o.part == "voxel_size"}
    return named, sizes


ON_IMAGES = [name for name in sorted(OPERATIONS) if images_of(name)[0]]
QUICK = [
    "axons.export",
    "staining.despeckle",
    "segment.predict",
    "vessels.analyse",
    "vessels.predict",
    "anatomy.outline",
]


@pytest.fixture
def made(tmp_path):
    """The options of an example with all of its images, and where its output goes."""

    def make(name):
        inputs, folder = tmp_path / "inputs", tmp_path / "out"
        inputs.mkdir()
        folder.mkdir()
        options, output = EXAMPLES[name](inputs)
        for field in images_of(name)[0]:
            if field not in options:
                options[field] = inputs / "stack.tif"
                stack(inputs / "stack.tif", (4, 40, 40))
        return options, folder / output

    return make


def test_there_are_operations_on_images():
    assert {"vessels.predict", "axons.trace", "anatomy.generate", "staining.stain"} <= set(
        ON_IMAGES
    )


@pytest.mark.parametrize("name", ON_IMAGES)
def test_each_image_of_an_operation_has_the_option(name):
    images, sizes = images_of(name)
    assert list(sizes) == images
    expected = ["voxel_size"] if len(images) == 1 else [f"{field}_voxel_size" for field in images]
    assert list(sizes.values()) == expected


@pytest.mark.parametrize("text", ["2,0.5,0.5", "2,0.5,0.5 bananas", "0 um", "1,-1,1 um", "2,5 um"])
@pytest.mark.parametrize("name", ON_IMAGES)
def test_a_wrong_size_is_one_sentence_and_nothing_is_written(name, text, made, capsys):
    options, out = made(name)
    words = []
    for key, value in (options | {images_of(name)[1].popitem()[1]: text, "out": out}).items():
        if key == OPERATIONS[name].argument:
            words.insert(0, str(value))
        elif not isinstance(value, bool) or value:
            values = value if isinstance(value, tuple) else (value,)
            flag = f"--{key.replace('_', '-')}"
            words += [flag] if value is True else [flag, *map(str, values)]
    with pytest.raises(SystemExit) as ended:
        main([*name.split("."), *words])
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert said.out == ""
    assert said.err.count("\n") == 1 and repr(text) in said.err and said.err.endswith(".\n")
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize("name", QUICK)
def test_it_is_recorded_and_replayed(name, made):
    options, out = made(name)
    option = images_of(name)[1].popitem()[1]
    done = run(OPERATIONS[name].of(**options, out=out, **{option: SIZE}).perform()).run
    assert done.arguments[option] == SIZE
    recorded = read_run(OPERATIONS[name].of(**options, out=out).out.record(out))
    assert recorded == done
    image = next(iter(images_of(name)[0]))
    assert done.inputs[image]["scale"] in ([2.0, 0.25, 0.25], [0.25, 0.25, 0.25])
    comparison = run(replay(OPERATIONS[name].of(**options, out=out).out.record(out)))
    assert comparison.same, comparison.lines


def test_it_is_taken_in_the_place_of_what_the_file_says(made):
    options, out = made("axons.export")
    lengths = {}
    for size in ("", "0.25 um", "0.25 mm"):
        target = out.with_name(f"{size or 'own'}.swc")
        done = run(OPERATIONS["axons.export"].of(**options, out=target, voxel_size=size).perform())
        lengths[size] = done.run.results["length"], done.run.results["unit"]
    assert lengths[""][1] == lengths["0.25 um"][1] == "micrometer"
    assert lengths["0.25 mm"][1] == "millimeter"
    assert lengths["0.25 um"][0] == pytest.approx(lengths[""][0] / 2)  # the file says 0.5 um
    assert lengths["0.25 mm"][0] == pytest.approx(lengths["0.25 um"][0])


def test_both_images_of_a_stain_take_one(made):
    options, out = made("staining.stain")
    sizes = {"reflectance_voxel_size": "0.5 um", "fluorescence_voxel_size": "0.5, 0.5 um"}
    run(OPERATIONS["staining.stain"].of(**options, out=out, **sizes).perform())
    written = opening.open_volume(out)
    assert (written.voxel_size[1:], written.unit) == ((0.5, 0.5), "micrometer")


def test_two_sizes_are_for_planes(tmp_path):
    for shape, fits in (((20, 30), True), ((1, 20, 30), True), ((3, 20, 30), False)):
        path = tmp_path / f"{len(shape)}{shape[0]}.tif"
        stack(path, shape)
        port = ImageIn(path, voxel_size="0.5, 0.25 um")
        if fits:
            assert port.open().voxel_size == (0.25, 0.5, 0.25)
        else:
            with pytest.raises(InputError, match=r"stack.*three sizes"):
                port.open()


def test_a_size_without_its_image_is_refused(made):
    options, out = made("axons.measure")
    options.pop("image")
    with pytest.raises(InputError, match="takes voxel_size for image"):
        OPERATIONS["axons.measure"].of(**options, out=out, voxel_size=SIZE)


def test_what_a_typed_size_began_does_not_go_on_with_another(made):
    options, out = made("vessels.predict")
    begun = OPERATIONS["vessels.predict"].of(**options, out=out, voxel_size=SIZE).perform()
    for step in begun:
        if step.preview is not None:
            break
    begun.close()
    with pytest.raises(InputError, match="another voxel size"):
        run(OPERATIONS["vessels.predict"].of(**options, out=out, resume=True).perform())
    goes_on = OPERATIONS["vessels.predict"].of(**options, out=out, resume=True, voxel_size=SIZE)
    run(goes_on.perform())
    assert opening.open_volume(out).voxel_size == (2.0, 0.25, 0.25)


@pytest.fixture
def noted(monkeypatch):
    """Each file is opened with something taken for granted."""
    plain = opening.open_volume

    def noting(source, axes=""):
        return replace(
            plain(source, axes), notes=("There are two images in it; the first is opened.",)
        )

    monkeypatch.setattr(opening, "open_volume", noting)


def test_what_was_taken_for_granted_is_said_once_and_recorded(made, noted, capsys):
    options, out = made("staining.stain")
    options |= {"method": "beer-lambert", "out": out}
    words = []
    for key, value in options.items():
        flag = f"--{key.replace('_', '-')}"
        words += [flag] if value is True else [flag, str(value)]
    with pytest.raises(SystemExit) as ended:
        main(["staining", "stain", *words])
    said = capsys.readouterr()
    assert ended.value.code == 0
    assert said.err.splitlines() == ["There are two images in it; the first is opened."]
    inputs = read_run(out.with_name(f"{out.name}.run.json")).inputs
    for channel in ("reflectance", "fluorescence"):
        assert inputs[channel]["notes"] == ["There are two images in it; the first is opened."]
