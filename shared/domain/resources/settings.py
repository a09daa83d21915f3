"""Settings of the whole directory: domains, lifecycles of groups, templates, attributes, schema extensions and branding.

(Graph reference: domain, internalDomainFederation, subscribedSku, groupLifecyclePolicy, groupSetting, attributeSet,
customSecurityAttributeDefinition, schemaExtension, organizationalBrandingLocalization.)
"""

from shared.domain.resources.restoring import RestoreKind, Restoring, SafeCreate
from shared.domain.resources.rows import below, listed
from shared.domain.resources.table import Children, Reference, ReferenceKind, Resource, Rhythm

_FAMILY = "tenant-settings"
_LIFECYCLES = "/groupLifecyclePolicies"
_SETTINGS = "/groupSettings"
_SETS = "/directory/attributeSets"
_DEFINITIONS = "/directory/customSecurityAttributeDefinitions"
_EXTENSIONS = "/schemaExtensions"
_LANGUAGES = "/organization/{owner}/branding/localizations"
_TEXTS = """
    backgroundColor customAccountResetCredentialsUrl customCannotAccessYourAccountText customForgotMyPasswordText
    customPrivacyAndCookiesText customPrivacyAndCookiesUrl customTermsOfUseText customTermsOfUseUrl headerBackgroundColor
    signInPageText usernameHintText
"""
_BRANDING = f"id {_TEXTS} backgroundImageRelativeUrl bannerLogoRelativeUrl squareLogoRelativeUrl"


def _never(brief: str, *catches: str) -> Restoring:
    """Return the restore part of records that Graph offers no way to write."""
    return Restoring(kind=RestoreKind.NEVER, stage=0, brief=brief, catches=catches)


_ATTRIBUTES_READ, _ATTRIBUTES_WRITE = (
    "CustomSecAttributeDefinition.Read.All",
    "CustomSecAttributeDefinition.ReadWrite.All",
)
_VALUES = f"{_DEFINITIONS}/{{owner}}/allowedValues"

_ATTRIBUTES = (
    listed(
        Resource(
            resource="attributeSets",
            family=_FAMILY,
            path=_SETS,
            permission_read=_ATTRIBUTES_READ,
            permission_write=_ATTRIBUTES_WRITE,
            licence="none",
            properties=("id", "description", "maxAttributesPerSet"),
            restoring=Restoring(
                kind=RestoreKind.OBJECT,
                stage=1,
                collection=_SETS,
                item=f"{_SETS}/{{id}}",
                required=("id",),
                writable=("description", "maxAttributesPerSet"),
                create_only=("id",),
                create=SafeCreate.CLIENT_KEY,
                identified_by=("id",),
                catches=("The id is the name, and a set can never be deleted.",),
            ),
        ),
    ),
    listed(
        Resource(
            resource="customSecurityAttributeDefinitions",
            family=_FAMILY,
            path=_DEFINITIONS,
            permission_read=_ATTRIBUTES_READ,
            permission_write=_ATTRIBUTES_WRITE,
            licence="none",
            properties=(
                "id",
                "attributeSet",
                "description",
                "isCollection",
                "isSearchable",
                "name",
                "status",
                "type",
                "usePreDefinedValuesOnly",
            ),
            restoring=Restoring(
                kind=RestoreKind.OBJECT,
                stage=2,
                collection=_DEFINITIONS,
                item=f"{_DEFINITIONS}/{{id}}",
                required=(
                    "attributeSet",
                    "isCollection",
                    "isSearchable",
                    "name",
                    "status",
                    "type",
                    "usePreDefinedValuesOnly",
                ),
                writable=("description", "status", "usePreDefinedValuesOnly"),
                create_only=("attributeSet", "isCollection", "isSearchable", "name", "type"),
                not_cleared=("status", "usePreDefinedValuesOnly"),
                create=SafeCreate.NATURAL,
                identified_by=("attributeSet", "name"),
                catches=("A definition can never be deleted, only deprecated.",),
            ),
        ),
    ),
    below(
        Resource(
            resource="customSecurityAttributeDefinitions.allowedValues",
            family=_FAMILY,
            path=f"{_DEFINITIONS}/{{id}}/allowedValues",
            permission_read=_ATTRIBUTES_READ,
            permission_write=_ATTRIBUTES_WRITE,
            licence="none",
            properties=("id", "isActive"),
            restoring=Restoring(
                kind=RestoreKind.OBJECT,
                stage=3,
                collection=_VALUES,
                item=f"{_VALUES}/{{id}}",
                required=("id", "isActive"),
                writable=("isActive",),
                create_only=("id",),
                not_cleared=("isActive",),
                create=SafeCreate.CLIENT_KEY,
                identified_by=("id",),
                catches=("A value can never be deleted, only made inactive.",),
            ),
        ),
        Children(owner="customSecurityAttributeDefinitions", segment="allowedValues", links=False),
        owners=_DEFINITIONS,
    ),
)
"""Custom security attributes: their sets, their definitions, and the values they allow."""

