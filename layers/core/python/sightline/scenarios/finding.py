"""A composed question answered: ranked, grouped, calibrated, collapsed, paged. No HTTP, no model."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sightline.database import Connection
from sightline.scenarios import chains, rules, store
from sightline.scenarios.answers import Verdict, WordsUsed
from sightline.scenarios.collapse import collapsed, frame_vectors
from sightline.scenarios.composed import Composed, Direction, as_array, background_of
from sightline.scenarios.filters import Filters
from sightline.scenarios.legs import only_words, steps_of
from sightline.scenarios.rules import Position
from sightline.scenarios.schemas import FrameHit, Moment, SearchRequest
from sightline.scenarios.sequences import Chained, find_chains
from sightline.scenarios.words import Lexical, lexical
from sightline.settings import get_settings
from sightline.vectors.calibration import MIN_SAMPLE, Background, relevances
from sightline.vectors.captions import BEST_FRAMES, Fit, fit_of
from sightline.vectors.search import Path, Plan, choose_path, table_state, walk_of
from sightline.vectors.spaces import Space

Vectors = NDArray[np.floating]
# A Poisson count this far above its mean: 1 walk in 1,000 is checked in vain.
PASSED_OVER_SIGMAS = 3.0
Best = Sequence[Sequence[FrameHit]]


@dataclass(frozen=True, slots=True)
class Judged:
    """A moment and what it is worth."""

    moment: Moment
    relevance: float
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One page of moments, and how they were found."""

    plan: Plan
    page: Sequence[Judged]
    verdict: Verdict
    frames: int
    more: bool
    words: WordsUsed | None = None


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds in one space and transaction. Shapes: background (n, dim), a sample of the workspace's frames."""

    conn: Connection
    space: Space
    background: Vectors
    request: SearchRequest
    composed: Composed
    matching: int
    bank: Vectors | None = None
    """What the model makes of generic captions."""

    def page(self, *, after: Position | None, frames: int) -> Found:
        """One page; ranks at least so many frames, and more where they make too few moments."""
        words = lexical(self.conn, self.request.words, self.request.filters) if self.request.words else None
        depth = max(frames, rules.frames_for(self.request.limit))
        while True:
            plan, judged, hits = self._judged(depth, words)
            shown = self._shown(judged)
            place = [one for one in shown if after is None or rules.position(one.moment) > after]
            more = len(place) > self.request.limit
            if more or len(self.composed.steps) > 1 or not self._deeper_helps(plan, depth):
                break
            depth = rules.deeper(depth)
        return Found(
            plan=plan,
            page=place[: self.request.limit],
            verdict=self._verdict(judged, hits),
            frames=depth,
            more=more,
            words=words.told if words else None,
        )

    def every_chain(self) -> list[Judged]:
        """All moments of a sequence, best first."""
        return self._chains()[1]

    def _deeper_helps(self, plan: Plan, depth: int) -> bool:
        return plan.candidates >= depth and depth < min(rules.MAX_FRAMES, self.matching)

    def _shown(self, judged: Sequence[Judged]) -> list[Judged]:
        """Those relevant enough; one for each group where that was asked for."""
        kept = [one for one in judged if one.relevance >= self.request.min_relevance]
        if not self.request.collapse:
            return kept
        moments = [one.moment for one in kept]
        vectors = frame_vectors(self.conn, space=self.space, hits=[moment.peak for moment in moments])
        worth = {id(one.moment.peak): one for one in kept}
        groups = collapsed(moments, by=self.request.collapse, vectors=vectors)
        return [replace(worth[id(moment.peak)], moment=moment) for moment in groups]

    def _judged(self, depth: int, words: Lexical | None) -> tuple[Plan, list[Judged], Best]:
        """The plan, all moments, and each step's best frames."""
        if len(self.composed.steps) > 1:
            return self._chains()
        null = background_of(self.composed.steps[0], self.background)
        plan, hits = self.frames(null, depth, words)
        moments = rules.group_moments(hits, typical_score=null.centre, rules=self.request.moments)
        worth = relevance_of(hits, null=null, searched=self.matching)
        confidence = self.composed.steps[0].confidence
        judged = [
            Judged(moment, worth[moment.peak.score], confidence(moment.peak.score)) for moment in moments
        ]
        reached = [hit for hit in hits if worth[hit.score] >= self.request.bar]
        return plan, judged, [sorted(reached, key=lambda hit: -hit.score)[:BEST_FRAMES]]

    def frames(
        self, null: Background, depth: int, words: Lexical | None = None
    ) -> tuple[Plan, Sequence[FrameHit]]:
        """The best frames of a question of one step and those beside them, best first.

        null: how the question scores frames that do not match. Exact where the graph missed better ones.
        """
        (step,) = self.composed.steps
        target = store.target_of(
            step, space=self.space, typical_score=null.centre, filters=self.request.filters, words=words
        )
        plan, hits = store.find_frames(self.conn, space=self.space, target=target, plan=self._plan(depth))
        if plan.path == "hnsw" and self._passed_over(step, plan, hits):
            again = Plan("exact", self.matching, depth, complete=True, escalated=True)
            plan, hits = store.find_frames(self.conn, space=self.space, target=target, plan=again)
        return plan, hits

    def _passed_over(self, step: Direction, plan: Plan, hits: Sequence[FrameHit]) -> bool:
        """Whether the graph missed the better frames, told by the background, a uniform sample of all.

        Of n sampled frames about n * candidates / matching belong to the candidates. Many more that score
        higher than the worst of those say that the walk got stuck elsewhere.
        """
        if self.request.filters != Filters() or step.without or len(self.background) < MIN_SAMPLE:
            return False
        worst = min((hit.score for hit in hits if hit.ranked), default=-1.0)
        better = int((self.background @ as_array(step.vector) > worst).sum())
        expected = len(self.background) * plan.candidates / self.matching
        return bool(better > expected + PASSED_OVER_SIGMAS * (expected**0.5 + 1))

    def _chains(self) -> tuple[Plan, list[Judged], Best]:
        """Chains of steps in words are held against captions, where the model has seen those."""
        steps = self.composed.steps
        nulls = [background_of(step, self.background) for step in steps]
        plan, moments = find_chains(
            self.conn,
            space=self.space,
            chained=Chained.of(steps, nulls, self.request.then),
            filters=self.request.filters,
            plan=self._plan(rules.MAX_FRAMES),
        )
        scales = chains.Scales(steps, nulls, self.bank if chains.in_words(self.request) else None)
        weighed = scales.weigh(self.conn, moments, space=self.space, searched=self.matching)
        best = [[moment.steps[n] for moment, _ in weighed[:1]] for n in range(len(steps))]
        return plan, [Judged(*one) for one in weighed], best

    def _plan(self, depth: int) -> Plan:
        table = table_state(self.conn, self.space)
        path: Path = choose_path(
            matching=self.matching,
            wanted=depth,
            table=table,
            exact_rows=get_settings().exact_search_rows,
        )
        walk = walk_of(matching=self.matching, wanted=depth, table=table)
        return Plan(path, self.matching, depth, complete=True, walk=walk)

    def _verdict(self, judged: Sequence[Judged], hits: Best) -> Verdict:
        best = max((one.relevance for one in judged), default=0.0)
        fit = self._fit(hits) if best >= self.request.bar else None
        weighed = len(self.composed.steps) > 1 and chains.in_words(self.request)
        least = chains.MARGIN if weighed else 0.0
        found = best >= self.request.bar and (fit is None or fit.margin >= least)
        if not judged:
            reason = "no frame meets the filters, or all show what they must not"
        elif found:
            reason = "the best moment stands out from the workspace's own frames"
        elif fit is None and weighed:
            reason = "no frames that follow each other so are described by all steps"
        elif fit is None:
            reason = f"no moment reaches {100 * self.request.bar:g} % relevance"
        else:
            reason = fit.objection
        told = {"described": fit.below, "height": fit.height} if fit else {}
        return Verdict(found=found, bar=self.request.bar, best=best, reason=reason, **told)

    def _fit(self, hits: Best) -> Fit | None:
        """How well the words describe what they found: of a sequence, the step that they describe worst.

        hits: the best frames of each step. Only words can be held against captions: pictures lie elsewhere in
        the space.
        """
        if self.bank is None or self.request.more or self.request.less:
            return None
        fits = []
        for step, asked, best in zip(self.composed.steps, steps_of(self.request), hits, strict=True):
            if only_words(asked):
                vectors = frame_vectors(self.conn, space=self.space, hits=best)
                frames = np.stack(list(vectors.values()))
                query = as_array(step.vector)
                null = background_of(step, self.background)
                fits.append(fit_of(query, frames, bank=self.bank, null=null, background=self.background))
        return min(fits, key=lambda fit: fit.margin, default=None)


def relevance_of(hits: Sequence[FrameHit], *, null: Background, searched: int) -> dict[float, float]:
    """Relevance by score, of frames in any order."""
    scores = sorted((hit.score for hit in hits), reverse=True)
    return dict(zip(scores, relevances(scores, background=null, searched=searched), strict=True))


def nothing(request: SearchRequest) -> Found:
    """The answer where there is nothing to search."""
    verdict = Verdict(found=False, bar=request.bar, best=0.0, reason="no frame meets the filters")
    return Found(Plan("exact", 0, 0, complete=True), (), verdict, frames=0, more=False)
