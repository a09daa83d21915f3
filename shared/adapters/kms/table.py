"""Hold every answer of AWS KMS: what it means, who must act, and the sentence that users see.

The first row that matches decides: by error code first, by the key's state second, by the words of the message last,
because AWS does not guarantee them. (AWS KMS API Reference, "Common errors" and the errors of each operation; KMS
developer guide, "Key states", "Troubleshooting external key stores"; IAM guide, "Troubleshoot access denied".)
"""

from shared.adapters.kms.refusals import DENIALS, STATES
from shared.adapters.kms.row import CORRUPT, Kind, Received, Responsible, Row
from shared.aws import BAD_SETTINGS, NO_CREDENTIALS

EXPIRED = ("ExpiredTokenException", "ExpiredToken")
_CREDENTIALS = "AWS does not accept our credentials ({code}). The operator must fix the AWS settings"
_SETTINGS = "The operator must fix the AWS settings."

# Tried first: two of these errors are a ValueError too, which otherwise means a malformed answer.
_NOT_SENT = (
    Row(
        name="not-sent",
        kind=Kind.MISCONFIGURED,
        responsible=Responsible.OPERATOR,
        codes=(*NO_CREDENTIALS, *BAD_SETTINGS),
        means="Nothing was sent: there are no credentials, or the AWS settings of our process are incomplete or invalid.",
        sentence=f"AWS was not asked ({{code}}). {_SETTINGS}",
    ),
)
_TROUBLE = (
    Row(
        name="throttled",
        kind=Kind.TROUBLE,
        responsible=Responsible.NOBODY,
        codes=("ThrottlingException", "Throttling"),
        means="More calls than the quota of our account, or of the key's custom key store, allows.",
        sentence="AWS KMS asks for fewer calls ({code}).",
    ),
    Row(
        name="inside-kms",
        kind=Kind.TROUBLE,
        responsible=Responsible.NOBODY,
        codes=(
            "KeyUnavailableException",
            "DependencyTimeoutException",
            "KMSInternalException",
            "InternalFailure",
            "ServiceUnavailable",
            "ServiceUnavailableException",
        ),
        means="Trouble inside AWS KMS.",
        sentence="AWS KMS is in trouble ({code}).",
    ),
    Row(
        name="any-5xx",
        kind=Kind.TROUBLE,
        responsible=Responsible.NOBODY,
        least_status=500,
        means="Trouble inside AWS KMS, by a code that we do not know.",
        sentence="AWS KMS is in trouble ({code}).",
    ),
    Row(
        name="tls",
        kind=Kind.TROUBLE,
        responsible=Responsible.OPERATOR,
        codes=("SSLError",),
        means="The TLS connection fails: a certificate that is not trusted (a proxy that inspects TLS?), or a wrong clock.",
        sentence="No TLS connection to AWS KMS can be made ({code}). The operator should check certificates and clock.",
    ),
    Row(
        name="not-kms",
        kind=Kind.TROUBLE,
        responsible=Responsible.OPERATOR,
        codes=("AttributeError", "LookupError", "RecursionError", "TypeError", "ValueError"),
        means="The endpoint is not AWS KMS (a proxy or captive portal), or its answer is malformed.",
        sentence="The answer is not from AWS KMS or is malformed ({code}). The operator should check proxies.",
    ),
)
_CORRUPTION = (
    Row(
        name="invalid-ciphertext",
        kind=Kind.CORRUPT,
        responsible=Responsible.OPERATOR,
        codes=("InvalidCiphertextException",),
        means="The wrapped data key is damaged, or was wrapped for another tenant.",
        sentence=CORRUPT,
    ),
    Row(
        name="incorrect-key",
        kind=Kind.CORRUPT,
        responsible=Responsible.OPERATOR,
        codes=("IncorrectKeyException",),
        means="The data key was wrapped by another KMS key than the catalog says.",
        sentence=CORRUPT,
    ),
)
_SETTINGS_WRONG = (
    Row(
        name="signature",
        kind=Kind.MISCONFIGURED,
        responsible=Responsible.OPERATOR,
        codes=("RequestExpired", "InvalidSignatureException", "SignatureDoesNotMatch"),
        means="The secret access key is wrong, or the clock is off by more than five minutes.",
        sentence=f"{_CREDENTIALS}, or set the clock.",
    ),
    Row(
        name="access-key",
        kind=Kind.MISCONFIGURED,
        responsible=Responsible.OPERATOR,
        codes=("UnrecognizedClientException", "InvalidClientTokenId"),
        means="The access key is unknown or was deleted.",
        sentence=f"{_CREDENTIALS}.",
    ),
    Row(
        name="session-ended",
        kind=Kind.MISCONFIGURED,
        responsible=Responsible.OPERATOR,
        codes=EXPIRED,
        means="The session of our credentials has ended.",
        does="Takes fresh credentials and asks once more first.",
        sentence=f"{_CREDENTIALS}.",
    ),
    Row(
        name="no-credentials-sent",
        kind=Kind.MISCONFIGURED,
        responsible=Responsible.OPERATOR,
        codes=("MissingAuthenticationToken", "MissingAuthenticationTokenException", "IncompleteSignature"),
        means="The request carried no usable credentials.",
        sentence=f"{_CREDENTIALS}.",
    ),
    Row(
        name="not-enabled",
        kind=Kind.MISCONFIGURED,
        responsible=Responsible.OPERATOR,
        codes=("OptInRequired", "RegionDisabledException"),
        means="The key's Region is not enabled for our account.",
        sentence=f"{_CREDENTIALS}.",
    ),
    Row(
        name="role",
        kind=Kind.MISCONFIGURED,
        responsible=Responsible.OPERATOR,
        codes=("AccessDenied",),
        means="AWS STS does not let us take the role that our AWS settings name.",
        sentence=f"AWS does not let us take the role of our settings ({{code}}). {_SETTINGS}",
    ),
    Row(
        name="arn",
        kind=Kind.MISCONFIGURED,
        responsible=Responsible.OPERATOR,
        codes=("InvalidArnException",),
        means="The key's ARN is malformed.",
        sentence="{arn} is not the ARN of a KMS key ({code}). The operator must fix the settings.",
    ),
    Row(
        name="kind-of-key",
        kind=Kind.MISCONFIGURED,
        responsible=Responsible.OPERATOR,
        codes=("InvalidKeyUsageException", "UnsupportedOperationException"),
        means="The key is not a symmetric key for encryption.",
        sentence="The KMS key {arn} is not a symmetric key for encryption ({code}). The operator must choose another one.",
    ),
    Row(
        name="grant",
        kind=Kind.MISCONFIGURED,
        responsible=Responsible.OPERATOR,
        codes=("InvalidGrantTokenException", "InvalidGrantIdException"),
        means="A grant's token or id is wrong. (Entrakeep sends none; a grant that has ended is a denial.)",
        sentence="AWS KMS knows no such grant for the KMS key {arn} ({code}). The operator must fix the AWS settings.",
    ),
    Row(
        name="limit",
        kind=Kind.MISCONFIGURED,
        responsible=Responsible.OPERATOR,
        codes=("LimitExceededException",),
        means="A quota that waiting does not free, such as the grants of a key, is used up.",
        sentence="A quota of AWS KMS is used up for the KMS key {arn} ({code}). The operator must have it raised.",
    ),
    Row(
        name="validation",
        kind=Kind.MISCONFIGURED,
        responsible=Responsible.OPERATOR,
        codes=("ValidationException",),
        means="KMS does not take what we sent: a defect of Entrakeep, to be reported.",
        sentence="AWS KMS does not take what we sent for {arn} ({code}). The operator should update Entrakeep, or report it.",
    ),
)
_LAST = (
    Row(
        name="network",
        kind=Kind.TROUBLE,
        responsible=Responsible.NOBODY,
        codes=(
            "EndpointConnectionError",
            "ConnectTimeoutError",
            "ReadTimeoutError",
            "ConnectionClosedError",
            "ProxyConnectionError",
            "BotoCoreError",
        ),
        means="No answer: name resolution, a proxy, a time-out, a connection refused or broken.",
        sentence="AWS KMS does not answer ({code}).",
    ),
    Row(
        name="any-4xx",
        kind=Kind.MISCONFIGURED,
        responsible=Responsible.OPERATOR,
        means="A code that we do not know.",
        sentence=f"AWS KMS answers {{code}} for {{arn}}. {_SETTINGS}",
    ),
)
ROWS = (*_NOT_SENT, *_TROUBLE, *_CORRUPTION, *_SETTINGS_WRONG, *DENIALS, *STATES, *_LAST)
"""In the order in which they are tried. The last one matches anything."""


def row_of(received: Received) -> Row:
    """Return the row that decides."""
    return next(row for row in ROWS if row.fits(received))
