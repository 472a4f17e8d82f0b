"""Words for time, weather and road. Words of heldout_queries.json never enter here (a test says so)."""

from __future__ import annotations

# What is true of the whole picture, as words that follow a noun: "a truck at night in the rain".
SETTINGS: dict[str, tuple[str, ...]] = {
    "time:day": (
        "during the day", "in daylight", "in the daytime", "by day", "in broad daylight", "in the morning",
        "in the afternoon", "in bright light", "while the sun is up", "in the light of day",
        "with a bright sky", "in sunshine", "on a bright day",
    ),
    "time:dusk": (
        "at dusk", "at sunset", "in the evening", "in the evening twilight", "at twilight",
        "in the evening light", "as the sun sets", "as it gets dark", "under an orange evening sky",
        "at dawn", "with a setting sun", "in fading light", "at sunrise", "at the end of the day",
    ),
    "time:night": (
        "at night", "at nighttime", "in the dark", "after dark", "during the night", "by night",
        "in darkness", "under a black sky", "late at night", "lit only by headlights", "on a dark night",
        "with headlights on in the dark", "under a night sky", "in the middle of the night",
    ),
    "weather:clear": (
        "in clear weather", "under a clear sky", "in dry weather", "in good weather", "in fine weather",
        "on a dry road", "with good visibility", "on a dry day", "without rain or snow",
        "in fair conditions",
    ),
    "weather:rain": (
        "in the rain", "in rainy weather", "while it is raining", "on a wet rainy road", "in heavy rain",
        "in a downpour", "during a rain shower", "with rain on the windscreen",
        "with raindrops on the windshield", "in wet weather", "on a wet road", "as rain falls",
        "in bad weather with rain", "with water drops on the glass", "in a rainstorm",
        "on a slippery wet street", "in the pouring rain",
    ),
    "weather:snow": (
        "in the snow", "in snowy weather", "while it is snowing", "on a snow covered road", "in heavy snow",
        "during snowfall", "as snow falls", "with snowflakes in the air", "in winter", "in a snowstorm",
        "on a snowy road", "with snow on the ground", "in cold winter weather", "on a white winter road",
        "with ice and snow on the street",
    ),
    "weather:fog": (
        "in fog", "in foggy weather", "in thick mist", "with poor visibility in fog", "in dense fog",
        "in the mist", "in misty weather", "with fog hiding the road", "with low visibility",
        "through a bank of fog", "in heavy fog", "in grey mist", "when one can hardly see in the fog",
    ),
    "road:city": (
        "on a city street", "in the city", "in an urban area", "between buildings", "in town",
        "in the town centre", "on an urban street", "in a built-up area", "among houses and shops",
        "in city traffic", "on a street lined with buildings", "in the streets", "in an inner city",
        "past apartment buildings",
    ),
    "road:highway": (
        "on a highway", "on a motorway", "on the freeway", "on a multi-lane highway",
        "on a fast road with barriers", "on the highway", "on the motorway", "on a wide highway",
        "on a dual carriageway", "on a divided highway", "in highway traffic", "on the open highway",
    ),
    "road:rural": (
        "on a country road", "on a rural road", "among trees in the countryside", "in the countryside",
        "in a rural area", "outside the city", "on a road through fields", "on a road through the forest",
        "on a village road", "between trees", "on a small country lane", "in the country", "among trees",
        "in nature",
    ),
}  # fmt: skip

# The same as words that go before a road: "a foggy motorway".
ADJECTIVES: dict[str, tuple[str, ...]] = {
    "time:day": ("daytime", "bright", "daylit"),
    "time:dusk": ("evening", "dusky", "sunset"),
    "time:night": ("dark", "night-time", "nighttime", "unlit", "dark night"),
    "weather:clear": ("dry", "clear"),
    "weather:rain": ("rainy", "wet", "rain-soaked", "rain-covered"),
    "weather:snow": ("snowy", "snow-covered", "icy"),
    "weather:fog": ("foggy", "misty", "fog-covered"),
}  # fmt: skip

ROADS: dict[str, tuple[str, ...]] = {
    "road:city": ("city street", "urban street", "town street", "street", "city road", "city"),
    "road:highway": ("highway", "motorway", "freeway", "multi-lane road", "dual carriageway"),
    "road:rural": ("country road", "rural road", "countryside road", "forest road", "country lane"),
}  # fmt: skip

# The same as a noun of its own: "sunset", "heavy rain".
NOUNS: dict[str, tuple[str, ...]] = {
    "time:day": ("daylight", "daytime", "daytime driving", "a bright day"),
    "time:dusk": ("dusk", "sunset", "twilight", "evening", "dawn", "sunrise"),
    "time:night": (
        "night", "night driving", "darkness", "a dark road at night", "nighttime driving", "a dark night",
    ),
    "weather:clear": ("clear weather", "dry weather", "a clear sky"),
    "weather:rain": (
        "rain", "heavy rain", "rainy weather", "a downpour", "raindrops", "a wet road", "rainfall",
        "driving in the rain", "a rainstorm",
    ),
    "weather:snow": (
        "snow", "snowfall", "a snowy road", "winter", "heavy snow", "a snowstorm", "falling snow",
    ),
    "weather:fog": ("fog", "mist", "thick fog", "foggy weather", "low visibility", "a wall of fog"),
    "road:city": (
        "city", "city street", "a street between buildings", "urban area", "buildings", "houses", "town",
    ),
    "road:highway": ("highway", "motorway", "freeway", "highway driving", "a wide road with several lanes"),
    "road:rural": (
        "countryside", "country road", "rural road", "a road among trees", "forest", "fields", "trees",
    ),
}  # fmt: skip
