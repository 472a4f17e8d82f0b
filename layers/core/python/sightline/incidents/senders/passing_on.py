"""A sender that passes on what others say: EventBridge brings the events of every AWS service alike."""

from collections.abc import Mapping
from typing import Any

from sightline.incidents.schemas import NewAlert
from sightline.incidents.senders.mapping import AlertMap, find
from sightline.incidents.senders.reading import text_of

OTHER = "other"


class PassingMap(AlertMap):
    """A map for each of the others, by what `kind` finds, and `other` for whoever has none; its own where it
    finds nothing."""

    kind: str
    kinds: Mapping[str, AlertMap]

    def _read(self, payload: Any, headers: Mapping[str, str]) -> list[NewAlert]:
        inner = self._unwrapped(payload)
        kind = text_of(find(self.kind, inner))
        if kind:
            return self.kinds.get(kind, self.kinds[OTHER]).read(inner, headers)
        return super()._read(payload, headers)
