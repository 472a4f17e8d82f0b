"""Measurements of one claim each, beside a peer: `python -m benchmarks.<name>` prints a table."""
