"""Whose certificates and domains the directory trusts. A planted one opens the front door, so changes must be seen.

(Graph reference: certificateBasedAuthPki, certificateAuthorityDetail, internalDomainFederation.)
"""

from shared.domain.resources.restoring import RestoreKind, Restoring
from shared.domain.resources.rows import below, listed
from shared.domain.resources.table import Children, Resource

_PKI = "/directory/publicKeyInfrastructure/certificateBasedAuthConfigurations"
_PKI_READ, _PKI_WRITE = "PublicKeyInfrastructure.Read.All", "PublicKeyInfrastructure.ReadWrite.All"


def _shown(*catches: str) -> Restoring:
    """Return the restore part of trust that an administrator renews."""
    return Restoring(
        kind=RestoreKind.NEVER, stage=0, brief="shown for an administrator, not written yet", catches=catches
    )


ROWS = (
    listed(
        Resource(
            resource="publicKeyInfrastructures",
            family="authentication",
            path=_PKI,
            permission_read=_PKI_READ,
            permission_write=_PKI_WRITE,
            licence="none",
            properties=("id", "deletedDateTime", "displayName", "lastModifiedDateTime", "status", "statusDetails"),
            volatile=("lastModifiedDateTime", "statusDetails"),
            restoring=_shown(
                "A deleted one is in the recycle bin for 30 days, from which an administrator restores it."
            ),
        ),
    ),
    below(
        Resource(
            resource="publicKeyInfrastructures.certificateAuthorities",
            family="authentication",
            path=f"{_PKI}/{{id}}/certificateAuthorities",
            permission_read=_PKI_READ,
            permission_write=_PKI_WRITE,
            licence="none",
            properties=(
                "id",
                "certificate",
                "certificateAuthorityType",
                "certificateRevocationListUrl",
                "deltaCertificateRevocationListUrl",
                "displayName",
                "expirationDateTime",
                "issuer",
                "issuerSubjectKeyIdentifier",
                "thumbprint",
            ),
            restoring=_shown("Certificates of authorities are public, and uploaded again by an administrator."),
        ),
        Children(owner="publicKeyInfrastructures", segment="certificateAuthorities", links=False),
        owners=_PKI,
    ),
    below(
        Resource(
            resource="domains.federationConfiguration",
            family="domains",
            path="/domains/{id}/federationConfiguration",
            permission_read="Domain-InternalFederation.Read.All",
            permission_write="Domain-InternalFederation.ReadWrite.All",
            licence="none",
            properties=(
                "@odata.type",
                "id",
                "activeSignInUri",
                "displayName",
                "federatedIdpMfaBehavior",
                "issuerUri",
                "metadataExchangeUri",
                "nextSigningCertificate",
                "passiveSignInUri",
                "preferredAuthenticationProtocol",
                "promptLoginBehavior",
                "signOutUri",
                "signingCertificate",
            ),
            restoring=_shown("Writing it turns a managed domain into a federated one, so an administrator decides."),
        ),
        Children(owner="domains", segment="federationConfiguration", links=False),
        owners="/domains",
    ),
)

RESOURCES = tuple(row.resource for row in ROWS)
STREAMS = tuple(row.stream for row in ROWS)
