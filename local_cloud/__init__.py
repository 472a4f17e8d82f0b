"""Runs the synthesized template on one machine: emulated services, real handlers, real Postgres."""
