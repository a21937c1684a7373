"""One folder per method, all with the same rooms."""
