"""Keeps each model's vectors indexed; runs on a schedule."""

from sightline.batch import schedule_handler
from sightline.vectors.indexes import maintain_indexes

handler = schedule_handler(maintain_indexes)
