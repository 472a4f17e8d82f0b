"""A small Sightline on loopback for the client's tests: the documented API, and faults on demand."""

import io
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from PIL import Image

CODE = "123456"
TILE_WIDTH, TILE_HEIGHT, COLUMNS, TILES = 64, 32, 2, 4
# The colour of each tile of the one contact sheet there is.
COLOURS = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (200, 200, 40)]
NOW = "2026-01-02T03:04:05Z"


@dataclass
class Fault:
    """What happens to the next requests whose path starts so."""

    path: str
    times: int
    status: int = 503
    retry_after: str | None = None
    drop: bool = False


@dataclass
class Call:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Store:
    """Everything the fake knows."""

    users: dict[str, str] = field(default_factory=dict)
    confirmed: set[str] = field(default_factory=set)
    access_token: str = "access-0"
    refreshes: int = 0
    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    assets: dict[str, dict[str, Any]] = field(default_factory=dict)
    bytes_of: dict[str, dict[int, bytes]] = field(default_factory=dict)
    completed: set[str] = field(default_factory=set)
    epoch: int = 0
    moments: int = 2


class ProblemError(Exception):
    """A problem answer."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.body = status, {"status": status, "code": code, "detail": detail, "title": code}


class FakeSightline:
    """Serves until closed."""

    def __init__(self, *, part_size_bytes: int = 0) -> None:
        self.store, self.calls, self.faults = Store(), list[Call](), list[Fault]()
        self.part_size_bytes = part_size_bytes
        self.lock = threading.Lock()
        fake = self

        class Handler(_Handler):
            owner = fake

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def paths(self, method: str) -> list[str]:
        """What was asked for, in order."""
        return [call.path for call in self.calls if call.method == method]

    def content(self, asset_id: str) -> bytes:
        """The bytes that storage holds for an asset."""
        parts = self.store.bytes_of.get(asset_id, {})
        return b"".join(parts[number] for number in sorted(parts))

    def take_fault(self, path: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if path.startswith(fault.path) and fault.times > 0:
                    fault.times -= 1
                    return fault
        return None

    # Accounts

    def register(self, body: Any) -> tuple[int, Any]:
        if body["email"] in self.store.users:
            raise ProblemError(409, "account-exists", "This e-mail address has an account.")
        self.store.users[body["email"]] = body["password"]
        return 201, {"user_id": str(uuid4()), "confirmation_sent_to": "a***@example.com"}

    def confirm(self, body: Any) -> tuple[int, Any]:
        if body["code"] != CODE:
            raise ProblemError(400, "invalid-code", "The code is wrong or has expired.")
        self.store.confirmed.add(body["email"])
        return 200, {"confirmed": True}

    def resend_code(self, body: Any) -> tuple[int, Any]:
        return 200, {"requested": bool(body["email"])}

    forgot_password = resend_code

    def reset_password(self, body: Any) -> tuple[int, Any]:
        if body["code"] != CODE or body["email"] not in self.store.users:
            raise ProblemError(400, "invalid-code", "The code is wrong or has expired.")
        self.store.users[body["email"]] = body["password"]
        return 200, {"reset": True, "signed_out": True}

    def login(self, body: Any) -> tuple[int, Any]:
        if self.store.users.get(body["email"]) != body["password"]:
            raise ProblemError(401, "invalid-credentials", "E-mail address or password is wrong.")
        return 200, self._tokens(refresh="refresh-0")

    def refresh(self, body: Any) -> tuple[int, Any]:
        if body["refresh_token"] != "refresh-0":
            raise ProblemError(401, "invalid-credentials", "The refresh token is not taken.")
        self.store.refreshes += 1
        self.store.access_token = f"access-{self.store.refreshes}"
        return 200, self._tokens(refresh=None)

    def _tokens(self, refresh: str | None) -> dict[str, Any]:
        token = self.store.access_token
        return {"access_token": token, "id_token": "id", "refresh_token": refresh, "expires_in": 3600}

    # Assets

    def create_asset(self, body: Any) -> tuple[int, Any]:
        if body["size_bytes"] == 0:
            raise ProblemError(422, "validation-failed", "Some fields are not valid.")
        asset_id = str(uuid4())
        about = {"interval_s": 1.0, "metadata": {}, "tags": []} | body
        asset = {**about, "id": asset_id, "status": "awaiting_upload", "run": 0, "failure": None}
        asset |= {"progress": {"stage": "queued", "done": 0, "total": None, "fraction": 0.0}}
        asset |= {"created_at": NOW, "updated_at": NOW, "duration_s": 61.5}
        self.store.assets[asset_id] = asset
        return 201, {"asset": asset, "upload": self.upload_of(asset)}

    def upload_of(self, asset: dict[str, Any]) -> dict[str, Any]:
        size = self.part_size_bytes
        if not size:
            url = f"{self.url}/storage/{asset['id']}/1?epoch={self.store.epoch}"
            return {"method": "put", "url": url, "headers": {"Content-Type": asset["content_type"]}}
        kept = self.store.bytes_of.get(asset["id"], {})
        parts = [{"part_number": n, "etag": f'"{n}"', "size_bytes": len(b)} for n, b in kept.items()]
        count = -(-asset["size_bytes"] // size)
        return {
            "method": "multipart",
            "upload_id": "u1",
            "part_size_bytes": size,
            "part_count": count,
            "uploaded": parts,
        }

    def read_asset(self, asset_id: str) -> dict[str, Any]:
        asset = self.store.assets.get(asset_id)
        if asset is None:
            raise ProblemError(404, "not-found", "There is nothing here.")
        if asset["status"] == "processing":
            done = asset["progress"]["done"] + 1
            asset["progress"] = {"stage": "indexing", "done": done, "total": 2, "fraction": done / 2}
            if done == 2:
                self._finish(asset)
        return asset

    def _finish(self, asset: dict[str, Any]) -> None:
        if b"not a video" in self.content(asset["id"]):
            asset["status"] = "failed"
            asset["failure"] = {
                "code": "unreadable-media",
                "reason": "The file cannot be decoded as a video.",
            }
        else:
            asset["status"] = "ready"

    def put(self, asset_id: str, number: int, epoch: str, body: bytes) -> tuple[int, Any]:
        if epoch != str(self.store.epoch):
            raise ProblemError(403, "AccessDenied", "Request has expired")
        with self.lock:
            self.store.bytes_of.setdefault(asset_id, {})[number] = body
        if not self.part_size_bytes:
            self.store.assets[asset_id]["status"] = "processing"
        return 200, None

    def search(self, body: Any) -> tuple[int, Any]:
        ready = [asset for asset in self.store.assets.values() if asset["status"] == "ready"]
        moments = [self._moment(ready[0], rank) for rank in range(self.store.moments)] if ready else []
        return 200, {
            "search_id": str(uuid4()),
            "model": {"id": "scenes-rn-128e", "revision": "r1", "dim": 256},
            "plan": {"path": "exact", "matching": 61, "candidates": 61, "complete": True},
            "took_ms": {"embed": 2.0, "sql": 1.0, "total": 4.0},
            "verdict": {
                "found": "unicorn" not in (body["text"] or ""),
                "bar": 0.7,
                "best": 0.87,
                "share": 0.58 if "street" in (body["text"] or "") else None,
                "reason": "why",
            },
            "moments": moments[: body["limit"]],
            "next_cursor": None,
        }

    def go_on(self, search_id: str, what: str, body: Any) -> tuple[int, Any]:
        """What can be done with a search."""
        if what == "refine":
            return self.search({"text": None, **body})
        if what == "actions":
            return 202, self.job("j-1", "queued") | {"action": body["action"], "search_id": search_id}
        shown = {"search_id": search_id, "more": 0, "less": 0, "moments": 3, "found": True, "best": 0.9}
        rounds = [shown | {"created_at": NOW}, shown | {"created_at": NOW, "more": 2, "less": 1}]
        return 200, {"session_id": search_id, "request": {"text": "car"}, "rounds": rounds}

    def recorded(self, search_id: str) -> dict[str, Any]:
        """A search with what it showed."""
        _, answer = self.search({"text": "car", "limit": 10})
        about = {
            "id": search_id,
            "text": "car",
            "request": {"text": "car"},
            "moments": len(answer["moments"]),
            "found": True,
        }
        return about | {"took_ms": answer["took_ms"], "created_at": NOW, "results": answer["moments"]}

    def job(self, job_id: str, status: str) -> dict[str, Any]:
        """A job on all results."""
        done = status == "done"
        about = {"id": job_id, "status": status, "action": "tag", "fraction": float(done), "failure": None}
        return about | {"moments": 12 * done, "videos": 4 * done, "changed": 3 * done}

    def _moment(self, asset: dict[str, Any], rank: int) -> dict[str, Any]:
        sheet = {"url": f"{self.url}/sheet?signed={rank}", "expires_at": NOW, "columns": COLUMNS}
        sheet |= {"tile": rank + 1, "tile_width": TILE_WIDTH, "tile_height": TILE_HEIGHT}
        about = {"asset_id": asset["id"], "asset_name": asset["name"], "score": 0.5, "sheet": sheet}
        return {
            **about,
            "start_s": 12.0 + rank,
            "end_s": 17.0,
            "peak_s": 14.0,
            "relevance": 0.874 - rank / 10,
        }


def sheet_jpeg() -> bytes:
    """The contact sheet: four tiles of one colour each."""
    image = Image.new("RGB", (COLUMNS * TILE_WIDTH, 2 * TILE_HEIGHT))
    for tile, colour in enumerate(COLOURS):
        row, column = divmod(tile, COLUMNS)
        image.paste(
            colour,
            (column * TILE_WIDTH, row * TILE_HEIGHT, (column + 1) * TILE_WIDTH, (row + 1) * TILE_HEIGHT),
        )
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95, subsampling=0)
    return file.getvalue()


class _Handler(BaseHTTPRequestHandler):
    owner: FakeSightline
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def _serve(self) -> None:
        length = int(self.headers.get("content-length", 0))
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True  # whoever sent it is gone; storage keeps no half objects
            return
        url = urlsplit(self.path)
        self.owner.calls.append(Call(self.command, self.path, dict(self.headers.items()), body))
        fault = self.owner.take_fault(url.path)
        if fault and fault.drop:
            self.close_connection = True
            return
        if fault:
            problem = {
                "code": "endpoint-unavailable",
                "detail": "The model does not answer.",
                "retryable": fault.status >= 429,
            }
            extra = {"Retry-After": fault.retry_after} if fault.retry_after else {}
            self._answer(fault.status, problem | {"trace_id": "t-1"}, extra)
            return
        try:
            status, answer = self._route(url.path, {k: v[0] for k, v in parse_qs(url.query).items()}, body)
            etag = {"ETag": f'"{url.path.rsplit("/", 1)[1]}"'} if url.path.startswith("/storage/") else {}
            self._answer(status, answer, etag)
        except ProblemError as problem_answer:
            self._answer(problem_answer.status, problem_answer.body, {})

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the names that http.server calls

    def _answer(self, status: int, answer: Any, headers: dict[str, str]) -> None:
        content = (
            answer if isinstance(answer, bytes) else b"" if answer is None else json.dumps(answer).encode()
        )
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _route(self, path: str, query: dict[str, str], raw: bytes) -> tuple[int, Any]:
        owner = self.owner
        if match := re.fullmatch(r"/storage/([^/]+)/(\d+)", path):
            assert "Authorization" not in self.headers, "a credential went to storage"
            assert "Transfer-Encoding" not in self.headers, "S3 takes no chunked PUT"
            return owner.put(match[1], int(match[2]), query["epoch"], raw)
        if path == "/sheet":
            return 200, sheet_jpeg()
        if path == "/health":
            return 200, {"status": "ok"}
        body = json.loads(raw) if raw else None
        if path.startswith("/v1/auth/") and path != "/v1/auth/logout":
            action: Callable[[Any], tuple[int, Any]] = getattr(
                owner, path.rsplit("/", 1)[1].replace("-", "_")
            )
            return action(body)
        self._check_token()
        return self._signed(self.command, path, query, body)

    def _check_token(self) -> None:
        known = {owner_key["key"] for owner_key in self.owner.store.keys.values()}
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in known and token != self.owner.store.access_token:
            raise ProblemError(401, "unauthenticated", "The token is not taken.")

    def _signed(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        owner, store = self.owner, self.owner.store
        if path == "/v1/auth/logout":
            return 204, None
        if path == "/v1/users/me":
            spaces = [
                {"id": "w-1", "name": "Ada's", "role": "admin"},
                {"id": "w-2", "name": "Team", "role": "viewer"},
            ]
            return 200, {"id": "u-1", "email": "ada@example.com", "name": "Ada", "workspaces": spaces}
        if path == "/v1/workspaces":
            return 200, {"items": [{"id": "w-key", "name": "Team", "role": "viewer"}], "next_cursor": None}
        if self.headers.get("X-Workspace-Id") is None:
            raise ProblemError(401, "unauthenticated", "X-Workspace-Id is missing.")
        if path.startswith("/v1/api-keys"):
            return self._keys(method, path, body)
        if path == "/v1/search":
            return owner.search(body)
        if found := re.fullmatch(r"/v1/searches/([^/]+)/(refine|session|actions)", path):
            return owner.go_on(found[1], found[2], body)
        if path.startswith("/v1/searches/"):
            return 200, owner.recorded(path.rsplit("/", 1)[1])
        if path.startswith("/v1/search-actions/"):
            return 200, owner.job(path.rsplit("/", 1)[1], "cancelled" if method == "DELETE" else "done")
        if path == "/v1/assets" and method == "POST":
            return owner.create_asset(body)
        if path == "/v1/assets":
            return self._list(query)
        asset_id, _, rest = path.removeprefix("/v1/assets/").partition("/")
        if method == "DELETE":
            owner.read_asset(asset_id)
            del store.assets[asset_id]
            return 202, None
        if method == "PATCH":
            owner.read_asset(asset_id).update(body)
        return self._asset(asset_id, rest, body)

    def _keys(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        keys = self.owner.store.keys
        if method == "POST":
            key = {"id": str(uuid4()), "hint": "slk_abc", "key": f"slk_{uuid4().hex}", "scopes": [], **body}
            keys[key["id"]] = key
            return 201, key
        if method == "DELETE":
            if keys.pop(path.rsplit("/", 1)[1], None) is None:
                raise ProblemError(404, "not-found", "There is nothing here.")
            return 204, None
        shown = [{name: value for name, value in key.items() if name != "key"} for key in keys.values()]
        return 200, {"items": shown, "next_cursor": None}

    def _list(self, query: dict[str, str]) -> tuple[int, Any]:
        metadata = {
            name.removeprefix("meta."): value for name, value in query.items() if name.startswith("meta.")
        }
        found = [
            asset
            for asset in self.owner.store.assets.values()
            if query.get("status") in (None, asset["status"])
            and (query.get("tag") is None or query["tag"] in asset["tags"])
            and metadata.items() <= asset["metadata"].items()
        ]
        start = int(query.get("cursor", 0))
        # Pages of one: every list in the tests is a list of pages.
        more = str(start + 1) if start + 1 < len(found) else None
        return 200, {"items": found[start : start + 1], "next_cursor": more}

    def _asset(self, asset_id: str, rest: str, body: Any) -> tuple[int, Any]:
        owner = self.owner
        asset = owner.read_asset(asset_id)
        if rest == "upload":
            return 200, owner.upload_of(asset)
        if rest == "upload/parts":
            address = f"{owner.url}/storage/{asset_id}/{{}}?epoch={owner.store.epoch}"
            parts = [
                {"part_number": n, "url": address.format(n), "headers": {}} for n in body["part_numbers"]
            ]
            return 200, {"parts": parts, "expires_at": NOW}
        if rest == "upload/complete":
            assert [part["part_number"] for part in body["parts"]] == sorted(owner.store.bytes_of[asset_id])
            asset["status"] = "processing"
        return 200, asset
