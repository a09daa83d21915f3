"""Write scripts that register the applications of a directory: one to read it, one to restore it.

Each script grants exactly the given permissions. It finds their ids by name, because clouds differ in what they offer.
"""

from collections.abc import Callable, Sequence

import msgspec


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """An application to register."""

    name: str
    """Its display name."""
    permissions: Sequence[str]
    """The application permissions of Microsoft Graph, by name."""
    secret_file: str
    """The file that gets its client secret."""
    directory_id: str
    """The directory, or a placeholder."""
    roles: Sequence[str] = ()
    """Directory roles that an administrator assigns to it by hand."""


def scripts() -> dict[str, Callable[[Registration], str]]:
    """Return the writers of scripts, by format."""
    from console.registrations import az, powershell, terraform

    return {"az": az.script, "powershell": powershell.script, "terraform": terraform.script}


def fill(template: str, registration: Registration, **parts: str) -> str:
    """Return the template with each ``@PART@`` replaced: ``parts``, and the name, file and directory of the application."""
    named = {"NAME": registration.name, "FILE": registration.secret_file, "DIRECTORY": registration.directory_id}
    for name, text in (named | parts).items():
        template = template.replace(f"@{name}@", text)
    return template


def role_comments(registration: Registration) -> str:
    """Return comment lines about the directory roles, which work in each of the languages."""
    return "".join(
        f'# Assign the directory role "{role}" to it where restores need it.\n' for role in registration.roles
    )
