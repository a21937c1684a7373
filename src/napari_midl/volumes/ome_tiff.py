"""OME-TIFF: what its description says, and in which files the planes of its image lie.

The planes of an image may be spread over several files; each of them, or a companion file, holds
the description of all.
"""

from __future__ import annotations

import itertools
import math
import os
from dataclasses import dataclass
from operator import mul
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from napari_midl.errors import InputError
from napari_midl.volumes.ome_files import (
    Files,
    companion_of,
    damaged_description,
    parsed,
    reference_of,
)
from napari_midl.volumes.tiff_pages import Directories, not_all_planes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

Position = tuple[int, ...]


@dataclass(frozen=True)
class OmeImage:
    """An image of an OME-TIFF.

    Parameters
    ----------
    path : Path
        A TIFF that holds part of it.
    xml : str
        The description of this image alone, with a file for each plane.
    pixels : Element
        The description of its voxels.
    creator : str
        The program that wrote the description.
    notes : list of str
        What was taken for granted.
    """

    path: Path
    xml: str
    pixels: Element
    creator: str
    notes: list[str]

    @property
    def plane(self) -> tuple[str | None, str | None]:
        """How many pixels a plane has along Y and X, as it is described."""
        return self.pixels.get("SizeY"), self.pixels.get("SizeX")

    @property
    def channels(self) -> list[str]:
        """Names of its channels, empty if none has one."""
        names = [channel.get("Name") for channel in self.pixels.findall("{*}Channel")]
        return [name or f"channel {n}" for n, name in enumerate(names)] if any(names) else []


def ome_image(path: Path, description: str, directories: dict[Path, Directories]) -> OmeImage:
    """Find all files of the image to which an OME-TIFF, or a companion file, belongs.

    Parameters
    ----------
    path : Path
        The TIFF, or the ``.companion.ome`` file.
    description : str
        Its OME-XML.
    directories : dict of Path to Directories
        Of the files that were looked at, by their real paths; those of its other files are added.

    Raises
    ------
    InputError
        If the description cannot be read, a file is missing, or it describes other planes than
        there are.
    """
    source, root = path, parsed(path, description)
    uuid = root.get("UUID")
    if (elsewhere := root.find("{*}BinaryOnly")) is not None:
        source, root = companion_of(path, elsewhere)
    images = [(image, image.find("{*}Pixels")) for image in root.findall("{*}Image")]
    filled = [(image, pixels) for image, pixels in images if pixels is not None]
    if not filled:
        raise InputError(f"{source} describes no image (OME-XML); export it again.")
    data = [each for _, pixels in filled for each in _data_of(pixels)]
    files = Files(path, uuid, data, directories)
    having = [n for n, (_, pixels) in enumerate(filled) if files.has_opened(_data_of(pixels))]
    number = having[0] if having else 0
    image, pixels = filled[number]
    layout = _Layout(path, pixels)
    planes = layout.planes(files)
    first = path if files.is_tiff else next(iter(planes.values()))[0]
    notes = []
    if files.by_name:
        notes.append(
            f"{files.by_name[0]}{' and others carry' if len(files.by_name) > 1 else ' carries'} "
            f"another UUID than the description of {path.name} names, so that files are taken by "
            "their names."
        )
    if len(filled) > 1:
        name = f" ({image.get('Name')})" if image.get("Name") else ""
        notes.append(
            f"{path} describes {len(filled)} images, of which number {number + 1}{name} is opened; "
            "save another as a file of its own to open it."
        )
    for other, _ in images:
        if other is not image:
            root.remove(other)
    root.set("UUID", "opened")
    layout.refer_to(planes, first, files)
    xml = ElementTree.tostring(root, encoding="unicode")
    return OmeImage(first, xml, pixels, root.get("Creator", ""), notes)


def _data_of(pixels: Element) -> list[Element]:
    """The elements that say where planes lie; one without attributes means all pages in order."""
    return pixels.findall("{*}TiffData") or [ElementTree.Element("TiffData")]


