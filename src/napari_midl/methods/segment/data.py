"""Labels of several images that each know some of the classes, as examples to learn from."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.engine.channels import ScaledChannels
from napari_midl.errors import InputError
from napari_midl.methods.segment.ports import names_of
from napari_midl.volumes.classes import UNLABELLED, Classes
from napari_midl.volumes.labels import read_labels
from napari_midl.volumes.partial import joined, opened_up, with_rests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_midl.engine.annotation import PaintedVolume
    from napari_midl.methods.segment.ports import Example
    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.volume import Volume


def classes_from(entries: Sequence[str]) -> Classes:
    """Classes from their names, the background first; ``vessel=artery+vein`` is a set of them."""
    names = [entry for entry in entries if "=" not in entry]
    sets = {
        name.strip(): names_of(members)
        for name, _, members in (entry.partition("=") for entry in entries if "=" in entry)
    }
    return Classes(*names, sets=sets)


@dataclass(frozen=True)
class Examples:
    """What there is to learn from.

    Parameters
    ----------
    images : list of PaintedVolume
        Each image with its labels.
    classes : Classes
        What the labels mean, with a set for whatever is left open.
    known : list of tuple of str
        What the labels of the examples know, where that is not all.
    volumes : list of list of Volume
        The channels of each image.
    """

    images: list[PaintedVolume]
    classes: Classes
    known: list[tuple[str, ...]]
    volumes: list[list[Volume]] = field(default_factory=list)

    def counts(self) -> dict[int, int]:
        """Labelled voxels of each value."""
        found = np.zeros(256, np.int64)
        for image in self.images:
            for patch in image.patches:
                for plane in patch.labels:
                    found += np.bincount(np.asarray(plane).ravel(), minlength=256)
        return {int(v): int(found[v]) for v in np.flatnonzero(found) if v != UNLABELLED}


def read_examples(
    examples: Sequence[Example], classes: Classes, dense: bool, held_out: float, seed: int
) -> Examples:
    """Read the labels of all images.

    Raises
    ------
    InputError
        If images have different numbers of channels, labels do not fit their image, or all that
        is labelled may be of one class.
    """
    known = list(dict.fromkeys(each.knows for each in examples if each.knows))
    whole = with_rests(classes, known)
    of_image: dict[int, list[Example]] = defaultdict(list)
    for each in examples:
        of_image[id(each.channels)].append(each)
    images = []
    for alike in of_image.values():
        channels = alike[0].channels
        _check_alike(channels, examples[0].channels)
        read = [_patches(each, classes, whole, dense) for each in alike]
        patches = read[0] if len(read) == 1 else [joined(read, whole, alike[0].name)]
        image = ScaledChannels(channels, [patch.box for patch in patches])
        how = {"held_out": held_out, "seed": seed, "alone": len(of_image) == 1}
        images.append(image.painted(patches, whole, **how))
    volumes = [alike[0].channels for alike in of_image.values()]
    return Examples(images, whole, known, volumes)


def _check_alike(channels: Sequence[Volume], first: Sequence[Volume]) -> None:
    if len(channels) != len(first):
        raise InputError(
            f"{channels[0].name} has {len(channels)} channel(s) and {first[0].name} has "
            f"{len(first)}; choose the same of all with --channels."
        )


def _patches(example: Example, classes: Classes, whole: Classes, dense: bool) -> list[Patch]:
    """The labels of an example, in the values of all classes."""
    image, knows = example.channels[0], example.knows
    own = Classes("background", *knows) if knows and dense else classes
    patches = read_labels(example.labels, image, own, dense)
    return opened_up(patches, own, knows, whole) if knows else patches
