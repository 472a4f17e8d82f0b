"""Names for a template's slots: from lists that training knows in part, and from any words."""

from __future__ import annotations

import random

from gpu_endpoint.training.alerts import names, numbers
from gpu_endpoint.training.alerts.words import LISTS

KEPT = 0.25  # of every open list of names, for evaluation only
MADE_UP = 0.45  # names from any English word, not from the lists
MADE_UP_IN_TRAINING = 0.6  # more, so that the place of a name counts and not the name
KIND_OF = {
    "capacity": "cap",
    "latency": "lat",
    "errors": "err",
    "network": "net",
    "database": "db",
    "queue": "q",
    "cost": "cost",
    "data": "data",
}
"""The metrics that tell of a category."""


class Vocabulary:
    """Draws names. `kept`: half of what is drawn from a list comes from the part that training never sees."""

    def __init__(self, rng: random.Random, category: str, *, kept: bool, made_up: float = MADE_UP) -> None:
        self.rng = rng
        self.category = category
        self.kept = kept
        self.made_up = made_up

    def word(self, listed: str) -> str:
        """One of an open list, of which training knows three quarters, or any word."""
        if self.rng.random() < self.made_up:
            return names.any_word(self.rng, kept=self.kept)
        return self.pick(listed)

    def pick(self, listed: str) -> str:
        """One of an open list; training draws from its first three quarters."""
        pool = LISTS[listed]
        cut = max(1, round(len(pool) * (1 - KEPT)))
        if self.kept and self.rng.random() < 0.5:
            return self.rng.choice(pool[cut:] or pool)
        return self.rng.choice(pool[:cut])

    def known(self, listed: str) -> str:
        """One of a closed list: clouds' regions, vendors' metrics, environments."""
        return self.rng.choice(LISTS[listed])

    def one_of(self, *ways: str) -> str:
        """One of several spellings."""
        return self.rng.choice(ways)

    def service(self) -> str:
        """`checkout`, `payments-api`, `CheckoutService`, `user_search_worker` ..."""
        name = self.word("services")
        if self.rng.random() < 0.2:
            name += f"-{self.word('services')}"
        if self.rng.random() < 0.5:
            name += self.pick("service_endings")
        style = self.rng.random()
        if style < 0.12:
            return "".join(part.capitalize() for part in name.split("-"))
        if style < 0.2:
            return name.replace("-", "_")
        if style < 0.25:
            return " ".join(part.capitalize() for part in name.split("-"))
        return name

    def host(self) -> str:
        """`web-03`, `db-prod-12.internal`, `ip-10-0-3-7`, `kafka2.corp.example.com`, an address ..."""
        rng, role = self.rng, self.word("host_roles")
        number = rng.choice(
            [str(rng.randint(1, 99)), f"{rng.randint(1, 30):02d}", f"{rng.randint(1, 400):03d}"]
        )
        name = self.one_of(
            f"{role}-{number}",
            f"{role}{number}",
            f"{role}-{self.known('environments')}-{number}",
            f"{self.word('services')}-{role}-{number}",
            f"{rng.choice(['prod', 'stg', 'eu', 'us', 'fra', 'ams'])}-{role}-{number}",
            f"{role}.{rng.choice(['fra1', 'iad', 'dc2', 'zone-b'])}",
        )
        kind = rng.random()
        if kind < 0.1:
            parts = "-".join(str(rng.randint(0, 254)) for _ in range(4))
            return f"ip-{parts}{rng.choice(['', '.ec2.internal'])}"
        if kind < 0.2:
            return numbers.address(rng)
        return name + (self.pick("host_suffixes") if kind > 0.75 else "")

    def region(self) -> str:
        """Of any provider, a zone of one, or a place."""
        kind = self.rng.random()
        if kind < 0.6:
            return self.aws_region()
        google = kind < 0.75
        listed = "gcp_regions" if google else "azure_regions" if kind < 0.88 else "places"
        return self.known(listed) + (self.rng.choice(["-b", "-a", "", ""]) if google else "")

    def aws_region(self) -> str:
        """A region or zone of AWS."""
        return self.known("aws_regions") + self.rng.choice(["", "", "", "a", "b"])

    def person(self) -> str:
        """`Maria Lopez`, `@maria`, `m.lopez`, an e-mail address ..."""
        first, last, kind = self.pick("first_names"), self.pick("last_names"), self.rng.random()
        plain = last.lower().replace("'", "")
        if kind < 0.4:
            return f"{first} {last}"
        if kind < 0.6:
            return first if kind < 0.5 else f"@{first.lower()}"
        if kind < 0.8:
            domain = self.rng.choice(["example.com", "acme.io", "corp.example.org"])
            return f"{first.lower()}.{plain}@{domain}"
        short = f"{first.lower()}.{plain}"
        return self.one_of(short, f"@{short}", f"{first[0].lower()}{plain}", f"{first} {last[0]}.")

    def team(self) -> str:
        """`payments-oncall`, `team-sre`, `Platform Team` ..."""
        name = self.word("teams")
        return self.one_of(
            *(f"{name}-oncall", f"team-{name}", f"{name}-team", f"{name.capitalize()} Team", f"{name} team"),
            *(f"{name}-sre", f"{name}-eng", f"{name.upper()} on-call", f"squad-{name}"),
            *(name.capitalize(), f"{name} squad"),
        )

    def table(self) -> str:
        """`public.orders`, `orders_2026`, `analytics.fact_orders` ..."""
        name = self.word("things")
        return self.one_of(
            *(f"public.{name}", f"{name}_{self.rng.randint(2020, 2026)}", f"fact_{name}"),
            *(f"analytics.{name}", f"{name}_daily", f"dim_{name}", f"{name}", f"raw.{name}_v2"),
        )

    def database(self) -> str:
        """`orders-db`, `pg-main`, `users-prod-cluster` ..."""
        name = self.word("things")
        return self.one_of(
            *(f"{name}-db", f"{name}-prod", f"{name}-cluster", f"pg-{name}", f"{name}_prod"),
            *(f"mysql-{name}", f"{name}-aurora", f"redis-{name}", f"{name}db"),
        )

    def url(self) -> str:
        """An address that a check calls."""
        path = self.one_of(
            "", "/", "/health", "/api/v1/orders", f"/{self.word('things')}", "/login", "/v2/status"
        )
        return f"{self.one_of('https', 'https', 'http')}://{self.domain()}{path}"

    def domain(self) -> str:
        """A full name of a host."""
        start = self.one_of("www", "api", self.word("services"), self.word("services"), "status", "app")
        domains = "example.com acme.io shop.example.net corp.example.org example.co.uk myapp.dev"
        return f"{start}.{self.rng.choice(domains.split())}"

    def alert_name(self) -> str:
        """What a rule is called: it says what it watches."""
        kind = KIND_OF.get(self.category)
        if kind and self.rng.random() < 0.3:
            subject, measure = self.known(f"metric_subjects.{kind}"), self.known(f"metric_measures.{kind}")
            start = self.rng.choice(["High", "", "Too Much ", "Low", "Prod", ""])
            return f"{start}{subject.capitalize()}{measure.capitalize()}".replace(" ", "")
        return self.pick(f"alert_names.{self.category}")

    def arn(self, kind: str) -> str:
        """An Amazon resource name."""
        account = self.rng.randint(10**11, 10**12 - 1)
        tail = f"{self.word('services')}{self.rng.choice(['', '-prod', '-v2'])}"
        if kind == "iam":
            return f"arn:aws:iam::{account}:role/{tail}"
        middle = {"lambda": "function:", "cloudwatch": "alarm:"}.get(kind, "")
        return f"arn:aws:{kind}:{self.known('aws_regions')}:{account}:{middle}{tail}"
