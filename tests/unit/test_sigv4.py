"""Our signature of a request is botocore's."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sightline.providers.sigv4 import Signer

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("token", [None, "FQoGZXIvYXdzEJr"])
@pytest.mark.parametrize(
    ("service", "method", "url", "headers"),
    [
        ("sqs", "POST", "https://sqs.eu-central-1.amazonaws.com/", {"x-amz-target": "AmazonSQS.SendMessage"}),
        ("ssm", "POST", "http://127.0.0.1:4566/", {"content-type": "application/x-amz-json-1.1"}),
        ("s3", "PUT", "https://s3.eu-central-1.amazonaws.com/bucket/deliveries/a%20b/c", {}),
    ],
)
def test_the_same_request_has_the_same_signature(
    service: str, method: str, url: str, headers: dict[str, str], token: str | None
) -> None:
    body = '{"MessageBody": "ünïcode"}'.encode()
    request = AWSRequest(method=method, url=url, data=body, headers=headers)
    theirs = S3SigV4Auth if service == "s3" else SigV4Auth
    theirs(Credentials("AKID", "secret", token), service, "eu-central-1").add_auth(request)
    stamp = request.context["timestamp"]
    at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    parts = urlsplit(url)
    signer = Signer("AKID", "secret", token, service, "eu-central-1")
    ours = signer.headers(method, parts.netloc, parts.path, body, headers, at)
    assert ours["authorization"] == request.headers["Authorization"]


@pytest.mark.parametrize("token", [None, "FQoGZXIvYXdzEJr+/="])
@pytest.mark.parametrize(
    "query", [{}, {"response-content-disposition": "attachment; filename*=UTF-8''a%20b"}]
)
@pytest.mark.parametrize("base", ["https://bucket.s3.eu-central-1.amazonaws.com", "http://127.0.0.1:4566"])
def test_an_address_is_signed_the_same(base: str, query: dict[str, str], token: str | None) -> None:
    path = "/sheets/a%20b~/1/00001.jpg"
    url = f"{base}{path}?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
    request = AWSRequest(method="GET", url=url)
    S3SigV4QueryAuth(Credentials("AKID", "secret", token), "s3", "eu-central-1", expires=60).add_auth(request)
    theirs = parse_qs(urlsplit(request.url).query)
    at = datetime.strptime(theirs["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    ours = Signer("AKID", "secret", token, "s3", "eu-central-1").address(
        base, path, query, expires_s=60, at=at
    )
    assert ours.startswith(base + path)
    assert parse_qs(urlsplit(ours).query) == theirs
