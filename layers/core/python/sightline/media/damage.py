"""What a stretch of video lost, and how much of that is too much."""

from dataclasses import dataclass

SOME_DAMAGE = 2
"""Damaged frames that are left out of any stretch, however short."""
MAX_DAMAGED_SHARE = 0.05
"""Share of damaged frames above which a video is refused; fewer are left out and the rest is indexed."""


@dataclass(slots=True)
class Damage:
    """What a stretch lost: frames decoded, and how many of them were damaged."""

    decoded: int = 0
    damaged: int = 0

    @property
    def share(self) -> float:
        """0 for a whole stretch, 1 where nothing could be used."""
        return self.damaged / max(1, self.decoded + self.damaged)

    @property
    def bearable(self) -> bool:
        """Whether the stretch can be indexed without what was lost."""
        return self.damaged <= SOME_DAMAGE or self.share <= MAX_DAMAGED_SHARE
