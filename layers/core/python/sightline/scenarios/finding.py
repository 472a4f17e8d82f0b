"""A composed question answered: ranked, grouped, calibrated, collapsed, paged. No HTTP, no model."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sightline.database import Connection
from sightline.scenarios import chains, rules, store
from sightline.scenarios.answers import Verdict, WordsUsed
from sightline.scenarios.collapse import collapsed, frame_vectors
from sightline.scenarios.composed import Composed, Direction, Vector, as_array, background_of
from sightline.scenarios.filters import Filters
from sightline.scenarios.rules import Position
from sightline.scenarios.schemas import FrameHit, Moment, SearchRequest
from sightline.scenarios.sequences import Chained, find_chains
from sightline.scenarios.verdicts import Best, Judge
from sightline.scenarios.words import Lexical, lexical
from sightline.scenarios.worth import Worth
from sightline.settings import get_settings
from sightline.vectors.background import Ground
from sightline.vectors.calibration import MIN_SAMPLE
from sightline.vectors.captions import BEST_FRAMES
from sightline.vectors.search import Path, Plan, choose_path, table_state, walk_of
from sightline.vectors.spaces import Space

# A Poisson count this far above its mean: 1 walk in 1,000 is checked in vain.
PASSED_OVER_SIGMAS = 3.0


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
    """Finds in one transaction."""

    conn: Connection
    ground: Ground
    request: SearchRequest
    composed: Composed
    matching: int
    bank: Vector | None = None
    """What the model makes of generic captions."""

    @property
    def space(self) -> Space:
        """Where the frames are."""
        return self.ground.space

    def page(self, *, after: Position | None, frames: int) -> Found:
        """One page; ranks at least so many frames, and more where they make too few moments."""
        words = lexical(self.conn, self.request.words, self.request.filters) if self.request.words else None
        worth = self._worth()
        depth = max(frames, rules.frames_for(self.request.limit))
        while True:
            plan, judged, hits = self._judged(depth, words, worth)
            shown = self._shown(judged)
            place = [one for one in shown if after is None or rules.position(one.moment) > after]
            more = len(place) > self.request.limit
            if more or len(self.composed.steps) > 1 or not self._deeper_helps(plan, depth):
                break
            depth = rules.deeper(depth)
        return Found(
            plan=plan,
            page=place[: self.request.limit],
            verdict=self._verdict(judged, hits, worth),
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

    def _worth(self) -> Worth | None:
        """What scores are worth; None of a sequence, whose chains are weighed."""
        if len(self.composed.steps) > 1:
            return None
        return Worth.of(self.request, self.composed.steps[0], ground=self.ground, bank=self.bank)

    def _judged(
        self, depth: int, words: Lexical | None, worth: Worth | None
    ) -> tuple[Plan, list[Judged], Best]:
        """The plan, all moments, and each step's best frames."""
        if worth is None:
            return self._chains()
        plan, hits = self.frames(worth.typical, depth, words)
        moments = rules.group_moments(hits, typical_score=worth.typical, rules=self.request.moments)
        relevance = worth.of_hits(hits, searched=self.matching)
        confidence = self.composed.steps[0].confidence
        judged = [
            Judged(moment, relevance[moment.peak.score], confidence(moment.peak.score)) for moment in moments
        ]
        reached = [hit for hit in hits if relevance[hit.score] >= self.request.bar]
        return plan, judged, [sorted(reached, key=lambda hit: -hit.score)[:BEST_FRAMES]]

    def frames(
        self, typical: float, depth: int, words: Lexical | None = None
    ) -> tuple[Plan, Sequence[FrameHit]]:
        """The best frames of a question of one step and those beside them, best first.

        typical: score of a frame that does not match. Exact where the graph missed better ones.
        """
        (step,) = self.composed.steps
        target = store.target_of(
            step, space=self.space, typical_score=typical, filters=self.request.filters, words=words
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
        if self.request.filters != Filters() or step.without or len(self.ground.background) < MIN_SAMPLE:
            return False
        worst = min((hit.score for hit in hits if hit.ranked), default=-1.0)
        better = int((self.ground.background @ as_array(step.vector) > worst).sum())
        expected = len(self.ground.background) * plan.candidates / self.matching
        return bool(better > expected + PASSED_OVER_SIGMAS * (expected**0.5 + 1))

    def _chains(self) -> tuple[Plan, list[Judged], Best]:
        """Chains of steps in words are held against captions, where the model has seen those."""
        steps = self.composed.steps
        nulls = [background_of(step, self.ground.background) for step in steps]
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

    def _verdict(self, judged: Sequence[Judged], hits: Best, worth: Worth | None) -> Verdict:
        judge = Judge(self.conn, self.ground, self.request, self.composed, self.bank)
        best = max((one.relevance for one in judged), default=None)
        if worth is None:
            return judge.verdict(best, hits, usual=None)
        same = any(worth.looks_the_same(one.moment.peak.score) for one in judged)
        return judge.verdict(best, hits, usual=worth.usual, same=same)


def nothing(request: SearchRequest) -> Found:
    """The answer where there is nothing to search."""
    verdict = Verdict(found=False, bar=request.bar, best=0.0, reason="no frame meets the filters")
    return Found(Plan("exact", 0, 0, complete=True), (), verdict, frames=0, more=False)
