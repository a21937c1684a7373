"""Stopping what nobody waits for any more."""

from __future__ import annotations

import subprocess
import sys
from threading import Event

import pytest
import torch

from napari_midl.engine.interrupt import Interrupted, go_on, interruptible, stopping_at
from napari_midl.engine.pixels.scale_space import ScaleSpace

LEFT = """
from threading import Event
import torch
from napari_midl.engine.interrupt import go_on
from napari_midl.engine.jobs import in_thread

begun, a = Event(), torch.rand(200, 200)

def multiply():
    while True:
        go_on()
        a.mm(a)
        begun.set()

in_thread(multiply)
begun.wait()
"""


def set_event() -> Event:
    event = Event()
    event.set()
    return event


def test_only_what_is_computed_within_is_stopped():
    stop = set_event()
    go_on()
    with stopping_at(stop):
        with pytest.raises(Interrupted):
            go_on()
        with stopping_at(Event()):
            go_on()
        with stopping_at(None), pytest.raises(Interrupted):
            go_on()
    go_on()


def test_a_forward_pass_stops_before_its_next_layer():
    network = torch.nn.Sequential(torch.nn.Linear(2, 2))
    with interruptible(network, set_event()), pytest.raises(Interrupted):
        network(torch.zeros(1, 2))
    network(torch.zeros(1, 2))


@pytest.mark.parametrize("flat", [False, True])
def test_features_that_nobody_waits_for_are_not_computed(flat):
    space = ScaleSpace(1.0, flat)
    image = torch.rand(1 if flat else space.stride[0], 64, 64)
    with stopping_at(set_event()), pytest.raises(Interrupted):
        space.levels(image, (slice(0, 1), slice(0, 8), slice(0, 8)))


def test_a_program_ends_well_while_torch_computes_for_nobody():
    subprocess.run([sys.executable, "-c", LEFT], check=True)
