"""What the webhook function needs of AWS: its sources in SSM, its queue, a place for long deliveries."""

import http.client
import ssl
import time
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import quote, urlsplit

from sightline.contracts.intake import Source
from sightline.errors import DeliveryNotKeptError
from sightline.providers.signed_calls import AwsCallError, SignedCalls

CACHE_S = 60.0
MAX_CACHED = 1000
MAX_PAGE_BYTES = 20_000


class SsmSources:
    """Sources from SecureStrings, each remembered for a minute, also that one is not there."""

    def __init__(self, prefix: str, ssm: SignedCalls, now_s: Callable[[], float] = time.monotonic) -> None:
        self._prefix = prefix
        self._ssm = ssm
        self._now_s = now_s
        self._cached: OrderedDict[str, tuple[float, Source | None]] = OrderedDict()

    def find(self, source_id: str) -> Source | None:
        """Raises: DeliveryNotKeptError when SSM cannot be asked."""
        until, source = self._cached.get(source_id, (0.0, None))
        if until > self._now_s():
            return source
        source = self._read(source_id)
        self._cached[source_id] = (self._now_s() + CACHE_S, source)
        if len(self._cached) > MAX_CACHED:
            self._cached.popitem(last=False)
        return source

    def _read(self, source_id: str) -> Source | None:
        payload = {"Name": f"{self._prefix}/{source_id}", "WithDecryption": True}
        try:
            answer = self._ssm.json("AmazonSSM.GetParameter", payload, version="1.1")
        except AwsCallError as error:
            if error.code == "ParameterNotFound":
                return None
            raise DeliveryNotKeptError from error
        except OSError as error:
            raise DeliveryNotKeptError from error
        return Source.parse(answer["Parameter"]["Value"])


class SqsOutbox:
    """Deliveries to a queue, long ones to S3 first."""

    def __init__(self, queue_url: str, bucket: str, sqs: SignedCalls, s3: Callable[[], SignedCalls]) -> None:
        self._queue_url = queue_url
        self._bucket = bucket
        self._sqs = sqs
        self._s3 = s3

    def send(self, message: str) -> None:
        """Raises: DeliveryNotKeptError."""
        payload = {"QueueUrl": self._queue_url, "MessageBody": message}
        try:
            self._sqs.json("AmazonSQS.SendMessage", payload)
        except (AwsCallError, OSError) as error:
            raise DeliveryNotKeptError from error

    def keep(self, key: str, body: bytes) -> None:
        """Raises: DeliveryNotKeptError."""
        try:
            self._s3().send("PUT", f"/{self._bucket}/{quote(key)}", body, {})
        except (AwsCallError, OSError) as error:
            raise DeliveryNotKeptError from error


class SnsPages:
    """What Amazon SNS serves: certificates, and the address that confirms a subscription."""

    def fetch(self, address: str) -> bytes:
        """Raises: DeliveryNotKeptError."""
        parts = urlsplit(address)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(parts.hostname or "", timeout=3.0, context=context)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read(MAX_PAGE_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise DeliveryNotKeptError from error
        finally:
            connection.close()
        if response.status != 200:
            raise DeliveryNotKeptError
        return body
