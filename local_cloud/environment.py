"""The environment variables the local cloud adds to a function's own; nothing else of a function changes."""

from collections.abc import Mapping
from dataclasses import dataclass

# Name -> why. docs/local-cloud.md shows this table; a test compares the two.
ADDED_VARIABLES: Mapping[str, str] = {
    "AWS_ENDPOINT_URL": "every AWS client talks to the emulator",
    "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": "the endpoint is a process on this machine",
    "AWS_REGION": "set by Lambda itself in the cloud",
    "AWS_DEFAULT_REGION": "set by Lambda itself in the cloud",
    "AWS_ACCESS_KEY_ID": "the emulator's account, or the function's own role where IAM is evaluated",
    "AWS_SECRET_ACCESS_KEY": "belongs to the key",
    "AWS_SESSION_TOKEN": "belongs to the key",
    "AWS_CA_BUNDLE": "who signed the emulator's certificate, where it serves TLS",
    "SSL_CERT_FILE": "the same, for everything that is not an AWS client",
    "AWS_XRAY_SDK_ENABLED": "false: there is no X-Ray daemon here",
    "SIGHTLINE_DATABASE_URL": "the local Postgres, for functions that have the application's secret",
    "SIGHTLINE_OWNER_DATABASE_URL": "the local Postgres, for functions that have the owner's secret",
    "SIGHTLINE_COGNITO_URL": "where the emulated user pool serves its keys",
    "SIGHTLINE_WEBHOOK_LOOPBACK": "true: webhooks and Slack may be here, for functions that have their keys",
    "SIGHTLINE_IMAGE_MODEL": "passed on when it is set where the local cloud is started",
    "SIGHTLINE_SENTRY_DSN": "passed on when it is set where the local cloud is started",
    "SIGHTLINE_DECODE_THREADS": "1: the workers of this machine share its cores",
    "PYTHONPYCACHEPREFIX": "no bytecode in the source folders",
}
PASSED_ON = ("SIGHTLINE_IMAGE_MODEL", "SIGHTLINE_SENTRY_DSN")


@dataclass(frozen=True)
class LocalAddresses:
    """Where this machine serves what a function needs."""

    emulator: str
    endpoint: str
    database: str
    owner_database: str
    ca_bundle: str | None
    bytecode_dir: str
    passed_on: Mapping[str, str]


def added_environment(
    *, own: Mapping[str, str], region: str, credentials: Mapping[str, str], addresses: LocalAddresses
) -> dict[str, str]:
    """What is added to a function whose template gives it the environment `own`."""
    added = {
        "AWS_ENDPOINT_URL": addresses.emulator,
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": addresses.endpoint,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_XRAY_SDK_ENABLED": "false",
        "SIGHTLINE_DECODE_THREADS": "1",
        "PYTHONPYCACHEPREFIX": addresses.bytecode_dir,
        **credentials,
        **addresses.passed_on,
    }
    if addresses.ca_bundle:
        added |= {"AWS_CA_BUNDLE": addresses.ca_bundle, "SSL_CERT_FILE": addresses.ca_bundle}
    if "SIGHTLINE_DATABASE_SECRET_ARN" in own:
        added["SIGHTLINE_DATABASE_URL"] = addresses.database
    if "SIGHTLINE_OWNER_DATABASE_SECRET_ARN" in own:
        added["SIGHTLINE_OWNER_DATABASE_URL"] = addresses.owner_database
    if "SIGHTLINE_USER_POOL_ID" in own:
        added["SIGHTLINE_COGNITO_URL"] = addresses.emulator
    if own.keys() & {"SIGHTLINE_WEBHOOK_KEY_ARN", "SIGHTLINE_CHANNEL_KEY_ARN"}:
        added["SIGHTLINE_WEBHOOK_LOOPBACK"] = "true"
    return added
