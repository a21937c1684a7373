"""Which channel is which, by the names of the layers: no screen is needed."""

from __future__ import annotations

import pytest

from napari_midl.methods.staining.names import guess_channels


@pytest.mark.parametrize(
    ("names", "places"),
    [
        (["reflectance", "fluorescence"], (1, 0)),
        (["RCM mosaic", "DAPI"], (1, 0)),
        (["one", "two"], (0, 1)),
        (["tissue", "nuclei"], (1, 0)),
        (["RCM", "mosaic"], (1, 0)),
        (["refl", "fluo"], (1, 0)),
        (["reflectance and DAPI, channel 0", "reflectance and DAPI, channel 1"], (0, 1)),
        (["one"], (0, 0)),
        (["nuclei", "stroma", "dna"], (0, 1)),
        ([], (-1, -1)),
    ],
)
def test_channels_are_guessed_by_their_names(names, places):
    assert guess_channels(names) == places
