"""SageMaker's control plane on loopback for tests of a release: requests of the real SDK, a state, faults.

moto's has no UpdateEndpoint. Shapes: botocore's sagemaker service model, which the SDK reads the answers by.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ARN = "arn:aws:sagemaker:eu-central-1:000000000000"


class MissingError(Exception):
    """Something asked for is not there."""


class FakeSageMaker:
    """What was made, by kind and name; `refuses` names configurations that never come into service."""

    def __init__(self) -> None:
        self.groups: dict[str, dict[str, Any]] = {}
        self.packages: dict[str, dict[str, Any]] = {}
        self.models: dict[str, dict[str, Any]] = {}
        self.configurations: dict[str, dict[str, Any]] = {}
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.refuses: set[str] = set()
        self.moves: list[str] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
                action = self.headers["X-Amz-Target"].rpartition(".")[2]
                try:
                    status, answer = 200, getattr(owner, action)(asked)
                except MissingError as error:
                    status, answer = 400, {"__type": "ValidationException", "message": str(error)}
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def DescribeModelPackageGroup(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return _there(self.groups, asked["ModelPackageGroupName"], "ModelPackageGroup")

    def CreateModelPackageGroup(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        name = asked["ModelPackageGroupName"]
        arn = f"{ARN}:model-package-group/{name}"
        common = {"CreationTime": 0, "CreatedBy": {}, "ModelPackageGroupStatus": "Completed"}
        self.groups[name] = {**asked, **common, "ModelPackageGroupArn": arn}
        return {"ModelPackageGroupArn": arn}

    def CreateModelPackage(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        group = asked["ModelPackageGroupName"]
        _there(self.groups, group, "ModelPackageGroup")
        version = 1 + sum(kept["ModelPackageGroupName"] == group for kept in self.packages.values())
        arn = f"{ARN}:model-package/{group}/{version}"
        made = {"ModelPackageVersion": version, "ModelPackageArn": arn, "ModelPackageName": arn}
        status = {"ModelPackageStatus": "Completed", "ModelPackageStatusDetails": {"ValidationStatuses": []}}
        self.packages[arn] = {**asked, **made, **status, "CreationTime": 0}
        return {"ModelPackageArn": arn}

    def DescribeModelPackage(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return _there(self.packages, asked["ModelPackageName"], "ModelPackage")

    def UpdateModelPackage(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        kept = _there(self.packages, asked["ModelPackageArn"], "ModelPackage")
        kept["ModelApprovalStatus"] = asked["ModelApprovalStatus"]
        return {"ModelPackageArn": asked["ModelPackageArn"]}

    def CreateModel(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        _there(self.packages, asked["PrimaryContainer"]["ModelPackageName"], "ModelPackage")
        arn = f"{ARN}:model/{asked['ModelName']}"
        self.models[asked["ModelName"]] = {**asked, "ModelArn": arn, "CreationTime": 0}
        return {"ModelArn": arn}

    def DescribeModel(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return _there(self.models, asked["ModelName"], "Model")

    def CreateEndpointConfig(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        for variant in asked["ProductionVariants"]:
            _there(self.models, variant["ModelName"], "Model")
        name = asked["EndpointConfigName"]
        arn = f"{ARN}:endpoint-config/{name}"
        self.configurations[name] = {**asked, "EndpointConfigArn": arn, "CreationTime": 0}
        return {"EndpointConfigArn": arn}

    def DescribeEndpointConfig(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return _there(self.configurations, asked["EndpointConfigName"], "EndpointConfig")

    def CreateEndpoint(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return self._move(asked, before=None)

    def UpdateEndpoint(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        assert asked["RetainAllVariantProperties"] is True
        before = _there(self.endpoints, asked["EndpointName"], "Endpoint")
        return self._move(asked, before=before["EndpointConfigName"])

    def _move(self, asked: dict[str, Any], *, before: str | None) -> dict[str, Any]:
        """A blue/green update that fails leaves the endpoint where it was; a creation that fails, failed."""
        name, wanted = asked["EndpointName"], asked["EndpointConfigName"]
        _there(self.configurations, wanted, "EndpointConfig")
        self.moves.append(wanted)
        arn = f"{ARN}:endpoint/{name}"
        served, status = wanted, "InService"
        if wanted in self.refuses:
            served, status = before or wanted, "InService" if before else "Failed"
        self.endpoints[name] = {
            "EndpointName": name,
            "EndpointArn": arn,
            "EndpointConfigName": served,
            "EndpointStatus": status,
            "CreationTime": 0,
            "LastModifiedTime": 0,
            **(
                {"FailureReason": "The container did not pass the ping health check."}
                if served != wanted
                else {}
            ),
        }
        return {"EndpointArn": arn}

    def DescribeEndpoint(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return _there(self.endpoints, asked["EndpointName"], "Endpoint")


def _there(kept: dict[str, dict[str, Any]], name: str, kind: str) -> dict[str, Any]:
    if name not in kept:
        raise MissingError(f"Could not find {kind} {name}: it does not exist.")
    return kept[name]
