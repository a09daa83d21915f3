"""The first way to sign in that a person chooses: a passkey or a password, with an invitation or with the set-up code."""

from typing import TYPE_CHECKING

from console.web.auth import ceremony
from shared.domain.errors import Code, Refuse
from shared.domain.people import Passkey
from shared.engine.access.ways import new_password
from shared.ports.catalog.ways import NewPassword
from shared.ports.passkeys import PasskeyRefused

if TYPE_CHECKING:
    from console.web.page import Ask

FIRST_PASSKEY = "first"
"""The name of a passkey until its owner gives it another one."""


def made_passkey(ask: "Ask", current: ceremony.Ceremony, name: str = FIRST_PASSKEY) -> Passkey:
    """Return the passkey that the browser has just made. Raise Refuse ``NOT_SIGNED_IN``."""
    try:
        made = ask.front.passkeys.created(current.challenge, ask.form.text("answer"))
    except PasskeyRefused as error:
        raise Refuse(Code.NOT_SIGNED_IN, str(error)) from None
    return Passkey(
        credential_id=made.credential_id,
        public_key=made.public_key,
        sign_count=made.sign_count,
        name=name,
        added_at=ask.now,
        aaguid=made.aaguid,
    )


def password_without_codes(ask: "Ask") -> NewPassword:
    """Return the password in the form, to which codes are added on the next page. Raise Refuse ``WRONG_USE``."""
    return new_password(ask.front.passwords, ask.form.get("password", ""))
