"""The rules of brandings (Graph: "Update organizationalBranding", "Create organizationalBrandingLocalization")."""

import re

from simulator.graph.answers import bad_request, missing
from simulator.graph.kinds import ORGANIZATION
from simulator.graph.kinds.core import BRANDING
from simulator.graph.writes.rules import Change, Removal, Rules

_LANGUAGE = re.compile(r"0|[a-zA-Z]{2,3}(-[a-zA-Z]{2,4})?")


def _check_language(change: Change) -> None:
    if not _LANGUAGE.fullmatch(change.id):
        raise bad_request(f"The language '{change.id}' is not valid.")
    brandings = dict(change.directory.existing_links(ORGANIZATION, change.owner, BRANDING))
    if change.creates and change.id != "0" and "0" not in brandings:
        raise missing("0")


def _keep_default(removal: Removal) -> None:
    if removal.id == "0" and len(removal.directory.existing_links(ORGANIZATION, removal.owner, BRANDING)) > 1:
        raise bad_request("The default branding cannot be deleted while there are others.")


RULES = Rules(names_itself="id", checks=(_check_language,), removing=(_keep_default,), blank=True)
