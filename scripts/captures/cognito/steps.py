"""What is asked of Amazon Cognito: every operation once, and every kind of refusal."""

from __future__ import annotations

from typing import Any

from program import Program
from vendor_steps import ENVIRONMENT, Call, drive_calls

__all__ = ["ENVIRONMENT", "PACKS", "drive"]

PACKS: list[str] = []

SUCCESSES = {
    "AdminConfirmSignUp": "UpdateUser",
    "AdminCreateUser": "CreateUser",
    "AdminDeleteSoftwareToken": "DeleteUserTOTP",
    "AdminDeleteUser": "DeleteUser",
    "AdminDeleteUserAttributes": "UpdateUser",
    "AdminDisableProviderForUser": "DeleteUserOAuthUserRegistration",
    "AdminDisableUser": "UpdateUser",
    "AdminEnableUser": "UpdateUser",
    "AdminGetUser": "GetUser",
    "AdminInitiateAuth": "PasswordsAuthenticate",
    "AdminLinkProviderForUser": "OAuthAttach",
    "AdminResetUserPassword": "PasswordsEmailResetStart",
    "AdminRespondToAuthChallenge": "TOTPsAuthenticate",
    "AdminSetUserMFAPreference": "UpdateUser",
    "AdminSetUserPassword": "PasswordsCreate",
    "AdminUpdateUserAttributes": "UpdateUser",
    "AdminUserGlobalSignOut": "SessionsRevoke",
    "AssociateSoftwareToken": "TOTPsCreate",
    "ChangePassword": "PasswordsExistingPasswordReset",
    "CompleteWebAuthnRegistration": "WebAuthnRegister",
    "ConfirmForgotPassword": "PasswordsEmailReset",
    "ConfirmSignUp": "OTPsAuthenticate",
    "DeleteUser": "DeleteUser",
    "DeleteUserAttributes": "UpdateUser",
    "DeleteWebAuthnCredential": "DeleteUserWebAuthnRegistration",
    "ForgotPassword": "PasswordsEmailResetStart",
    "GetTokensFromRefreshToken": "SessionsAuthenticate",
    "GetUser": "GetUser",
    "GetUserAttributeVerificationCode": "OTPsEmailSend",
    "GlobalSignOut": "SessionsRevoke",
    "InitiateAuth": "PasswordsAuthenticate",
    "ListUsers": "SearchUsersExternal",
    "ListWebAuthnCredentials": "WebAuthnListCredentials",
    "ResendConfirmationCode": "OTPsEmailSend",
    "RespondToAuthChallenge": "TOTPsAuthenticate",
    "RevokeToken": "SessionsRevoke",
    "SetUserMFAPreference": "UpdateUser",
    "SignUp": "CreateUser",
    "StartWebAuthnRegistration": "WebAuthnRegisterStart",
    "UpdateUserAttributes": "UpdateUser",
    "VerifySoftwareToken": "TOTPsAuthenticate",
    "AdminListUserSessions": "SessionsGet",
    "AdminRevokeUserSession": "SessionsRevoke",
    "GetUserAuthFactors": "GetUser",
    "ListUserSessions": "SessionsGet",
    "RevokeUserSession": "SessionsRevoke",
    "AdminGetUserAuthFactors": "GetUser",
    "VerifyUserAttribute": "OTPsAuthenticate",
}
OTHERS = ("DescribeUserPool", "ListUserPools", "ListGroups", "GetSigningCertificate")
REFUSALS = {
    "wrong password": ("InitiateAuth", "NotAuthorizedException"),
    "unknown user": ("InitiateAuth", "UserNotFoundException"),
    "e-mail address not confirmed": ("InitiateAuth", "UserNotConfirmedException"),
    "password has to be reset": ("InitiateAuth", "PasswordResetRequiredException"),
    "too many attempts": ("InitiateAuth", "TooManyRequestsException"),
    "wrong parameter": ("InitiateAuth", "InvalidParameterException"),
    "wrong password, by an administrator": ("AdminInitiateAuth", "NotAuthorizedException"),
    "wrong code": ("RespondToAuthChallenge", "CodeMismatchException"),
    "code expired": ("RespondToAuthChallenge", "ExpiredCodeException"),
    "authenticator app, wrong code": (
        "VerifySoftwareToken",
        "EnableSoftwareTokenMFAException",
    ),
    "user name taken": ("SignUp", "UsernameExistsException"),
    "weak password": ("SignUp", "InvalidPasswordException"),
    "wrong confirmation code": ("ConfirmSignUp", "CodeMismatchException"),
    "e-mail address taken": ("ConfirmSignUp", "AliasExistsException"),
    "reset, too many attempts": ("ForgotPassword", "LimitExceededException"),
    "reset, wrong code": ("ConfirmForgotPassword", "CodeMismatchException"),
    "reset, expired code": ("ConfirmForgotPassword", "ExpiredCodeException"),
    "change, wrong old password": ("ChangePassword", "NotAuthorizedException"),
    "session, access token revoked": ("GetUser", "NotAuthorizedException"),
    "refresh token revoked": ("GetTokensFromRefreshToken", "NotAuthorizedException"),
    "the vendor is in trouble": ("InitiateAuth", "InternalErrorException"),
}
SERVICE = "Cognito Identity Provider/"
PASSWORD: dict[str, Any] = {
    "AuthFlow": "USER_PASSWORD_AUTH",
    "AuthParameters": {"USERNAME": "ada@example.com", "PASSWORD": "made-up"},
}
TOKENS = {"AuthenticationResult": {"AccessToken": "made-up", "ExpiresIn": 3600}}
IN_THE_BODY = "what is asked for is in the body, which no span shows"


