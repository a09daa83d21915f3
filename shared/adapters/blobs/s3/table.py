"""Hold every answer of S3, and of stores that speak S3: what it means, and the sentence that users see.

The first row that matches decides: by error code, HTTP status and, where stores use one code for several things, by
words of the message. (Amazon S3 API Reference, "Error responses"; AWS KMS developer guide, "Key states"; MinIO, Ceph,
Backblaze B2 and Cloudflare R2: their pages on S3 compatibility and errors.)
"""

from shared.adapters.blobs.s3.refusals import KEYS, REFUSALS, SPECIAL
from shared.adapters.blobs.s3.row import Kind, Received, Row
from shared.aws import BAD_SETTINGS, NO_CREDENTIALS

_TROUBLE = (
    Row(
        name="throttled",
        kind=Kind.TROUBLE,
        codes=(
            "SlowDown",
            "SlowDownRead",
            "SlowDownWrite",
            "TooManyRequests",
            "TooManyRequestsException",
            "RateLimitExceeded",
            "RequestLimitExceeded",
            "RequestThrottled",
            "RequestThrottledException",
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "BandwidthLimitExceeded",
            "Busy",
        ),
        statuses=(429,),
        means="Entrakeep sends more calls than the store accepts.",
        sentence="The bucket {bucket} asks for fewer calls ({code}).",
    ),
    Row(
        name="conflict",
        kind=Kind.TROUBLE,
        codes=("OperationAborted", "ConditionalRequestConflict", "PriorRequestNotComplete"),
        means="Somebody else is changing this name, or the bucket, just now.",
        sentence="Another operation is under way in the bucket {bucket} ({code}).",
    ),
    Row(
        name="cut-on-the-way",
        kind=Kind.TROUBLE,
        codes=(
            "IncompleteBody",
            "BadDigest",
            "XAmzContentSHA256Mismatch",
            "XAmzContentChecksumMismatch",
            "RequestTimeout",
            "RequestTimeoutException",
            "ClientDisconnected",
        ),
        statuses=(408, 499),
        means="What arrived is not what was sent, or came too slowly: cut or changed on the way.",
        sentence="What was sent to the bucket {bucket} did not arrive as it was sent ({code}).",
    ),
    Row(
        name="clock",
        kind=Kind.TROUBLE,
        codes=("RequestTimeTooSkewed", "RequestExpired"),
        means="The clocks are more than 15 minutes apart, or the request was under way for so long.",
        sentence="The clocks of this machine and of the bucket {bucket} are too far apart ({code}). Set this machine's clock "
        "if that stays.",
    ),
    Row(
        name="portal",
        kind=Kind.TROUBLE,
        statuses=(302, 303, 511),
        means="A proxy or captive portal answers in place of the store.",
        sentence="The answer for the bucket {bucket} is not from S3 ({code}). The operator should check proxies.",
    ),
    Row(
        name="inside-the-store",
        kind=Kind.TROUBLE,
        codes=(
            "InternalError",
            "InternalFailure",
            "ServiceUnavailable",
            "ServiceUnavailableException",
            "ServiceException",
            "XMinioServerNotInitialized",
        ),
        statuses=tuple(status for status in range(500, 600) if status not in (501, 507, 511)),
        means="Trouble inside the store, or in a proxy in front of it.",
        sentence="The bucket {bucket} is in trouble ({code}).",
    ),
)
_LAST = (
    Row(
        name="no-credentials",
        kind=Kind.FORBIDDEN,
        codes=NO_CREDENTIALS,
        means="Nothing was sent: there are no credentials.",
        sentence="There are no AWS credentials for the bucket {bucket}. The operator must set them.",
    ),
    Row(
        name="not-sent",
        kind=Kind.FORBIDDEN,
        codes=BAD_SETTINGS,
        means="Nothing was sent: the AWS settings of our process are incomplete or invalid.",
        sentence="Nothing was sent to the bucket {bucket} ({code}). The operator must change the AWS settings.",
    ),
    Row(
        name="tls",
        kind=Kind.TROUBLE,
        codes=("SSLError",),
        means="The TLS connection fails: a certificate that is not trusted (a proxy that inspects TLS?), or a wrong clock.",
        sentence="No TLS connection to the bucket {bucket} can be made ({code}). Check certificates (AWS_CA_BUNDLE) and "
        "clock.",
    ),
    Row(
        name="network",
        kind=Kind.TROUBLE,
        codes=("BotoCoreError", "RecursionError"),
        means="No answer, half of one, or one that is not S3's: name resolution, a proxy, a time-out, a broken connection.",
        sentence="The bucket {bucket} does not answer ({code}).",
    ),
    Row(
        name="any-other",
        kind=Kind.FORBIDDEN,
        means="A code that we do not know.",
        sentence="The bucket {bucket} answers {code} to {operation}; check its policy and the AWS settings.",
    ),
)
ROWS = (*SPECIAL, *KEYS, *_TROUBLE, *REFUSALS, *_LAST)
"""In the order in which they are tried. The last one matches anything."""


def row_of(received: Received) -> Row:
    """Return the row that decides."""
    return next(row for row in ROWS if row.fits(received))
