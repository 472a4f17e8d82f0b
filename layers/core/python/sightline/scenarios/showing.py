"""Found moments as they are shown: kept with the keys of their sheets, signed when they are given out."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self
from uuid import UUID

from sightline.ports.objects import Blobs, SignedRequest
from sightline.scenarios.answers import (
    FrameTime,
    MomentAnswer,
    SearchAnswer,
    SearchModel,
    SearchPlan,
    SheetTile,
    StepTime,
    Took,
    Verdict,
)
from sightline.scenarios.composed import Composed
from sightline.scenarios.finding import Found, Judged
from sightline.scenarios.paging import cursor_after
from sightline.scenarios.rules import Position, position
from sightline.scenarios.schemas import FrameHit, SearchRequest
from sightline.settings import get_settings


@dataclass(frozen=True, slots=True)
class Page:
    """One page, as it may be kept: addresses of sheets are their keys yet."""

    composed: Composed
    plan: SearchPlan
    verdict: Verdict
    moments: Sequence[MomentAnswer]
    frames: int
    last: Position | None
    """Where the next page begins; None when there is none."""
    pictures: Mapping[str, str] = field(default_factory=dict)
    """Packed vectors of uploaded pictures, of a kept page."""

    @classmethod
    def of(cls, found: Found, composed: Composed) -> Self:
        """A page just found."""
        plan = SearchPlan(**asdict(found.plan), words=found.words)
        moments = [_shown(judged) for judged in found.page]
        last = position(found.page[-1].moment) if found.more else None
        return cls(composed, plan, found.verdict, moments, found.frames, last)

    def as_json(self) -> dict[str, Any]:
        """What is kept."""
        return {
            "composed": self.composed.as_json(),
            "plan": self.plan.model_dump(mode="json"),
            "verdict": self.verdict.model_dump(mode="json"),
            "moments": [moment.model_dump(mode="json") for moment in self.moments],
            "frames": self.frames,
            "last": self.last,
        }

    @classmethod
    def kept(cls, page: dict[str, Any]) -> Self:
        """A page that was kept."""
        last = page["last"]
        return cls(
            composed=Composed.of(page["composed"]),
            plan=SearchPlan(**page["plan"] | {"cached": True}),
            verdict=Verdict(**page["verdict"]),
            moments=[MomentAnswer(**moment) for moment in page["moments"]],
            frames=page["frames"],
            last=(last[0], last[1], last[2]) if last else None,
            pictures=page["pictures"],
        )

    def answer(
        self, request: SearchRequest, *, search_id: UUID, session_id: UUID, blobs: Blobs, took: Took
    ) -> SearchAnswer:
        """With signed addresses; a sheet that shows several moments is signed once."""
        signer = _Signer(blobs)
        return SearchAnswer(
            search_id=search_id,
            session_id=session_id,
            model=SearchModel.model_validate(self.composed.model.model_dump()),
            plan=self.plan,
            took_ms=took,
            verdict=self.verdict,
            moments=[signer.moment(moment) for moment in self.moments],
            next_cursor=cursor_after(self.last, request=request, search_id=search_id, frames=self.frames)
            if self.last
            else None,
        )


class _Signer:
    """Signs each sheet once."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._signed: dict[str, SignedRequest] = {}
        self._expires_s = get_settings().download_expires_s

    def moment(self, moment: MomentAnswer) -> MomentAnswer:
        steps = [step.model_copy(update={"sheet": self.sheet(step.sheet)}) for step in moment.steps]
        return moment.model_copy(update={"sheet": self.sheet(moment.sheet), "steps": steps})

    def sheet(self, tile: SheetTile) -> SheetTile:
        key = tile.url
        if key not in self._signed:
            self._signed[key] = self._blobs.presign_get(key, expires_s=self._expires_s)
        signed = self._signed[key]
        return tile.model_copy(update={"url": signed.url, "expires_at": signed.expires_at})


def _shown(judged: Judged) -> MomentAnswer:
    moment, peak = judged.moment, judged.moment.peak
    return MomentAnswer(
        asset_id=peak.asset_id,
        asset_name=peak.asset_name,
        start_s=moment.start_s,
        end_s=moment.end_s,
        peak_s=peak.time_s,
        score=peak.score,
        relevance=judged.relevance,
        confidence=judged.confidence,
        sheet=_tile(peak),
        steps=[StepTime(time_s=hit.time_s, score=hit.score, sheet=_tile(hit)) for hit in moment.steps],
        collapsed=[
            FrameTime(asset_id=hit.asset_id, asset_name=hit.asset_name, time_s=hit.time_s, score=hit.score)
            for hit in moment.others
        ],
    )


def _tile(hit: FrameHit) -> SheetTile:
    return SheetTile(
        url=hit.object_key,
        expires_at="",
        columns=hit.columns,
        tile=hit.tile,
        tile_width=hit.tile_width,
        tile_height=hit.tile_height,
    )
