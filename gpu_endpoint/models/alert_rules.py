"""Entities that a pattern knows for certain: addresses, ARNs, regions, versions, error codes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from gpu_endpoint.models.taken import Taken

BEFORE = r"(?<![\w./:@-])"
AFTER = r"(?![\w@]|[./:-]\w)"

OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
SIDES = "(?:north|south|east|west|central|northeast|northwest|southeast|southwest)"
AWS_REGION = rf"(?:us|eu|ap|sa|ca|me|af|il|mx|cn)-(?:gov-|iso-?\w?-)?{SIDES}-\d[a-f]?"
GCP_REGION = rf"(?:us|europe|asia|australia|southamerica|northamerica|me|africa)-{SIDES}\d{{1,2}}(?:-[a-f])?"
AZURE_REGION = (
    "(?:(?:east|west|central|northcentral|southcentral|westcentral)us[23]?|(?:north|west)europe"
    "|uk(?:south|west)|germany(?:westcentral|north)|france(?:central|south)|sweden(?:central|south)"
    "|norway(?:east|west)|switzerland(?:north|west)|japan(?:east|west)|brazil(?:south|southeast)"
    "|australia(?:east|southeast|central)|korea(?:central|south)|(?:central|south|west)india|southeastasia"
    "|eastasia|canada(?:central|east)|uae(?:north|central)|southafrica(?:north|west)|qatarcentral"
    "|polandcentral|italynorth|israelcentral|spaincentral)"
)
AWS_KINDS = "(?:i|vol|snap|ami|eni|sg|subnet|vpc|vpn|rtb|igw|nat|eipalloc)"
ERRNO = "E(?:CONN[A-Z]+|TIMEDOUT|HOSTUNREACH|NOTFOUND|NOMEM|NOSPC|PIPE|ACCES|PERM|NOENT|MFILE)"

SENSITIVE: tuple[tuple[str, str], ...] = (
    ("resource", rf"{BEFORE}{AWS_KINDS}-[0-9a-f]{{8}}(?:[0-9a-f]{{9}})?{AFTER}"),
    ("error_code", r"\bSQLSTATE ?\[?[0-9A-Z]{5}\b\]?"),
    ("error_code", r"\bHTTP(?:/[12](?:\.\d)?)? [45]\d\d\b(?![.,]?\d)"),
    (
        "error_code",
        r"(?<![\w./-])(?:[a-z]\w*\.)*[A-Z]\w*(?:Exception|Error|BackOff|OOMKilled)(?![\w/-]|\.\w)",
    ),
    ("error_code", rf"{BEFORE}{ERRNO}{AFTER}"),
    ("version", rf"{BEFORE}v\d+\.\d+(?:\.\d+)*(?:[-+][\w.]*\w)?{AFTER}"),
    ("version", rf"{BEFORE}\d+\.\d+\.\d+(?:-(?:rc|alpha|beta|SNAPSHOT)[\w.]*)?{AFTER}"),
)
INSENSITIVE: tuple[tuple[str, str], ...] = (
    ("resource", r"\barn:aws[\w-]*:[\w-]+:[\w-]*:\d*:[\w/:.+=@*-]*[\w*]"),
    ("resource", r"\b(?:s3|gs|abfss?|wasbs?)://[\w./-]*[\w/]"),
    ("host", rf"{BEFORE}{OCTET}(?:\.{OCTET}){{3}}(?::\d{{2,5}}(?!\d))?(?:/\d{{1,2}}(?!\d))?(?![\w-]|\.\d)"),
    ("host", r"(?<![\w:.])[0-9a-f:]{4,39}(?![\w:])"),  # checked by is_address
    ("region", rf"{BEFORE}{AWS_REGION}{AFTER}"),
    ("region", rf"{BEFORE}{GCP_REGION}{AFTER}"),
    ("region", rf"{BEFORE}{AZURE_REGION}{AFTER}"),
    ("error_code", r"\bCVE-\d{4}-\d{4,7}\b"),
    ("error_code", rf"{BEFORE}ORA-\d{{5}}{AFTER}"),
    ("error_code", r"\b(?:exit (?:code|status) |exitCode=)\d{1,3}\b"),
)
PATTERNS = tuple(
    [(label, re.compile(pattern, re.IGNORECASE)) for label, pattern in INSENSITIVE]
    + [(label, re.compile(pattern)) for label, pattern in SENSITIVE]
)
"""First come, first served: what an earlier pattern took, a later one does not touch."""


@dataclass(frozen=True, slots=True)
class Found:
    """Characters start to end are one entity of this label."""

    label: str
    start: int
    end: int


def find_certain(text: str) -> list[Found]:
    """What the patterns find, in order; nothing overlaps."""
    taken = Taken()
    found = [
        Found(label, start, end)
        for label, pattern in PATTERNS
        for start, end in matches(label, pattern, text)
        if taken.take(start, end)
    ]
    return sorted(found, key=lambda one: one.start)


def matches(label: str, pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    """Where a pattern matches; of colons and hex digits, only what is an address."""
    for match in pattern.finditer(text):
        if label != "host" or "." in match.group() or is_address(match.group()):
            yield match.span()


def is_address(text: str) -> bool:
    """IPv6, and not a time or a checksum with colons."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
