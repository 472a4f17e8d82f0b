"""The authorizer against tokens that are nearly right: a pool of our own, whose keys and clocks we hold."""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from functions.authorizer.handler import handler
from sightline.accounts.authorization import answer
from sightline.database import transaction
from sightline.errors import IdentityUnavailableError, UnauthenticatedError
from sightline.providers.cognito_tokens import CognitoTokens
from tests.component.conftest import LambdaContext, sample
from tests.conftest import Database, Workspace

pytestmark = pytest.mark.component

POOL, CLIENT = "eu-central-1_Sightline", "client-of-ours"
ISSUER = f"https://cognito-idp.eu-central-1.amazonaws.com/{POOL}"


@dataclass
class Pool:
    """Serves signing keys like a user pool, and signs whatever it is told to."""

    keys: dict[str, rsa.RSAPrivateKey] = field(default_factory=dict)
    fetches: int = 0
    broken: bool = False
    url: str = ""

    def add_key(self, kid: str) -> None:
        self.keys[kid] = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def published(self) -> bytes:
        self.fetches += 1
        if self.broken:
            return b"<html>maintenance</html>"
        algorithm = jwt.algorithms.RSAAlgorithm
        keys = [
            {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "alg": "RS256", "use": "sig"}
            for kid, key in self.keys.items()
        ]
        return json.dumps({"keys": keys}).encode()

    def token(self, *, kid: str = "one", signer: str = "one", **claims: Any) -> str:
        """An access token like Cognito's, with some claims changed; None leaves one out."""
        now = int(time.time())
        usual = {
            "sub": str(uuid4()),
            "iss": ISSUER,
            "client_id": CLIENT,
            "token_use": "access",
            "iat": now,
            "exp": now + 3600,
        }
        wanted = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return jwt.encode(wanted, self.keys[signer], algorithm="RS256", headers={"kid": kid})


@pytest.fixture(scope="module")
def signing() -> Pool:
    pool = Pool()
    for kid in ("one", "two", "foreign"):
        pool.add_key(kid)
    return pool


@pytest.fixture
def pool(signing: Pool) -> Iterator[Pool]:
    pool = Pool(keys={"one": signing.keys["one"]})

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pool.published() if self.path == f"/{POOL}/.well-known/jwks.json" else b"{}"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Keys) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        pool.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield pool
        server.shutdown()
        thread.join()


@pytest.fixture
def verifier(pool: Pool) -> CognitoTokens:
    return CognitoTokens(pool_id=POOL, client_id=CLIENT, keys_base_url=pool.url)


def ask(verifier: CognitoTokens, token: str, *more: str) -> dict[str, Any]:
    return answer({"identitySource": [f"Bearer {token}", *more]}, verifier)


def test_an_access_token_of_our_client_is_its_user(pool: Pool, verifier: CognitoTokens) -> None:
    user = str(uuid4())
    allowed = ask(verifier, pool.token(sub=user))
    assert allowed == {
        "isAuthorized": True,
        "context": {
            "principal_id": user,
            "principal_kind": "user",
            "workspace_id": "",
            "role": "",
            "scopes": "",
        },
    }


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1_700_000_000},
        {"exp": None},
        {"iat": 4_000_000_000},
        {"iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Another"},
        {"iss": "https://evil.example.org/eu-central-1_Sightline"},
        {"iss": None},
        {"token_use": "id", "aud": CLIENT},
        {"token_use": None},
        {"client_id": "another-client"},
        {"client_id": None, "aud": CLIENT},
        {"sub": None},
    ],
    ids=lambda claims: ",".join(f"{name}={value}" for name, value in claims.items()),
)
def test_a_signed_token_with_one_wrong_claim_is_denied(
    pool: Pool, verifier: CognitoTokens, claims: dict[str, Any]
) -> None:
    assert ask(verifier, pool.token()) != {"isAuthorized": False}
    assert ask(verifier, pool.token(**claims)) == {"isAuthorized": False}


def test_a_token_signed_by_another_pool_is_denied(signing: Pool, pool: Pool, verifier: CognitoTokens) -> None:
    assert ask(verifier, signing.token(kid="one", signer="foreign")) == {"isAuthorized": False}
    assert ask(verifier, signing.token(kid="foreign", signer="foreign")) == {"isAuthorized": False}


