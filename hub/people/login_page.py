"""The login page and the page that makes the first admin, as HTML: made on the server, without scripts.

Owns: filling the markup (`markup/`), the headers. Not here: the routes (`routes`), the words (`stinercut.language`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from stinercut.language.messages import Message, worded
from stinercut.language.people_codes import PeopleCode

_MARKUP: Final = Environment(
    loader=PackageLoader("hub.people", "markup"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_HEADERS: Final = {
    "cache-control": "no-store",
    # The form is this page's own, and browsers tell where it comes from only under this policy.
    "referrer-policy": "same-origin",
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
}
_WORDS: Final = {
    "sign_in": Message.of(PeopleCode.SIGN_IN),
    "name": Message.of(PeopleCode.NAME_FIELD),
    "password": Message.of(PeopleCode.PASSWORD_FIELD),
    "make_admin": Message.of(PeopleCode.MAKE_ADMIN),
}


@dataclass(frozen=True)
class LoginPage:
    """What both pages have. `place`: the dropzone."""

    language: str
    place: str

    def login(self, to: str, name: str = "", problem: Message | None = None, status: int = 200) -> HTMLResponse:
        """The form for name and password. `to`: the page that is opened afterwards."""
        return self._page("login.html.jinja", status, problem, to=to, name=name)

    def first_admin(self, here: str, name: str = "", problem: Message | None = None, status: int = 200) -> HTMLResponse:
        """The form that makes the first admin. `here`: its own one-time path."""
        return self._page("first_admin.html.jinja", status, problem, here=here, name=name)

    def closed(self, why: Message, status: int) -> HTMLResponse:
        """A one-time address that opens nothing."""
        return self._page("closed.html.jinja", status, why)

    def _page(self, markup: str, status: int, problem: Message | None, **values: Any) -> HTMLResponse:
        text = _MARKUP.get_template(markup).render(
            **values,
            language=self.language,
            place=self.place,
            problem=worded(problem, self.language) if problem is not None else "",
            words={code: worded(said, self.language) for code, said in _WORDS.items()},
        )
        return HTMLResponse(text, status, headers=_HEADERS)
