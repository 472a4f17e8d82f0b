"""Has something written from passages: by the chosen writer, or word by word out of them where it fails."""

from collections.abc import Sequence
from dataclasses import dataclass

from sightline.errors import WriterUnavailableError
from sightline.incidents.citations import verified
from sightline.ports.writing import Passage, Sentence, Writer, WriterTask
from sightline.telemetry import logger


@dataclass(frozen=True, slots=True)
class Written:
    """Sentences that hold. by: who wrote them; degraded: it was not the chosen writer."""

    sentences: Sequence[Sentence]
    by: str
    degraded: bool
    dropped: int


@dataclass(frozen=True, slots=True)
class Writers:
    """The chosen writer, and the one that cannot fail."""

    chosen: Writer
    spare: Writer

    def write(
        self, task: WriterTask, *, question: str, passages: Sequence[Passage], max_sentences: int
    ) -> Written:
        """Verified sentences; none where the passages do not say."""
        dropped = 0
        try:
            said = self.chosen.write(task, question=question, passages=passages, max_sentences=max_sentences)[
                :max_sentences
            ]
        except WriterUnavailableError as error:
            logger.warning("the writer failed", writer=self.chosen.id, error=error.detail)
        else:
            kept, refused = verified(said, passages)
            # To say nothing is an answer, but no summary; and who only invents has not answered.
            if kept or (not said and task == "answer"):
                return Written(kept, self.chosen.id, degraded=False, dropped=len(refused))
            dropped = len(refused)
            logger.warning("nothing of the writer's holds", writer=self.chosen.id, dropped=dropped)
        spare = self.spare.write(task, question=question, passages=passages, max_sentences=max_sentences)
        kept, refused = verified(spare, passages)
        degraded = self.spare.id != self.chosen.id
        return Written(kept, self.spare.id, degraded=degraded, dropped=dropped + len(refused))
