"""How fast it is, beside its peers and the silicon: one file a question, run by `python -m benches`."""
