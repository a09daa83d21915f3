"""Generated objects: realistic, decided by the seed and the object's number alone, made when somebody asks for them.

Nothing is kept: object number n of a kind has an id that can be reckoned back to n, so a directory of any size starts at once
and takes no memory. A user is about 2 KB of JSON. Links are reckoned too: a group's members are a stretch of the users (every
tenth group also holds the next group, every fifteenth a service principal, every sixtieth is large), managers form a tree.
"""

import json
import random
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from uuid import UUID

from simulator.graph import wording

DOMAIN = "contoso.onmicrosoft.com"
PATHS = ("users", "groups", "applications", "servicePrincipals", "identity/conditionalAccess/policies")
_TYPES = ("user", "group", "application", "servicePrincipal", "conditionalAccessPolicy")
_MASK = (1 << 64) - 1
_ODD = 0x9E3779B1
_INVERSE = pow(_ODD, -1, 1 << 32)
_REPORTS = 8
_TEXT = json.JSONEncoder(ensure_ascii=False).encode


def _ascii(name: str) -> str:
    plain = name.replace("ł", "l").replace("Ł", "L").replace("ø", "o").replace("đ", "d").replace("ı", "i")
    plain = unicodedata.normalize("NFKD", plain)
    return "".join(letter for letter in plain if letter.isascii() and letter.isalnum()).lower()


_GIVEN = [(_TEXT(name)[1:-1], _ascii(name)) for name in wording.GIVEN]
_SURNAMES = [(_TEXT(name)[1:-1], _ascii(name)) for name in wording.SURNAMES]


def link(kind: int, id: str) -> bytes:
    """A link's value as generated: the type and id of its other end."""
    return b'{"@odata.type":"#microsoft.graph.%s","id":"%s"}' % (_TYPES[kind].encode(), id.encode())


@lru_cache
def property_names(path: str) -> frozenset[str]:
    """Every property that a generated object of this path may have."""
    sample = Generator(dict.fromkeys(PATHS, 64), seed=0)
    return frozenset(name for number in range(64) for name in json.loads(sample.value(path, number)))


