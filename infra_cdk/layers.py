"""The dependency layers; built for a deploy, left out where a virtual environment has the packages."""

from pathlib import Path

import jsii
from aws_cdk import AssetHashType, BundlingOptions, DockerImage, ILocalBundling
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra_cdk import layer_build

RUNTIME = lambda_.Runtime.PYTHON_3_13
DESCRIPTIONS = {
    "core": "sightline and what it imports",
    "media": "Decoding and contact sheets",
    "learning": "Teaching concepts",
}


@jsii.implements(ILocalBundling)
class LayerBundling:
    """Builds a layer on this machine; Docker is never asked."""

    def __init__(self, name: str) -> None:
        self._name = name

    def try_bundle(self, output_dir: str, *_options: object, **_more: object) -> bool:
        layer_build.build(self._name, out=Path(output_dir))
        return True


class Layers(Construct):
    """core for every function, media for those that decode, learning for the one that teaches."""

    def __init__(self, scope: Construct, construct_id: str, *, bundle: bool) -> None:
        super().__init__(scope, construct_id)
        self._layers = {name: self._layer(name) for name in layer_build.NAMES} if bundle else {}

    def for_function(self, *, decodes: bool, learns: bool) -> list[lambda_.ILayerVersion]:
        """The layers of one function; none at all where they are not built."""
        wanted = {"core": True, "media": decodes, "learning": learns}
        return [layer for name, layer in self._layers.items() if wanted[name]]

    def _layer(self, name: str) -> lambda_.LayerVersion:
        code = lambda_.Code.from_asset(
            str(layer_build.LAYERS / name),
            asset_hash=layer_build.fingerprint(name),
            asset_hash_type=AssetHashType.CUSTOM,
            bundling=BundlingOptions(image=DockerImage.from_registry("unused"), local=LayerBundling(name)),
        )
        return lambda_.LayerVersion(
            self,
            name.title(),
            code=code,
            description=DESCRIPTIONS[name],
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[lambda_.Architecture.X86_64],
        )
