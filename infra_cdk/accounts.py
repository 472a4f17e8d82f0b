"""Who may come in: the authorizer, sign-in, workspaces, members, keys; and the routes of no domain."""

from constructs import Construct

from infra_cdk.api import AUTH_REQUESTS_PER_S, DELETE, GET, PATCH, POST, PUT, Api, Route
from infra_cdk.functions import Function, House
from infra_cdk.identity import Identity


class Accounts(Construct):
    """Identity, the API in front of everything, and the account routes."""

    def __init__(self, scope: Construct, construct_id: str, *, house: House) -> None:
        super().__init__(scope, construct_id)
        self.identity = Identity(self, "Identity", stage=house.stage)
        self.authorizer = Function(
            self,
            "Authorizer",
            house=house,
            name="authorizer",
            description="Says who is calling, in which workspace and as what",
            timeout_s=10,
        )
        self.accounts_api = Function(
            self,
            "AccountsApi",
            house=house,
            name="accounts_api",
            description="Sign-in, users, workspaces, members and API keys",
            memory_mb=1024,
            timeout_s=29,
        )
        self.system_api = Function(
            self,
            "SystemApi",
            house=house,
            name="system_api",
            description="Health, readiness and documentation",
            memory_mb=1024,
            timeout_s=29,
        )
        for function in (self.authorizer, self.accounts_api, self.system_api):
            function.use_database()
        for function in (self.authorizer, self.accounts_api):
            function.set(
                SIGHTLINE_USER_POOL_ID=self.identity.pool.user_pool_id,
                SIGHTLINE_USER_POOL_CLIENT_ID=self.identity.client.user_pool_client_id,
            )
        # Cognito's sign-in operations are authorized by the client id and the user's own tokens, not by IAM.
        self.api = Api(self, "Api", stage=house.stage, authorizer=self.authorizer)
        self._routes()

    def _routes(self) -> None:
        self.api.route(
            self.system_api,
            *(Route(path=path, methods=(GET,), caller="anyone") for path in ("/health", "/ready", "/docs")),
            Route(path="/openapi.json", methods=(GET,), caller="anyone"),
            Route(path="/problems/{slug}", methods=(GET,), caller="anyone"),
        )
        self.api.route(
            self.accounts_api,
            Route(path="/v1/auth/{proxy+}", methods=(POST,), caller="anyone"),
            Route(path="/v1/users/me", methods=(GET, PUT, DELETE), caller="user"),
            Route(path="/v1/users/me/erasures/{proxy+}", methods=(GET,), caller="user"),
            Route(path="/v1/workspaces", methods=(GET, POST), caller="user"),
            Route(path="/v1/erasures", methods=(GET,)),
            Route(path="/v1/erasures/{proxy+}", methods=(GET,)),
            Route(path="/v1/workspaces/{proxy+}", methods=(GET, POST, PATCH, DELETE)),
            Route(path="/v1/api-keys", methods=(GET, POST)),
            Route(path="/v1/api-keys/{proxy+}", methods=(DELETE,)),
        )
        self.api.throttle("POST /v1/auth/{proxy+}", requests_per_s=AUTH_REQUESTS_PER_S)
