"""The requests in a lane's queue, and how much work they are together."""

from __future__ import annotations

from gpu_endpoint.admission import Limits
from gpu_endpoint.cutting import Cut, cut
from gpu_endpoint.running import Failure, Ran
from gpu_endpoint.tickets import Ticket


class Waiting:
    """Tickets in the order of their arrival; `items` and `size` are what no batch has taken yet."""

    def __init__(self) -> None:
        self.tickets: list[Ticket] = []
        self.items = self.size = 0

    def add(self, ticket: Ticket) -> None:
        """One more."""
        self.tickets.append(ticket)
        self.items += len(ticket)
        self.size += ticket.left

    def drop(self, ticket: Ticket) -> None:
        """What is left of a request that nobody waits for."""
        self.items -= len(ticket)
        self.size -= ticket.left
        ticket.order.clear()
        self.tickets = [other for other in self.tickets if other is not ticket]

    def drop_answered(self) -> None:
        """Those that failed before all of their items were taken."""
        for ticket in [ticket for ticket in self.tickets if ticket.future.done()]:
            self.drop(ticket)

    def cut(self, limits: Limits, *, spare: int) -> Cut:
        """The next batch; it waits no longer."""
        batch = cut(self.tickets, max_items=limits.max_batch, max_size=limits.max_size, spare=spare)
        for ticket in {ticket for ticket, _ in batch.taken}:
            ticket.depart(len(batch.taken))
        self.tickets = [ticket for ticket in self.tickets if ticket.order]
        self.items -= len(batch.taken)
        self.size -= batch.total
        return batch


def hand_out(batch: Cut, ran: Ran) -> None:
    """Each row, or failure, to its ticket."""
    for (ticket, position), row in zip(batch.taken, ran.rows, strict=True):
        if isinstance(row, Failure):
            ticket.fail(row.error)
        else:
            ticket.settle(position, row)
