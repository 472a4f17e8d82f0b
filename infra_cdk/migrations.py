"""Database migrations as part of a deploy: they run before the new code takes its first request."""

import hashlib
from pathlib import Path

from aws_cdk import CustomResource, Duration
from constructs import Construct

from infra_cdk.functions import ROOT, Function, House

FOLDER = ROOT / "layers" / "core" / "python" / "sightline" / "migrations"


class Migrations(Construct):
    """A custom resource that calls the migrate function whenever the SQL has changed."""

    def __init__(self, scope: Construct, construct_id: str, *, house: House) -> None:
        super().__init__(scope, construct_id)
        self.migrate = Function(
            self,
            "Migrate",
            house=house,
            name="migrate",
            description="Applies pending migrations as the owner of the schema",
            timeout_s=900,
        )
        self.migrate.own_database()
        self.migrate.set(SIGHTLINE_DATABASE_SECRET_ARN=house.database.app_secret.secret_arn)
        self.migrate.allow("secretsmanager:GetSecretValue", on=house.database.app_secret.secret_arn)
        self.applied = CustomResource(
            self,
            "Applied",
            resource_type="Custom::Migrations",
            # The function answers CloudFormation itself: CDK's provider framework runs Node.
            service_token=self.migrate.lambda_function.function_arn,
            service_timeout=Duration.minutes(20),
            properties={"MigrationsHash": migrations_hash()},
        )
        self.applied.node.add_dependency(house.database, self.migrate, house.database.network)


def migrations_hash(folder: Path = FOLDER) -> str:
    """Changes with any migration's name or text."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.sql")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
