"""Ambulances, police cars and fire engines."""

from __future__ import annotations

from gpu_endpoint.training.canvas import Canvas
from gpu_endpoint.training.palette import Colour
from gpu_endpoint.training.stance import Stance
from gpu_endpoint.training.vehicles import shadow, tail_lamps, wheels


def emergency(canvas: Canvas, at: Stance) -> None:
    """An ambulance, a police car or a fire engine with its blue lamps on."""
    x, y, unit, variant = at.x, at.y, at.unit, at.variant
    if variant == "police":
        width, height = 1.95 * unit, 1.35 * unit
        body, band = (235, 235, 238), (25, 60, 170)
    else:
        width, height = 2.3 * unit, 2.5 * unit
        body, band = (
            ((238, 238, 235), (215, 60, 30)) if variant == "ambulance" else ((200, 25, 22), (240, 215, 60))
        )
    left, right, top = x - width / 2, x + width / 2, y - height
    shadow(canvas, x, y, width, height)
    canvas.round_box(left, top, right, y - height * 0.1, body, height * 0.07)
    canvas.box(left + width * 0.1, top + height * 0.1, right - width * 0.1, top + height * 0.38, (45, 58, 72))
    canvas.box(left, top + height * 0.5, right, top + height * 0.66, band)
    if variant == "ambulance":  # a cross
        canvas.box(x - width * 0.05, top + height * 0.4, x + width * 0.05, top + height * 0.85, (205, 20, 25))
        canvas.box(
            x - width * 0.16, top + height * 0.57, x + width * 0.16, top + height * 0.67, (205, 20, 25)
        )
    wheels(canvas, x, y, width, height)
    for side in (-0.3, 0.3):
        blue: Colour = (70, 120, 255) if variant != "police" or side < 0 else (255, 50, 60)
        canvas.lamp(x + width * side, top - 0.08 * unit, max(1.0, width * 0.08), blue)
    tail_lamps(canvas, x, y - height * 0.25, width, front=False, braking=False)
