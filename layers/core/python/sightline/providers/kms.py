"""Secrets sealed by a KMS key that never leaves KMS."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import boto3

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


class KmsVault:
    """Up to 4 KiB each. The purpose is KMS's encryption context: bound to the ciphertext, and in its log."""

    def __init__(self, key_id: str, client: "KMSClient | None" = None) -> None:
        self._key_id = key_id
        self._kms: KMSClient = client or boto3.client("kms")

    def seal(self, secret: bytes, *, purpose: Mapping[str, str]) -> bytes:
        answer = self._kms.encrypt(KeyId=self._key_id, Plaintext=secret, EncryptionContext=dict(purpose))
        return answer["CiphertextBlob"]

    def unseal(self, sealed: bytes, *, purpose: Mapping[str, str]) -> bytes:
        answer = self._kms.decrypt(KeyId=self._key_id, CiphertextBlob=sealed, EncryptionContext=dict(purpose))
        return answer["Plaintext"]
