"""Words for colours, sides, distances and numbers, and how captions open."""

from __future__ import annotations

COLOURS: dict[str, tuple[str, ...]] = {
    "red": ("red", "dark red", "bright red"),
    "blue": ("blue", "dark blue", "navy blue"),
    "white": ("white",),
    "black": ("black", "dark"),
    "yellow": ("yellow", "bright yellow"),
    "green": ("green", "dark green"),
    "silver": ("silver", "grey", "gray"),
    "orange": ("orange",),
    "brown": ("brown",),
}  # fmt: skip

SIDES: dict[str, tuple[str, ...]] = {
    "left": (
        "on the left", "to the left", "on the left side", "at the left", "to our left",
        "on the left-hand side", "left", "coming on the left",
    ),
    "ahead": (
        "ahead", "in front", "straight ahead", "in front of us", "ahead of us", "directly in front",
        "in our lane", "right in front of the car", "we are following",
    ),
    "right": (
        "on the right", "to the right", "on the right side", "at the right", "to our right",
        "on the right-hand side", "right", "at the right edge",
    ),
}  # fmt: skip

REACHES: dict[str, tuple[str, ...]] = {
    "near": (
        "close", "nearby", "very close", "near", "close by", "up close", "at short distance", "near us",
    ),
    "far": (
        "far away", "in the distance", "distant", "far ahead", "far off", "a long way off",
        "small in the distance",
    ),
}  # fmt: skip

TWO = ("two", "several", "multiple", "a couple of", "a pair of", "some", "a few", "more than one")
THREE = ("three", "many", "a lot of", "lots of", "a group of", "numerous", "at least three")
OPENINGS = (
    "a photo of", "dashcam view of", "driving scene with", "image of", "video frame showing",
    "a picture of", "dashcam footage of", "a scene with", "show me", "find", "footage of", "a view of",
    "moments with", "we see", "there is", "camera shot of", "frames with",
)  # fmt: skip
EMPTY_NOUNS = (
    "road", "driving", "street scene", "a drive", "traffic scene", "the road", "a car driving", "scene",
    "drive",
)  # fmt: skip
