"""What an OME-Zarr holds, as lazy arrays: in a folder or in a zip file, alone or among others."""

from __future__ import annotations

import math
import re
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import zarr

from napari_midl.errors import InputError
from napari_midl.volumes.label_values import names_in
from napari_midl.volumes.multiscales import (
    Multiscale,
    header_in,
    ome_of,
    speaks_of_image,
    unnamed_axes,
)
from napari_midl.volumes.reading import StoredArray
from napari_midl.volumes.space import Space

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_midl.volumes.lazy import Lazy

_METADATA = ("zarr.json", ".zgroup", ".zarray")
# A level, an image or a well among others.
_NUMBER = re.compile(r"s?\d+$")
# A plate has thousands of images; some of their names are enough.
_NAMED, _LOOKED_AT, _DEEPEST = 5, 500, 4


@dataclass(frozen=True)
class Found:
    """An image of an OME-Zarr, or a bare array.

    Parameters
    ----------
    levels : list of Lazy
        Finest first.
    axes : list of str
        Of each level.
    space : Space
        Of the finest.
    name : str
        That the file gives it, or that of its folder.
    channels, notes : list of str
        As of a `Volume`.
    values : dict of int to str
        As of a `Volume`.
    """

    levels: list[Lazy]
    axes: list[str]
    space: Space = field(default_factory=Space)
    name: str = ""
    channels: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    values: dict[int, str] = field(default_factory=dict)


def read_zarr(path: Path) -> Found:
    """Describe the image of an OME-Zarr without reading its voxels.

    Parameters
    ----------
    path : Path
        A folder, or a zip file with such a folder in it. A group that holds one image and nothing
        else, as converters of many formats make it, stands for that.

    Raises
    ------
    InputError
        If it holds none or several, or is damaged.
    """
    store, inside, files = _store(path)
    try:
        node = zarr.open(store, mode="r", path=inside, use_consolidated=False)
    except Exception as error:  # each kind of damage has a class of its own
        raise _no_zarr(path, files) from error
    if isinstance(node, zarr.Array):
        return Found([StoredArray(node, path)], unnamed_axes(path, node), name=_name(path))
    multiscale = Multiscale.of(path, node.attrs.asdict())
    if multiscale is None:
        images, arrays = _inside(node, files)
        if len(images) != 1 or "/" in images[0]:
            raise _several(path, images, arrays)
        node = node[images[0]]
        multiscale = Multiscale.of(path, node.attrs.asdict())
        assert multiscale is not None
    return _image(path, node, multiscale)


def _image(path: Path, group: Any, multiscale: Multiscale) -> Found:
    arrays: dict[int, Any] = {}
    for index, dataset in enumerate(multiscale.datasets):
        try:
            found = group[dataset.path]
        except Exception:  # missing, or damaged
            continue
        if isinstance(found, zarr.Array):
            arrays[index] = found
    if 0 not in arrays:
        raise InputError(
            f"{path} lists {multiscale.datasets[0].path} as its finest level, which is missing, "
            "damaged or packed in a way that is not known here; copy or export it again."
        )
    first = max(arrays, key=lambda index: math.prod(arrays[index].shape))
    finest = arrays[first]
    axes = multiscale.axes(path, finest)
    # Time points and channels are those of the finest level.
    kept = {
        index: array
        for index, array in arrays.items()
        if array.ndim == finest.ndim
        and all(
            n == m if axis in "TC" else 0 < n <= m
            for axis, n, m in zip(axes, array.shape, finest.shape, strict=True)
        )
    }
    kept[first] = finest
    ordered = sorted(kept, key=lambda index: -math.prod(arrays[index].shape))
    lost = [d.path for i, d in enumerate(multiscale.datasets) if i not in kept]
    notes = [f"{path} has levels that are missing or no part of it: {', '.join(lost)}."]
    return Found(
        [StoredArray(arrays[index], path) for index in ordered],
        axes,
        multiscale.space(path, first, axes, header_in(group)),
        _name(path, multiscale.name),
        _channels(group.attrs.asdict()),
        notes if lost else [],
        names_in(group.attrs.asdict()),
    )


