"""Words about a tenant's KMS key: what each check proves, and what the page calls the state of the tenant's own key."""

from typing import NamedTuple

from console.documents.keys import KeyDocument
from shared.domain.jobs import JobKind, JobState
from shared.domain.model import KeyMode
from shared.domain.people import PERSON

CHECKS = {
    "form": "The text is the ARN of an AWS KMS key",
    "region": "The key is in the Region of the backups",
    "our-side": "Our own access to AWS KMS works",
    "seen": "The key exists, and its policy lets us see it",
    "kind": "It is a symmetric key that its owner manages",
    "state": "The key is enabled",
    "warn": "Nothing about the key will stop backups later",
    "make": "We may create data keys under it",
    "open": "We may open them again",
    "bound": "The policy binds the key to this tenant",
    "into": "Existing data keys can move to it",
    "out-of": "Data keys can move to another key later",
    "steady": "The permission holds ten seconds later",
    "record": "The result is recorded",
}
"""What each check proves, in order."""
OUTCOMES = {
    "passed": "passed",
    "warned": "warns",
    "failed": "failed",
    "running": "running",
    "stopped": "unreachable",
    "waiting": "waiting",
}
"""The state that is shown for each outcome of a check."""


class OwnKey(NamedTuple):
    """The state of the tenant's own key."""

    word: str
    """The word that decides icon and colour."""
    label: str


def own_key(document: KeyDocument) -> OwnKey:
    """Return the state of "External Cloud Key Management". It is enabled only once the job that enables it has ended."""
    change = document.change
    enabling = change is not None and change.kind == JobKind.KEY_ENABLE and change.state is not JobState.SUCCEEDED
    if change is not None and enabling and not change.state.ended:
        return OwnKey("running", "Being enabled")
    if document.mode is KeyMode.PROVIDER:
        return OwnKey("disabled", "Not enabled")
    return OwnKey("failed", "Not complete") if enabling else OwnKey("enabled", "Enabled")


def spaced(account: str) -> str:
    """Return an account id in groups of four digits, as people read it: ``1111 2222 3333``."""
    return " ".join(account[start : start + 4] for start in range(0, len(account), 4))


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of the terms: a line that does not begin with spaces begins one. Empty lines are left out."""
    texts: list[str] = []
    for line in text.splitlines():
        if line.startswith(" ") and texts:
            texts[-1] += f" {line.strip()}"
        elif line.strip():
            texts.append(line.strip())
    return texts


def person_of(actor: str | None) -> str:
    """Return whom an actor names, without the word for the kind of actor: ``ana`` for ``person:ana``."""
    return (actor or "").removeprefix(PERSON)
