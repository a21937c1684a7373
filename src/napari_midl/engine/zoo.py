"""A network as a package of the BioImage Model Zoo (bioimage.io), made by the zoo's library."""

from __future__ import annotations

import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.errors import InputError
from napari_midl.volumes.classes import Classes

if TYPE_CHECKING:
    from napari_midl.engine.models import Model

ZIP = ".zip"
_TEST_SIZE = 64
_LICENCE = "CC-BY-4.0"


def export_to_zoo(model: Model, out: Path) -> Path:
    """Write a model as a package, with TorchScript that needs nothing of ours to run.

    Its input is intensities scaled to [0, 1], axes ``batch channel z y x``; its output has the
    same axes, with logits as channels.

    Parameters
    ----------
    model : Model
        Of a network of convolutions over ``(N, C, Z, Y, X)``.
    out : Path
        The ``.zip`` to write.

    Raises
    ------
    InputError
        If the library is not installed, the network needs this program to run, or the package is
        not accepted or cannot be written.
    """
    if find_spec("bioimageio") is None or find_spec("bioimageio.spec") is None:
        raise InputError(
            "the library of the BioImage Model Zoo is not installed; run `pip install "
            "'napari-midl[zoo]'` and try again."
        )
    if str(model.card["architecture"]).startswith("pixels"):
        raise InputError(
            f"{model.card.get('name')} looks at single voxels, which needs this program to run; "
            "export a model that was learnt with a network."
        )
    from bioimageio.spec import save_bioimageio_package
    from pydantic import ValidationError

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch would rather have its newer format
        try:
            described = _described(model, Path(folder))
            save_bioimageio_package(described, output_path=out)
        except ValidationError as error:
            fault = error.errors()[0]
            raise InputError(
                f"the zoo does not accept {model.card.get('name')}: its "
                f"{'.'.join(map(str, fault['loc']))} is of another form; export it as .safetensors."
            ) from None
        except (OSError, ValueError):
            raise InputError(f"{out} cannot be written; choose another place.") from None
    return out


def _described(model: Model, folder: Path) -> Any:
    """What the zoo is to know, with the files that it names in a folder."""
    import torch
    from bioimageio.spec.common import HttpUrl
    from bioimageio.spec.model import v0_5 as zoo

    channels, network = int(model.card.get("channels", 1)), model.network
    known = model.card.get("classes")
    names = Classes.from_dict(known).names if known else (str(model.card["tool"]),)
    flat = "-2d-" in str(model.card["architecture"])
    shape = (1, channels, 1 if flat else 16, _TEST_SIZE, _TEST_SIZE)
    tested = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        traced = torch.jit.trace(network, tested, check_trace=False)
        answer = network(tested)
    traced.save(str(folder / "weights.pt"))
    np.save(folder / "input.npy", tested.numpy())
    np.save(folder / "output.npy", answer.numpy())
    name = str(model.card.get("name", "segmentation"))
    learnt = "; ".join(model.card.get("training_data", [])) or "nothing"
    (folder / "README.md").write_text(
        f"# {name}\n\nLearnt from: {learnt}.\n\n# Validation\n\nScores: "
        f"{model.card.get('scores', {})}\n",
        encoding="utf-8",
    )
    z, y, x = getattr(network, "stride", (1, 1, 1))
    steps = dict(zip("zyx", (z, 16 * y, 16 * x), strict=True))

    def size(axis: str) -> Any:
        return (
            1 if flat and axis == "z" else zoo.ParameterizedSize(min=steps[axis], step=steps[axis])
        )

    inside = [zoo.SpaceInputAxis(id=zoo.AxisId(axis), size=size(axis)) for axis in "zyx"]
    outside = [
        zoo.SpaceOutputAxis(
            id=zoo.AxisId(axis),
            size=zoo.SizeReference(tensor_id=zoo.TensorId("image"), axis_id=zoo.AxisId(axis)),
        )
        for axis in "zyx"
    ]
    of_input: list[str] = [zoo.Identifier(f"channel{number}") for number in range(channels)]
    of_output: list[str] = [zoo.Identifier(f"class{number}") for number in range(answer.shape[1])]
    return zoo.ModelDescr(
        name=_plain(name),
        description=f"Tells apart {', '.join(names)}.",
        authors=[zoo.Author(name="napari-midl user")],
        cite=[
            zoo.CiteEntry(text="napari-midl", url=HttpUrl("https://pypi.org/project/napari-midl"))
        ],
        license=zoo.LicenseId(_LICENCE),
        documentation=zoo.FileDescr(source=folder / "README.md"),
        tags=["segmentation", "semantic-segmentation"],
        inputs=[
            zoo.InputTensorDescr(
                id=zoo.TensorId("image"),
                axes=[zoo.BatchAxis(), zoo.ChannelAxis(channel_names=of_input), *inside],
                test_tensor=zoo.FileDescr(source=folder / "input.npy"),
                data=zoo.IntervalOrRatioDataDescr(type="float32", range=(0.0, 1.0)),
            )
        ],
        outputs=[
            zoo.OutputTensorDescr(
                id=zoo.TensorId("logits"),
                axes=[zoo.BatchAxis(), zoo.ChannelAxis(channel_names=of_output), *outside],
                test_tensor=zoo.FileDescr(source=folder / "output.npy"),
                description=", ".join(f"class{k} is {n}" for k, n in enumerate(names)),
            )
        ],
        weights=zoo.WeightsDescr(
            torchscript=zoo.TorchscriptWeightsDescr(
                source=folder / "weights.pt",
                pytorch_version=zoo.Version(torch.__version__.split("+")[0]),
            )
        ),
    )


def _plain(name: str) -> str:
    """A name in the letters that the zoo allows."""
    kept = "".join(c if c.isalnum() or c in "_-+ .()" else " " for c in name).strip()
    return kept[:64].strip() or "segmentation"
