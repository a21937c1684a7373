"""A model is a network with a card, kept in one safetensors file; nothing is unpickled.

The card travels in the file's metadata as JSON: tool, architecture, training data and
licence, steps, seed, scores and the parent model's hash.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from napari_midl.engine.cards import check_card
from napari_midl.errors import InputError
from napari_midl.volumes.atomic import whole_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor, nn

    from napari_midl.engine.cards import Fields

T = TypeVar("T")

CARD = "napari-midl"
SUFFIX = ".safetensors"


@dataclass
class Model:
    """A network and what is known about it.

    Parameters
    ----------
    network : torch.nn.Module
        The network, in evaluation mode.
    card : dict
        At least ``tool`` and ``architecture``; plain JSON values.
    """

    network: nn.Module
    card: dict[str, Any] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """Hash of the weights, whatever file they lie in."""
        return hash_tensors(self.network.state_dict())

    def tuned(
        self, network: nn.Module, examples: str, image: str, steps: int, **facts: Any
    ) -> Model:
        """What became of this model by a fine-tuning.

        Parameters
        ----------
        network : torch.nn.Module
            The trained network.
        examples : str
            What it was trained on, such as ``patches painted``.
        image : str
            Name of the image on which they are.
        steps : int
            Optimiser steps taken.
        **facts
            What else the card is to tell, such as ``scores`` and ``seed``.
        """
        card = {
            **self.card,
            "name": f"{self.card.get('name', self.card.get('tool'))}, fine-tuned on {image}",
            "parent": self.sha256,
            "steps": self.card.get("steps", 0) + steps,
            "training_data": [*self.card.get("training_data", []), f"{examples} on {image}"],
            **facts,
        }
        return Model(network.cpu().eval(), card)


def preset_of(presets: Mapping[str, T], name: str) -> T:
    """What a network is built from, by the name of its preset.

    Raises
    ------
    InputError
        If there is no such preset.
    """
    if name not in presets:
        raise InputError(f"{name!r} is no preset; choose one of {', '.join(presets)}.")
    return presets[name]


def hash_tensors(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and bits of the tensors."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        array = tensor.detach().cpu().contiguous().numpy()
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def shipped_weights(name: str) -> Path:
    """Path of a model that comes with the package, such as ``vessels-base``."""
    return Path(str(resources.files("napari_midl") / "weights" / f"{name}.safetensors"))


def shipped_model(sha256: str) -> Path | None:
    """The file that comes with the package and holds the weights of a hash, if there is one."""
    shipped = sorted(shipped_weights("any").parent.glob(f"*{SUFFIX}"))
    return next((path for path in shipped if hash_file(path) == sha256), None)


def save_model(model: Model, path: Path, *, half: bool = False) -> str:
    """Write a model, and return the hash of the weights as they will be when loaded.

    Parameters
    ----------
    model : Model
        What to write.
    path : Path
        Target; it appears only once it is complete.
    half : bool
        Keep the weights in half precision, as shipped models are.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    import torch
    from safetensors.torch import save

    tensors = {}
    for name, value in model.network.state_dict().items():
        value = value.detach().cpu().contiguous()
        tensors[name] = value.half() if half and value.dtype == torch.float32 else value
    with whole_file(path) as beside:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(save(tensors, metadata={CARD: json.dumps(model.card)}))
    return hash_tensors(
        {n: t.float() if t.dtype == torch.float16 else t for n, t in tensors.items()}
    )


def read_card(path: Path) -> dict[str, Any]:
    """The card of a model file, without its weights.

    Raises
    ------
    InputError
        If the file is missing, no model, truncated, or has no card or a wrong one.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise InputError(f"{path} does not exist; give the path of a .safetensors model.")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from error
    try:
        card = dict(json.loads(metadata[CARD]))
    except (KeyError, ValueError, TypeError, RecursionError):
        raise InputError(
            f"{path} holds weights but no napari-midl card; choose a model saved by napari-midl."
        ) from None
    check_card(card, path)
    return card


def _unreadable(path: Path, error: Exception) -> InputError:
    if isinstance(error, PermissionError):
        return InputError(f"{path} may not be read by you; change its permissions or copy it.")
    return InputError(f"{path} is not a complete safetensors file; copy it again or train it anew.")


@dataclass(frozen=True)
class ModelFamily:
    """The models of a tool that have the same networks.

    Parameters
    ----------
    tool : str
        The tool that uses them, such as ``vessels``.
    build : callable
        Makes an empty network of an architecture.
    shipped : mapping of str to str
        Names of those that come with the package, and of the files of their weights.
    fields : mapping, optional
        What the family's own fields of a card hold.
    needed : tuple of str
        Those that it cannot do without.
    """

    tool: str
    build: Callable[[str], nn.Module]
    shipped: Mapping[str, str]
    fields: Fields = field(default_factory=dict)
    needed: tuple[str, ...] = ()

    def path(self, name: str | Path) -> Path:
        """The file of a shipped model, or of the one that a path names."""
        weights = self.shipped.get(str(name))
        return shipped_weights(weights) if weights else Path(name)

    def scratch(self, architecture: str = "compact", seed: int = 0) -> Model:
        """An untrained model."""
        from napari_midl.engine.initialisation import WeightsFrom

        name = f"{architecture} from scratch"
        card = {"tool": self.tool, "architecture": architecture, "name": name, "steps": 0}
        with WeightsFrom(seed):
            return Model(self.build(architecture).eval(), card)

    def load(self, name: str | Path) -> Model:
        """The model of a shipped name, or of the path of a file written by `save_model`.

        Raises
        ------
        InputError
            If the file is missing, no model, damaged or of another tool, or a weight is no number.
        """
        import torch
        from safetensors.torch import load_file

        from napari_midl.engine.initialisation import WeightsFrom

        path = self.path(name)
        card = read_card(path)
        if card.get("tool") != self.tool:
            raise InputError(
                f"{path} is a model of the tool {card.get('tool')!r}, not of {self.tool!r}; "
                "choose one of that."
            )
        check_card(card, path, self.fields, self.needed)
        try:
            tensors = {
                key: t.float() if t.is_floating_point() else t for key, t in load_file(path).items()
            }
            # Sizes may come from the card: without memory first, to see that they are the file's.
            with torch.device("meta"):
                self.build(card["architecture"]).load_state_dict(tensors, assign=True)
            with WeightsFrom(0):  # replaced at once, but drawn nevertheless
                network = self.build(card["architecture"])
            network.load_state_dict(tensors)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        except (RuntimeError, ValueError) as error:
            raise InputError(
                f"{path} does not hold the weights that its card names; train it anew or "
                "choose another model."
            ) from error
        if not all(bool(t.isfinite().all()) for t in tensors.values()):
            raise InputError(
                f"{path} holds weights that are no numbers, as a training that went astray leaves; "
                "train it anew or choose another model."
            )
        return Model(network.eval(), card)


def hash_file(path: Path) -> str:
    """`Model.sha256` of the model that lies in a file.

    Raises
    ------
    InputError
        If it is no whole safetensors file.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from error
    half = torch.float16
    return hash_tensors({n: t.float() if t.dtype == half else t for n, t in tensors.items()})
