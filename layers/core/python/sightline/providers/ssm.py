"""Sources of alerts with their secrets, as SecureStrings: the webhook function needs no database for them."""

from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import ClientError

from sightline.contracts.intake import Source

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


class SsmSourceKeys:
    """One parameter per source, encrypted by the account's key for Parameter Store."""

    def __init__(self, prefix: str, client: "SSMClient | None" = None) -> None:
        self._prefix = prefix
        self._ssm: SSMClient = client or boto3.client("ssm")

    def keep(self, source_id: str, source: Source) -> None:
        self._ssm.put_parameter(
            Name=f"{self._prefix}/{source_id}", Value=source.as_text(), Type="SecureString", Overwrite=True
        )

    def find(self, source_id: str) -> Source | None:
        try:
            answer = self._ssm.get_parameter(Name=f"{self._prefix}/{source_id}", WithDecryption=True)
        except self._ssm.exceptions.ParameterNotFound:
            return None
        return Source.parse(answer["Parameter"]["Value"])

    def forget(self, source_id: str) -> None:
        try:
            self._ssm.delete_parameter(Name=f"{self._prefix}/{source_id}")
        except ClientError as error:
            if error.response["Error"]["Code"] != "ParameterNotFound":
                raise
