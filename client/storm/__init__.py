"""Storms of alerts with a known truth: what a bad afternoon sounds like to three and more monitoring tools.

The demo plays one against a running Sightline; the benchmarks measure grouping by the truth inside. Pure and
seeded: the same seed gives the same storm.
"""

from client.storm.families import Family, family
from client.storm.shapes import StormAlert, Vendor
from client.storm.signing import signed
from client.storm.weather import storm

__all__ = ["Family", "StormAlert", "Vendor", "family", "signed", "storm"]
