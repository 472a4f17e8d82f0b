"""`python -m gpu_endpoint models ...`: the operator's commands on a model store."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from gpu_endpoint.bodies import refusal
from gpu_endpoint.lifecycle.artifacts import register
from gpu_endpoint.lifecycle.controller import WAIT_S, Controller
from gpu_endpoint.lifecycle.desired_state import TransitionError
from gpu_endpoint.lifecycle.objects import StoreError, open_objects
from gpu_endpoint.lifecycle.shown import containers_table, models_table, summary
from gpu_endpoint.lifecycle.standing import FleetError
from gpu_endpoint.models.config import ModelConfig
from gpu_endpoint.models.files import ModelFileError, disk_reason
from gpu_endpoint.models.ports import Task
from gpu_endpoint.pulling import add_pull, run_pull
from gpu_endpoint.settings import EndpointSettings

REFUSED = (FleetError, TransitionError, StoreError, ModelFileError)


ACTIONS = {
    "status": "the desired state, and how each container stands",
    "list": "the models and their revisions",
    "register": "copy a model's files into the store",
    "add": "serve a model id that is not served yet",
    "remove": "serve a model id no more",
    "load": "load and check a revision everywhere, beside the current one",
    "promote": "swap to the candidate when all containers are ready",
    "rollback": "swap back to the previous revision",
    "drop": "let the candidate go",
    "shadow": "run a share of the traffic on the candidate as well",
    "canary": "let the candidate answer a share of the traffic",
    "default": "which model answers a task when a request names none",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The sub-commands of `models`."""
    actions = parser.add_subparsers(dest="action", required=True)
    add_pull(actions)
    for name, about in ACTIONS.items():
        one = actions.add_parser(name, help=about)
        one.add_argument("--store", help="s3://bucket/prefix or a folder (SIGHTLINE_MODEL_STORE)")
        one.add_argument("--json", action="store_true", help="print JSON")
        one.add_argument("--wait-s", type=float, default=WAIT_S, help="how long to wait for the containers")
        if name == "register":
            one.add_argument("config", type=Path, help="a model's JSON config; file paths begin beside it")
        elif name not in ("status", "list"):
            if name == "default":
                one.add_argument("task", choices=get_args(Task))
            one.add_argument("model")
        if name in ("add", "load"):
            one.add_argument("revision")
        if name == "promote":
            one.add_argument("revision", nargs="?", help="the candidate's; safe to repeat when it is named")
        if name in ("shadow", "canary"):
            one.add_argument("share", type=float, help="between 0 and 1")


def run(given: argparse.Namespace) -> int:
    """Exit status: 0, or 1 with the reason on standard error."""
    if given.action == "pull":
        return run_pull(given)
    address = given.store or EndpointSettings().model_store
    if not address:
        print("no model store: give --store or set SIGHTLINE_MODEL_STORE", file=sys.stderr)
        return 1
    controller = Controller(open_objects(address), wait_s=given.wait_s)
    try:
        done = act(given, controller)
    except ValidationError as error:
        print(refusal(error), file=sys.stderr)
        return 1
    except REFUSED as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{disk_reason(error)}: {error.filename2 or error.filename}", file=sys.stderr)
        return 1
    print(json.dumps(done, indent=1) if given.json else shown(given.action, done))
    return 0


def shown(action: str, done: Any) -> str:
    """For people."""
    if action == "status":
        return f"{models_table(done['summary'])}\n\n{containers_table(done['containers'])}"
    if isinstance(done, list):
        return models_table(done)
    return "  ".join(f"{name} {value}" for name, value in done.items())


def act(given: argparse.Namespace, controller: Controller) -> Any:
    """Does what was asked; answers what to print."""
    if given.action == "register":
        config = ModelConfig.model_validate_json(given.config.read_bytes())
        weights = register(controller.objects, config, given.config.parent)
        return {"model": config.id, "revision": weights.config.revision()}
    if given.action == "promote":
        return {"swap_s": round(controller.promote(given.model, given.revision), 2)}
    if given.action == "rollback":
        return {"swap_s": round(controller.rollback(given.model), 2)}
    if given.action == "load":
        controller.load(given.model, given.revision)
        controller.wait_ready(given.model, given.revision)
    elif given.action == "add":
        controller.add(given.model, given.revision)
    elif given.action == "remove":
        controller.remove(given.model)
    elif given.action == "drop":
        controller.drop(given.model)
    elif given.action == "default":
        controller.default(given.task, given.model)
    elif given.action in ("shadow", "canary"):
        controller.trial(given.model, mode=given.action, share=given.share)
    if given.action == "status":
        return controller.status() | {"summary": summary(controller)}
    return summary(controller)
