"""Words for things and events. Words of heldout_queries.json never enter (a test says so)."""

from __future__ import annotations

# What happens or stands in the picture, as whole noun phrases.
EVENTS: dict[str, tuple[str, ...]] = {
    "ped crossing": (
        "a pedestrian crossing the road", "a person walking across the crosswalk",
        "someone crossing the street", "a pedestrian on the crosswalk", "pedestrian crossing",
        "a person crossing in front of the car", "someone walks across the road",
        "a pedestrian walking across the street", "people crossing the road",
        "a person on the zebra crossing", "someone crossing the road ahead",
        "a pedestrian in the middle of the road", "a human crossing the street",
        "a person going over the crosswalk", "a pedestrian stepping into the road",
        "pedestrian using the crosswalk",
    ),
    "crosswalk": (
        "a crosswalk", "a zebra crossing", "pedestrian crossing markings", "white stripes across the road",
        "a marked crossing", "a painted crosswalk", "zebra stripes", "striped crossing lines",
        "a crosswalk on the road",
    ),
    "empty": (
        "an empty road", "no traffic on the road", "a road with nothing on it", "a free road",
        "no cars at all", "nothing ahead", "no other vehicles", "an open empty road", "no one on the road",
        "a quiet road without traffic", "a lonely road", "an abandoned road",
    ),
    "red light": (
        "a red traffic light", "a red light", "traffic signal showing red", "stop light is red",
        "the light is red", "a traffic light on red", "a red signal", "red traffic signal",
        "waiting at a red light", "lights at red", "a traffic lamp lit red",
    ),
    "green light": (
        "a green traffic light", "a green light", "traffic signal showing green", "the light is green",
        "a green signal", "a traffic light on green", "green traffic signal", "lights at green",
        "the light says go", "a traffic lamp lit green",
    ),
    "gantry": (
        "overhead direction signs", "overhead signs", "a sign gantry over the road", "green highway signs",
        "direction boards above the lanes", "highway exit signs", "road signs above the road",
        "a big overhead road sign",
    ),
    "bend": (
        "a bend", "a curve", "a winding road", "a curved road", "a bend in the road", "a curvy road",
        "the road turns",
    ),
    "bend left": (
        "a bend to the left", "a left curve", "the road curves left", "a left-hand bend",
        "a left turn in the road",
    ),
    "bend right": (
        "a bend to the right", "a right curve", "the road curves right", "a right-hand bend",
        "a right turn in the road",
    ),
    "traffic": (
        "traffic", "heavy traffic", "a lot of traffic", "busy traffic", "several vehicles", "many vehicles",
        "a busy road", "congestion", "dense traffic", "three vehicles",
    ),
    "vehicle": ("a vehicle", "another vehicle", "some vehicle", "a motor vehicle", "other road traffic"),
}  # fmt: skip

# Things: singular with article, then plural.
THINGS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "car": (
        (
            "a car", "an automobile", "a motor car", "a passenger car", "a saloon car", "an auto",
            "another car", "a family car",
        ),
        ("cars", "automobiles", "passenger cars", "other cars", "autos"),
    ),
    "truck": (
        (
            "a truck", "a lorry", "a big truck", "a box truck", "a delivery truck", "a cargo truck",
            "a large lorry", "a heavy truck", "a transport truck", "a freight truck", "a semi truck",
            "a goods vehicle",
        ),
        ("trucks", "lorries", "big trucks", "heavy trucks", "delivery trucks", "cargo trucks"),
    ),
    "bus": (
        (
            "a bus", "a city bus", "a public bus", "a school bus", "a passenger bus", "a transit bus",
            "a large bus", "an orange bus", "public transport", "a tour bus",
        ),
        ("buses", "city buses", "public buses"),
    ),
    "cyclist": (
        (
            "a cyclist", "a person on a bicycle", "a bicycle rider", "a bike", "a bicycle",
            "someone riding a bicycle", "a person riding a bike", "a bicyclist", "a rider on a bicycle",
            "someone on a bike", "a person cycling",
        ),
        ("cyclists", "bicycles", "bikes", "bicyclists", "people on bicycles", "bicycle riders"),
    ),
    "pedestrian": (
        (
            "a pedestrian", "a person", "a person walking", "someone on foot", "a person on foot",
            "a human", "someone walking", "a walking person", "a human being", "an adult on foot",
            "someone walking by the road", "a person standing", "a man", "a man walking",
        ),
        (
            "pedestrians", "people", "people walking", "persons", "people on foot", "humans",
            "a crowd of people",
        ),
    ),
    "light": (
        (
            "a traffic light", "a traffic signal", "a stop light", "traffic lights", "a signal light",
            "a set of traffic lights", "a road signal", "a traffic lamp",
        ),
        ("traffic lights", "traffic signals"),
    ),
    "stop": (
        (
            "a stop sign", "a red stop sign", "a sign that says stop", "a red sign with eight corners",
            "a stop traffic sign", "a halting sign at the roadside",
        ),
        ("stop signs",),
    ),
    "cone": (
        (
            "traffic cones", "construction cones", "road work cones", "roadworks", "orange cones",
            "safety cones", "road construction", "a construction site", "road works", "road repairs",
            "a road work zone", "cones on the road", "a traffic cone", "warning cones",
        ),
        ("groups of traffic cones", "cones", "many orange cones"),
    ),
    "animal": (
        (
            "an animal", "a wild animal", "an animal on the road", "a mammal", "a beast",
            "an animal standing", "an animal in the way",
        ),
        ("animals", "wild animals"),
    ),
    "deer": (
        (
            "a deer", "a wild deer", "a roe deer", "a deer standing", "a deer with antlers",
            "a deer on the road",
        ),
        ("deer",),
    ),
    "cow": (
        ("a cow", "cattle", "a spotted cow", "a cow on the road", "livestock"),
        ("cows",),
    ),
    "dog": (
        ("a dog", "a stray dog", "a dog on the road", "a running dog"),
        ("dogs",),
    ),
    "motorcycle": (
        (
            "a motorcycle", "a motorbike", "a motorcyclist", "a person on a motorcycle",
            "a motorcycle rider", "a motorbike rider",
        ),
        ("motorcycles", "motorbikes"),
    ),
    "emergency": (
        (
            "an emergency vehicle", "flashing blue lights", "a vehicle with a siren",
            "blue emergency lights", "a rescue vehicle",
        ),
        ("emergency vehicles",),
    ),
    "ambulance": (
        ("an ambulance", "a white ambulance", "an ambulance with blue lights", "a medical vehicle"),
        ("ambulances",),
    ),
    "police": (
        ("a police car", "a police vehicle", "police", "a patrol car", "cops"),
        ("police cars",),
    ),
    "fire": (
        ("a fire engine", "a fire truck", "firefighters", "a red fire engine"),
        ("fire engines",),
    ),
    "warning": (
        (
            "a yellow warning sign", "a warning sign", "a diamond sign", "a yellow road sign",
            "a caution sign", "a yellow diamond traffic sign",
        ),
        ("warning signs",),
    ),
}  # fmt: skip
