"""The CDK app: `python -m infra_cdk.app` writes the templates of one stage or of all of them."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from aws_cdk import App, Validations

from infra_cdk.stack import SightlineStack
from infra_cdk.stages import STAGES, Stage

FLAGS = {
    "@aws-cdk/aws-iam:minimizePolicies": True,
    "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": True,
    "@aws-cdk/core:checkSecretUsage": True,
    "@aws-cdk/core:validateAgainstDefaultRules": True,
    "@aws-cdk/core:enablePartitionLiterals": True,
    "@aws-cdk/aws-lambda:recognizeLayerVersion": True,
    "@aws-cdk/aws-lambda:createNewPoliciesWithAddToRolePolicy": False,
}
# Each function then names its source folder: nothing is copied, and an edit shows at the next call.
LOCAL_CONTEXT = {"aws:cdk:enable-asset-metadata": True, "aws:cdk:disable-asset-staging": True}


def build(*, app: App, stages: Sequence[Stage], bundle: bool, check: bool = True) -> list[SightlineStack]:
    """Adds one stack for each stage; with check, findings of cdk-nag fail the synthesis."""
    if check:
        from cdk_nag import AwsSolutionsChecks  # half a second that a synthesis without checks need not pay

        Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return [SightlineStack(app, stage=stage, bundle=bundle) for stage in stages]


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads options and CDK context (`-c stage=dev -c bundle=true`) and synthesizes."""
    parser = argparse.ArgumentParser(prog="python -m infra_cdk.app", description=__doc__)
    parser.add_argument("--stage", choices=sorted(STAGES), help="only this stage (context: stage)")
    parser.add_argument("--out", type=Path, help="folder for the cloud assembly")
    parser.add_argument("--local", action="store_true", help="name source folders and build no layers")
    parser.add_argument("--bundle", action="store_true", help="build the layers (context: bundle)")
    options = parser.parse_args(arguments)
    app = App(
        outdir=str(options.out) if options.out else None,
        context=FLAGS | (LOCAL_CONTEXT if options.local else {}),
        analytics_reporting=False,
        # Checking takes three quarters of the time; a laptop deploys what `make test` has checked.
        builtin_cloud_formation_validation=not options.local,
        stack_traces=not options.local,
        tree_metadata=not options.local,
    )
    name = options.stage or app.node.try_get_context("stage")
    stages = [STAGES[name]] if name else list(STAGES.values())
    bundle = options.bundle or str(app.node.try_get_context("bundle")).lower() == "true"
    build(app=app, stages=stages, bundle=bundle, check=not options.local)
    app.synth()


if __name__ == "__main__":
    main()
