"""Searches that are kept: recorded, saved under a name, run by themselves on new videos, judged, counted."""
