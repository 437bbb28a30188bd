"""Where the outputs of a film lie, and a check that no output replaces one of the film's own inputs.

Owns: the names of further outputs, and refusing a target that is a clip or a file of the template. Not here: putting a
finished file there (`stinercut.films.publishing.placing`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from stinercut.errors import BadInput
from stinercut.films.photos.photo_output import photo_folder
from stinercut.films.photos.stills_output import photo_name
from stinercut.language.messages import Message
from stinercut.language.template_codes import TemplateCode
from stinercut.storage.disk_names import require_places
from stinercut.templates import Template
from stinercut.templates.folder import FILE_NAME
from stinercut.templates.timeline import StillsOutput


def beside(target: Path, output: str) -> Path:
    """Where another video output of the film at `target` lies."""
    return target.with_name(f"{target.stem}-{output}.mp4")


def require_apart(template: Template, clips: Iterable[Path], target: Path) -> None:
    """Raise BadInput if an output of the film at `target` would replace one of the film's own inputs, or can't have its
    name.
    """
    require_places(_places(template, target))
    known = {found: path for path in clips if (found := _inode(path))}
    of_template = {template.folder / name for name in (FILE_NAME, *template.files)}
    known |= {found: path for path in of_template if (found := _inode(path))}
    for output in _places(template, target):
        taken = known.get(_inode(output) or (-1, -1))
        if taken is not None:
            if taken in of_template:
                elsewhere = Message.of(TemplateCode.WRITE_FILM_ELSEWHERE)
                raise BadInput(Message.of(TemplateCode.OUTPUT_IS_OF_TEMPLATE), file=output, advice=elsewhere)
            elsewhere = Message.of(TemplateCode.WRITE_ELSEWHERE_OR_LEAVE_OUT)
            raise BadInput(Message.of(TemplateCode.OUTPUT_IS_CLIP), file=output, advice=elsewhere)


def _places(template: Template, target: Path) -> Iterator[Path]:
    """The files of all outputs, and the folders of photos."""
    yield target
    yield from (beside(target, film.name) for film in template.document.films[1:])
    for output in template.outputs:
        if isinstance(output, StillsOutput):
            folder = photo_folder(target, output)
            yield folder
            yield from (folder / photo_name(number) for number in range(1, output.count + 1))


def _inode(path: Path) -> tuple[int, int] | None:
    """The identity of a file, whatever its names; None if there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
