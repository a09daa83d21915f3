"""The words of states, each with its kind, which has one icon and one colour everywhere."""

from typing import NamedTuple


class Shown(NamedTuple):
    """How a state is shown."""

    kind: str
    """The class that colours it."""
    icon: str
    """Its symbol in the sprite."""
    label: str


_ICONS = {
    "ok": "check",
    "warn": "triangle-alert",
    "bad": "x",
    "running": "circle-dot",
    "queued": "circle",
    "quiet": "ban",
    "held": "lock",
    "unknown": "circle-question-mark",
    "lacking": "minus",
}
_WORDS = {
    "ok": "succeeded fresh whole ok enabled complete passed valid allowed accepted delivered signed-in done",
    "warn": "succeeded_with_warnings late partial partly warns misconfigured incomplete expiring stale",
    "bad": "overdue failed forbidden damaged broken refused expired invalid error",
    "running": "running updating checking",
    "queued": "queued waiting pending not_started",
    "quiet": "cancelled paused ended removed off disabled never stopped",
    "held": "revoked held",
    "unknown": "unknown unreachable unavailable",
    "lacking": "unlicensed not_for_applications switched_off none",
}
_KINDS = {word: kind for kind, words in _WORDS.items() for word in words.split()}
_LABELS = {
    "succeeded_with_warnings": "with warnings",
    "unlicensed": "not licensed",
    "not_for_applications": "not for applications",
    "switched_off": "switched off",
    "not_started": "not started",
}


def shown(word: str, label: str | None = None) -> Shown:
    """Return how the state named ``word`` is shown. A word that is not in the table is shown as unknown."""
    kind = _KINDS.get(str(word), "unknown")
    return Shown(kind, _ICONS[kind], label or _LABELS.get(str(word), str(word).replace("_", " ")))


KINDS = tuple(_ICONS)
"""The kinds of states."""
