"""Concepts: taught by marked frames, searched and applied by a dot product."""