class Generator:
    """All generated objects of one directory. `counts` is how many there are by path; `seed` decides what they look like."""

    def __init__(self, counts: dict[str, int], seed: int) -> None:
        self.counts = [counts.get(path, 0) for path in PATHS]
        self._seed = random.Random(seed).getrandbits(64)
        self._values: tuple[Callable[[int], str], ...] = (
            self._user,
            self._group,
            self._application,
            self._service_principal,
            self._policy,
        )

    def count(self, path: str) -> int:
        """How many objects of this path are generated."""
        return self.counts[PATHS.index(path)] if path in PATHS else 0

    def _mix(self, kind: int, number: int) -> int:
        """64 well-mixed bits for one object (splitmix64)."""
        z = (self._seed + (number * 8 + kind + 1) * 0x9E3779B97F4A7C15) & _MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def _id(self, kind: int, number: int) -> str:
        first = ((number * 8 + kind) * _ODD ^ self._seed) & 0xFFFFFFFF
        mix = self._mix(kind, number)
        text = f"{mix:016x}"
        return f"{first:08x}-{text[:4]}-4{text[5:8]}-{8 + (mix & 3):x}{text[8:11]}-{text[4:8]}{text[8:16]}"

    def id(self, path: str, number: int) -> str:
        """The id of object `number` of a path."""
        return self._id(PATHS.index(path), number)

    def number(self, path: str, id: str) -> int | None:
        """The number of a generated object, reckoned back from its id; None if no generated object has it."""
        if path not in PATHS or len(id) != 36:
            return None
        try:
            first = int(id[:8], 16)
        except ValueError:
            return None
        code = (first ^ (self._seed & 0xFFFFFFFF)) * _INVERSE & 0xFFFFFFFF
        kind, number = code & 7, code >> 3
        if kind != PATHS.index(path) or number >= self.counts[kind] or self._id(kind, number) != id:
            return None
        return number

    def value(self, path: str, number: int) -> bytes:
        """The JSON of one object: every property that it has, none that was never set."""
        return self._values[PATHS.index(path)](number).encode()

    # -- links

    def links(self, path: str, number: int, relation: str) -> Iterator[tuple[str, bytes]]:
        """The links of one object under a relation: the other end's id and the link's value, in a fixed order."""
        for kind, other in self._ends(path, number, relation):
            other_id = self._id(kind, other)
            yield other_id, link(kind, other_id)

    def _ends(self, path: str, number: int, relation: str) -> Iterator[tuple[int, int]]:
        users, groups, _, principals, _ = self.counts
        if (path, relation) == ("users", "manager"):
            if number > 0 and number % 23:
                yield 0, (number - 1) // _REPORTS
        elif (path, relation) == ("groups", "members"):
            first, size = self._stretch(number)
            for step in range(size):
                yield 0, (first + step) % users
            if number % 10 == 0 and number + 1 < groups:
                yield 1, number + 1
            if number % 15 == 0 and principals:
                yield 3, number % principals
        elif relation == "owners" and users and path != "users":
            kind = PATHS.index(path)
            first = self._mix(kind, number) % users
            yield 0, first
            second = (first * 7 + 5) % users
            if path == "groups" and number % 2 and second != first:
                yield 0, second

    def _stretch(self, number: int) -> tuple[int, int]:
        """Where the users in a group begin and how many they are."""
        users = self.counts[0]
        if not users:
            return 0, 0
        mix = self._mix(1, number)
        size = 700 + mix % 300 if number % 60 == 7 else mix % 40
        return (mix >> 16) % users, min(size, users)

    def owners_of_link(self, path: str, id: str) -> Iterator[tuple[str, str, str]]:
        """Every generated link that ends at an object: path, id and relation of the object that it starts from."""
        number = self.number(path, id)
        if number is None:
            return
        kind = PATHS.index(path)
        for start in ("groups", "applications", "servicePrincipals"):
            for other in range(self.count(start)):
                for relation in ("members", "owners"):
                    if self._reaches(start, other, relation, kind, number):
                        yield start, self.id(start, other), relation
        if kind == 0:
            first = number * _REPORTS + 1
            for other in range(first, min(first + _REPORTS, self.counts[0])):
                if other % 23:
                    yield "users", self._id(0, other), "manager"

    def _reaches(self, start: str, other: int, relation: str, kind: int, number: int) -> bool:
        if relation == "members" and start == "groups" and kind == 0:
            first, size = self._stretch(other)
            return (number - first) % self.counts[0] < size
        if relation == "members" and kind == 0:
            return False
        return (kind, number) in self._ends(start, other, relation)

    # -- values

    def _user(self, number: int) -> str:
        mix = self._mix(0, number)
        given, given_ascii = _GIVEN[mix % len(_GIVEN)]
        surname, surname_ascii = _SURNAMES[(mix >> 8) % len(_SURNAMES)]
        city, state, country, code, postal, street, language, phone = wording.PLACES[(mix >> 16) & 7]
        department = wording.DEPARTMENTS[(mix >> 20) % 12]
        title = wording.TITLES[(mix >> 24) % 12]
        nick = f"{given_ascii}.{surname_ascii}{number}"
        year, month, day = 2012 + (mix >> 28) % 13, 1 + (mix >> 32) % 12, 1 + (mix >> 36) % 28
        hour, minute = (mix >> 40) % 24, (mix >> 44) % 60
        line = f"{(mix >> 48) % 10000:04d}"
        date = f"{year}-{month:02d}-{day:02d}"
        when = f"{date}T{hour:02d}:{minute:02d}:{(mix >> 12) % 60:02d}Z"
        sku, other_sku = wording.LICENCES[mix % 3], wording.LICENCES[(mix + 1) % 3]
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
            f'{{"id":"{self._id(0, number)}","businessPhones":["{phone} {line}"],"displayName":"{given} {surname}",'
            f'"givenName":"{given}","jobTitle":"{department} {title}","mail":"{nick}@{DOMAIN}",{mobile}'
            f'"officeLocation":"{(mix >> 50) % 40 + 1}/{(mix >> 54) % 900 + 1000}","preferredLanguage":"{language}",'
            f'"surname":"{surname}","userPrincipalName":"{nick}@{DOMAIN}",'
            f'"accountEnabled":{"false" if mix % 17 == 0 else "true"},'
            f'"assignedLicenses":[{{"disabledPlans":["{wording.PLANS[mix & 1]}"],"skuId":"{sku}"}},'
            f'{{"disabledPlans":[],"skuId":"{other_sku}"}}],"authorizationInfo":{{"certificateUserIds":[]}},"city":"{city}",'
            f'"companyName":"Contoso {country}","country":"{country}","createdDateTime":"{when}","department":"{department}",'
            f'"employeeHireDate":"{date}T00:00:00Z","employeeId":"{100000 + number}",'
            f'"employeeOrgData":{{"division":"{department} {code}","costCenter":"{(mix >> 30) % 9000 + 1000}"}},'
            f'"employeeType":"{"Contractor" if mix & 0xF0000 == 0 else "Employee"}",'
            f'"identities":[{{"signInType":"userPrincipalName","issuer":"{DOMAIN}","issuerAssignedId":"{nick}@{DOMAIN}"}}],'
            f'"imAddresses":["{nick}@{DOMAIN}"],"lastPasswordChangeDateTime":"{when}",'
            f'"licenseAssignmentStates":[{{"skuId":"{sku}","assignedByGroup":null,"state":"Active","error":"None",'
            f'"disabledPlans":["{wording.PLANS[mix & 1]}"],"lastUpdatedDateTime":"{when}"}}],"mailNickname":"{nick}",{hybrid}'
            f'"onPremisesExtensionAttributes":{{"extensionAttribute1":"{code}-{line}","extensionAttribute2":null,'
            f'"extensionAttribute3":null,"extensionAttribute4":"{department}","extensionAttribute5":null}},'
            f'"onPremisesProvisioningErrors":[],"otherMails":[],"postalCode":"{postal}",'
            f'"proxyAddresses":["SMTP:{nick}@{DOMAIN}","smtp:{nick}@contoso.com"],'
            f'"securityIdentifier":"S-1-12-1-{mix >> 32}-{mix & 0xFFFFFFFF}-{(mix * 7) >> 35}-{number}",'
            f'"serviceProvisioningErrors":[],"signInSessionsValidFromDateTime":"{when}","state":"{state}",'
            f'"streetAddress":"{street} {(mix >> 5) % 180 + 1}","usageLocation":"{code}",'
            f'"userType":"{"Guest" if mix % 31 == 0 else "Member"}"}}'
        )

    def _group(self, number: int) -> str:
        mix = self._mix(1, number)
        department = wording.DEPARTMENTS[mix % 12]
        city = wording.PLACES[(mix >> 8) & 7][0]
        unified = number % 3 == 0
        nick = f"group-{number}"
        date = f"20{15 + (mix >> 12) % 10}-{1 + (mix >> 16) % 12:02d}-{1 + (mix >> 20) % 28:02d}"
        when = f"{date}T09:{(mix >> 26) % 60:02d}:12Z"
        mail = f'"mail":"{nick}@{DOMAIN}",' if unified else ""
        kinds, proxies = ('["Unified"]', f'["SMTP:{nick}@{DOMAIN}"]') if unified else ("[]", "[]")
        team = '["Team"]' if number % 6 == 0 else "[]"
        visibility = f'"visibility":"{"Private" if mix & 1 else "Public"}",' if unified else ""
        return (
            f'{{"id":"{self._id(1, number)}","createdDateTime":"{when}",'
            f'"description":"{department} in {city}: people, owners and access of team {number}",'
            f'"displayName":"{department} {city} {number}","groupTypes":{kinds},{mail}'
            f'"mailEnabled":{str(unified).lower()},"mailNickname":"{nick}","onPremisesProvisioningErrors":[],'
            f'"proxyAddresses":{proxies},"renewedDateTime":"{when}","resourceBehaviorOptions":[],'
            f'"resourceProvisioningOptions":{team},'
            f'"securityEnabled":{str(not unified).lower()},'
            f'"securityIdentifier":"S-1-12-1-{mix >> 32}-{mix & 0xFFFFFFFF}-{(mix * 5) >> 35}-{number}",'
            f'{visibility}"serviceProvisioningErrors":[]}}'
        )

    def _application(self, number: int) -> str:
        mix = self._mix(2, number)
        name = f"{wording.PRODUCTS[mix % 10]} {number}"
        app = self.application_id(number)
        return (
            f'{{"id":"{self._id(2, number)}","appId":"{app}",'
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

    def application_id(self, number: int) -> str:
        """The appId of generated application `number`."""
        mix = self._mix(5, number)
        return str(UUID(int=(mix << 64 | (mix * 3 & _MASK)), version=4))

    def _service_principal(self, number: int) -> str:
        mix = self._mix(3, number)
        app = self.application_id(number)
        name = f"{wording.PRODUCTS[self._mix(2, number) % 10]} {number}"
        return (
            f'{{"id":"{self._id(3, number)}","accountEnabled":true,"alternativeNames":[],'
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

    def _policy(self, number: int) -> str:
        mix = self._mix(4, number)
        users, groups = self.counts[:2]
        left_out = _TEXT([self._id(1, mix % groups)] if groups else [])
        spared = _TEXT([self._id(0, mix % users)] if users else [])
        state = ("enabled", "disabled", "enabledForReportingButNotEnforced")[mix % 3]
        return (
            f'{{"id":"{self._id(4, number)}","templateId":null,'
            f'"displayName":"CA{number:03d}: Require {wording.DEPARTMENTS[mix % 12]} '
            f'to prove who they are","createdDateTime":"2024-0{1 + mix % 9}-14T19:52:00.050958Z","modifiedDateTime":null,'
            f'"state":"{state}","partialEnablementStrategy":null,"sessionControls":null,'
            f'"conditions":{{"userRiskLevels":[],"signInRiskLevels":[],"clientAppTypes":["all"],'
            f'"servicePrincipalRiskLevels":[],"platforms":null,"locations":null,"devices":null,"clientApplications":null,'
            f'"applications":{{"includeApplications":["All"],"excludeApplications":[],"includeUserActions":[],'
            f'"includeAuthenticationContextClassReferences":[],"applicationFilter":null}},'
            f'"users":{{"includeUsers":["All"],"excludeUsers":{spared},"includeGroups":[],"excludeGroups":{left_out},'
            f'"includeRoles":[],"excludeRoles":[],"includeGuestsOrExternalUsers":null,"excludeGuestsOrExternalUsers":null}}}},'
            f'"grantControls":{{"operator":"OR","builtInControls":["mfa"],"customAuthenticationFactors":[],"termsOfUse":[],'
            f'"authenticationStrength":null}}}}'
        )
