"""Who people are: a Cognito user pool signed in to by e-mail, and by Google where a stage says so."""

from aws_cdk import Duration, RemovalPolicy, SecretValue
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from infra_cdk.acceptance import accept
from infra_cdk.stages import GoogleSignIn, Stage


class Identity(Construct):
    """The user pool and its one public client; sessions are bearer tokens, never cookies."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        self.pool = cognito.UserPool(
            self,
            "Users",
            self_sign_up_enabled=True,
            sign_in_aliases=cognito.SignInAliases(email=True),
            sign_in_case_sensitive=False,
            auto_verify=cognito.AutoVerifiedAttrs(email=True),
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            password_policy=cognito.PasswordPolicy(
                min_length=12,
                require_lowercase=True,
                require_uppercase=True,
                require_digits=True,
                require_symbols=True,
            ),
            mfa=cognito.Mfa.OPTIONAL,
            mfa_second_factor=cognito.MfaSecondFactor(sms=False, otp=True),
            deletion_protection=stage.keep_data,
            removal_policy=RemovalPolicy.RETAIN if stage.keep_data else RemovalPolicy.DESTROY,
        )
        accept(
            self.pool,
            "AwsSolutions-COG2",
            "A second factor is offered (TOTP); requiring it is the user's choice.",
        )
        for finding in ("AwsSolutions-COG3", "AwsSolutions-COG8"):
            accept(self.pool, finding, "Threat protection needs the Plus plan, priced per monthly user.")
        providers = [cognito.UserPoolClientIdentityProvider.COGNITO]
        google = self._google(settings=stage.google) if stage.google else None
        if google:
            providers.append(cognito.UserPoolClientIdentityProvider.GOOGLE)
        self.client = self.pool.add_client(
            "Client",
            auth_flows=cognito.AuthFlow(user_password=True, user_srp=True),
            access_token_validity=Duration.hours(1),
            id_token_validity=Duration.hours(1),
            refresh_token_validity=Duration.days(30),
            enable_token_revocation=True,
            prevent_user_existence_errors=True,
            supported_identity_providers=providers,
            disable_o_auth=stage.google is None,
            o_auth=_code_flow(settings=stage.google) if stage.google else None,
        )
        if google:
            self.client.node.add_dependency(google)

    def _google(self, *, settings: GoogleSignIn) -> cognito.UserPoolIdentityProviderGoogle:
        self.pool.add_domain(
            "Domain", cognito_domain=cognito.CognitoDomainOptions(domain_prefix=settings.domain_prefix)
        )
        return cognito.UserPoolIdentityProviderGoogle(
            self,
            "Google",
            user_pool=self.pool,
            client_id=settings.client_id,
            client_secret_value=SecretValue.secrets_manager(settings.secret_name),
            scopes=["openid", "email", "profile"],
            attribute_mapping=cognito.AttributeMapping(
                email=cognito.ProviderAttribute.GOOGLE_EMAIL,
                # Without it Cognito takes the address for unproven, and nobody could invite its owner.
                email_verified=cognito.ProviderAttribute.GOOGLE_EMAIL_VERIFIED,
            ),
        )


def _code_flow(*, settings: GoogleSignIn) -> cognito.OAuthSettings:
    return cognito.OAuthSettings(
        flows=cognito.OAuthFlows(authorization_code_grant=True),
        scopes=[cognito.OAuthScope.OPENID, cognito.OAuthScope.EMAIL, cognito.OAuthScope.PROFILE],
        callback_urls=list(settings.callback_urls),
    )
