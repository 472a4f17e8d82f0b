"""What a company runs: its services on their hosts, and the monitors that watch them."""

import random
from dataclasses import dataclass

from client.storm.families import Family
from client.storm.shapes import Monitor, Vendor

NODES = 8
PODS = 3


class _Unknown(dict[str, str]):
    """Leaves a place for what a rule only knows once it has a name."""

    def __missing__(self, key: str) -> str:
        return f"<{key}>"


@dataclass(frozen=True, slots=True)
class Estate:
    """A family's services, placed. hosts: of a service; a node carries several services."""

    family: Family
    hosts: dict[str, tuple[str, ...]]
    nodes: tuple[str, ...]

    def some_hosts(self, service: str, count: int, rng: random.Random) -> tuple[str, ...]:
        """Of a service's hosts; any node where there is no service."""
        return tuple(rng.sample(self.hosts.get(service, self.nodes), count))

    def on(self, node: str) -> list[str]:
        """The services with a pod there."""
        return [name for name, hosts in self.hosts.items() if node in hosts]

    def monitor(
        self,
        vendor: Vendor,
        says: tuple[str, str],
        *,
        severity: str,
        carries: str,
        service: str,
        hosts: tuple[str, ...],
        environment: str = "production",
        values: dict[str, str] | None = None,
    ) -> Monitor:
        """A rule of a tool; what it is called does not depend on when it fires."""
        grouped = vendor in ("alertmanager", "grafana")
        hosts = hosts if grouped else hosts[:1]
        watched = {**(values or {}), "service": self._called(service, vendor), "host": "".join(hosts[:1])}
        shown = watched["service"] if service and carries in ("service", "both") else None
        shown_hosts = hosts if carries in ("host", "both") else ()
        titled = says[0].format_map(_Unknown(watched))
        name = " ".join([vendor, environment, titled, shown or "", *shown_hosts])
        title, description = (text.format_map(watched | self._numbers(name, service)) for text in says)
        return Monitor(
            name=name,
            vendor=vendor,
            title=title,
            description=description,
            severity=severity,
            environment=self.family.words[environment][vendor],
            region=self.family.region,
            service=shown,
            hosts=shown_hosts,
        )

    def _called(self, service: str, vendor: Vendor) -> str:
        known = self.family.services.get(service)
        return known.aka.get(vendor, service) if known else service

    def _numbers(self, name: str, service: str) -> dict[str, str]:
        """A rule's thresholds and what else it fills in: its own, always the same."""
        rng = random.Random(name)
        known = self.family.services.get(service)
        callee = rng.choice(known.calls) if known and known.calls else rng.choice(sorted(self.hosts))
        return {
            "callee": callee,
            "n": str(rng.randint(11, 99)),
            "pct": str(rng.randint(5, 19) * 5),
            "ms": str(rng.randint(8, 60) * 100),
            "min": str(rng.randint(8, 45)),
            "version": f"v{rng.randint(1, 9)}.{rng.randint(0, 40)}.{rng.randint(0, 9)}",
        }


def estate_of(family: Family, rng: random.Random) -> Estate:
    """Stateless services share nodes with names that say nothing; stateful ones have hosts of their own."""
    nodes = tuple(f"ip-10-0-{rng.randint(1, 60)}-{rng.randint(2, 250)}" for _ in range(NODES))
    hosts = {
        name: tuple(f"{name}-{number}" for number in range(PODS))
        if one.stateful
        else tuple(rng.sample(nodes, PODS))
        for name, one in family.services.items()
    }
    return Estate(family, hosts, nodes)
