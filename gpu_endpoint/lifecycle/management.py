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
from gpu_endpoint.errors import EndpointError, MalformedBodyError, UnknownAddressError
from gpu_endpoint.lifecycle.controller import Controller
from gpu_endpoint.lifecycle.desired_state import TransitionError
from gpu_endpoint.lifecycle.follower import Follower
from gpu_endpoint.lifecycle.objects import StoreError
from gpu_endpoint.lifecycle.standing import FleetError
from gpu_endpoint.models.config import Part
from gpu_endpoint.models.files import ModelFileError
from sightline.contracts.inference import ModelName


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
    """A candidate."""

    revision: ModelName


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
    router = APIRouter(prefix="/models", dependencies=[Depends(from_this_machine)], include_in_schema=False)
    controller = Controller(follower.objects)

    @router.get("")
    async def models() -> dict[str, Any]:
        status: dict[str, Any] = await step(controller.status)
        return status | {"this": follower.report().model_dump(mode="json")}

    @router.post("")
    async def load(wanted: Annotated[Load, Depends(body(Load))]) -> dict[str, Any]:
        await step(lambda: controller.load(wanted.model, wanted.revision))
        await step(lambda: controller.wait_ready(wanted.model, wanted.revision))
        return {"ready": True}

    @router.post("/promote")
    async def promote(wanted: Annotated[Promote, Depends(body(Promote))]) -> dict[str, Any]:
        return {"swap_s": await step(lambda: controller.promote(wanted.model, wanted.revision))}

    @router.post("/rollback")
    async def rollback(wanted: Annotated[Named, Depends(body(Named))]) -> dict[str, Any]:
        return {"swap_s": await step(lambda: controller.rollback(wanted.model))}

    @router.post("/shadow")
    async def shadow(wanted: Annotated[Trial, Depends(body(Trial))]) -> dict[str, Any]:
        await step(lambda: controller.trial(wanted.model, mode=wanted.mode, share=wanted.share))
        return {"mode": wanted.mode, "share": wanted.share}

    @router.post("/drop")
    async def drop(wanted: Annotated[Named, Depends(body(Named))]) -> dict[str, Any]:
        await step(lambda: controller.drop(wanted.model))
        return {"dropped": wanted.model}

    app.include_router(router)


def body(shape: type[Part]) -> Callable[[Request], Any]:
    """Reads a JSON body into the shape, with this endpoint's own problems. Raises: EndpointError."""

    async def read(request: Request) -> Any:
        try:
            return checked(shape, await request.json())
        except ValueError as error:
            raise MalformedBodyError("the body is not JSON in UTF-8") from error

    return read


async def step(work: Callable[[], Any]) -> Any:
    """Off the event loop. Raises: RefusedStepError, StoreUnavailableError."""
    try:
        return await asyncio.to_thread(work)
    except (TransitionError, FleetError, ModelFileError) as error:
        raise RefusedStepError(str(error)) from error
    except StoreError as error:
        raise StoreUnavailableError(str(error)) from error
