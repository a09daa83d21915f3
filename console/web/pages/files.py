"""Static files."""

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from console.web.static_files import address, static_files
from shared.domain.errors import Code, Refuse

if TYPE_CHECKING:
    from console.web.page import Ask

_FOR_A_YEAR = "public, max-age=31536000, immutable"


def static(ask: "Ask") -> Response:
    """Send a file. A page of another version asks by another hash, gets the file of this one, and must not keep it."""
    file = static_files().get(ask.path["file"])
    if file is None:
        raise Refuse(Code.WRONG_USE, "There is no such file.")
    headers = {"cache-control": _FOR_A_YEAR} if ask.path["digest"] == file.digest else {}
    headers |= {"etag": f'"{file.digest}"', "vary": "accept-encoding"}
    if ask.request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    if "gzip" in ask.request.headers.get("accept-encoding", ""):
        return Response(file.zipped, headers={**headers, "content-encoding": "gzip"}, media_type=file.media_type)
    return Response(file.content, headers=headers, media_type=file.media_type)


def icon(_: "Ask") -> Response:
    """Send browsers that look for the icon at its old place to the file."""
    return RedirectResponse(address("icon.svg"), 303)
