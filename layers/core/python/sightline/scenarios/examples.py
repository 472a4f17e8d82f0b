"""One example of each kind of question, for the OpenAPI document."""

from pydantic import JsonValue

_ASSET = "0193a1b2-0000-7000-8000-0000000000a1"
_OTHER = "0193a1b2-0000-7000-8000-0000000000a2"

SEARCHES: list[JsonValue] = [
    {"text": "pedestrian crossing at night", "limit": 5, "filters": {"tags": ["urban"]}},
    {"text": "a city street at night", "not": ["rain"]},
    {"image": {"asset_id": _ASSET, "time_s": 12.0}, "collapse": ["alike"]},
    {"example": {"asset_id": _ASSET, "start_s": 12.0, "end_s": 15.5}, "limit": 20},
    {
        "text": "at night",
        "image": {"asset_id": _ASSET, "time_s": 12.0},
        "weights": {"text": 2.0, "image": 1.0},
    },
    {
        "text": "pedestrian at the kerb",
        "then": [{"text": "pedestrian in the road", "within_s": 5.0}],
    },
    {
        "text": "truck ahead",
        "more": [{"asset_id": _ASSET, "time_s": 31.0}],
        "less": [{"asset_id": _OTHER, "time_s": 7.0}],
    },
    {"concepts": [{"concept": "cut-in"}], "text": "in the rain"},
    {
        "text": "cyclist",
        "words": "A9 wet",
        "filters": {
            "any_tags": ["highway", "rural"],
            "metadata": {
                "camera": "front",
                "speed_kmh": {"gte": 80, "lt": 130},
                "driver": {"in": ["ada", "eve"]},
                "notes": {"exists": True},
            },
            "captured": {"from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z"},
            "time_of_day": {"from": "22:00", "to": "05:00", "zone": "Europe/Berlin"},
        },
    },
]
