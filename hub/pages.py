"""The pages: which files browsers may fetch, under which paths, and of what type.

Owns: `PAGES`, the layout of all pages, their former addresses, and the version that a browser compares. A page lies in
its domain (`hub/<domain>/page`), shared files in `hub/kit/web`. All are served from one level, so a script imports
another by its file name alone, wherever that lies. Pages ask for their scripts and styles under an address that holds
the version (`/page/VERSION/NAME`), so browsers keep them until they change.
Not here: what the pages show (`views` of each domain), compressing (`hub.page_bytes`), headers (`hub.kit.security`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from string import Template
from typing import Final

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from hub.kit.api_description import OnThisMachine
from hub.kit.version import version_of
from hub.page_bytes import ASK_AGAIN, FOR_GOOD, PageBytes
from stinercut.bounds import ShortText

HUB: Final = Path(__file__).parent
TYPES: Final = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
"""The kinds of files that are served, and their types. A browser accepts scripts (modules) under no other type, so the
system's own table of types doesn't count."""


HEAD: Final = HUB / "kit" / "web" / "page.head"
"""What all pages begin with: the head, the icons, the bar. `whole_page` fills in its `$names`."""
FORMER: Final = {"review": "needs-you", "codes": "bookings", "templates": "looks"}
"""Addresses that pages had, and what they are called now: bookmarks and printed addresses go on working."""


def page_files(hub: Path = HUB) -> list[Path]:
    """The files of all pages below a folder like `hub`."""
    folders = (hub / "kit" / "web", *sorted(hub.glob("*/page")))
    return [file for folder in folders for file in sorted(folder.iterdir()) if file.suffix in TYPES]


def by_path(files: Iterable[Path]) -> dict[str, Path]:
    """Files by the path that they are served under. Raises ValueError if two files would have the same path.

    A page has its name without the ending as its path, the board the empty path, other files have their file name.
    """
    served: dict[str, Path] = {}
    for file in files:
        path = file.name if file.suffix != ".html" else "" if file.stem == "index" else file.stem
        if path in served:
            raise ValueError(f"{file} and {served[path]} would both be served under /{path}")
        served[path] = file
    return served


PAGES: Final = by_path(page_files())


VERSION: Final = version_of(HUB, (*PAGES.values(), HEAD))
"""When it changes, scripts or API have changed: pages that were open before reload themselves."""
_MARK: Final = VERSION.rpartition("+")[2]


def whole_page(file: Path) -> str:
    """A page as browsers get it: the layout that all share, with its title and the scripts and colors of its name.

    The file holds its title in the first line, and then what its body has below the bar. Raises ValueError for another
    form.
    """
    title, _, body = file.read_text("utf-8").partition("</title>\n")
    if not title.startswith("<title>") or not body.strip() or "<body" in body:
        raise ValueError(f"{file} does not begin with a line for its title, and its body")
    layout = Template(HEAD.read_text("utf-8"))
    places = [name for name in layout.get_identifiers() if name.startswith("at_")]
    here = dict.fromkeys(places, "") | {f"at_{file.stem.replace('-', '_')}": ' aria-current="page"'}
    name = "board" if file.stem == "index" else file.stem
    head = layout.substitute(here, title=title.removeprefix("<title>"), name=name, version=_MARK)
    return f"{head}{body}  </body>\n</html>\n"


OF_THIS_MACHINE: Final = ("api",)
"""Pages that only this machine's own browsers get."""


def _bytes_of(file: Path) -> PageBytes:
    content = whole_page(file).encode() if file.suffix == ".html" else file.read_bytes()
    return PageBytes.of(content, TYPES[file.suffix])


_BYTES: Final = {path: _bytes_of(file) for path, file in PAGES.items()}


def _page(path: str) -> Callable[[Request], Response]:
    def page(request: Request) -> Response:
        return _BYTES[path].answer(request, ASK_AGAIN)

    return page


def _moved(path: str) -> Callable[[Request], Response]:
    def moved(request: Request) -> Response:
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/{path}{query}", 308)

    return moved


def _versioned(request: Request, version: ShortText, name: ShortText) -> Response:
    """A script or style of a page. A page of another version gets what there is now, and asks again the next time."""
    if name not in _BYTES or PAGES[name].suffix == ".html":
        raise HTTPException(404)
    return _BYTES[name].answer(request, FOR_GOOD if version == _MARK else ASK_AGAIN)


def _router() -> APIRouter:
    pages = APIRouter(include_in_schema=False)
    for path in PAGES:
        rules = [OnThisMachine] if path in OF_THIS_MACHINE else []
        pages.add_api_route(f"/{path}", _page(path), methods=["GET", "HEAD"], dependencies=rules)
    for path, now in FORMER.items():
        pages.add_api_route(f"/{path}", _moved(now), methods=["GET", "HEAD"])
    pages.add_api_route("/page/{version}/{name}", _versioned, methods=["GET", "HEAD"])
    return pages


router: Final = _router()
