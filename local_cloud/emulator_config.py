"""What the supervisor tells the emulator's process, as one JSON file."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from local_cloud.environment import LocalAddresses

ACCOUNT = "000000000000"
REGION = "us-east-1"
ACCESS_KEY = SECRET_KEY = "test"  # noqa: S105 - the emulator's administrator, on 127.0.0.1 only


@dataclass(frozen=True)
class EmulatorConfig:
    """Ports, folders and addresses; `iam` evaluates IAM policies and serves TLS,
    as the cloud does."""

    port: int
    api_port: int
    state_dir: str
    objects_dir: str
    logs_dir: str
    scratch_dir: str
    sources_path: str
    shared_code_dirs: tuple[str, ...]
    max_workers: int
    api_timeout_s: float
    iam: bool
    certificate: str | None
    certificate_key: str | None
    addresses: LocalAddresses

    def write(self, path: Path) -> None:
        """Readable by us only: it holds the database's passwords."""
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def read(cls, path: Path) -> Self:
        """The inverse of write()."""
        values = json.loads(path.read_text())
        values["addresses"] = LocalAddresses(**values["addresses"])
        values["shared_code_dirs"] = tuple(values["shared_code_dirs"])
        return cls(**values)

    def environment(self) -> dict[str, str]:
        """MiniStack's own settings; it reads them when it is imported."""
        tls = {"MINISTACK_SSL_CERT": self.certificate, "MINISTACK_SSL_KEY": self.certificate_key}
        return {
            **{name: value for name, value in tls.items() if value},
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "localhost",
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_WORKER_THREADS": "128",
            "IOT_MTLS_ENABLED": "0",  # on by default: it would open port 8883
            "SFTP_ENABLED": "0",
            "PERSIST_STATE": "1",
            "STATE_DIR": self.state_dir,
            "S3_PERSIST": "1",
            "S3_DATA_DIR": self.objects_dir,
            "LAMBDA_ACCOUNT_CONCURRENCY": "1000",  # AWS's default; calls wait for our bounded workers
            "AUTH": "true" if self.iam else "false",
            "USE_SSL": "1" if self.iam else "0",
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "LOG_LEVEL": "WARNING",
        }
