"""Paths whose segments come in another order than `kind/id/relation`, and how they are read."""

import re

_ALIASES = (
    (r"(applications|servicePrincipals|users)/([^/]+)/(microsoft\.graph\.agent\w+)(?=/|$)", r"\1/\3/\2"),
    (
        r"servicePrincipals/([^/]+)/synchronization/jobs/([^/]+)/schema(?=/|$)",
        r"servicePrincipals/\1/synchronizationSchema/\2",
    ),
    (r"servicePrincipals/([^/]+)/synchronization/jobs(?=/|$)", r"servicePrincipals/\1/synchronizationJobs"),
    (r"users/([^/]+)/authentication/methods(?=/|$)", r"users/\1/authenticationMethods"),
    (r"users/([^/]+)/authentication/requirements(?=/|$)", r"users/\1/authenticationRequirements"),
    (r"users/([^/]+)/authentication/signInPreferences(?=/|$)", r"users/\1/authenticationSignInPreferences"),
    (
        r"(identityGovernance/accessReviews/definitions)/([^/]+)/instances/[^/]+/(decisions|contactedReviewers)(?=/|$)",
        r"\1/\2/\3",
    ),
)
"""Patterns of paths without version, with their replacements: objects cast after their id, and parts of parts."""


def plain(path: str) -> str:
    """Return a path without version in the order `kind/id/relation`."""
    for pattern, replacement in _ALIASES:
        path, count = re.subn(pattern, replacement, path, count=1)
        if count:
            break
    return path
