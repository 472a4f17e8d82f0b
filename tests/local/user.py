"""A signed-in user of the public HTTP API, and footage for them to upload."""

from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import uuid4

import av
import httpx
import numpy as np

from tests.running_cloud import RunningCloud, wait_until

PASSWORD = "Correct-Horse-7!"
LOCAL_CODE = "123456"


class User:
    """Registers, confirms and signs in when made; acts in the personal workspace."""

    def __init__(self, cloud: RunningCloud) -> None:
        self.email = f"{uuid4().hex}@example.org"
        credentials = {"email": self.email, "password": PASSWORD}
        with cloud.http() as http:
            http.post("/v1/auth/register", json=credentials).raise_for_status()
            code = {"email": self.email, "code": LOCAL_CODE}
            http.post("/v1/auth/confirm", json=code).raise_for_status()
            tokens = http.post("/v1/auth/login", json=credentials).raise_for_status().json()
            self.token: str = tokens["access_token"]
            bearer = {"Authorization": f"Bearer {self.token}"}
            me = http.get("/v1/users/me", headers=bearer).raise_for_status().json()
        self.workspace_id: str = me["workspaces"][0]["id"]
        self.headers = {**bearer, "X-Workspace-Id": self.workspace_id}
        self._cloud = cloud

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request as this user."""
        with self._cloud.http(**self.headers) as http:
            return http.request(method, path, **options)

    def upload(self, video: Path, *, interval_s: float = 1.0) -> str:
        """Create an asset and put the file where its address says; the asset's id."""
        content = video.read_bytes()
        wanted = {"name": video.name, "content_type": "video/mp4", "size_bytes": len(content)}
        created = self.call("POST", "/v1/assets", json={**wanted, "interval_s": interval_s})
        assert created.status_code == httpx.codes.CREATED, created.text
        upload = created.json()["upload"]
        with self._cloud.outside() as http:
            put = http.put(upload["url"], content=content, headers=upload["headers"])
        assert put.is_success, put.text
        return str(created.json()["asset"]["id"])

    def asset(self, asset_id: str) -> dict[str, Any]:
        """The asset as it is now."""
        answer = self.call("GET", f"/v1/assets/{asset_id}").raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def wait_indexing(self, asset_id: str) -> dict[str, Any]:
        """Returns once some of the video, and not yet all of it, is indexed."""

        def begun() -> dict[str, Any] | None:
            asset = self.asset(asset_id)
            assert asset["status"] == "processing" or asset["progress"]["done"] == 0, asset
            return asset if asset["progress"]["done"] > 0 else None

        return wait_until(begun, timeout_s=90, what="the first indexed frames")

    def wait_ready(self, asset_id: str, *, timeout_s: float = 120) -> dict[str, Any]:
        """The asset once it is ready; fails at once when it failed."""

        def ready() -> dict[str, Any] | None:
            try:
                asset = self.asset(asset_id)
            except httpx.HTTPError:  # parts of the cloud are down on purpose
                return None
            assert asset["status"] != "failed", asset["failure"]
            return asset if asset["status"] == "ready" else None

        return wait_until(ready, timeout_s=timeout_s, what="the end of indexing")


def write_video(path: Path, *, seconds: int, fps: int = 2, width: int = 320, height: int = 192) -> Path:
    """Footage whose every frame differs from the one before."""
    random = np.random.default_rng(7)
    texture = random.integers(0, 255, (height, width * 2, 3), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = Fraction(1, fps)
        for number in range(seconds * fps):
            shown = np.roll(texture, number * 3, axis=1)[:, :width]
            for packet in stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path
