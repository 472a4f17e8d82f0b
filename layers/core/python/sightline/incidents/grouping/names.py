"""What an alert names, in the form in which two are compared: services, hosts, zones, its own words."""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

SURE = 0.7
"""Confidence from which what a model found in an alert's words counts."""
MAX_KEY = 200

_SUFFIXES = frozenset({"api", "web", "worker", "service", "svc", "server", "app"})
"""What one tool adds to a service's name and another does not."""
_NOBODY = frozenset(
    {"node", "exporter", "kubernetes", "pods", "kube", "state", "metrics", "cadvisor", "blackbox",
     "prometheus", "on", "call", "oncall", "ops", "default", "unknown", "none"}
)  # fmt: skip
"""Names made of these alone are of what scrapes and of who is called, and of no service."""
_ENVIRONMENTS: Mapping[str, str] = {
    "": "production", "prod": "production", "prd": "production", "live": "production",
    "stage": "staging", "stg": "staging", "development": "dev", "testing": "test",
}  # fmt: skip
_ZONE = re.compile(r"\b[a-z]{2,}(?:-[a-z]+)+-?\d-?[a-z]\b")
"""eu-west-1a, us-central1-b: a zone is somewhere; a region is everywhere."""
_OF_A_SET = re.compile(r"^([a-z][a-z0-9-]*[a-z])-\d{1,3}$")
"""orders-db-0 is a host of orders-db; ip-10-0-3-7 is nobody's."""
_INTERNAL = re.compile(r"\b([a-z][a-z0-9-]*)(?:\.[a-z0-9-]+)*\.(?:internal|local|svc|cluster|lan|corp)\b")
_COMPOUND = re.compile(r"^[a-z][a-z0-9]*(?:-[a-z0-9]+)+$")
_WORD = re.compile(r"[a-z][a-z0-9-]*")
_SYMPTOM = re.compile(
    r"error[ -]?rate|error budget|burn|latenc|response[ -]?time|\bp\d\d\b|slow|[45]xx|availability"
    r"|time[d ]?-?out|bad gateway|connection re|cannot (?:use|reach)|unavailable|customers",
    re.IGNORECASE,
)
"""What users feel, whatever the cause: the same words at two services say nothing."""


def environment_of(name: str | None) -> str:
    """One word for the ways to write it; nothing said is production."""
    said = (name or "").strip().casefold()
    return _ENVIRONMENTS.get(said, said)


def service_of(name: str | None) -> str:
    """CheckoutService, checkout-svc and checkout are one; empty for what is no service."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", (name or "").strip())
    words = [word for word in re.split(r"[^\w]+|_", parted.casefold()) if word]
    if all(word in _NOBODY for word in words):
        return ""
    while len(words) > 1 and words[-1] in _SUFFIXES:
        words.pop()
    return "-".join(words)[:MAX_KEY]


def host_of(name: str | None) -> str:
    """Without its port."""
    return re.sub(r":\d+$", "", (name or "").strip().casefold())[:MAX_KEY]


def _on_the_map(name: str, known: Collection[str]) -> str:
    """loans-core is loans where the map knows only that: the longest beginning that it knows."""
    words = name.split("-")
    beginnings = ("-".join(words[:length]) for length in range(len(words), 0, -1))
    return next((one for one in beginnings if one in known), name)


def _services_host(host: str) -> str:
    """The service that a numbered host is one of."""
    found = _OF_A_SET.match(host)
    return service_of(found.group(1)) if found and not host.startswith("ip-") else ""


_UNRESOLVED = re.compile(
    r"\bdns|coredns|getaddrinfo|name resolution|servfail|nxdomain|eai_again|no such host|unknown ?host",
    re.IGNORECASE,
)
"""A name that could not be resolved says nothing of who fails."""


class Named:
    """What one alert names. alert: its row; known: services of the workspace's map, found as plain words."""

    def __init__(self, alert: Mapping[str, Any], known: Collection[str] = ()) -> None:
        self.environment = environment_of(alert["environment"])
        self.text = f"{headline(alert['title'])} {first_line(alert['description'])}"
        found = [one for one in alert["entities"] if one["confidence"] >= SURE]
        hosts = [
            one["text"]
            for one in found
            if one["label"] == "host" and "." not in one["text"].strip("0123456789.")
        ]
        self.hosts = {host for host in map(host_of, [alert["host"], *hosts]) if host}
        said = {service_of(alert["service"]), *map(_services_host, self.hosts)} - {""}
        self.services = {_on_the_map(name, known) for name in said}
        self.zones = set(_ZONE.findall(f"{alert['title']} {alert['description']}"))
        unresolved = _UNRESOLVED.search(self.text)
        mentioned = set() if unresolved else {*self._mentioned(found), *self._plain(known)} - {""}
        if not self.services and len(mentioned) == 1:
            self.services = mentioned
        self.mentioned = mentioned - self.services
        self.symptom = bool(_SYMPTOM.search(self.text))

    def _mentioned(self, found: list[Mapping[str, Any]]) -> Iterator[str]:
        for one in found:
            if one["label"] in ("service", "resource") and _COMPOUND.match(one["text"]):
                yield service_of(one["text"])
        for name in _INTERNAL.findall(self.text):
            yield service_of(name)

    def _plain(self, known: Collection[str]) -> Iterator[str]:
        return (word for word in _WORD.findall(self.text.casefold()) if word in known)


STATE = re.compile(
    r"^\s*\[(re-?)?(triggered|recovered|firing|resolved|alert(ing)?|ok|warn(ing)?|no data|p[1-5])\b"
    r"[^\]]*\]\s*",
    re.IGNORECASE,
)


def title_of(title: str) -> str:
    """An incident's, by an alert's: without its leading [state], which is not the incident's."""
    while (rest := STATE.sub("", title)) != title and rest:
        title = rest
    return title


def headline(title: str) -> str:
    """Without a leading [state], which differs from one delivery to the next."""
    return re.sub(r"^\s*\[[^\]]*\]\s*", "", title)


def first_line(description: str) -> str:
    """The first that says something: below it stands what every alert of the tool says."""
    lines = (line.strip() for line in description.splitlines())
    return next((line[:200] for line in lines if re.search(r"[A-Za-z]{3}", line)), "")


def words_of(title: str, description: str) -> str:
    """What a model makes the alert's vector of: what is said, with CamelCase as words."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", f"{headline(title)}. {first_line(description)}")


def rule_of(alert: Mapping[str, Any]) -> str:
    """A name for the rule behind an alert: its words without what it is about, and without numbers."""
    text = words_of(alert["title"], alert["description"])
    named = [one["text"] for one in alert["entities"] if one["label"] in ("service", "host")]
    about = {name for name in [alert["service"], host_of(alert["host"]), *named] if name and len(name) > 2}
    for name in sorted(about, key=lambda name: (-len(name), name)):
        text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", "", text)
    return hashlib.sha256(re.sub(r"[\d\s.:]+", " ", text).strip().casefold().encode()).hexdigest()[:16]
