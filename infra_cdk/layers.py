"""The two dependency layers; built for a deploy, left out where a virtual environment has the packages."""

from collections.abc import Sequence

from aws_cdk import aws_lambda as lambda_
from constructs import Construct


class Layers(Construct):
    """core: sightline and what it imports. media: decoding and contact sheets."""

    def __init__(self, scope: Construct, construct_id: str, *, bundle: bool) -> None:
        super().__init__(scope, construct_id)
        self._core: Sequence[lambda_.ILayerVersion] = []
        self._media: Sequence[lambda_.ILayerVersion] = []

    def for_function(self, *, decodes: bool) -> list[lambda_.ILayerVersion]:
        return [*self._core, *(self._media if decodes else [])]
