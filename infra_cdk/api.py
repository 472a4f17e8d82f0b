"""The HTTP API: one address, routes per domain function, two authorizers, throttled and logged."""

import json
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from constructs import Construct

from infra_cdk.acceptance import accept
from infra_cdk.functions import Function
from infra_cdk.log_groups import log_group
from infra_cdk.stages import Stage

GET, POST, PUT, PATCH, DELETE = "GET", "POST", "PUT", "PATCH", "DELETE"
# A revoked key or a removed member keeps working no longer than this.
AUTHORIZER_CACHE_S = 60
# Sign-in is where passwords are guessed; Cognito limits each user, this limits the door.
AUTH_REQUESTS_PER_S = 20
_LOGGED = (
    "requestId ip requestTime httpMethod routeKey path status protocol responseLength integrationError "
    "integrationLatency responseLatency"
)


@dataclass(frozen=True, kw_only=True)
class Route:
    """A path, the methods it answers, and who may call it: anyone, a user, or a principal in a workspace."""

    path: str
    methods: tuple[str, ...]
    caller: str = "workspace"


class Api(Construct):
    """An HTTP API with an authorizer function behind both of its authorizers."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, authorizer: Function) -> None:
        super().__init__(scope, construct_id)
        self.http = apigateway.HttpApi(
            self,
            "Http",
            description=f"Sightline {stage.name}",
            create_default_stage=False,
            cors_preflight=_cors(stage=stage),
        )
        self.logs = log_group(self, "AccessLog", stage=stage)
        self.stage = apigateway.HttpStage(
            self, "Stage", http_api=self.http, stage_name="$default", auto_deploy=True
        )
        self._made: dict[str, apigateway.HttpRoute] = {}
        self._settings = self._throttle_and_log(stage=stage)
        self._throttled: dict[str, dict[str, int]] = {}
        self._authorizers = {
            "user": _authorizer("User", authorizer, ["Authorization"]),
            "workspace": _authorizer("Workspace", authorizer, ["Authorization", "X-Workspace-Id"]),
        }

    @property
    def url(self) -> str:
        return self.http.api_endpoint

    def route(self, function: Function, *routes: Route) -> None:
        """Sends routes to a function."""
        integration = integrations.HttpLambdaIntegration(
            f"{function.name}Integration", function.lambda_function, scope_permission_to_route=False
        )
        for route in routes:
            made = self.http.add_routes(
                path=route.path,
                methods=[apigateway.HttpMethod(method) for method in route.methods],
                integration=integration,
                authorizer=self._authorizers.get(route.caller),
            )
            self._made |= {f"{m} {route.path}": one for m, one in zip(route.methods, made, strict=True)}
            for one in made:
                if route.caller == "anyone":
                    accept(one, "AwsSolutions-APIG4", "Health, documentation and signing in need no token.")

    def throttle(self, route_key: str, *, requests_per_s: int) -> None:
        """Holds one route below the stage's limit."""
        limits = {"ThrottlingRateLimit": requests_per_s, "ThrottlingBurstLimit": 2 * requests_per_s}
        self._throttled[route_key] = limits
        self._settings.route_settings = self._throttled
        self._settings.node.add_dependency(self._made[route_key])

    def _throttle_and_log(self, *, stage: Stage) -> apigateway.CfnStage:
        settings = self.stage.node.default_child
        if not isinstance(settings, apigateway.CfnStage):
            raise TypeError("a stage's default child is its CloudFormation resource")
        settings.default_route_settings = apigateway.CfnStage.RouteSettingsProperty(
            throttling_rate_limit=stage.requests_per_s,
            throttling_burst_limit=stage.request_burst,
            detailed_metrics_enabled=True,
        )
        settings.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=self.logs.log_group_arn,
            format=json.dumps({field: f"$context.{field}" for field in _LOGGED.split()}),
        )
        return settings


def _authorizer(name: str, function: Function, headers: list[str]) -> authorizers.HttpLambdaAuthorizer:
    """Every header that decides the answer is part of the cache's key, so no answer crosses workspaces."""
    return authorizers.HttpLambdaAuthorizer(
        name,
        function.lambda_function,
        authorizer_name=name.lower(),
        identity_source=[f"$request.header.{header}" for header in headers],
        response_types=[authorizers.HttpLambdaResponseType.SIMPLE],
        results_cache_ttl=Duration.seconds(AUTHORIZER_CACHE_S),
    )


def _cors(*, stage: Stage) -> apigateway.CorsPreflightOptions:
    return apigateway.CorsPreflightOptions(
        allow_origins=list(stage.web_origins),
        allow_methods=[apigateway.CorsHttpMethod(m) for m in (GET, POST, PUT, PATCH, DELETE)],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "X-Workspace-Id"],
        expose_headers=["Location", "Retry-After"],
        max_age=Duration.hours(1),
    )
