"""What a stage costs in a month in which nobody uses it, counted from its synthesized template.

`python -m infra_cdk.idle_cost cdk.out/Sightline-dev.template.json`. List prices of us-east-1, in US dollars,
before free tiers and taxes; see the pages named below for today's.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra_cdk.nested import whole

HOURS = 730
# An awake Aurora Serverless v2 instance never goes below this, whatever its minimum; asleep it is 0.
LEAST_ACU = 0.5
# https://aws.amazon.com/rds/proxy/pricing/: Serverless v2 is billed for at least 8 capacity units.
PROXY_LEAST_ACU = 8
# Five pollers with 20 s long polls: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
POLLS_OF_A_QUEUE = 5 * 3 * 60 * HOURS

# A page that said the same on 2026-11-20 stands behind its price; the others are as noted from memory.
ACU_HOUR = 0.12  # https://aws.amazon.com/rds/aurora/pricing/; c3x.dev/blog/aws-aurora-serverless-v2-cost
NAT_HOUR = 0.045  # https://aws.amazon.com/vpc/pricing/
ADDRESS_HOUR = 0.005  # https://aws.amazon.com/vpc/pricing/
PROXY_ACU_HOUR = 0.015  # https://aws.amazon.com/rds/proxy/pricing/
SECRET_MONTH = 0.40  # https://aws.amazon.com/secrets-manager/pricing/; hivebook.wiki on Secrets Manager
KEY_MONTH = 1.00  # https://aws.amazon.com/kms/pricing/
ALARM_MONTH = 0.10  # https://aws.amazon.com/cloudwatch/pricing/; c3x.dev/resources/aws
DASHBOARD_MONTH = 3.00  # https://aws.amazon.com/cloudwatch/pricing/
MILLION_QUEUE_REQUESTS = 0.40  # https://aws.amazon.com/sqs/pricing/
# zircon.tech (October 2025) says about 1.41; wring.co (March 2026) says 1.21: look before you count on it.
INSTANCE_HOUR = {"ml.g5.xlarge": 1.408}  # https://aws.amazon.com/sagemaker/pricing/

Resources = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One kind of resource: how much of it there is, and what one costs a month."""

    what: str
    quantity: float
    unit: str
    unit_usd_month: float

    @property
    def usd_month(self) -> float:
        return self.quantity * self.unit_usd_month


def idle_lines(template: Mapping[str, Any]) -> list[Line]:
    """The lines of a template, dearest first; what costs nothing is left out."""
    resources: Resources = template["Resources"]
    lines = [line for count in _COUNTS for line in count(resources) if line.quantity]
    return sorted(lines, key=lambda line: -line.usd_month)


def _of(resources: Resources, kind: str) -> list[Mapping[str, Any]]:
    return [found.get("Properties", {}) for found in resources.values() if found["Type"] == kind]


def _endpoint(resources: Resources) -> Iterator[Line]:
    """Serverless variants are idle for nothing; instances run, down to their smallest number."""
    for configuration in _of(resources, "AWS::SageMaker::EndpointConfig"):
        for variant in configuration["ProductionVariants"]:
            if kind := variant.get("InstanceType"):
                yield Line(
                    what=f"SageMaker {kind}",
                    quantity=variant["InitialInstanceCount"],
                    unit="instance",
                    unit_usd_month=INSTANCE_HOUR[kind] * HOURS,
                )


def _database(resources: Resources) -> Iterator[Line]:
    """Awake, because the sweeper asks once a minute; a cluster that may pause costs nothing while it does."""
    for cluster in _of(resources, "AWS::RDS::DBCluster"):
        least = cluster["ServerlessV2ScalingConfiguration"]["MinCapacity"]
        yield Line(
            what="Aurora capacity" + ("" if least else " (nothing while paused)"),
            quantity=max(least, LEAST_ACU) * len(_of(resources, "AWS::RDS::DBInstance")),
            unit="ACU",
            unit_usd_month=ACU_HOUR * HOURS,
        )


def _rest(resources: Resources) -> Iterator[Line]:
    for what, kind, unit, factor, price in (
        ("RDS Proxy", "AWS::RDS::DBProxy", "ACU", PROXY_LEAST_ACU, PROXY_ACU_HOUR * HOURS),
        ("NAT gateway", "AWS::EC2::NatGateway", "gateway", 1, NAT_HOUR * HOURS),
        ("Public IPv4 address", "AWS::EC2::EIP", "address", 1, ADDRESS_HOUR * HOURS),
        ("CloudWatch alarms", "AWS::CloudWatch::Alarm", "alarm", 1, ALARM_MONTH),
        ("CloudWatch dashboard", "AWS::CloudWatch::Dashboard", "dashboard", 1, DASHBOARD_MONTH),
        ("Secrets", "AWS::SecretsManager::Secret", "secret", 1, SECRET_MONTH),
        ("KMS keys", "AWS::KMS::Key", "key", 1, KEY_MONTH),
        (
            "Polling of queues",
            "AWS::Lambda::EventSourceMapping",
            "million requests",
            POLLS_OF_A_QUEUE / 1e6,
            MILLION_QUEUE_REQUESTS,
        ),
    ):
        yield Line(what=what, quantity=factor * len(_of(resources, kind)), unit=unit, unit_usd_month=price)


_COUNTS: Sequence[Callable[[Resources], Iterator[Line]]] = (_endpoint, _database, _rest)


def main(paths: Sequence[str]) -> None:
    """Prints a table for each template."""
    for path in paths:
        lines = idle_lines(whole(Path(path)))
        print(Path(path).name)
        for line in lines:
            print(f"  {line.what:<40} {line.quantity:8.2f} {line.unit:<17} {line.usd_month:9.2f} USD")
        print(f"  {'a month':<40} {'':26} {sum(line.usd_month for line in lines):9.2f} USD")


if __name__ == "__main__":
    main(sys.argv[1:])