class _Layout:
    """Which planes an image has, and how they follow one another.

    Parameters
    ----------
    path : Path
        What to call the image.
    pixels : Element
        The description of its voxels.

    Attributes
    ----------
    order : str
        The axes beside X and Y, the one that runs fastest first.
    counts : list of int
        How many planes there are along each.
    """

    def __init__(self, path: Path, pixels: Element) -> None:
        self.path, self.pixels = path, pixels
        order = pixels.get("DimensionOrder", "XYZCT")
        if sorted(order) != sorted("XYZCT") or not order.startswith("XY"):
            raise damaged_description(path)
        self.order = order[2:]
        channel = pixels.find("{*}Channel")
        self._samples = 1 if channel is None else self._whole(channel, "SamplesPerPixel", 1, 1)
        self.counts = [self._along(axis, pixels, f"Size{axis}", None, 1) for axis in self.order]

    def planes(self, files: Files) -> dict[Position, tuple[Path, int]]:
        """File and page of each plane.

        Raises
        ------
        InputError
            If a file or a plane is missing.
        """
        strides = list(itertools.accumulate([1, *self.counts[:-1]], mul))
        described, read = math.prod(self.counts), 0
        found: dict[int, tuple[Path, int]] = {}
        missing: dict[str, None] = {}
        for data in _data_of(self.pixels):
            at = [self._along(axis, data, f"First{axis}", 0) for axis in self.order]
            if any(n >= count for n, count in zip(at, self.counts, strict=True)):
                continue  # a description that is older than a crop has such
            file = files.find(data)
            if file is None:
                uuid, name = reference_of(data)
                missing[name or str(uuid)] = None
                continue
            start = sum(map(mul, at, strides))
            for n, page in enumerate(self._pages(data, described - start, files.pages_of(file))):
                found.setdefault(start + n, (file, page))
                read += 1
            if read > 2 * files.pages + 1000:
                raise damaged_description(self.path)
        if missing:
            name, *others = missing
            raise InputError(
                f"{self.path} belongs to a set of files of which {name}"
                f"{f' and {len(others)} more are' if others else ' is'} not there; copy the whole "
                "set into one folder."
            )
        if len(found) < described:
            raise not_all_planes(self.path, described, len(found))
        positions = itertools.product(*(range(count) for count in reversed(self.counts)))
        return {at[::-1]: found[n] for n, at in enumerate(positions)}

    def refer_to(
        self, planes: dict[Position, tuple[Path, int]], opened: Path, files: Files
    ) -> None:
        """Describe each plane as it was found, for one who opens the file `opened`."""
        known: dict[str | None, Path] = {}
        prefix = self.pixels.tag.removesuffix("Pixels")
        folder = Path(os.path.realpath(opened)).parent
        for data in self.pixels.findall("{*}TiffData"):
            self.pixels.remove(data)
        for at, (file, page) in planes.items():
            about = {f"First{axis}": str(n) for axis, n in zip(self.order, at, strict=True)}
            about |= {"IFD": str(page), "PlaneCount": "1"}
            data = ElementTree.SubElement(self.pixels, f"{prefix}TiffData", about)
            if file != opened:
                name = os.path.relpath(os.path.realpath(file), folder)
                uuid = ElementTree.SubElement(data, f"{prefix}UUID", {"FileName": name})
                # tifffile takes a file in another folder only by the UUID that it carries.
                own = files.uuid_of(file)
                uuid.text = own if own and known.setdefault(own, file) == file else f"file {name}"

    def _pages(self, data: Element, room: int, held: int) -> Iterator[int]:
        """The pages that an element names, of which its file holds so many."""
        first = self._whole(data, "IFD", 0)
        alone = 1 if "IFD" in data.attrib else room
        count = self._whole(data, "PlaneCount", self._whole(data, "NumPlanes", alone)) or room
        yield from range(first, min(first + min(count, room), held))

    def _along(
        self, axis: str, element: Element, name: str, default: int | None, least: int = 0
    ) -> int:
        """A number along an axis, in planes: one may hold several channels."""
        number = self._whole(element, name, default, least)
        return number // self._samples if axis == "C" else number

    def _whole(self, element: Element, name: str, default: int | None, least: int = 0) -> int:
        try:
            number = int(element.get(name, "" if default is None else default))
        except ValueError:
            raise damaged_description(self.path) from None
        if number < least:
            raise damaged_description(self.path)
        return number
