"""Hold the rows that need a person: full stores, settings, credentials, buckets, and operations a store does not offer."""

from shared.adapters.blobs.s3.row import Kind, Row

_CREDENTIALS = (
    "The bucket {bucket} does not accept our AWS credentials ({code}). The operator must change the AWS settings"
)
_UNUSABLE_KEY = (
    "KMS.DisabledException",
    "KMS.NotFoundException",
    "KMS.KMSInvalidStateException",
    "KMS.InvalidStateException",
)

SPECIAL = (
    Row(
        name="archived",
        kind=Kind.FORBIDDEN,
        codes=("InvalidObjectState",),
        means="The object is in an archive (storage class Glacier Flexible Retrieval, Deep Archive, or an archive tier).",
        sentence="The object {name} in the bucket {bucket} is archived ({code}): restore it ('aws s3api restore-object'), "
        "then try again, and let no lifecycle rule archive this prefix.",
    ),
    Row(
        name="cap",
        kind=Kind.FULL,
        codes=("AccessDenied",),
        statuses=(403,),
        words=("cap exceeded", "quota exceeded", "exceeded your quota", "storage limit"),
        means="A cap or quota of the account is used up; Backblaze B2 says so with this code.",
        sentence="The bucket {bucket} refuses writes: a cap or quota of its account is used up ({code}). Raise it.",
    ),
    Row(
        name="full",
        kind=Kind.FULL,
        codes=(
            "QuotaExceeded",
            "InsufficientCapacity",
            "XMinioStorageFull",
            "XMinioAdminBucketQuotaExceeded",
            "StorageQuotaExceeded",
        ),
        statuses=(507,),
        means="The store, or the bucket's quota, is full.",
        sentence="The bucket {bucket} is full ({code}). Make room there, or raise its quota.",
    ),
    Row(
        name="session-ended",
        kind=Kind.FORBIDDEN,
        codes=("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"),
        means="The session of our credentials has ended.",
        sentence="The session of our AWS credentials for the bucket {bucket} has ended ({code}). The operator must "
        "renew them.",
        fresh=True,
    ),
    Row(
        name="object-lock",
        kind=Kind.FORBIDDEN,
        words=("content-md5 or x-amz-checksum", "content-md5 http header is required"),
        means="The bucket demands checksums, as one with a default retention of Object Lock does, and they are switched off.",
        sentence="The bucket {bucket} demands checksums ({code}): remove AWS_REQUEST_CHECKSUM_CALCULATION from the settings.",
    ),
    Row(
        name="checksums",
        kind=Kind.UNSUITABLE,
        codes=("MissingContentLength",),
        statuses=(411,),
        means="The store does not know the way in which AWS's library sends checksums.",
        sentence="The store of the bucket {bucket} does not take checksums ({code}): set "
        "AWS_REQUEST_CHECKSUM_CALCULATION=when_required, or use another store.",
    ),
    Row(
        name="checksum-headers",
        kind=Kind.UNSUITABLE,
        words=("x-amz-sdk-checksum", "x-amz-checksum", "x-amz-trailer", "payload-trailer"),
        means="The store does not know headers with checksums.",
        sentence="The store of the bucket {bucket} does not take checksum headers ({code}): set "
        "AWS_REQUEST_CHECKSUM_CALCULATION=when_required, or use another store.",
    ),
    Row(
        name="not-offered",
        kind=Kind.UNSUITABLE,
        codes=("NotImplemented", "MethodNotAllowed", "UnsupportedOperation"),
        statuses=(405, 501),
        means="The store does not offer the operation, or a header of it.",
        sentence="The store of the bucket {bucket} does not offer {operation} as Entrakeep calls it ({code}). Use "
        "another store.",
    ),
)
KEYS = (
    Row(
        name="kms-trouble",
        kind=Kind.TROUBLE,
        codes=(
            "KMS.ThrottlingException",
            "KMS.KMSInternalException",
            "KMS.DependencyTimeoutException",
            "KMS.KeyUnavailableException",
        ),
        means="The KMS key of the bucket's own encryption (SSE-KMS) cannot be used just now.",
        sentence="The KMS key that encrypts the bucket {bucket} is in trouble ({code}).",
    ),
    Row(
        name="kms-key",
        kind=Kind.FORBIDDEN,
        codes=(*_UNUSABLE_KEY, "KMS.InvalidKeyUsageException"),
        means="The KMS key of the bucket's own encryption (SSE-KMS) is disabled, deleted or of a wrong kind.",
        sentence="The KMS key that encrypts the bucket {bucket} cannot be used ({code}). Its owner must enable it, or the "
        "bucket must get another one.",
    ),
    Row(
        name="kms-denied",
        kind=Kind.FORBIDDEN,
        words=("kms:",),
        codes=("AccessDenied", "AccessDeniedException", "KMS.AccessDeniedException"),
        means="The KMS key of the bucket's own encryption (SSE-KMS) does not let us use it.",
        sentence="We may not use the KMS key that encrypts the bucket {bucket} ({code}): allow kms:GenerateDataKey and "
        "kms:Decrypt in its policy and in ours.",
    ),
)
REFUSALS = (
    Row(
        name="proxy",
        kind=Kind.FORBIDDEN,
        statuses=(407,),
        means="The proxy asks for a name and a password.",
        sentence="The proxy in front of the bucket {bucket} does not let us through ({code}); check HTTPS_PROXY.",
    ),
    Row(
        name="no-bucket",
        kind=Kind.FORBIDDEN,
        codes=("NoSuchBucket", "InvalidBucketName"),
        means="There is no such bucket.",
        sentence="There is no bucket {bucket} ({code}); create it, or set another store.",
    ),
    Row(
        name="elsewhere",
        kind=Kind.FORBIDDEN,
        codes=(
            "PermanentRedirect",
            "TemporaryRedirect",
            "Redirect",
            "AuthorizationHeaderMalformed",
            "IllegalLocationConstraintException",
        ),
        statuses=(301, 307, 308),
        means="The bucket is in another Region, or behind another address.",
        sentence="The bucket {bucket} is in another Region or behind another address ({code}): check AWS_REGION and "
        "AWS_ENDPOINT_URL_S3.",
    ),
    Row(
        name="access-key",
        kind=Kind.FORBIDDEN,
        codes=(
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "InvalidToken",
            "InvalidSecurity",
        ),
        means="The access key, or the session's token, is unknown or was deleted.",
        sentence=f"{_CREDENTIALS}.",
    ),
    Row(
        name="signature",
        kind=Kind.FORBIDDEN,
        codes=(
            "SignatureDoesNotMatch",
            "InvalidSignatureException",
            "MissingSecurityHeader",
            "MissingAuthenticationToken",
        ),
        means="The secret access key is wrong, or a proxy changes requests on the way.",
        sentence=f"{_CREDENTIALS}, or make the proxy leave requests unchanged.",
    ),
    Row(
        name="account",
        kind=Kind.FORBIDDEN,
        codes=("AccountProblem", "AllAccessDisabled", "NotSignedUp", "OptInRequired", "UnauthorizedAccess"),
        means="The bucket's account is closed, suspended, not paid for, or not enabled in this Region.",
        sentence="The account of the bucket {bucket} cannot be used ({code}): ask the provider's support.",
    ),
    Row(
        name="denied",
        kind=Kind.FORBIDDEN,
        codes=("AccessDenied", "AccessDeniedException"),
        statuses=(401, 403),
        means="A policy does not allow the call.",
        sentence="The bucket {bucket} refuses us {operation} ({code}); check its policy and ours.",
    ),
)