ROWS = (
    listed(
        Resource(
            resource="domains",
            family="domains",
            path="/domains",
            permission_read="Domain.Read.All",
            permission_write="Domain.ReadWrite.All",
            licence="none",
            everywhere=True,
            properties=(
                "id",
                "authenticationType",
                "isAdminManaged",
                "isDefault",
                "isInitial",
                "isRoot",
                "isVerified",
                "passwordNotificationWindowInDays",
                "passwordValidityPeriodInDays",
                "supportedServices",
            ),
            restoring=Restoring(
                kind=RestoreKind.ADMINISTRATOR,
                stage=1,
                place="under Custom domain names",
                by_administrator=("isDefault", "passwordValidityPeriodInDays", "supportedServices"),
                brief="needs a new proof in DNS",
                catches=("A domain that was removed is added and proved again: its owner changes DNS.",),
            ),
        ),
    ),
    listed(
        Resource(
            resource="subscribedSkus",
            family=_FAMILY,
            path="/subscribedSkus",
            permission_read="LicenseAssignment.Read.All",
            permission_write="",
            licence="none",
            everywhere=True,
            volatile=("consumedUnits",),
            properties=(
                "accountId",
                "accountName",
                "appliesTo",
                "capabilityStatus",
                "consumedUnits",
                "id",
                "prepaidUnits",
                "servicePlans",
                "skuId",
                "skuPartNumber",
                "subscriptionIds",
            ),
            restoring=_never("bought licences", "Licences are bought, not restored."),
        ),
    ),
    listed(
        Resource(
            resource="groupLifecyclePolicies",
            family="identity",
            path=_LIFECYCLES,
            permission_read="Directory.Read.All",
            permission_write="Directory.ReadWrite.All",
            licence="P1",
            properties=("id", "alternateNotificationEmails", "groupLifetimeInDays", "managedGroupTypes"),
            restoring=Restoring(
                kind=RestoreKind.OBJECT,
                stage=6,
                collection=_LIFECYCLES,
                item=f"{_LIFECYCLES}/{{id}}",
                required=("groupLifetimeInDays", "managedGroupTypes"),
                writable=("alternateNotificationEmails", "groupLifetimeInDays", "managedGroupTypes"),
                not_cleared=("groupLifetimeInDays", "managedGroupTypes"),
                create=SafeCreate.LISTED,
                identified_by=("managedGroupTypes",),
                brief="at most one",
                catches=(
                    "A directory has at most one.",
                    "The groups of a policy for selected groups are added by an administrator.",
                ),
            ),
        ),
    ),
    listed(
        Resource(
            resource="groupSettings",
            family=_FAMILY,
            path=_SETTINGS,
            permission_read="GroupSettings.Read.All",
            permission_write="GroupSettings.ReadWrite.All",
            licence="P1",
            properties=("id", "displayName", "templateId", "values"),
            references=(Reference(path="templateId", kind=ReferenceKind.OUTSIDE),),
            restoring=Restoring(
                kind=RestoreKind.OBJECT,
                stage=6,
                collection=_SETTINGS,
                item=f"{_SETTINGS}/{{id}}",
                required=("templateId", "values"),
                writable=("values",),
                create_only=("templateId",),
                whole=("values",),
                not_cleared=("values",),
                create=SafeCreate.LISTED,
                identified_by=("templateId",),
                brief="one for each template",
            ),
        ),
    ),
    listed(
        Resource(
            resource="groupSettingTemplates",
            family=_FAMILY,
            path="/groupSettingTemplates",
            permission_read="GroupSettings.Read.All",
            permission_write="",
            licence="none",
            properties=("id", "deletedDateTime", "description", "displayName", "values"),
            restoring=_never("reference data", "Microsoft defines the templates."),
        ),
    ),
    listed(
        Resource(
            resource="schemaExtensions",
            family=_FAMILY,
            path=_EXTENSIONS,
            permission_read="Application.Read.All",
            permission_write="Application.ReadWrite.All",
            licence="none",
            properties=("id", "description", "owner", "properties", "status", "targetTypes"),
            references=(Reference(path="owner", kind=ReferenceKind.APP_ID, resources=("applications",), foreign=True),),
            restoring=Restoring(
                kind=RestoreKind.ADMINISTRATOR,
                stage=4,
                place="with the application that owns it",
                by_administrator=("description", "properties", "status", "targetTypes"),
                catches=(
                    "Graph lets the owning application alone write a schema extension.",
                    "One that is available can never be deleted.",
                ),
            ),
        ),
        rhythm=Rhythm.SELDOM,  # the list has the extensions of all organizations
    ),
    *_ATTRIBUTES,
    below(
        Resource(
            resource="organizationalBranding.localizations",
            family=_FAMILY,
            path="/organization/{id}/branding/localizations",
            permission_read="OrganizationalBranding.Read.All",
            permission_write="OrganizationalBranding.ReadWrite.All",
            licence="P1",
            properties=tuple(_BRANDING.split()),
            restoring=Restoring(
                kind=RestoreKind.OBJECT,
                stage=14,
                collection=_LANGUAGES,
                item=f"{_LANGUAGES}/{{id}}",
                required=("id",),
                writable=tuple(_TEXTS.split()),
                create_only=("id",),
                create=SafeCreate.CLIENT_KEY,
                identified_by=("id",),
                catches=(
                    "The id is a language; the texts and colours for all others have the id 0.",
                    "Pictures are not part of the backup: an administrator uploads them again.",
                ),
            ),
        ),
        Children(owner="organizationalBranding", segment="branding/localizations", links=False, name="localizations"),
        owners="/organization",
    ),
)

RESOURCES = tuple(row.resource for row in ROWS)
STREAMS = tuple(row.stream for row in ROWS)
