"""Every route of the code has a way through the API to its own function, and no other function's."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from sightline import system
from sightline.accounts import routes as accounts
from sightline.incidents import routes as incidents
from sightline.incidents.grouping.routes import router as grouping
from sightline.incidents.notices.interactions import router as interactions
from sightline.incidents.notices.routes import router as notices
from sightline.incidents.retention.routes import router as retention
from sightline.incidents.runbooks.routes import router as runbooks
from sightline.incidents.summaries.routes import router as summaries
from sightline.media import routes as media
from sightline.media.imports.routes import router as imports
from sightline.outgoing.routes import router as outgoing
from sightline.scenarios import routes as scenarios
from sightline.scenarios.concepts.routes import router as concepts
from sightline.scenarios.exports.routes import router as exports
from sightline.scenarios.saved.routes import router as saved

pytestmark = pytest.mark.infra


def together(*routers: APIRouter) -> APIRouter:
    """The routes of one function that serves several routers."""
    joined = APIRouter()
    joined.routes.extend(route for router in routers for route in router.routes)
    return joined


ROUTERS = {
    "system_api": system.router,
    "accounts_api": accounts.router,
    "incidents_api": together(incidents.router, grouping, summaries, runbooks, retention),
    "notices_api": notices,
    "slack_interactions": interactions,
    "media_api": together(media.router, imports),
    "outgoing_api": outgoing,
    "scenarios_api": together(scenarios.router, exports, concepts, saved),
}


# Answered by a function without a web framework.
WITHOUT_ROUTER = {("POST", "/v1/webhooks/{platform}/{source_id}")}


def routes_of(router: APIRouter) -> Iterator[tuple[str, str]]:
    """Method and path of each route."""
    for route in router.routes:
        if isinstance(route, APIRoute):
            for method in route.methods:
                yield method, route.path


def asked_of_caller(dependant: Dependant) -> set[str]:
    """Names of the functions that a route's parameters come from, at any depth."""
    names = {getattr(dependant.call, "__name__", "")}
    return names.union(*(asked_of_caller(child) for child in dependant.dependencies))


def served_by(template: Any) -> dict[str, str]:
    """Route key -> service name of the function behind it."""
    integrations = template.of("AWS::ApiGatewayV2::Integration")
    functions = template.of("AWS::Lambda::Function")
    found = {}
    for route in template.properties("AWS::ApiGatewayV2::Route"):
        integration = integrations[route["Target"]["Fn::Join"][1][-1]["Ref"]]["Properties"]
        function = functions[integration["IntegrationUri"]["Fn::GetAtt"][0]]["Properties"]
        found[route["RouteKey"]] = function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
    return found


def best_match(method: str, path: str, keys: dict[str, str]) -> str | None:
    """The route API Gateway picks: the exact one, else the longest greedy one."""
    exact = f"{method} {path}"
    if exact in keys:
        return keys[exact]
    concrete = re.sub(r"\{[^}]+\}", "x", path)
    greedy = [
        key
        for key in keys
        if key.startswith(f"{method} ")
        and re.fullmatch(re.sub(r"\\\{[^}]*\\\}", ".+", re.escape(key.split(" ", 1)[1])), concrete)
    ]
    return keys[max(greedy, key=len)] if greedy else None


@pytest.mark.parametrize("function", sorted(ROUTERS))
def test_every_route_reaches_its_function(template: Any, function: str) -> None:
    keys, wanted = served_by(template), list(routes_of(ROUTERS[function]))
    assert wanted
    assert {f"{m} {p}": best_match(m, p, keys) for m, p in wanted} == {
        f"{m} {p}": function for m, p in wanted
    }


def test_no_route_leads_nowhere(template: Any) -> None:
    routes = {(m, p) for router in ROUTERS.values() for m, p in routes_of(router)} | WITHOUT_ROUTER
    for key in served_by(template):
        method, path = key.split(" ", 1)
        pattern = re.compile(re.sub(r"\\\{[^}]*\\\}", ".+", re.escape(path)))
        assert [p for m, p in routes if m == method and pattern.fullmatch(re.sub(r"\{[^}]+\}", "x", p))], key


def test_routes_about_the_user_alone_ask_for_no_workspace(template: Any) -> None:
    authorizers = {
        name: found["Properties"]["Name"]
        for name, found in template.of("AWS::ApiGatewayV2::Authorizer").items()
    }
    callers = {
        route["RouteKey"]: authorizers.get(route.get("AuthorizerId", {}).get("Ref", ""), "anyone")
        for route in template.properties("AWS::ApiGatewayV2::Route")
    }
    for router in ROUTERS.values():
        for route in router.routes:
            if isinstance(route, APIRoute) and "any_principal" in asked_of_caller(route.dependant):
                wanted = "user" if "current_user" in asked_of_caller(route.dependant) else "workspace"
                if route.path == "/v1/workspaces":
                    wanted = "user"  # the list of a caller's workspaces, whoever calls
                for method in route.methods:
                    assert best_match(method, route.path, callers) == wanted, (method, route.path)
