"""Whether anything was found: what stands out and no other words describe better, or what is usual here."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sightline.database import Connection
from sightline.scenarios import chains
from sightline.scenarios.answers import Verdict
from sightline.scenarios.collapse import frame_vectors
from sightline.scenarios.composed import Composed, Vector, as_array, background_of
from sightline.scenarios.legs import only_words, steps_of
from sightline.scenarios.schemas import FrameHit, SearchRequest
from sightline.vectors.background import Ground
from sightline.vectors.captions import Fit, fit_of
from sightline.vectors.prevalence import Prevalent

Best = Sequence[Sequence[FrameHit]]


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges one question's answer."""

    conn: Connection
    ground: Ground
    request: SearchRequest
    composed: Composed
    bank: Vector | None

    def verdict(
        self, best: float | None, hits: Best, *, usual: Prevalent | None, same: bool = False
    ) -> Verdict:
        """best: relevance of the best moment, if there is any; hits: each step's best frames.

        same: whether the best of them looks the same as the picture that is asked for.
        """
        reached = best is not None and best >= self.request.bar
        if reached and usual:
            return self._told(best, found=True, reason=_usual(usual.share), share=usual.share)
        if reached and same:
            return self._told(best, found=True, reason="the best moment looks the same")
        fit = self._fit(hits) if reached else None
        if reached and (fit is None or fit.margin >= self._least):
            reason = "the best moment stands out from the workspace's own frames"
            return self._told(best, found=True, reason=reason, fit=fit)
        return self._told(best, found=False, reason=self._against(best, fit), fit=fit)

    def _told(
        self,
        best: float | None,
        *,
        found: bool,
        reason: str,
        fit: Fit | None = None,
        share: float | None = None,
    ) -> Verdict:
        told = {"described": fit.below, "height": fit.height} if fit else {}
        return Verdict(
            found=found, bar=self.request.bar, best=best or 0.0, reason=reason, share=share, **told
        )

    @property
    def _sequence_in_words(self) -> bool:
        return len(self.composed.steps) > 1 and chains.in_words(self.request)

    @property
    def _least(self) -> float:
        """Margin that the words must have over generic captions."""
        return chains.MARGIN if self._sequence_in_words else 0.0

    def _against(self, best: float | None, fit: Fit | None) -> str:
        """What speaks against it."""
        if best is None:
            return "no frame meets the filters, or all show what they must not"
        if fit:
            return fit.objection
        if self._sequence_in_words:
            return "no frames that follow each other so are described by all steps"
        return f"no moment reaches {100 * self.request.bar:g} % relevance"

    def _fit(self, hits: Best) -> Fit | None:
        """How well the words describe what they found: of a sequence, the step that they describe worst.

        Only words can be held against captions: pictures lie elsewhere in the space.
        """
        if self.bank is None or self.request.more or self.request.less:
            return None
        fits = []
        for step, asked, best in zip(self.composed.steps, steps_of(self.request), hits, strict=True):
            if only_words(asked):
                vectors = frame_vectors(self.conn, space=self.ground.space, hits=best)
                fits.append(
                    fit_of(
                        as_array(step.vector),
                        np.stack(list(vectors.values())),
                        bank=self.bank,
                        null=background_of(step, self.ground.background),
                        captioned=self.ground.captioned(self.bank),
                    )
                )
        return min(fits, key=lambda fit: fit.margin, default=None)


def _usual(share: float) -> str:
    """In words."""
    much = "most" if share > 0.5 else "much"
    return f"{much} of the footage shows this, about {100 * share:.0f} % of it"
