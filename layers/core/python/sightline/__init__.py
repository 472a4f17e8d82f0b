"""Sightline: media and alerts into vectors in Postgres, and the jobs on top of them."""
