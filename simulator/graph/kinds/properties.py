"""The properties of each kind of object, as in Graph's v1.0 metadata. Line breaks have no meaning."""

USER_DEFAULT = """
businessPhones displayName givenName jobTitle mail mobilePhone officeLocation preferredLanguage surname
userPrincipalName id
"""
USER = f"""
{USER_DEFAULT} accountEnabled ageGroup assignedLicenses assignedPlans authorizationInfo city companyName
consentProvidedForMinor country createdDateTime creationType customSecurityAttributes deletedDateTime department
employeeHireDate employeeId employeeLeaveDateTime employeeOrgData employeeType externalUserState
externalUserStateChangeDateTime faxNumber identities identityParentId imAddresses isManagementRestricted isResourceAccount
lastPasswordChangeDateTime legalAgeGroupClassification licenseAssignmentStates mailNickname onPremisesDistinguishedName
onPremisesDomainName onPremisesExtensionAttributes onPremisesImmutableId onPremisesLastSyncDateTime
onPremisesProvisioningErrors onPremisesSamAccountName onPremisesSecurityIdentifier onPremisesSyncEnabled
onPremisesUserPrincipalName otherMails passwordPolicies passwordProfile postalCode preferredDataLocation provisionedPlans
proxyAddresses securityIdentifier serviceProvisioningErrors showInAddressList signInSessionsValidFromDateTime state
streetAddress usageLocation userType
"""
GROUP = """
id deletedDateTime classification createdDateTime creationOptions description displayName expirationDateTime groupTypes
isAssignableToRole mail mailEnabled mailNickname membershipRule membershipRuleProcessingState onPremisesDomainName
onPremisesLastSyncDateTime onPremisesNetBiosName onPremisesSamAccountName onPremisesSecurityIdentifier onPremisesSyncEnabled
preferredDataLocation preferredLanguage proxyAddresses renewedDateTime resourceBehaviorOptions resourceProvisioningOptions
securityEnabled securityIdentifier theme uniqueName visibility onPremisesProvisioningErrors serviceProvisioningErrors
"""
GROUP_SELECTED = """
assignedLabels assignedLicenses hasMembersWithLicenseErrors isArchived isManagementRestricted licenseProcessingState
onPremisesExtensionAttributes
"""
APPLICATION = """
id deletedDateTime appId applicationTemplateId disabledByMicrosoftStatus createdDateTime displayName description
groupMembershipClaims identifierUris isDeviceOnlyAuthSupported isFallbackPublicClient nativeAuthenticationApisEnabled
notes optionalClaims publisherDomain serviceManagementReference signInAudience tags tokenEncryptionKeyId uniqueName
samlMetadataUrl defaultRedirectUri certification requestSignatureVerification addIns api appRoles info keyCredentials
parentalControlSettings passwordCredentials publicClient requiredResourceAccess servicePrincipalLockConfiguration spa
verifiedPublisher web
"""
APPLICATION_SELECTED = "onPremisesPublishing"
BLUEPRINT = """
id deletedDateTime api appId appRoles certification createdByAppId createdDateTime description disabledByMicrosoftStatus
displayName groupMembershipClaims identifierUris info keyCredentials managerApplications optionalClaims passwordCredentials
publisherDomain serviceManagementReference signInAudience tags tokenEncryptionKeyId uniqueName verifiedPublisher web
"""
BLUEPRINT_PRINCIPAL = """
id deletedDateTime accountEnabled appDescription appDisplayName appId appOwnerOrganizationId appRoleAssignmentRequired
appRoles createdByAppId createdDateTime disabledByMicrosoftStatus displayName info oauth2PermissionScopes publisherName
servicePrincipalNames servicePrincipalType signInAudience tags verifiedPublisher
"""
AGENT_IDENTITY = """
id deletedDateTime accountEnabled agentIdentityBlueprintId createdByAppId createdDateTime customSecurityAttributes
disabledByMicrosoftStatus displayName managerApplications servicePrincipalType tags
"""
SERVICE_PRINCIPAL_SELECTED = "customSecurityAttributes"
SERVICE_PRINCIPAL = """
id deletedDateTime accountEnabled alternativeNames appDisplayName appDescription appId applicationTemplateId
appOwnerOrganizationId appRoleAssignmentRequired createdDateTime description disabledByMicrosoftStatus displayName
homepage loginUrl logoutUrl notes notificationEmailAddresses preferredSingleSignOnMode
preferredTokenSigningKeyThumbprint replyUrls servicePrincipalNames servicePrincipalType signInAudience tags
tokenEncryptionKeyId samlSingleSignOnSettings addIns appRoles info keyCredentials oauth2PermissionScopes
passwordCredentials resourceSpecificApplicationPermissions verifiedPublisher
"""
POLICY = """
id templateId displayName createdDateTime modifiedDateTime deletedDateTime state partialEnablementStrategy sessionControls
conditions grantControls
"""
ORGANIZATION = """
id deletedDateTime assignedPlans businessPhones city country countryLetterCode createdDateTime defaultUsageLocation
displayName isMultipleDataLocationsForServicesEnabled marketingNotificationEmails onPremisesLastSyncDateTime
onPremisesSyncEnabled partnerTenantType postalCode preferredLanguage privacyProfile provisionedPlans
securityComplianceNotificationMails securityComplianceNotificationPhones state street technicalNotificationMails
tenantType verifiedDomains
"""
ELSEWHERE = """
aboutMe birthday hireDate interests mailboxSettings mySite pastProjects preferredName responsibilities schools skills
deviceEnrollmentLimit print
"""
DIRECTORY_ROLE = "id deletedDateTime description displayName roleTemplateId"
ASSIGNMENT = """
id deletedDateTime appRoleId createdDateTime principalDisplayName principalId principalType resourceDisplayName resourceId
"""
GRANT = "clientId consentType id principalId resourceId scope"
LOCATION = """
@odata.type id displayName createdDateTime modifiedDateTime isTrusted ipRanges countriesAndRegions
includeUnknownCountriesAndRegions countryLookupMethod
"""
CONTEXT = "id displayName description isAvailable"
STRENGTH = """
id createdDateTime modifiedDateTime displayName description policyType requirementsSatisfied allowedCombinations
"""
COMBINATION = "@odata.type id appliesToCombinations allowedAAGUIDs allowedIssuerSkis allowedPolicyOIDs"
AGREEMENT = """
id displayName isPerDeviceAcceptanceRequired isViewingBeforeAcceptanceRequired termsExpiration userReacceptRequiredFrequency
"""
UNIT = """
id deletedDateTime description displayName isMemberManagementRestricted membershipRule membershipRuleProcessingState
membershipType visibility
"""
SCOPED_MEMBER = "id administrativeUnitId roleId roleMemberInfo"
ROLE_DEFINITION = """
id description displayName isBuiltIn isEnabled inheritsPermissionsFrom resourceScopes templateId version rolePermissions
"""
ROLE_ASSIGNMENT = "id principalId directoryScopeId roleDefinitionId appScopeId"
AUTHORIZATION = """
id displayName description allowInvitesFrom allowUserConsentForRiskyApps allowedToSignUpEmailBasedSubscriptions
allowedToUseSSPR allowEmailVerifiedUsersToJoinOrganization blockMsolPowerShell guestUserRoleId defaultUserRolePermissions
"""
SECURITY_DEFAULTS = "id displayName description isEnabled"
AUTHENTICATION_METHODS = """
id displayName description lastModifiedDateTime policyVersion policyMigrationState registrationEnforcement
authenticationMethodConfigurations
"""
CONSENT_REQUESTS = "id isEnabled notifyReviewers remindersEnabled requestDurationInDays version reviewers"
DEFINED = "id deletedDateTime definition description displayName isOrganizationDefault"
TEMPLATE = "id deletedDateTime displayName description values"
SETTING = "id displayName templateId values"
LIFECYCLE = "id groupLifetimeInDays managedGroupTypes alternateNotificationEmails"
DEVICE = """
id deletedDateTime accountEnabled approximateLastSignInDateTime complianceExpirationDateTime deviceCategory deviceId
deviceMetadata deviceOwnership deviceVersion displayName domainName enrollmentProfileName enrollmentType extensionAttributes
isCompliant isManaged isRooted managementType manufacturer mdmAppId model onPremisesLastSyncDateTime
onPremisesSecurityIdentifier onPremisesSyncEnabled operatingSystem operatingSystemVersion physicalIds profileType
registrationDateTime systemLabels trustType
"""
SUBSCRIBED_SKU = """
accountId accountName appliesTo capabilityStatus consumedUnits id prepaidUnits servicePlans skuId skuPartNumber
subscriptionIds
"""
CATALOG = "id catalogType createdDateTime description displayName isExternallyVisible modifiedDateTime state"
PACKAGE = "id createdDateTime description displayName isHidden modifiedDateTime"
ASSIGNMENT_POLICY = """
id allowedTargetScope automaticRequestSettings createdDateTime description displayName expiration modifiedDateTime
notificationSettings requestApprovalSettings requestorSettings reviewSettings specificAllowedTargets
"""
CALLOUT = """
@odata.type id authenticationConfiguration callbackConfiguration clientConfiguration createdDateTime description displayName
endpointConfiguration lastModifiedDateTime
"""
REVIEW = """
id additionalNotificationRecipients createdBy createdDateTime descriptionForAdmins descriptionForReviewers displayName
fallbackReviewers instanceEnumerationScope lastModifiedDateTime reviewers scope settings stageSettings status
"""
SYNCHRONIZATION = "displayName tenantId userSyncInbound"
ACCESS = """
automaticUserConsentSettings b2bCollaborationInbound b2bCollaborationOutbound b2bDirectConnectInbound
b2bDirectConnectOutbound inboundTrust tenantRestrictions
"""
PARTNER = f"tenantId isInMultiTenantOrganization isServiceProvider {ACCESS}"
CONDITIONS = """
id clientApplicationIds clientApplicationPublisherIds clientApplicationTenantIds clientApplicationsFromVerifiedPublisherOnly
permissionClassification permissionType permissions resourceApplication
"""
APP_MANAGEMENT = "id deletedDateTime description displayName isEnabled restrictions"
DEFAULT_APP_MANAGEMENT = """
id deletedDateTime applicationRestrictions description displayName isEnabled servicePrincipalRestrictions
"""
DOMAIN = """
id authenticationType isAdminManaged isDefault isInitial isRoot isVerified passwordNotificationWindowInDays
passwordValidityPeriodInDays supportedServices
"""
ELIGIBILITY_REQUEST = """
id action appScopeId approvalId completedDateTime createdDateTime directoryScopeId isValidationOnly justification
principalId roleDefinitionId scheduleInfo status targetScheduleId ticketInfo
"""
ELIGIBILITY = """
id appScopeId createdDateTime createdUsing directoryScopeId memberType modifiedDateTime principalId roleDefinitionId
scheduleInfo status
"""
FEDERATED = "id name issuer subject description audiences claimsMatchingExpression"
EXTENSION_PROPERTY = """
id deletedDateTime appDisplayName dataType isMultiValued isSyncedFromOnPremises name targetObjects
"""
METHOD = """
@odata.type id state excludeTargets includeTargets allowExternalIdToUseEmailOtp authenticationModeConfiguration
certificateUserBindings crlValidationConfiguration defaultLength defaultLifetimeInMinutes defaultPasskeyProfile
featureSettings isAttestationEnforced isOfficePhoneAllowed isSelfServiceRegistrationAllowed isSoftwareOathEnabled isUsableOnce
issuerHintsConfiguration keyRestrictions maximumLifetimeInMinutes minimumLifetimeInMinutes passkeyProfiles
"""
BRANDING = """
id backgroundColor backgroundImageRelativeUrl bannerLogoRelativeUrl cdnList contentCustomization
customAccountResetCredentialsUrl
customCannotAccessYourAccountText customForgotMyPasswordText customPrivacyAndCookiesText customPrivacyAndCookiesUrl
customTermsOfUseText customTermsOfUseUrl headerBackgroundColor
loginPageLayoutConfiguration loginPageTextVisibilitySettings signInPageText squareLogoRelativeUrl usernameHintText
"""
