import pytest

from napari_midl.volumes.counting import counted


@pytest.mark.parametrize(
    ("count", "thing", "said"),
    [
        (0, "trace", "0 traces"),
        (1, "patch", "1 patch"),
        (2, "patch", "2 patches"),
        (1200, "accepted trace", "1,200 accepted traces"),
    ],
)
def test_a_count_is_said_with_its_thing(count, thing, said):
    assert counted(count, thing) == said
