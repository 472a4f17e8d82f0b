"""Whole alerts from templates and values, with the truth about each."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Literal

from gpu_endpoint.training.alerts.draft import Draft, Span
from gpu_endpoint.training.alerts.markers import MARKERS, marker, tag_slots
from gpu_endpoint.training.alerts.noise import disturbed
from gpu_endpoint.training.alerts.slots import label_of
from gpu_endpoint.training.alerts.templates import (
    APART,
    SEVERITIES,
    SLOT,
    Library,
    Split,
    Template,
    read_library,
)
from gpu_endpoint.training.alerts.values import MADE_UP, MADE_UP_IN_TRAINING, Vocabulary
from gpu_endpoint.training.alerts.wording import chosen

CATEGORY_SHARES = {
    "capacity": 0.19,
    "errors": 0.18,
    "availability": 0.16,
    "latency": 0.11,
    "deployment": 0.08,
    "database": 0.07,
    "network": 0.06,
    "queue": 0.05,
    "security": 0.04,
    "data": 0.03,
    "other": 0.02,
    "cost": 0.01,
}
"""Of alerts as they come: hosts and error monitors are most of them, budgets the fewest."""
SEVERITY_SHARES = {"critical": 0.12, "high": 0.24, "medium": 0.38, "low": 0.14, "info": 0.12}
"""Of alerts whose severity only a marker or a sentence about the impact tells."""
OWN_SHARE = 0.4  # alerts that are wholly a vendor's own wording
OWN_SHARE_IN_TRAINING = 0.25  # fewer: they are the same few hundred
COUNTED_WORDINGS = 8  # a template of many wordings is drawn more often, but not by as much as it has
THINNED_SHARE, VARIED_SHARE = 0.3, 0.5  # training alerts with words left out, or others in their place
CONTEXT_SHARE = 0.25  # alerts beside which another sentence stands
RECOVERED_SHARE = 0.12  # alerts that say it is over
FRAMED = {
    "uptimerobot": ("availability", "latency"),
    "github": ("availability", "errors", "deployment", "security", "other"),
    "sentry": ("errors", "latency", "availability", "database", "network"),
}
"""Vendors whose frames alone already name the kind of trouble."""
IMPACT_SHARE = 0.75  # of neutral alerts without a marker: told by the impact; the others are medium

JOINTS = (" ", " ", "\n", " - ", ". ", " | ", "\n\n")
Style = Literal["plain", "escaped"]


@dataclass(frozen=True)
class Alert:
    """A text and the truth about it. Spans are character offsets into the text."""

    text: str
    spans: tuple[Span, ...]
    severity: str
    category: str
    vendor: str


class Composer:
    """Draws alerts of one split; the same seed gives the same alerts."""

    def __init__(self, split: Split, *, seed: int) -> None:
        self.rng = random.Random(f"{split}/{seed}")
        self.library: Library = read_library(split)
        # Of a vendor kept out only its own texts are written; what stands beside them is as held out as they.
        self.beside = read_library("test") if split == "vendor" else self.library
        self.training = split == "train"
        self.made_up = MADE_UP_IN_TRAINING if self.training else MADE_UP
        self.own_share = OWN_SHARE_IN_TRAINING if self.training else OWN_SHARE
        self.kept = split in ("test", "vendor", *APART)
        self.shares = {
            name: share
            for name, share in CATEGORY_SHARES.items()
            if name in self.library.own or name in self.library.cores
        }

    def alerts(self, count: int) -> list[Alert]:
        """That many."""
        return [self.alert() for _ in range(count)]

    def alert(self) -> Alert:
        """One."""
        rng = self.rng
        category = rng.choices(list(self.shares), list(self.shares.values()))[0]
        own, cores = self.library.own.get(category, []), self.library.cores.get(category, [])
        if own and (not cores or rng.random() < self.own_share):
            core, frame = rng.choice(own), None
        else:
            frame = self._worded(self._frame(category))
            core = self._worded(self._core(cores, frame))
        return self._written(core, frame, category)

    def _frame(self, category: str) -> Template:
        """What some vendor, who sends alerts of this category, writes around a sentence."""
        vendors = [name for name in sorted(self.library.frames) if category in FRAMED.get(name, (category,))]
        frames = self.library.frames[self.rng.choice(vendors)]
        recovered = self.rng.random() < RECOVERED_SHARE
        return self._one([frame for frame in frames if (frame.severity is not None) == recovered] or frames)

    def _core(self, cores: list[Template], frame: Template) -> Template:
        """A sentence; one that says all is well again does not stand in a frame of its own about trouble."""
        fitting = [
            core
            for core in cores
            if frame.severity is None or core.severity in (None, "critical", "high", "medium")
        ]
        return self._one(fitting or cores)

    def _written(self, core: Template, frame: Template | None, category: str) -> Alert:
        outer = frame or core
        severity, told = self._severity(core, frame)
        vocabulary = Vocabulary(self.rng, category, kept=self.kept, made_up=self.made_up)
        draft = Draft(
            self.rng,
            vocabulary,
            typos=outer.source == "human" and self.rng.random() < 0.3,
            thinned=self.training and self.rng.random() < THINNED_SHARE,
            varied=self.training and self.rng.random() < VARIED_SHARE,
        )
        needs_impact = (
            not told
            and (core.severity is None or self.rng.random() < 0.3)
            and not (frame and frame.has("impact"))
        )
        impact = self._impact(severity) if needs_impact else None
        before = impact is not None and self.rng.random() < 0.2
        if impact and before:
            self._fill(draft, impact.text, core, severity)
            draft.add(self.rng.choice(JOINTS))
        self._fill(draft, outer.text, core, severity)
        if impact and not before:
            draft.add(self.rng.choice(JOINTS))
            self._fill(draft, impact.text, core, severity)
        if self.rng.random() < CONTEXT_SHARE:
            draft.add(self.rng.choice(JOINTS))
            self._fill(draft, self.rng.choice(self.beside.contexts["context"]).text, core, severity)
        if frame is None and self.rng.random() < 0.15:
            draft.add("\n")
            self._tags(draft, self.rng.choice(("dd", "kv", "inline")))
        text, spans = disturbed(self.rng, draft.text, draft.spans)
        return Alert(text, tuple(spans), severity, category, outer.source)

    def _severity(self, core: Template, frame: Template | None) -> tuple[str, bool]:
        """The severity, and whether a marker or the words already tell it."""
        rng = self.rng
        if frame and frame.severity:
            return frame.severity, True
        text = frame.text if frame else core.text
        style = next((found.group(2) for found in SLOT.finditer(text) if found.group(1) == "sev"), None)
        if style:
            levels = MARKERS[style]
            if core.severity in levels and rng.random() < 0.85:
                return core.severity, True
            usual = {name: SEVERITY_SHARES[name] for name in levels}
            return rng.choices(list(usual), list(usual.values()))[0], True
        if core.severity:
            return core.severity, False
        if rng.random() < IMPACT_SHARE or (frame and frame.has("impact")):
            return rng.choices(SEVERITIES, [SEVERITY_SHARES[name] for name in SEVERITIES])[0], False
        return "medium", True

    def _impact(self, severity: str) -> Template:
        return self._worded(self._one(self.beside.impacts[severity]))

    def _one(self, templates: list[Template]) -> Template:
        """Any of them; in training those of several wordings more often."""
        if not self.training:
            return self.rng.choice(templates)
        return self.rng.choices(
            templates, [min(COUNTED_WORDINGS, len(one.wordings)) ** 0.5 for one in templates]
        )[0]

    def _worded(self, template: Template) -> Template:
        """With its choices made."""
        return replace(template, text=chosen(self.rng, template.text))

    def _fill(self, draft: Draft, text: str, core: Template, severity: str) -> None:
        """Writes a template's text into the draft, slot by slot."""
        place = 0
        for found in SLOT.finditer(text):
            draft.add(text[place : found.start()].replace("\\n", "\n"))
            self._slot(draft, found.group(1), found.group(2) or "", core, severity)
            place = found.end()
        draft.add(text[place:].replace("\\n", "\n"))

    def _slot(self, draft: Draft, slot: str, how: str, core: Template, severity: str) -> None:
        if slot == "core":
            whole = core.text
            if how == "lower" and not whole.startswith("{"):
                whole = whole[0].lower() + whole[1:]
            self._fill(draft, whole, core, severity)
        elif slot == "impact":
            self._fill(draft, self._impact(severity).text, core, severity)
        elif slot == "sev":
            draft.add(marker(self.rng, how, severity), exact=True)
        elif slot == "tags":
            self._tags(draft, how)
        else:
            if how == "tag":
                draft.add(f"{slot}:")
            draft.entity(slot, label_of(slot))

    def _tags(self, draft: Draft, style: str) -> None:
        """Labels beside the alert, as the vendor writes them."""
        pairs = tag_slots(self.rng, kept=self.kept)
        start, equals, joint, end = {
            "dd": ("", ":", self.rng.choice([",", ", ", " "]), ""),
            "prom": ("{", '="', '", ', '"}'),
            "inline": ("", '="', '", ', '"'),
            "kv": ("", self.rng.choice([": ", "=", " = "]), self.rng.choice(["\n", "\n", ", ", "; "]), ""),
            "dash": (" - ", " = ", "\n - ", ""),
            "sentry": ("", ": ", "\n", ""),
        }[style]
        draft.add(start, exact=True)
        for index, (key, slot) in enumerate(pairs):
            draft.add(f"{joint if index else ''}{key}{equals}", exact=True)
            draft.entity(slot, label_of(slot), plain=True)
        draft.add(end, exact=True)
