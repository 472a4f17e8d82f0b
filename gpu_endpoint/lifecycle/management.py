"""The operator's steps as HTTP, for callers on this machine: the laptop and the tests.

Nothing here exists in a container that listens to the network: there the state is written from outside.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, FastAPI, Request
from pydantic import Field

from gpu_endpoint.bodies import checked
from gpu_endpoint.document import REF
from gpu_endpoint.errors import (
    EndpointError,
    InvalidFieldError,
    MalformedBodyError,
    SlowBodyError,
    UnknownAddressError,
)
from gpu_endpoint.lifecycle.beside import begun
from gpu_endpoint.lifecycle.controller import Controller
from gpu_endpoint.lifecycle.desired_state import TransitionError
from gpu_endpoint.lifecycle.follower import Follower
from gpu_endpoint.lifecycle.objects import StoreError
from gpu_endpoint.lifecycle.standing import FleetError
from gpu_endpoint.models.config import Part
from gpu_endpoint.models.files import ModelFileError
from gpu_endpoint.models.ports import Task
from sightline.contracts.inference import JSON, PROBLEM, ModelName, Problem

STEPS_AT_ONCE = 32
"""A thread each, most of them asleep until the containers are ready."""


class RefusedStepError(EndpointError):
    """The models, or their containers, do not allow this step."""

    status, code, title, retryable = 409, "step-refused", "The models do not allow this step", False


class StoreUnavailableError(EndpointError):
    """The model store does not answer."""

    status, code, title, retry_after_s = 503, "store-unavailable", "The model store does not answer", 2


class Named(Part):
    """Which model."""

    model: ModelName


class Load(Named):
    """A candidate, or a model that is not served yet."""

    revision: ModelName


class Default(Named):
    """Who answers a task where a request names nobody."""

    task: Task


class Promote(Named):
    """The candidate; naming its revision makes it safe to repeat."""

    revision: ModelName | None = None


class Trial(Named):
    """Traffic for a candidate."""

    mode: Literal["idle", "shadow", "canary"] = "shadow"
    share: float = Field(default=0.1, ge=0, le=1)


def from_this_machine(request: Request) -> None:
    """Raises: UnknownAddressError, for anybody else; a page in a browser does not reach it either."""
    client = request.client.host if request.client else ""
    host = request.url.hostname or ""
    if not (loopback(client) and (host == "localhost" or loopback(host))) or "origin" in request.headers:
        raise UnknownAddressError


def loopback(address: str) -> bool:
    """Whether it is this machine's address for itself."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def mount_management(app: FastAPI, follower: Follower) -> None:
    """Adds /models to an app that listens on loopback."""
    router = APIRouter(prefix="/models", dependencies=[Depends(from_this_machine)], responses=problems())
    controller, step = Controller(follower.objects), Steps()

    @router.get("")
    async def models() -> dict[str, Any]:
        """The desired state, and how each container stands."""
        status: dict[str, Any] = await step(controller.status)
        return status | {"this": follower.report().model_dump(mode="json")}

    @router.post("", openapi_extra=takes(Load))
    async def load(wanted: Annotated[Load, Depends(body(Load))]) -> dict[str, Any]:
        """Loads and checks a revision everywhere, beside the current one."""
        await step(lambda: controller.load(wanted.model, wanted.revision))
        await step(lambda: controller.wait_ready(wanted.model, wanted.revision))
        return {"ready": True}

    @router.post("/add", openapi_extra=takes(Load))
    async def add(wanted: Annotated[Load, Depends(body(Load))]) -> dict[str, Any]:
        """Serves a model id that is not served yet."""
        await step(lambda: controller.add(wanted.model, wanted.revision))
        return {"added": wanted.model}

    @router.post("/remove", openapi_extra=takes(Named))
    async def remove(wanted: Annotated[Named, Depends(body(Named))]) -> dict[str, Any]:
        """Serves a model id no more."""
        await step(lambda: controller.remove(wanted.model))
        return {"removed": wanted.model}

    @router.post("/default", openapi_extra=takes(Default))
    async def default(wanted: Annotated[Default, Depends(body(Default))]) -> dict[str, Any]:
        """Which model answers a task when a request names none."""
        await step(lambda: controller.default(wanted.task, wanted.model))
        return {wanted.task: wanted.model}

    @router.post("/promote", openapi_extra=takes(Promote))
    async def promote(wanted: Annotated[Promote, Depends(body(Promote))]) -> dict[str, Any]:
        """Swaps to the candidate when all containers are ready."""
        return {"swap_s": await step(lambda: controller.promote(wanted.model, wanted.revision))}

    @router.post("/rollback", openapi_extra=takes(Named))
    async def rollback(wanted: Annotated[Named, Depends(body(Named))]) -> dict[str, Any]:
        """Swaps back to the previous revision."""
        return {"swap_s": await step(lambda: controller.rollback(wanted.model))}

    @router.post("/shadow", openapi_extra=takes(Trial))
    async def shadow(wanted: Annotated[Trial, Depends(body(Trial))]) -> dict[str, Any]:
        """Runs a share of the traffic on the candidate as well, or lets it answer that share."""
        await step(lambda: controller.trial(wanted.model, mode=wanted.mode, share=wanted.share))
        return {"mode": wanted.mode, "share": wanted.share}

    @router.post("/drop", openapi_extra=takes(Named))
    async def drop(wanted: Annotated[Named, Depends(body(Named))]) -> dict[str, Any]:
        """Lets the candidate go."""
        await step(lambda: controller.drop(wanted.model))
        return {"dropped": wanted.model}

    app.include_router(router)


def takes(shape: type[Part]) -> dict[str, Any]:
    """The body, for the OpenAPI document."""
    content = {JSON: {"schema": shape.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}}


def problems() -> dict[int | str, dict[str, Any]]:
    """What any step may answer instead."""
    kinds = (
        MalformedBodyError,
        UnknownAddressError,
        SlowBodyError,
        RefusedStepError,
        InvalidFieldError,
        StoreUnavailableError,
    )
    content = {PROBLEM: {"schema": {"$ref": REF.format(model=Problem.__name__)}}}
    return {
        kind.status: {"description": f"{kind.code}: {kind.title.lower()}", "content": content}
        for kind in kinds
    }


def body(shape: type[Part]) -> Callable[[Request], Any]:
    """Reads a JSON body into the shape, with this endpoint's own problems. Raises: EndpointError."""

    async def read(request: Request) -> Any:
        try:
            return checked(shape, await request.json())
        except ValueError as error:
            raise MalformedBodyError("the body is not JSON in UTF-8") from error

    return read


class Steps:
    """Takes steps off the event loop: one that waits for the containers, this one too, is in nobody's way."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(STEPS_AT_ONCE)

    async def __call__(self, work: Callable[[], Any]) -> Any:
        """Raises: RefusedStepError, StoreUnavailableError."""
        try:
            async with self._turns:
                return await asyncio.wrap_future(begun(work, name="operator"))
        except (TransitionError, FleetError, ModelFileError) as error:
            raise RefusedStepError(str(error)) from error
        except StoreError as error:
            raise StoreUnavailableError(str(error)) from error
