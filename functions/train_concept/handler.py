"""Teaches concepts from marked frames, from a queue; the one function that carries scikit-learn."""

from sightline.batch import queue_handler
from sightline.scenarios.concepts.training import train_concept

handler = queue_handler(train_concept)
"""One message: one version of one concept."""
