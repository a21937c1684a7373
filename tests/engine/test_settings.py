from __future__ import annotations

import pytest

from napari_midl.errors import InputError
from napari_midl.methods.vessels.settings import FinetuneSettings, PredictSettings


def test_a_value_outside_its_range_is_named():
    with pytest.raises(InputError, match="minutes is -1"):
        FinetuneSettings(minutes=-1)


def test_each_element_of_a_tuple_is_checked():
    with pytest.raises(InputError, match=r"tile is \[0, 128, 128\]; give 3 whole numbers"):
        PredictSettings(tile=(0, 128, 128))
    with pytest.raises(InputError, match=r"patch is \[8, 16\]; give 3 whole numbers"):
        FinetuneSettings(patch=(8, 16))  # type: ignore[arg-type]


def test_a_value_that_is_no_choice_is_named():
    with pytest.raises(InputError, match="loss is 'mse'"):
        FinetuneSettings(loss="mse")  # type: ignore[arg-type]


def test_settings_survive_json():
    settings = FinetuneSettings(patch=(8, 32, 32), seed=4)
    assert FinetuneSettings.from_dict(settings.to_dict()) == settings


def test_an_unknown_setting_is_named():
    with pytest.raises(InputError, match="speed is no setting"):
        FinetuneSettings.from_dict({"speed": 3})


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ({"samples": 2.5}, "samples is 2.5; give a whole number from 2 to 64"),
        ({"uncertainty": "no"}, "uncertainty is 'no'; give true or false"),
        ({"threshold": True}, "threshold is True; give a number from 0 to 1"),
        ({"threshold": float("nan")}, "threshold is nan"),
        ({"tile": 3}, "tile is 3; give 3 whole numbers"),
    ],
)
def test_a_value_of_another_type_is_named(value, named):
    with pytest.raises(InputError, match=named):
        PredictSettings(**value)
