"""The idle bill counts what the template holds."""

from collections.abc import Mapping
from typing import Any

import pytest

from infra_cdk.idle_cost import HOURS, INSTANCE_HOUR, idle_lines
from infra_cdk.stages import PROD, InstanceEndpoint

pytestmark = pytest.mark.infra


def test_dev_idles_without_an_instance(templates: Mapping[str, Any]) -> None:
    lines = idle_lines(templates["dev"].body)
    assert not [line for line in lines if "SageMaker" in line.what]
    assert sum(line.usd_month for line in lines) < 100


def test_prod_idles_at_its_smallest_endpoint(templates: Mapping[str, Any]) -> None:
    assert isinstance(PROD.endpoint, InstanceEndpoint)
    (line,) = [line for line in idle_lines(templates["prod"].body) if "SageMaker" in line.what]
    assert line.quantity == PROD.endpoint.min_instances
    assert line.unit_usd_month == INSTANCE_HOUR[PROD.endpoint.instance_type] * HOURS


def test_every_instance_of_the_database_is_counted(templates: Mapping[str, Any]) -> None:
    for stage, instances in (("dev", 1), ("prod", 2)):
        (line,) = [line for line in idle_lines(templates[stage].body) if "Aurora" in line.what]
        assert line.quantity == 0.5 * instances
