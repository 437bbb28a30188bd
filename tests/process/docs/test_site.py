"""The site of docs/: it builds without a warning, and takes nothing from other hosts.

Owns: building it by MkDocs as `make docs` does, and that a link which leads nowhere is noticed. Not here: what pages
name (`tests/pure/docs/test_names_in_docs.py`).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.repository import REPOSITORY

PAGES = sorted((REPOSITORY / "docs").glob("*.md"))


def build(checkout: Path, site: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the site is made of, to be changed."""
    copy = tmp_path / "checkout"
    shutil.copytree(REPOSITORY / "docs", copy / "docs")
    shutil.copy(REPOSITORY / "mkdocs.yml", copy)
    return copy


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as it is."""
    folder = tmp_path_factory.mktemp("built") / "site"
    built = build(REPOSITORY, folder)
    assert built.returncode == 0, built.stderr
    return folder


def test_it_builds_and_has_every_page(site: Path) -> None:
    names = {page.stem for page in PAGES} - {"index"}
    assert {page.parent.name for page in site.glob("*/index.html")} == names
    assert (site / "index.html").is_file()


def test_no_page_takes_anything_from_another_host(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > len(PAGES)
    taken = r"<(?:script|img|iframe|source)[^>]*\bsrc=\"?(?:https?:)?//|<link[^>]*\bhref=\"?(?:https?:)?//"
    assert [page.name for page in pages if re.search(taken, page.read_text())] == []


@pytest.mark.parametrize(
    "link", ["[a page](no-such-page.md)", "[an anchor](board.md#no-such-heading)", "[the repository](../README.md)"]
)
def test_a_link_that_leads_nowhere_is_noticed(checkout: Path, tmp_path: Path, link: str) -> None:
    with (checkout / "docs" / "index.md").open("a") as page:
        page.write(f"\n{link}\n")
    built = build(checkout, tmp_path / "site")
    assert built.returncode == 1
    assert re.findall(r"contains a link '([^']+)'", built.stderr) == re.findall(r"\((.+)\)", link)


def test_a_page_that_no_menu_names_is_noticed(checkout: Path, tmp_path: Path) -> None:
    (checkout / "docs" / "new-page.md").write_text("# New\n")
    built = build(checkout, tmp_path / "site")
    assert built.returncode == 1
    assert "new-page.md" in built.stderr
