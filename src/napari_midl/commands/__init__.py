"""The commands of each tool; `cli` puts them together."""
