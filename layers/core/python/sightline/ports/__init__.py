"""What the domains need from the world outside. providers/ implements these; wiring.py chooses."""
