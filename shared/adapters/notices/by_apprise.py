"""Send notices through apprise: mail, and chat services. Apprise is loaded with the first such notice."""

import logging
from pathlib import Path
from typing import Any

from shared.adapters.notices.mail_server import mail_server
from shared.domain.notice_addresses import CHAT_SCHEMES, MAIL_SCHEMES, is_mail_address
from shared.domain.notices import Notice, TargetKind, TargetSecret, severity, subject_of, text_of
from shared.ports.notices import NotTaken


class ByApprise:
    """Send each notice as plain text. Outcomes are our words: apprise reports only whether a receiver took a notice."""

    def __init__(self, smtp_file: Path | None, seconds: float) -> None:
        """Create the sender, which waits ``seconds`` for each answer. ``smtp_file`` contains the mail server's URL."""
        self._smtp_file = smtp_file
        self._seconds = seconds

    def send(self, receiver: TargetSecret, notice: Notice) -> str:
        """Send a notice and return the outcome. Raise NotTaken."""
        service = self._service(receiver)
        try:
            taken = service.notify(
                title=subject_of(notice), body=text_of(notice), notify_type=severity(notice.notice), body_format="text"
            )
        except Exception as error:  # its text may contain the address
            raise NotTaken(f"not accepted: {type(error).__name__}") from None
        if not taken:
            raise NotTaken(f"the {'mail server' if receiver.kind is TargetKind.MAIL else 'service'} did not accept it")
        return "accepted"

    def _service(self, receiver: TargetSecret) -> Any:
        """Return apprise's object for the target. Raise NotTaken."""
        import apprise

        # It logs addresses. Its module creates the logger, so this cannot be done before.
        logging.getLogger("apprise").disabled = True
        asset = apprise.AppriseAsset(http_redirects=False, storage_mode="memory", app_id="Entrakeep")
        parameters: Any = receiver.address
        if receiver.kind is TargetKind.MAIL and is_mail_address(receiver.address):
            parameters = {**mail_server(self._smtp_file), "targets": [receiver.address]}
        service = apprise.Apprise.instantiate(parameters, asset=asset, suppress_exceptions=True)
        known = MAIL_SCHEMES if receiver.kind is TargetKind.MAIL else CHAT_SCHEMES
        if service is None or not known & _schemes(service):
            raise NotTaken("the address is not understood")
        service.socket_connect_timeout = service.socket_read_timeout = self._seconds
        service.verify_certificate = True
        service.notify_format = apprise.NotifyFormat.TEXT
        return service


def _schemes(service: Any) -> set[str]:
    """Return the schemes of a service."""
    names: set[str] = set()
    for value in (service.protocol, service.secure_protocol):
        names.update([value] if isinstance(value, str) else value or ())
    return names
