"""What the client keeps between runs: sign-ins and unfinished uploads, in files only their owner can read."""

import json
import os
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# A token this close to its end is renewed before it is used.
RENEW_BEFORE_S = 60


@dataclass(frozen=True, slots=True)
class SignIn:
    """A user's tokens for one address."""

    email: str
    access_token: str
    refresh_token: str | None
    expires_at: float
    workspace_id: str | None = None

    def is_old(self) -> bool:
        """Whether the access token has ended or is about to."""
        return time.time() > self.expires_at - RENEW_BEFORE_S


def config_dir() -> Path:
    """The folder of the credentials; SIGHTLINE_CONFIG_DIR moves it."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(os.environ.get("SIGHTLINE_CONFIG_DIR") or Path(base) / "sightline")


class PrivateFile:
    """A JSON object in a file that only its owner can read, replaced in one step."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, Any]:
        """The object, empty when there is none or it cannot be read as one."""
        try:
            content = json.loads(self.path.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def write(self, content: dict[str, Any]) -> None:
        """Replace the object."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # mkstemp makes the file 0600 from the start: there is no moment in which others can read it.
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=".new-")
        with os.fdopen(handle, "w") as file:
            json.dump(content, file, indent=1)
        Path(name).replace(self.path)


class Credentials:
    """The sign-ins by API address, and which address was used last."""

    def __init__(self, folder: Path | None = None) -> None:
        self._file = PrivateFile((folder or config_dir()) / "credentials.json")

    @property
    def path(self) -> Path:
        """The file."""
        return self._file.path

    def last_api_url(self) -> str | None:
        """The address signed in to last."""
        url = self._file.read().get("api_url")
        return url if isinstance(url, str) else None

    def get(self, api_url: str) -> SignIn | None:
        """The sign-in for an address."""
        entry = self._file.read().get("sign_ins", {}).get(api_url)
        return SignIn(**entry) if entry else None

    def put(self, api_url: str, sign_in: SignIn) -> None:
        """Keep a sign-in and make its address the one used next."""
        content = self._file.read()
        content.setdefault("sign_ins", {})[api_url] = asdict(sign_in)
        self._file.write({**content, "api_url": api_url})

    def forget(self, api_url: str) -> None:
        """Drop a sign-in."""
        content = self._file.read()
        content.get("sign_ins", {}).pop(api_url, None)
        if content.get("api_url") == api_url:
            content.pop("api_url")
        self._file.write(content)


class UnfinishedUploads:
    """Which asset a file was being uploaded to when the client stopped."""

    def __init__(self, folder: Path | None = None) -> None:
        self._file = PrivateFile((folder or config_dir()) / "uploads.json")

    def get(self, key: str) -> str | None:
        """The asset id, if any."""
        found = self._file.read().get(key)
        return found if isinstance(found, str) else None

    def put(self, key: str, asset_id: str) -> None:
        """Remember it."""
        self._file.write({**self._file.read(), key: asset_id})

    def forget(self, key: str) -> None:
        """The upload is done, or gone."""
        content = self._file.read()
        if content.pop(key, None) is not None:
            self._file.write(content)
