"""Streaming an image or labels with its pyramid into OME-Zarr, region by region.

zarr stores the arrays and ome-zarr writes the metadata. After each region of level 0 the
same region of the coarser levels is made from the level above, so that the pyramid can be
looked at while it grows and does not depend on the order of the regions.
"""

from __future__ import annotations

import itertools
import math
import shutil
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import zarr

from napari_midl.errors import InputError
from napari_midl.volumes import label_list, label_values, pyramid
from napari_midl.volumes.atomic import not_written, refuse_existing, whole_folder
from napari_midl.volumes.boxes import size_of
from napari_midl.volumes.multiscales import (
    ABOUT,
    HEADER,
    HOLES,
    Multiscale,
    header_for,
    header_in,
    ome_of,
    transformations,
)
from napari_midl.volumes.reading import decoding
from napari_midl.volumes.space import AXES as SPATIAL
from napari_midl.volumes.space import Space
from napari_midl.volumes.zarr_versions import (
    Version,
    create_array,
    format_in,
    format_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.volumes.boxes import Region
    from napari_midl.volumes.label_values import Meaning
    from napari_midl.volumes.pyramid import Level

UNKNOWN = Space()
COLOURS = ("FFFFFF", "FFD500", "00C8FF", "FF00C8")


class OmeZarrImage:
    """One multiscale image of an OME-Zarr, open for writing.

    Use `create` or `open`. Writers of regions that share a chunk, at any level, have to take
    turns: a chunk is read, changed and written back.

    Attributes
    ----------
    path : Path
        Folder of the group.
    levels : list of zarr.Array
        The pyramid, finest first.
    factors : list of tuple of int
        For each level from the second on, how many voxels of the level above it merges
        along each axis.
    """

    def __init__(self, path: Path, group: zarr.Group, levels: list[Any], is_label: bool) -> None:
        self.path = path
        self.levels = levels
        self._group = group
        self._is_label = is_label
        about = group.attrs.asdict().get(ABOUT)
        holes = isinstance(about, dict) and about.get(HOLES) is True
        self._mean = pyramid.mean_of_filled if holes else pyramid.mean
        self.factors = [
            tuple(math.ceil(m / n) for m, n in zip(above.shape, below.shape, strict=True))
            for above, below in itertools.pairwise(levels)
        ]

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        shape: Sequence[int],
        dtype: str,
        axes: Sequence[str],
        chunks: Sequence[int],
        space: Space = UNKNOWN,
        channels: Sequence[str] = (),
        colours: Sequence[str] = COLOURS,
        about: Mapping[str, Any] | None = None,
        labels: Mapping[str, Mapping[int, Meaning]] | None = None,
        name: str = "",
        levels: int | Literal["auto"] = "auto",
        version: Version = "0.5",
    ) -> Self:
        """Make an empty image, all zeros, with its whole pyramid and metadata, or nothing.

        Parameters
        ----------
        path : Path
            A folder that does not exist.
        shape, dtype
            Of the finest level.
        axes : sequence of str
            A subset of ``T C Z Y X`` in that order.
        chunks : sequence of int
            Voxels of a chunk of the finest level.
        space : Space
            Size and place of the voxels of the finest level.
        channels : sequence of str
            Names of the channels, along the axis ``C``; they are shown from 0 to 1 for floats,
            and over all values of an integer type.
        colours : sequence of str
            Colours of the channels in hexadecimal digits, repeated where there are too few.
        about : mapping, optional
            What else to say of the image, as by `tell`.
        labels : mapping of str to mapping, optional
            Names of 8-bit labels to make with it, and what their values mean.
        name : str
            Name of the image.
        levels : int or "auto"
            How many levels; "auto" ends with a plane of at most 256 x 256.
        version : {"0.4", "0.5"}
            Version of OME-Zarr.

        Raises
        ------
        InputError
            If `path` exists or cannot be written; then nothing is left of it.
        """
        form = format_in(version)
        space = space.fitted(axes, shape)
        wanted = pyramid.plan(axes, shape, _steps(axes, space), chunks, levels)
        with whole_folder(path) as beside:
            group = zarr.open_group(beside, mode="w-", zarr_format=form.zarr_format)
            if about:
                group.update_attributes({ABOUT: dict(about)})
            shown = dict(zip(channels, itertools.cycle(colours), strict=False))
            image = cls._fill(beside, group, wanted, dtype, axes, space, shown, name, False)
            for each, meanings in (labels or {}).items():
                image.create_labels(each, "uint8", meanings)
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open an image made by `create` or `create_labels`, to go on writing.

        Raises
        ------
        InputError
            If it is no OME-Zarr image.
        """
        try:
            group = zarr.open_group(path, mode="r+")
            said = ome_of(group.attrs.asdict())
            levels = [group[d["path"]] for d in said["multiscales"][0]["datasets"]]
        except (OSError, KeyError, ValueError, IndexError) as error:
            raise InputError(f"{path} is no OME-Zarr image; give one that is.") from error
        return cls(path, group, levels, label_values.IMAGE_LABEL in said)

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of the axes, such as ``C Z Y X``."""
        axes = ome_of(self._group.attrs.asdict())["multiscales"][0]["axes"]
        return tuple(axis["name"].upper() for axis in axes)

    @property
    def space(self) -> Space:
        """Where the voxels of the finest level lie."""
        multiscale = Multiscale.of(self.path, self._group.attrs.asdict())
        header = header_in(self._group)
        if multiscale is None:
            return UNKNOWN
        axes = self.axes
        # A plane says no depth: labels of it would lose its width and height, too.
        return multiscale.space(self.path, 0, axes, header).fitted(axes, self.levels[0].shape)

    def tell(self, **about: Any) -> None:
        """Say more of the image in the group's attributes under ``napari-midl``.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        attributes: dict[str, Any] = self._group.attrs.asdict()
        try:
            self._group.update_attributes({ABOUT: attributes.get(ABOUT, {}) | about})
        except OSError as error:
            raise not_written(self.path, error) from error

    def create_labels(
        self, name: str, dtype: str = "uint8", meanings: Mapping[int, Meaning] | None = None
    ) -> Self:
        """Make empty labels over this image's axes but the channels, in ``labels/NAME``.

        Parameters
        ----------
        name : str
            Name of the labels.
        dtype : str
            An integer type.
        meanings : mapping of int to Meaning, optional
            Name and colour of label values.

        Raises
        ------
        InputError
            If there are labels of this name, or the folder cannot be written.
        """
        path = self.path / label_list.FOLDER / name
        image = self.create_label_image(path, dtype, meanings)
        label_list.list_labels(path)
        return image

    def create_label_image(
        self, path: Path, dtype: str = "uint8", meanings: Mapping[int, Meaning] | None = None
    ) -> Self:
        """Make empty labels as `create_labels` does, but anywhere and on no list."""
        from ome_zarr.writer import add_metadata

        refuse_existing(path)
        space = self.space
        keep = [i for i, axis in enumerate(self.axes) if axis != "C"]
        axes = [self.axes[i] for i in keep]
        finest = self.levels[0]
        shape, chunks = ([values[i] for i in keep] for values in (finest.shape, finest.chunks))
        wanted = pyramid.plan(axes, shape, _steps(axes, space), chunks, len(self.levels))
        try:
            group = zarr.open_group(path, mode="w-", zarr_format=self._group.metadata.zarr_format)
            image = self._fill(path, group, wanted, dtype, axes, space, {}, path.name, True)
            form = format_of(group)
            about = {**label_values.image_label(meanings or {}), "version": form.version}
            add_metadata(group, {label_values.IMAGE_LABEL: about}, fmt=form)
        except OSError as error:
            shutil.rmtree(path, ignore_errors=True)
            raise not_written(path, error) from error
        return image

    def write(self, region: Region, block: NDArray[Any]) -> None:
        """Write a region of level 0 and the same region of the coarser levels.

        Parameters
        ----------
        region : tuple of slice
            One slice an axis, without steps; a full slice takes the whole axis.
        block : ndarray
            What to write, of the region's shape.

        Raises
        ------
        InputError
            If the disk is full or the folder cannot be written.
        """
        box = _bounded(region, self.levels[0].shape)
        self._coarsen(box, self._put(self.levels[0], box, block))

    def write_finest(self, region: Region, block: NDArray[Any]) -> None:
        """Write a region of level 0 only; regions of whole chunks may be written side by side."""
        self._put(self.levels[0], _bounded(region, self.levels[0].shape), block)

    def update_pyramid(self, region: Region) -> None:
        """Make a region of the coarser levels anew from what level 0 holds there."""
        self._coarsen(_bounded(region, self.levels[0].shape), None)

    def _coarsen(self, box: Region, held: NDArray[Any] | None) -> None:
        """Go down the pyramid; `held` is what the finest level holds in `box`, if known."""
        merge = pyramid.stride if self._is_label else self._mean
        for (above, below), factors in zip(
            itertools.pairwise(self.levels), self.factors, strict=True
        ):
            target = tuple(
                slice(s.start // f, -(-s.stop // f)) for s, f in zip(box, factors, strict=True)
            )
            source = tuple(
                slice(s.start * f, min(s.stop * f, n))
                for s, f, n in zip(target, factors, above.shape, strict=True)
            )
            # Only a box that cuts through voxels of the next level has to read its surroundings.
            if held is None or source != box:
                with decoding(self.path):
                    held = np.asarray(above[source])
            held = self._put(below, target, merge(held, factors))
            box = target

    def _put(self, array: Any, box: Region, block: NDArray[Any]) -> NDArray[Any]:
        expected = size_of(box)
        if np.shape(block) != expected:
            raise ValueError(f"a block of shape {np.shape(block)} does not fill {expected}")
        block = np.ascontiguousarray(block, array.dtype)
        try:
            array[box] = block
        except OSError as error:
            raise not_written(self.path, error) from error
        return block

    @classmethod
    def _fill(
        cls,
        path: Path,
        group: zarr.Group,
        levels: Sequence[Level],
        dtype: str,
        axes: Sequence[str],
        space: Space,
        channels: Mapping[str, str],
        name: str,
        is_label: bool,
    ) -> Self:
        """Put the arrays and the metadata of an image into an empty group."""
        from ome_zarr.writer import write_multiscales_metadata

        arrays, datasets = [], []
        for key, level in enumerate(levels):
            arrays.append(create_array(group, str(key), level, dtype, axes))
            merged = [round(s / f) for s, f in zip(level.scale, levels[0].scale, strict=True)]
            moved = transformations(axes, space, merged)
            datasets.append({"path": str(key), "coordinateTransformations": moved})
        top = float(np.iinfo(dtype).max) if np.dtype(dtype).kind in "ui" else 1.0
        window = {"min": 0.0, "max": top, "start": 0.0, "end": top}
        omero = [
            {"label": label, "color": colour, "active": True, "window": window}
            for label, colour in channels.items()
        ]
        write_multiscales_metadata(
            group,
            datasets,
            fmt=format_of(group),
            axes=[axis.lower() for axis in axes],
            axes_units={a.lower(): space.known_unit for a in axes if a in SPATIAL and space.known},
            name=name,
            metadata={"omero": {"channels": omero}} if omero else {},
        )
        header = header_for(axes, levels[0].shape, dtype, space)
        if header is not None:
            group.create_array(HEADER, data=np.frombuffer(header, np.uint8))
        return cls(path, group, arrays, is_label)


def _steps(axes: Sequence[str], space: Space) -> list[float]:
    size = dict(zip(SPATIAL, space.voxel_size, strict=True))
    return [size.get(axis, 1.0) for axis in axes]


def _bounded(region: Region, shape: Sequence[int]) -> Region:
    return tuple(slice(*s.indices(n)[:2]) for s, n in zip(region, shape, strict=True))
