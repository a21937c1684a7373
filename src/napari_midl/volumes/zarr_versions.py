"""How groups and arrays are stored in the two versions of OME-Zarr that are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from numcodecs import Blosc
from zarr.codecs import BloscCodec

if TYPE_CHECKING:
    from collections.abc import Sequence

    import zarr
    from ome_zarr.format import FormatV04, FormatV05

    from napari_midl.volumes.pyramid import Level

Version = Literal["0.4", "0.5"]


def format_in(version: Version) -> FormatV04 | FormatV05:
    """The format of a version."""
    # Imported when used: it takes seconds, for which a dock that opens would freeze the window.
    from ome_zarr.format import FormatV04, FormatV05

    return {"0.4": FormatV04, "0.5": FormatV05}[version]()


def format_of(group: zarr.Group) -> FormatV04 | FormatV05:
    """That in which a group is written; ome-zarr's own default is its newest."""
    return format_in("0.5" if group.metadata.zarr_format == 3 else "0.4")


def create_array(
    group: zarr.Group, key: str, level: Level, dtype: str, axes: Sequence[str]
) -> zarr.Array[Any]:
    """An empty array for a level in the version of its group."""
    # Measured on probabilities: zstd saves a third of the room and costs five times the time.
    version: dict[str, Any]
    if group.metadata.zarr_format == 3:
        version = {
            "compressors": BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle"),
            "dimension_names": [axis.lower() for axis in axes],
        }
    else:
        version = {
            "compressors": Blosc(cname="lz4", clevel=5, shuffle=Blosc.BITSHUFFLE),
            "chunk_key_encoding": {"name": "v2", "separator": "/"},
        }
    return group.create_array(
        key, shape=level.shape, dtype=dtype, chunks=level.chunks, fill_value=0, **version
    )