def _name(path: Path, given: Any = None) -> str:
    """What to call an image: as its file does, unless that is its place in there, or any image."""
    name = given.strip() if isinstance(given, str) else ""
    if name and name.casefold() != "image" and not (name.startswith("/") or _NUMBER.match(name)):
        return name
    folder, inside = path.absolute(), ""
    while _NUMBER.match(folder.name):
        folder, inside = folder.parent, f"{folder.name}/{inside}"
    stem = folder.name.removesuffix(".zip").removesuffix(".zarr").removesuffix(".ome")
    return f"{stem} {inside}".strip(" /")


def _channels(attributes: dict[str, Any]) -> list[str]:
    try:
        listed = ome_of(attributes)["omero"]["channels"]
        return [str(channel.get("label", "")) for channel in listed]
    except (KeyError, TypeError, AttributeError):  # they are for show, and often half filled
        return []


def _store(path: Path) -> tuple[Any, str, Any]:
    """The store, the path of the zarr in it, and its files."""
    if path.is_dir():
        return path, "", path
    try:
        files = zipfile.Path(path)
        inside = ""
        top = [child for child in files.iterdir() if child.name != "__MACOSX"]
        if len(top) == 1 and top[0].is_dir():
            # Made of the folder, not of what is in it.
            files, inside = top[0], top[0].name
        return zarr.storage.ZipStore(path, mode="r"), inside, files
    except (zipfile.BadZipFile, OSError) as error:
        raise InputError(
            f"{path} is no zip file, or cut short; copy or export it again."
        ) from error


def _no_zarr(path: Path, files: Any) -> InputError:
    if any((files / name).exists() for name in (*_METADATA, ".zattrs")):
        return InputError(
            f"{path} is a zarr whose metadata (zarr.json, or .zgroup, .zattrs and .zarray) are "
            "damaged, missing or of a kind that is not known here; copy or export it again."
        )
    if isinstance(files, zipfile.Path):
        return InputError(f"{path} holds no OME-Zarr; unzip it and give an image in it.")
    inside = [
        child.name
        for child in sorted(files.iterdir())[:_LOOKED_AT]
        if any((child / name).is_file() for name in _METADATA)
    ]
    if inside:
        return _several(path, inside, [])
    return InputError(
        f"{path} is a folder without an OME-Zarr (no zarr.json, .zgroup or .zarray in it); give an "
        "image, or copy the folder again with its hidden files."
    )


def _several(path: Path, images: list[str], arrays: list[str]) -> InputError:
    """The sentence for a group that holds no image itself, with paths in it that do."""
    named, what = (images, "images") if images else (arrays, "zarr arrays")
    if not named:
        return InputError(f"{path} is a zarr group without an image in it; give another.")
    more = "" if len(named) <= _NAMED else " and more"
    listed = f"the {what} {', '.join(named[:_NAMED])}{more}"
    if path.is_dir():
        return InputError(f"{path} holds {listed}; give the path of one: {path / named[0]}.")
    return InputError(f"{path} holds {listed}; unzip it and give the path of one.")


def _inside(group: Any, files: Any) -> tuple[list[str], list[str]]:
    """Paths of the first images in a group, and of the arrays where there is none."""
    images: list[str] = []
    arrays: list[str] = []
    for count, (path, node) in enumerate(_walk(group, files)):
        if isinstance(node, zarr.Array):
            arrays.append(path)
        elif node is not None:
            images.append(path)
        if len(images) > _NAMED or count > _LOOKED_AT:
            break
    return images, arrays


def _walk(group: Any, files: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """Folders of a group in the order of their numbers, each with its image or bare array."""
    for child in sorted(files.iterdir(), key=_numbered):
        if not child.is_dir():
            continue
        path = f"{above}{child.name}"
        try:
            node = group[path]
        except Exception:  # no zarr, or a damaged one; rows of a plate need not be any
            node = None
        array = isinstance(node, zarr.Array)
        if array or (node is not None and speaks_of_image(node.attrs.asdict())):
            yield path, node
            continue
        yield path, None
        if path.count("/") < _DEEPEST:
            yield from _walk(group, child, f"{path}/")


def _numbered(file: Any) -> str:
    return re.sub(r"\d+", lambda digits: digits[0].zfill(9), file.name)
