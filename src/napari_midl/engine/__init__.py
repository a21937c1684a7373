"""How anything learns and predicts: jobs, devices, tiles, training, models, runs."""