def test_no_signature_and_borrowed_secrets_are_denied(pool: Pool, verifier: CognitoTokens) -> None:
    claims = jwt.decode(pool.token(), options={"verify_signature": False})
    public = pool.keys["one"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for forged in (
        jwt.encode(claims, None, algorithm="none", headers={"kid": "one"}),
        # The classic confusion: the public key, known to all, as an HMAC secret.
        with_hmac(claims, secret=public),
        pool.token()[:-4] + "AAAA",
        pool.token() + ".more",
        "not-a-token",
        "a.b.c",
    ):
        assert ask(verifier, forged) == {"isAuthorized": False}, forged[:40]


def with_hmac(claims: dict[str, Any], *, secret: bytes) -> str:
    """A token whose signature is an HMAC; PyJWT itself refuses to make one with a public key."""
    parts = [{"alg": "HS256", "kid": "one", "typ": "JWT"}, claims]
    signed = b".".join(urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    signature = urlsafe_b64encode(hmac.digest(secret, signed, "sha256")).rstrip(b"=")
    return b".".join([signed, signature]).decode()


def test_keys_are_fetched_once_and_again_when_the_pool_rotates(signing: Pool, pool: Pool) -> None:
    clock = Clock()
    verifier = CognitoTokens(pool_id=POOL, client_id=CLIENT, keys_base_url=pool.url, clock=clock)
    for _ in range(5):
        verifier.verify(pool.token())
    assert pool.fetches == 1

    for _ in range(5):  # key ids that nobody published must not make us ask each time
        with pytest.raises(UnauthenticatedError):
            verifier.verify(signing.token(kid=uuid4().hex))
    assert pool.fetches == 1

    pool.keys["two"] = signing.keys["two"]
    clock.now_s += 31
    verifier.verify(pool.token(kid="two", signer="two"))
    assert pool.fetches == 2


def test_known_keys_outlive_a_pool_that_does_not_answer(pool: Pool) -> None:
    clock = Clock()
    verifier = CognitoTokens(pool_id=POOL, client_id=CLIENT, keys_base_url=pool.url, clock=clock)
    verifier.verify(pool.token())
    pool.broken = True
    clock.now_s += 3601
    verifier.verify(pool.token())
    assert pool.fetches == 2
    verifier.verify(pool.token())
    assert pool.fetches == 2, "a failing pool is not asked for every request"


def test_without_any_key_nobody_is_judged(pool: Pool, verifier: CognitoTokens) -> None:
    pool.broken = True
    with pytest.raises(IdentityUnavailableError):
        ask(verifier, pool.token())


def test_keys_come_over_http_or_https_only() -> None:
    with pytest.raises(ValueError, match="https"):
        CognitoTokens(pool_id=POOL, client_id=CLIENT, keys_base_url="file:///etc")


@dataclass
class Clock:
    """A clock that the test winds."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_the_answer_follows_the_workspace_asked_for(
    pool: Pool, verifier: CognitoTokens, workspace: Workspace, other_workspace: Workspace
) -> None:
    token = pool.token(sub=str(workspace.user_id))
    mine = ask(verifier, token, str(workspace.id))
    assert mine["context"]["workspace_id"] == str(workspace.id)
    assert mine["context"]["role"] == "admin"
    assert ask(verifier, token, str(other_workspace.id)) == {"isAuthorized": False}
    with transaction(other_workspace.id) as connection:
        connection.execute(
            "INSERT INTO member (workspace_id, user_id, role) VALUES (%s, %s, 'viewer')",
            (other_workspace.id, workspace.user_id),
        )
    theirs = ask(verifier, token, str(other_workspace.id))
    assert theirs["context"]["workspace_id"] == str(other_workspace.id)
    assert theirs["context"]["role"] == "viewer"
    with transaction(other_workspace.id) as connection:
        connection.execute("DELETE FROM member WHERE user_id = %s", (workspace.user_id,))
    assert ask(verifier, token, str(other_workspace.id)) == {"isAuthorized": False}


@pytest.mark.parametrize(
    "sources",
    [
        [],
        [""],
        ["Bearer"],
        ["Bearer   "],
        ["Token abc"],
        ["Bearer slk_"],
        ["Bearer slk_\u00e9"],
        ["Bearer " + "x" * 9000],
        ["Bearer slk_unknown", "' OR 1=1 --"],
        ["Bearer slk_unknown", ""],
    ],
)
def test_what_is_no_credential_is_denied_without_an_error(
    database: Database, verifier: CognitoTokens, sources: list[str]
) -> None:
    assert answer({"identitySource": sources}, verifier) == {"isAuthorized": False}


def test_an_event_without_identity_sources_is_denied(verifier: CognitoTokens) -> None:
    assert answer({}, verifier) == {"isAuthorized": False}
    assert answer({"identitySource": None}, verifier) == {"isAuthorized": False}


@pytest.mark.parametrize(
    "name", ["unknown_api_key", "not_a_bearer_token", "workspace_is_no_uuid", "alg_none"]
)
def test_sample_events_are_denied(
    database: Database,
    pool: Pool,
    name: str,
    set_settings: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    set_settings(user_pool_id=POOL, user_pool_client_id=CLIENT, cognito_url=pool.url)
    event = sample(f"authorizer/{name}")
    assert handler(event, LambdaContext()) == {"isAuthorized": False}
    (record,) = caplog.records
    assert record.getMessage() == "denied"
    credential = event["headers"]["authorization"].partition(" ")[2]
    assert credential not in str(vars(record))
