"""`stinercut template`: lists, checks, previews and creates templates.

Owns: the command's options and output. Not here: reading templates (`stinercut.templates`), checking them
(`stinercut.films.template_check`).
"""

from __future__ import annotations

import json
import re
import shutil
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from app.common.options import Data, Json, say, settings_from, size_from
from stinercut.errors import BadInput, StinercutError

group = typer.Typer(help="Make, check and look at templates: what films look like.", no_args_is_help=True)

Which = Annotated[
    str, typer.Argument(metavar="TEMPLATE", help="A template's folder, or the name of one that is installed.")
]


@group.command("list")
def list_(data: Data = None, as_json: Json = False) -> None:
    """List the templates: this installation's own, then those that come with Stinercut."""
    from stinercut.templates import folder

    shelf = (settings_from(data).templates_dir,)
    rows: list[dict[str, object]] = []
    for name in folder.names(shelf):
        row: dict[str, object] = {"name": name}
        try:
            template = folder.find(name, shelf)
        except StinercutError as refused:
            rows.append({**row, "wrong": refused.sentence()})
            continue
        rows.append(
            {
                **row,
                "version": template.version,
                "description": template.document.description,
                "outputs": [output.name for output in template.outputs],
                "folder": str(template.folder),
            }
        )
    if as_json:
        say(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for row in rows:
        if "wrong" in row:
            say(f"{row['name']}: can't be used. {row['wrong']}")
        else:
            say(f"{row['name']} (version {row['version']}): {row['description']}\n    {row['folder']}")


@group.command("check")
def check(which: Which, data: Data = None, as_json: Json = False) -> None:
    """Find everything that could go wrong with a template, and tell what to do about it.

    The exit code is 0 when the template is fine, 3 when something is wrong.
    """
    from stinercut.films.template_check import problems
    from stinercut.templates import folder

    path = folder.meant_by(which, (settings_from(data).templates_dir,))
    faults = problems(path)
    if as_json:
        rows = [{"file": fault.file, "what": fault.what, "advice": fault.advice} for fault in faults]
        say(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        for fault in faults:
            say(fault.sentence())
        say(f"{path}: {_counted(len(faults))}")
    if faults:
        raise typer.Exit(BadInput.exit_code)


@group.command("preview")
def preview(  # noqa: PLR0913, PLR0917 - each is an option
    which: Which,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The picture (.png, .jpg) or film (.mp4) to write.")
    ] = Path("preview.png"),
    name: Annotated[str, typer.Option("--name", help="The passenger's name to draw.")] = "Žofie Nováková",
    place: Annotated[str, typer.Option("--place", help="The place to draw.")] = "Klatovy",
    size: Annotated[
        str | None, typer.Option("--size", help="Width x height, such as 1080x1920, instead of the outputs' own.")
    ] = None,
    data: Data = None,
) -> None:
    """Show what films of a template look like.

    A picture shows every output: the title with everything in place, footage with its overlays, the end. A film shows
    footage made by code.
    """
    from stinercut.templates import folder
    from stinercut.templates.merging import Fields

    settings = settings_from(data)
    template = folder.load(folder.meant_by(which, (settings.templates_dir,)))
    fields = Fields(name, date(2025, 6, 14), place, "B-1042", "Petr Svoboda")
    wanted = size_from(size) if size else None
    ending = output.suffix.lower()
    if not output.parent.is_dir():
        raise BadInput("there is no such folder", file=output.parent, advice="Make it first.")
    if ending in (".png", ".jpg", ".jpeg"):
        from stinercut.films.contact_sheet import contact_sheet, save

        save(contact_sheet(template, fields, wanted), output)
    elif ending == ".mp4":
        from stinercut.films.sample_film import sample_film

        say("Rendering; this takes about as long as the film.")
        sample_film(template, fields, output, wanted, workers=settings.workers)
    else:
        raise BadInput(f"{output.name} is neither picture nor film", advice="End its name with .png, .jpg or .mp4.")
    say(f"Written: {output}")


@group.command("new")
def new(
    name: Annotated[str, typer.Argument(help="The new template's name: small letters, digits and -.")],
    origin: Annotated[str, typer.Option("--from", help="The template to begin with.")] = "classic",
    into: Annotated[
        Path | None,
        typer.Option("--in", help="Where to make its folder. Default: this installation's templates.", file_okay=False),
    ] = None,
    data: Data = None,
) -> None:
    """Begin a template of your own: a copy of another one, under a new name."""
    from stinercut.templates import folder
    from stinercut.templates.schema import PUBLISHED

    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", name):
        raise BadInput(f"{name!r} can't be a template's name", advice="Write small letters, digits and -.")
    template = folder.load(folder.meant_by(origin, (settings_from(data).templates_dir,)))
    target = (into or settings_from(data).templates_dir) / name
    if target.exists():
        raise BadInput("there is something already", file=target, advice="Choose another name.")
    document = json.loads((template.folder / folder.FILE_NAME).read_text(encoding="utf-8-sig"))
    document = {**document, "$schema": PUBLISHED.name, "name": name, "version": 1}
    partial = target.with_name(f".{name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        shutil.copytree(template.folder, partial, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        shutil.copyfile(PUBLISHED, partial / PUBLISHED.name)
        text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
        (partial / folder.FILE_NAME).write_text(text, encoding="utf-8")
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    say(f"Made: {target}\nEdit {folder.FILE_NAME} and the drawings there, then: stinercut template check {target}")


def _counted(problems: int) -> str:
    return {0: "nothing is wrong", 1: "1 thing is wrong"}.get(problems, f"{problems} things are wrong")
