"""Notifications: who is told of an incident, where it stands there, and what became of every change."""
