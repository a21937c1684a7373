"""Labels that say what their values are called: files of OME-Zarr, and folders of paint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_midl.errors import InputError
from napari_midl.volumes.annotations import CLASSES_FILE, AnnotationStore
from napari_midl.volumes.classes import Classes
from napari_midl.volumes.open import open_volume

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_midl.engine.examples import Example


def named_classes(examples: Sequence[Example], dense: bool) -> Classes | None:
    """The classes that labels name themselves; None where none names at least two.

    Parameters
    ----------
    examples : sequence of Example
        The first that knows all classes and names them counts.
    dense : bool
        Whether the labels are full maps, in which 0 is the first class.

    Raises
    ------
    InputError
        If a file cannot be read, or gives two values one name.
    """
    for example in examples:
        if example.knows:
            continue
        if (example.labels / CLASSES_FILE).is_file():
            return AnnotationStore(example.labels, example.channels[0]).kept_classes()
        names = {0: "background"} | said_names(example) if dense else said_names(example)
        following = _from(names, 0 if dense else 1)
        if len(following) > 1:
            try:
                return Classes(*following)
            except InputError as error:
                raise InputError(f"{example.labels} names its values badly: {error}") from None
    return None


def said_names(example: Example) -> Mapping[int, str]:
    """What a file of labels calls its values; nothing for a folder of patches."""
    patches = example.labels.is_dir() and any(example.labels.glob("*.tif"))
    return {} if patches else open_volume(example.labels).values


def _from(names: Mapping[int, str], first: int) -> list[str]:
    """The names of a value and of those that follow it without a gap."""
    found: list[str] = []
    while first + len(found) in names:
        found.append(names[first + len(found)])
    return found
