"""The engine behind every sender: a map of JMESPath expressions, applied to one payload, gives its alerts.

An expression sees `item` (one alert of the payload), `all` (the whole of it) and `headers`. Source of the
language: jmespath.org/specification.html.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, Literal, Self

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from sightline.incidents.schemas import NewAlert, Severity
from sightline.incidents.senders.reading import tags_of, text_of, time_of

MAX_ALERTS = 500
"""Alerts taken from one delivery: Alertmanager groups, and a group has no bound."""
MAX_EXPRESSION = 2000
MAX_ID = 200
MAX_COMPILED = 2048
TAGS_SAYING: Mapping[str, Sequence[str]] = {
    "service": ("service", "service_name", "app", "application", "job"),
    "host": ("host", "hostname", "host_name", "node", "instance", "pod"),
    "environment": ("environment", "env", "stage"),
    "region": ("region", "aws_region", "cloud_region"),
}
"""Tag names that say what an alert is about, where its map does not."""
State = Literal["firing", "recovered"]


class UnparsedError(Exception):
    """The payload does not say what its sender's map looks for; the message says what is missing."""


class Fields(BaseModel):
    """An expression for each field of an alert; only the title must give something."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    external_id: str | None = None
    description: str | None = None
    state: str | None = None
    severity: str | None = None
    service: str | None = None
    host: str | None = None
    environment: str | None = None
    region: str | None = None
    url: str | None = None
    occurred_at: str | None = None
    tags: str | None = None

    @field_validator("*")
    @classmethod
    def compiles(cls, expression: str | None) -> str | None:
        """Says at once that an expression is wrong, not when an alert comes."""
        if expression is not None:
            _compiled(expression)
        return expression


class AlertMap(BaseModel):
    """One sender: where its alerts are, what their fields are called, and its words for ours."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    items: str = "[@]"
    fields: Fields
    states: dict[State, list[str]] = Field(default_factory=dict)
    severities: dict[Severity, list[str]] = Field(default_factory=dict)
    not_alerts: str | None = None
    inside: str | None = None
    delivery: str | None = None
    """The sender's own name for a delivery, where it is in the payload and not in a header."""

    @model_validator(mode="after")
    def expressions_compile(self) -> Self:
        """The expressions beside the fields too."""
        for expression in (self.items, self.not_alerts, self.inside, self.delivery):
            if expression is not None:
                _compiled(expression)
        return self

    def read(self, payload: Any, headers: Mapping[str, str]) -> list[NewAlert]:
        """The alerts of one payload; none when it is of a kind that tells of no alert.

        Raises: UnparsedError.
        """
        try:
            return self._read(payload, headers)
        except RecursionError as error:
            raise UnparsedError("it is nested too deep") from error

    def delivery_of(self, payload: Any) -> str | None:
        """What a second attempt, or somebody who repeats what they overheard, sends again."""
        return text_of(find(self.delivery, payload), limit=MAX_ID) if self.delivery else None

    def _read(self, payload: Any, headers: Mapping[str, str]) -> list[NewAlert]:
        payload = self._unwrapped(payload)
        whole = {"all": payload, "headers": dict(headers), "item": payload}
        if self.not_alerts and find(self.not_alerts, whole):
            return []
        found = find(self.items, payload)
        if not isinstance(found, list) or not found:
            raise UnparsedError(f"{self.items} finds no alert in it")
        if len(found) > MAX_ALERTS:
            raise UnparsedError(f"it holds {len(found)} alerts; {MAX_ALERTS} are taken at most")
        return [self._alert({**whole, "item": item}) for item in found]

    def _unwrapped(self, payload: Any) -> Any:
        """JSON inside a string, as SNS sends it, opened; a message that is no JSON stays text."""
        inner = find(self.inside, payload) if self.inside else None
        if not isinstance(inner, str):
            return payload if inner is None else inner
        try:
            return json.loads(inner)
        except ValueError as error:
            raise UnparsedError("the message inside is not JSON") from error

    def _alert(self, seen: Mapping[str, Any]) -> NewAlert:
        found = {name: find(expression, seen) for name, expression in self._expressions()}
        title = text_of(found["title"], limit=500)
        if title is None:
            raise UnparsedError(f"{self.fields.title} gives no title")
        tags = tags_of(found.get("tags"))
        about = {name: text_of(found.get(name), limit=500) or _said(tags, name) for name in TAGS_SAYING}
        return NewAlert(
            external_id=_identity(found.get("external_id"), title, about),
            title=title,
            description=text_of(found.get("description")) or "",
            recovered=self._recovered(found.get("state")),
            severity=_word(self.severities, found.get("severity")),
            url=_web_address(found.get("url")),
            occurred_at=time_of(found.get("occurred_at")),
            tags=tags,
            **about,
        )

    def _recovered(self, said: Any) -> bool:
        """Whether the alert is over; a sender that says nothing means that it is not."""
        state: State | None = _word(self.states, said)
        if state is None and said not in (None, ""):
            raise UnparsedError(f"the state {text_of(said, limit=40)!r} is not known")
        return state == "recovered"

    def _expressions(self) -> Iterator[tuple[str, str]]:
        return ((name, text) for name, text in self.fields.model_dump().items() if text is not None)


def _identity(value: Any, title: str, about: Mapping[str, str | None]) -> str:
    """What an alert and its recovery have in common: the sender's own id, else what the alert is about."""
    given = value if isinstance(value, str | int) else json.dumps(value, sort_keys=True) if value else None
    identity = text_of(given) or json.dumps([_steady(title), *(about[name] for name in sorted(about))])
    return identity if len(identity) <= MAX_ID else "sha256:" + sha256(identity.encode()).hexdigest()


def _said(tags: Mapping[str, str], name: str) -> str | None:
    """What the tags say; they are written in any case."""
    said = {key.casefold(): value for key, value in tags.items()}
    return next((said[key] for key in TAGS_SAYING[name] if said.get(key)), None)


def _steady(title: str) -> str:
    """A title without its numbers and its leading [state], which differ from one delivery to the next."""
    return re.sub(r"\d+", "#", re.sub(r"^\s*\[[^\]]*\]\s*", "", title)).casefold()


def _word(words: Mapping[Any, list[str]], value: Any) -> Any:
    """Our word for the sender's, in any case; its absence is no error."""
    said = text_of(value if not isinstance(value, bool) else str(value).lower(), limit=100)
    if said is None:
        return None
    return next((ours for ours, theirs in words.items() if said.casefold() in theirs), None)


def _web_address(value: Any) -> str | None:
    text = text_of(value, limit=2000)
    return text if text and text.startswith(("https://", "http://")) else None


def find(expression: str, seen: Any) -> Any:
    """What an expression gives. Raises: UnparsedError."""
    try:
        return _compiled(expression).search(seen)
    except JMESPathError as error:
        raise UnparsedError(f"{expression} does not fit it") from error


@lru_cache(MAX_COMPILED)
def _compiled(expression: str) -> ParsedResult:
    if len(expression) > MAX_EXPRESSION:
        raise ValueError(f"an expression has at most {MAX_EXPRESSION} characters")
    try:
        return jmespath.compile(expression)
    except (JMESPathError, RecursionError) as error:
        raise ValueError(f"not a JMESPath expression: {error}") from error
