"""The values of generated objects: realistic JSON, derived from the seed and an object's number. A user has about 2 KB."""

import json
import unicodedata

from simulator.graph import words
from simulator.graph.links import Links
from simulator.graph.numbering import APPLICATION, ASSIGNMENT, GRANT, GROUP, POLICY, PRINCIPAL, USER

DOMAIN = "contoso.onmicrosoft.com"
_PRINCIPALS = {USER: "User", GROUP: "Group", PRINCIPAL: "ServicePrincipal"}
_TEXT = json.JSONEncoder(ensure_ascii=False).encode


def _ascii(name: str) -> str:
    plain = name.replace("ł", "l").replace("Ł", "L").replace("ø", "o").replace("đ", "d").replace("ı", "i")
    plain = unicodedata.normalize("NFKD", plain)
    return "".join(character for character in plain if character.isascii() and character.isalnum()).lower()


_GIVEN = [(_TEXT(name)[1:-1], _ascii(name)) for name in words.GIVEN]
_SURNAMES = [(_TEXT(name)[1:-1], _ascii(name)) for name in words.SURNAMES]


class Values:
    """The JSON of all generated objects of one directory. Properties that were never set are absent."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._numbers = links.numbers

    def name(self, kind: int, number: int) -> str:
        """Return the displayName of a user, a group or a service principal, escaped for JSON, without quotes."""
        mix = self._numbers.mix(APPLICATION if kind == PRINCIPAL else kind, number)
        if kind == USER:
            return f"{_GIVEN[mix % len(_GIVEN)][0]} {_SURNAMES[(mix >> 8) % len(_SURNAMES)][0]}"
        if kind == GROUP:
            return f"{words.DEPARTMENTS[mix % 12]} {words.PLACES[(mix >> 8) & 7][0]} {number}"
        return f"{words.PRODUCTS[mix % 10]} {number}"

    def user(self, number: int) -> str:
        """Return a user as JSON."""
        mix = self._numbers.mix(USER, number)
        given, given_ascii = _GIVEN[mix % len(_GIVEN)]
        surname, surname_ascii = _SURNAMES[(mix >> 8) % len(_SURNAMES)]
        city, state, country, code, postal, street, language, phone = words.PLACES[(mix >> 16) & 7]
        department = words.DEPARTMENTS[(mix >> 20) % 12]
        title = words.TITLES[(mix >> 24) % 12]
        nick = f"{given_ascii}.{surname_ascii}{number}"
        year, month, day = 2012 + (mix >> 28) % 13, 1 + (mix >> 32) % 12, 1 + (mix >> 36) % 28
        hour, minute = (mix >> 40) % 24, (mix >> 44) % 60
        line = f"{(mix >> 48) % 10000:04d}"
        date = f"{year}-{month:02d}-{day:02d}"
        when = f"{date}T{hour:02d}:{minute:02d}:{(mix >> 12) % 60:02d}Z"
        sku, other_sku = words.LICENCES[mix % 3], words.LICENCES[(mix + 1) % 3]
        mobile = f'"mobilePhone":"{phone} 01{line[2:]}",' if mix & 0x300 else ""
        hybrid = ""
        if number % 10 in (3, 6, 9):
            hybrid = (
                f'"onPremisesDistinguishedName":"CN={given} {surname},OU={department},DC=corp,DC=contoso,DC=com",'
                f'"onPremisesDomainName":"corp.contoso.com","onPremisesImmutableId":"{mix & 0xFFFFFFFF:08x}Q2xh==",'
                f'"onPremisesLastSyncDateTime":"2025-09-{day:02d}T{hour:02d}:10:44Z","onPremisesSamAccountName":"{nick[:20]}",'
                f'"onPremisesSecurityIdentifier":"S-1-5-21-{mix >> 33}-{mix & 0x7FFFFFFF}-1004336348-{number + 1100}",'
                f'"onPremisesSyncEnabled":true,"onPremisesUserPrincipalName":"{nick}@corp.contoso.com",'
            )
        return (
            f'{{"id":"{self._numbers.id(USER, number)}","businessPhones":["{phone} {line}"],'
            f'"displayName":"{given} {surname}",'
            f'"givenName":"{given}","jobTitle":"{department} {title}","mail":"{nick}@{DOMAIN}",{mobile}'
            f'"officeLocation":"{(mix >> 50) % 40 + 1}/{(mix >> 54) % 900 + 1000}","preferredLanguage":"{language}",'
            f'"surname":"{surname}","userPrincipalName":"{nick}@{DOMAIN}",'
            f'"accountEnabled":{"false" if mix % 17 == 0 else "true"},'
            f'"assignedLicenses":[{{"disabledPlans":["{words.PLANS[mix & 1]}"],"skuId":"{sku}"}},'
            f'{{"disabledPlans":[],"skuId":"{other_sku}"}}],"authorizationInfo":{{"certificateUserIds":[]}},"city":"{city}",'
            f'"companyName":"Contoso {country}","country":"{country}","createdDateTime":"{when}","department":"{department}",'
            f'"employeeHireDate":"{date}T00:00:00Z","employeeId":"{100000 + number}",'
            f'"employeeOrgData":{{"division":"{department} {code}","costCenter":"{(mix >> 30) % 9000 + 1000}"}},'
            f'"employeeType":"{"Contractor" if mix & 0xF0000 == 0 else "Employee"}",'
            f'"identities":[{{"signInType":"userPrincipalName","issuer":"{DOMAIN}","issuerAssignedId":"{nick}@{DOMAIN}"}}],'
            f'"imAddresses":["{nick}@{DOMAIN}"],"lastPasswordChangeDateTime":"{when}",'
            f'"licenseAssignmentStates":[{{"skuId":"{sku}","assignedByGroup":null,"state":"Active","error":"None",'
            f'"disabledPlans":["{words.PLANS[mix & 1]}"],"lastUpdatedDateTime":"{when}"}}],"mailNickname":"{nick}",{hybrid}'
            f'"onPremisesExtensionAttributes":{{"extensionAttribute1":"{code}-{line}","extensionAttribute2":null,'
            f'"extensionAttribute3":null,"extensionAttribute4":"{department}","extensionAttribute5":null}},'
            f'"onPremisesProvisioningErrors":[],"otherMails":[],"postalCode":"{postal}",'
            f'"proxyAddresses":["SMTP:{nick}@{DOMAIN}","smtp:{nick}@contoso.com"],'
            f'"securityIdentifier":"S-1-12-1-{mix >> 32}-{mix & 0xFFFFFFFF}-{(mix * 7) >> 35}-{number}",'
            f'"serviceProvisioningErrors":[],"signInSessionsValidFromDateTime":"{when}","state":"{state}",'
            f'"streetAddress":"{street} {(mix >> 5) % 180 + 1}","usageLocation":"{code}",'
            f'"userType":"{"Guest" if mix % 31 == 0 else "Member"}"}}'
        )

    def group(self, number: int) -> str:
        """Return a group as JSON."""
        mix = self._numbers.mix(GROUP, number)
        department = words.DEPARTMENTS[mix % 12]
        city = words.PLACES[(mix >> 8) & 7][0]
        unified = number % 3 == 0
        nick = f"group-{number}"
        date = f"20{15 + (mix >> 12) % 10}-{1 + (mix >> 16) % 12:02d}-{1 + (mix >> 20) % 28:02d}"
        when = f"{date}T09:{(mix >> 26) % 60:02d}:12Z"
        mail = f'"mail":"{nick}@{DOMAIN}",' if unified else ""
        kinds, proxies = ('["Unified"]', f'["SMTP:{nick}@{DOMAIN}"]') if unified else ("[]", "[]")
        team = '["Team"]' if number % 6 == 0 else "[]"
        visibility = f'"visibility":"{"Private" if mix & 1 else "Public"}",' if unified else ""
        return (
            f'{{"id":"{self._numbers.id(GROUP, number)}","createdDateTime":"{when}",'
            f'"description":"{department} in {city}: people, owners and access of team {number}",'
            f'"displayName":"{self.name(GROUP, number)}","groupTypes":{kinds},{mail}'
            f'"mailEnabled":{str(unified).lower()},"mailNickname":"{nick}","onPremisesProvisioningErrors":[],'
            f'"proxyAddresses":{proxies},"renewedDateTime":"{when}","resourceBehaviorOptions":[],'
            f'"resourceProvisioningOptions":{team},'
            f'"securityEnabled":{str(not unified).lower()},'
            f'"securityIdentifier":"S-1-12-1-{mix >> 32}-{mix & 0xFFFFFFFF}-{(mix * 5) >> 35}-{number}",'
            f'{visibility}"serviceProvisioningErrors":[]}}'
        )

    def application(self, number: int) -> str:
        """Return an application as JSON."""
        mix = self._numbers.mix(APPLICATION, number)
        name = self.name(PRINCIPAL, number)
        app = self._numbers.application_id(number)
        return (
            f'{{"id":"{self._numbers.id(APPLICATION, number)}","appId":"{app}",'
            f'"createdDateTime":"20{17 + mix % 8}-0{1 + mix % 9}-17T19:10:35.2742618Z",'
            f'"displayName":"{name}","groupMembershipClaims":"SecurityGroup","identifierUris":["api://{app}"],'
            f'"publisherDomain":"{DOMAIN}","signInAudience":"AzureADMyOrg","tags":[],"addIns":[],'
            f'"api":{{"acceptMappedClaims":null,"knownClientApplications":[],"requestedAccessTokenVersion":2,'
            f'"oauth2PermissionScopes":[],"preAuthorizedApplications":[]}},"appRoles":[],'
            f'"info":{{"termsOfServiceUrl":null,"supportUrl":null,"privacyStatementUrl":null,"marketingUrl":null,"logoUrl":null}},'
            f'"keyCredentials":[],"parentalControlSettings":{{"countriesBlockedForMinors":[],"legalAgeGroupRule":"Allow"}},'
            f'"passwordCredentials":[],"publicClient":{{"redirectUris":[]}},"requiredResourceAccess":[{{"resourceAppId":'
            f'"00000003-0000-0000-c000-000000000000","resourceAccess":[{{"id":"e1fe6dd8-ba31-4d61-89e7-88639da4683d",'
            f'"type":"Scope"}}]}}],"verifiedPublisher":{{"displayName":null,"verifiedPublisherId":null,"addedDateTime":null}},'
            f'"web":{{"homePageUrl":null,"logoutUrl":null,"redirectUris":["https://app{number}.contoso.com/signin"],'
            f'"implicitGrantSettings":{{"enableAccessTokenIssuance":false,"enableIdTokenIssuance":true}}}},'
            f'"spa":{{"redirectUris":[]}}}}'
        )

    def service_principal(self, number: int) -> str:
        """Return the service principal of the application with the same number, as JSON."""
        mix = self._numbers.mix(PRINCIPAL, number)
        app = self._numbers.application_id(number)
        name = self.name(PRINCIPAL, number)
        return (
            f'{{"id":"{self._numbers.id(PRINCIPAL, number)}","accountEnabled":true,"alternativeNames":[],'
            f'"appDisplayName":"{name}","appId":"{app}",'
            f'"appOwnerOrganizationId":"22222222-2222-2222-2222-222222222222",'
            f'"appRoleAssignmentRequired":{str(bool(mix & 1)).lower()},'
            f'"createdDateTime":"20{17 + mix % 8}-0{1 + mix % 9}-20T08:00:00Z","displayName":"{name}",'
            f'"notificationEmailAddresses":[],'
            f'"replyUrls":["https://app{number}.contoso.com/signin"],"servicePrincipalNames":["api://{app}","{app}"],'
            f'"servicePrincipalType":"Application","signInAudience":"AzureADMyOrg","tags":["WindowsAzureActiveDirectoryIntegratedApp"],'
            f'"addIns":[],"appRoles":[],"keyCredentials":[],"oauth2PermissionScopes":[],"passwordCredentials":[],'
            f'"resourceSpecificApplicationPermissions":[]}}'
        )

    def policy(self, number: int) -> str:
        """Return a Conditional Access policy as JSON."""
        mix = self._numbers.mix(POLICY, number)
        users, groups = self._numbers.counts[:2]
        excluded_groups = _TEXT([self._numbers.id(GROUP, mix % groups)] if groups else [])
        excluded_users = _TEXT([self._numbers.id(USER, mix % users)] if users else [])
        state = ("enabled", "disabled", "enabledForReportingButNotEnforced")[mix % 3]
        return (
            f'{{"id":"{self._numbers.id(POLICY, number)}","templateId":null,'
            f'"displayName":"CA{number:03d}: Require {words.DEPARTMENTS[mix % 12]} '
            f'to prove who they are","createdDateTime":"2024-0{1 + mix % 9}-14T19:52:00.050958Z","modifiedDateTime":null,'
            f'"state":"{state}","partialEnablementStrategy":null,"sessionControls":null,'
            f'"conditions":{{"userRiskLevels":[],"signInRiskLevels":[],"clientAppTypes":["all"],'
            f'"servicePrincipalRiskLevels":[],"platforms":null,"locations":null,"devices":null,"clientApplications":null,'
            f'"applications":{{"includeApplications":["All"],"excludeApplications":[],"includeUserActions":[],'
            f'"includeAuthenticationContextClassReferences":[],"applicationFilter":null}},'
            f'"users":{{"includeUsers":["All"],"excludeUsers":{excluded_users},"includeGroups":[],"excludeGroups":{excluded_groups},'
            f'"includeRoles":[],"excludeRoles":[],"includeGuestsOrExternalUsers":null,"excludeGuestsOrExternalUsers":null}}}},'
            f'"grantControls":{{"operator":"OR","builtInControls":["mfa"],"customAuthenticationFactors":[],"termsOfUse":[],'
            f'"authenticationStrength":null}}}}'
        )

    def assignment(self, number: int) -> str:
        """Return an app role assignment as JSON."""
        mix = self._numbers.mix(ASSIGNMENT, number)
        resource, kind, principal = self._links.assignment(number)
        day = f"20{18 + mix % 8}-{1 + (mix >> 8) % 12:02d}-{1 + (mix >> 12) % 28:02d}"
        time = f"{(mix >> 18) % 24:02d}:{(mix >> 24) % 60:02d}:{(mix >> 30) % 60:02d}.{(mix >> 36) % 9000000 + 1000000}"
        return (
            f'{{"id":"{self._links.assignment_id(number)}","deletedDateTime":null,'
            f'"appRoleId":"00000000-0000-0000-0000-000000000000",'
            f'"createdDateTime":"{day}T{time}Z",'
            f'"principalDisplayName":"{self.name(kind, principal)}","principalId":"{self._numbers.id(kind, principal)}",'
            f'"principalType":"{_PRINCIPALS[kind]}","resourceDisplayName":"{self.name(PRINCIPAL, resource)}",'
            f'"resourceId":"{self._numbers.id(PRINCIPAL, resource)}"}}'
        )

    def grant(self, number: int) -> str:
        """Return a permission grant as JSON."""
        grant = self._links.grant(number)
        user = "null" if grant.user is None else f'"{self._numbers.id(USER, grant.user)}"'
        return (
            f'{{"clientId":"{self._numbers.id(PRINCIPAL, grant.client)}",'
            f'"consentType":"{"AllPrincipals" if grant.user is None else "Principal"}",'
            f'"id":"{self._links.grant_id(number)}","principalId":{user},'
            f'"resourceId":"{self._numbers.id(PRINCIPAL, grant.resource)}",'
            f'"scope":"{words.SCOPES[self._numbers.mix(GRANT, number) % len(words.SCOPES)]}"}}'
        )
