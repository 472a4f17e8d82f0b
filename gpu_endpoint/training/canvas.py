"""The picture while it is being painted: pen, camera, light, and the lamps to glow afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from PIL import Image, ImageDraw

from gpu_endpoint.training.camera import Camera
from gpu_endpoint.training.look import Look
from gpu_endpoint.training.palette import Colour, mix, shade

Point = tuple[float, float]


@dataclass(frozen=True)
class Lamp:
    """A shining disc: centre and radius in px."""

    x: float
    y: float
    radius: float
    colour: Colour


@dataclass
class Canvas:
    """Paints shaded shapes; `fade` mixes what is far into the haze."""

    image: Image.Image
    camera: Camera
    look: Look
    lamps: list[Lamp] = field(default_factory=list)
    fade: float = 0.0
    pen: ImageDraw.ImageDraw = field(init=False)

    def __post_init__(self) -> None:
        self.pen = ImageDraw.Draw(self.image)

    def at_depth(self, s: float) -> None:
        """Set the haze for things of nearness s."""
        self.fade = self.look.haze * max(0.0, 1 - s * 3)

    def lit(self, colour: Colour, least: float = 0.0) -> Colour:
        """The colour under the scene's light, at least `least` (signs reflect), faded by haze."""
        colour = shade(colour, max(self.look.light, least))
        return mix(colour, self.look.sky_low, self.fade) if self.fade else colour

    def polygon(self, points: Sequence[Point], colour: Colour, least: float = 0.0) -> None:
        """A filled polygon under the scene's light."""
        self.pen.polygon(points, fill=self.lit(colour, least))

    def box(self, x0: float, y0: float, x1: float, y1: float, colour: Colour, least: float = 0.0) -> None:
        """A filled rectangle under the scene's light; corners in any order."""
        corners = (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
        self.pen.rectangle(corners, fill=self.lit(colour, least))

    def disc(
        self, x: float, y: float, rx: float, colour: Colour, *, ry: float | None = None, least: float = 0.0
    ) -> None:
        """A filled ellipse around a centre."""
        ry = rx if ry is None else ry
        self.pen.ellipse((x - rx, y - ry, x + rx, y + ry), fill=self.lit(colour, least))

    def line(self, points: Sequence[Point], colour: Colour, width: float = 1) -> None:
        """A line of at least one px."""
        self.pen.line(list(points), fill=self.lit(colour), width=max(1, round(width)))

    def round_box(self, x0: float, y0: float, x1: float, y1: float, colour: Colour, radius: float) -> None:
        """A filled rectangle with round corners."""
        self.pen.rounded_rectangle((x0, y0, x1, y1), radius=max(1, int(radius)), fill=self.lit(colour))

    def lamp(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """Remember a light source; it is painted last."""
        self.lamps.append(Lamp(x, y, radius, colour))
