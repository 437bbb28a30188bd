"""The pages: which files browsers may fetch, under which paths, and of what type.

Owns: `PAGES`, and the version that a browser compares. A page lies in its domain (`hub/<domain>/page`), shared files in
`hub/kit/web`. All are served from one level, so a script imports another by its file name alone, wherever that lies.
Not here: what the pages show (`views` of each domain), headers (`hub.kit.security`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from string import Template
from typing import Final

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, Response

from hub.kit.api_description import OnThisMachine
from hub.kit.version import version_of

HUB: Final = Path(__file__).parent
TYPES: Final = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
"""The kinds of files that are served, and their types. A browser accepts scripts (modules) under no other type, so the
system's own table of types doesn't count."""


HEAD: Final = HUB / "kit" / "web" / "page.head"
"""What all pages begin with; `$title` and `$name` are the page's own."""


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


def whole_page(file: Path) -> str:
    """A page as browsers get it: the head that all share, its title and the scripts and colors of its name, its body.

    The file holds its title in the first line, and its body. Raises ValueError where it does not.
    """
    title, _, body = file.read_text("utf-8").partition("</title>\n")
    if not title.startswith("<title>") or not body.startswith("  <body>"):
        raise ValueError(f"{file} does not begin with a line for its title, and its body")
    name = "board" if file.stem == "index" else file.stem
    head = Template(HEAD.read_text("utf-8")).substitute(title=title.removeprefix("<title>"), name=name)
    return f"{head}{body}</html>\n"


_ASK_AGAIN: Final = {"cache-control": "no-cache"}
OF_THIS_MACHINE: Final = ("api",)
"""Pages that only this machine's own browsers get."""
VERSION: Final = version_of(HUB, (*PAGES.values(), HEAD))
"""When it changes, scripts or API have changed: pages that were open before reload themselves."""


def _page(file: Path) -> Callable[[], Response]:
    def page() -> HTMLResponse:
        return HTMLResponse(whole_page(file), headers=_ASK_AGAIN)

    def part() -> FileResponse:
        return FileResponse(file, media_type=TYPES[file.suffix], headers=_ASK_AGAIN)

    return page if file.suffix == ".html" else part


def _router() -> APIRouter:
    pages = APIRouter(include_in_schema=False)
    for path, file in PAGES.items():
        rules = [OnThisMachine] if path in OF_THIS_MACHINE else []
        pages.add_api_route(f"/{path}", _page(file), methods=["GET", "HEAD"], dependencies=rules)
    return pages


router: Final = _router()