def rpc(label: str, operation: str, action: str | None, **more: Any) -> Call:
    """Return a call of one operation."""
    return Call(label, operation, action, "RPC", SERVICE + operation, **more)


def special() -> list[Call]:
    """Return what the operation alone does not tell."""
    challenge = {"ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": "made-up-made-up-made-up"}
    refresh = {"AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": {"REFRESH_TOKEN": "made-up"}}
    sms = {"ChallengeName": "SMS_MFA"}
    status_error = {"Status": "ERROR"}
    return [
        rpc(
            "login",
            "InitiateAuth",
            "PasswordsAuthenticate",
            answer=(200, TOKENS),
            arguments=PASSWORD,
        ),
        rpc(
            "login, second factor due",
            "InitiateAuth",
            "PasswordsAuthenticate",
            answer=(200, challenge),
            arguments=PASSWORD,
            next_step="second_factor",
            known_limit=f"success+second_factor seen as success: {IN_THE_BODY}",
        ),
        rpc(
            "refresh by InitiateAuth",
            "InitiateAuth",
            "SessionsAuthenticate",
            answer=(200, TOKENS),
            arguments=refresh,
            known_limit=f"SessionsAuthenticate seen as PasswordsAuthenticate: {IN_THE_BODY}",
        ),
        rpc(
            "second factor by text message",
            "RespondToAuthChallenge",
            "OTPsAuthenticate",
            answer=(200, TOKENS),
            arguments=sms,
            known_limit=f"OTPsAuthenticate seen as TOTPsAuthenticate: {IN_THE_BODY}",
        ),
        rpc(
            "authenticator app, no exception, status ERROR",
            "VerifySoftwareToken",
            "TOTPsAuthenticate",
            answer=(200, status_error),
            meant=("error", "the body of the answer says so"),
            known_limit="error seen as success: the answer is 200, its body says ERROR",
        ),
        rpc("login, nobody answers", "InitiateAuth", "PasswordsAuthenticate", answer=None),
    ]


def drive(program: Program) -> None:
    """Make every call."""
    calls = [rpc(operation, operation, action) for operation, action in SUCCESSES.items()]
    calls += [rpc(operation, operation, None) for operation in OTHERS]
    for label, (operation, exception) in REFUSALS.items():
        status = 500 if exception.startswith("Internal") else 400
        body = {"__type": exception, "message": "made up"}
        calls.append(rpc(label, operation, SUCCESSES[operation], answer=(status, body)))
    drive_calls(program, calls + special())
