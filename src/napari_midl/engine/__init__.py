"""How anything learns and predicts: jobs, devices, tiles, training, models, runs."""

from napari_midl.engine.memory import allocate_for_networks

# Before the first array of torch is made, wherever that is.
allocate_for_networks()
