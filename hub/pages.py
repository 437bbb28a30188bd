"""The pages: which files browsers may fetch, under which paths, and of what type.

Owns: `PAGES`, and the version that a browser compares. A page lies with its domain (`hub/<domain>/page`), what pages
share in `hub/kit/web`; all are served from one level, so a module imports another by its file name alone, wherever it
lies. Not here: what the pages show (`views` of each domain), headers (`hub.kit.security`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from fastapi.responses import FileResponse

from hub.kit.api_description import OnThisMachine
from hub.kit.version import version_of

HUB: Final = Path(__file__).parent
TYPES: Final = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
"""What is sent, and as what: a browser takes a module under no other type, whatever the system says."""


def page_files(hub: Path = HUB) -> list[Path]:
    """The files of all pages below a folder like `hub`."""
    folders = (hub / "kit" / "web", *sorted(hub.glob("*/page")))
    return [file for folder in folders for file in sorted(folder.iterdir()) if file.suffix in TYPES]


def by_path(files: Iterable[Path]) -> dict[str, Path]:
    """Files by the path they are served under: a page under its name alone, the board under none, others under their
    file name. Raises ValueError when two files would have one path.
    """
    found: dict[str, Path] = {}
    for file in files:
        path = file.name if file.suffix != ".html" else "" if file.stem == "index" else file.stem
        if path in found:
            raise ValueError(f"{file} and {found[path]} would both be served under /{path}")
        found[path] = file
    return found


PAGES: Final = by_path(page_files())
OF_THIS_MACHINE: Final = ("api",)
"""Pages that only this machine's own browsers get."""
VERSION: Final = version_of(HUB, PAGES.values())
"""Another one means other scripts or another API: pages that were open before load themselves again."""


def _page(file: Path) -> Callable[[], FileResponse]:
    def page() -> FileResponse:
        return FileResponse(file, media_type=TYPES[file.suffix], headers={"cache-control": "no-cache"})

    return page


def _router() -> APIRouter:
    pages = APIRouter(include_in_schema=False)
    for path, file in PAGES.items():
        rules = [OnThisMachine] if path in OF_THIS_MACHINE else []
        pages.add_api_route(f"/{path}", _page(file), methods=["GET", "HEAD"], dependencies=rules)
    return pages


router: Final = _router()
