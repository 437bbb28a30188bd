"""Films over HTTP: their files, their cuts, their templates, and making stale ones again.

Owns: these routes. Not here: which files may be fetched (`files`), what a timeline may name (`cuts`), what a backfill
does (`rerender`).
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import FileResponse, Response, StreamingResponse

from hub.films.cuts import Cuts, CutView
from hub.films.files import FilmFiles
from hub.films.rerender import BackfillRequest, Renewable, Renewal, Started, Templates, TemplateWish
from hub.kit.access.subject import SubjectPart
from hub.kit.parts import part
from hub.kit.request_body import limited_body
from stinercut.bounds import NO_NUL, JumpKey, ShortText
from stinercut.films.editor.otio import LARGEST
from stinercut.language.messages import Message
from stinercut.language.refusal_codes import RefusalCode

router = APIRouter(tags=["films"])

FilmFilesPart = Annotated[FilmFiles, Depends(part(FilmFiles))]
CutsPart = Annotated[Cuts, Depends(part(Cuts))]
RenewalPart = Annotated[Renewal, Depends(part(Renewal))]


async def _who_asks(
    subject: SubjectPart, who: Annotated[str, Query(min_length=1, max_length=80, pattern=NO_NUL)]
) -> str:
    """Who is signed in; the typed name only counts where nobody is."""
    return subject.who(who)


WhoAsks = Annotated[str, Depends(_who_asks)]

_TO_LOOK_AT: Final = ["GET", "HEAD"]

# ------------------------------------------------------------------------------------------------ files


@router.api_route("/films/{jump}/poster.jpg", methods=_TO_LOOK_AT, summary="The still picture of a jump's film")
def poster(films: FilmFilesPart, jump: JumpKey) -> FileResponse:
    """A JPEG."""
    return films.poster(jump)


@router.api_route("/films/{jump}/{film}.mp4", methods=_TO_LOOK_AT, summary="A film, or another video output")
def film(films: FilmFilesPart, jump: JumpKey, film: ShortText, download: bool = False) -> FileResponse:
    """An MP4, in ranges if asked for. With `download` it has a name that a person recognises."""
    return films.film(jump, f"{film}.mp4", download)


@router.api_route("/films/{jump}/{photos}/{photo}.jpg", methods=_TO_LOOK_AT, summary="A photo of a jump")
def photo(films: FilmFilesPart, jump: JumpKey, photos: ShortText, photo: ShortText) -> FileResponse:
    """One photo of an output of photos."""
    return films.photo(jump, photos, f"{photo}.jpg")


@router.get("/films/{jump}/{photos}.zip", summary="All photos of an output")
def all_photos(films: FilmFilesPart, jump: JumpKey, photos: ShortText) -> StreamingResponse:
    """A ZIP, packed while it is sent."""
    return films.all_photos(jump, photos)


@router.api_route("/films/{jump}/{film}.otio", methods=_TO_LOOK_AT, summary="The film's timeline for editing programs")
def timeline(films: FilmFilesPart, jump: JumpKey, film: ShortText) -> Response:
    """OpenTimelineIO's JSON."""
    return films.timeline(jump, f"{film}.otio")


# ------------------------------------------------------------------------------------------------ cuts


@router.get("/api/jumps/{jump}/cut", summary="What a jump's film shows")
async def cut(cuts: CutsPart, jump: JumpKey) -> CutView:
    """The parts of its clips, in the film's order."""
    return await asyncio.to_thread(cuts.view, jump)


@router.put("/api/jumps/{jump}/cut", status_code=202, summary="Make a timeline the jump's cut")
async def replace_cut(
    request: Request, cuts: CutsPart, jump: JumpKey, who: WhoAsks, file: ShortText = "the timeline"
) -> CutView:
    """The body is an `.otio` file; `file` is its name. The film is made again."""
    too_large = Message.of(RefusalCode.TIMELINE_LARGER, most=LARGEST // 1_000_000)
    text = await limited_body(request, LARGEST, too_large, Message.of(RefusalCode.IS_IT_OTIO))
    return await asyncio.to_thread(cuts.import_timeline, jump, text, file, who)


@router.delete("/api/jumps/{jump}/cut", status_code=202, summary="Back to what the template shows")
async def drop_cut(cuts: CutsPart, jump: JumpKey, who: WhoAsks) -> CutView:
    """The film is made again."""
    return await asyncio.to_thread(cuts.drop, jump, who)


# ------------------------------------------------------------------------------------------------ templates


@router.get("/api/templates", summary="The templates of this installation")
async def templates(renewal: RenewalPart) -> Templates:
    """All of them, with those that can't be used."""
    return Templates(templates=await asyncio.to_thread(renewal.templates))


@router.get("/api/stale", summary="Films whose template has changed")
async def stale(renewal: RenewalPart) -> Renewable:
    """The films that a backfill would make again, and the cost."""
    return await renewal.renewable()


@router.post("/api/backfill", status_code=202, summary="Make stale films again")
async def backfill(renewal: RenewalPart, asked: BackfillRequest) -> Started:
    """Leaves out films that are up to date, and films that a backfill is busy with."""
    return await renewal.start(asked)


@router.post("/api/jumps/{jump}/template", status_code=202, summary="Choose a jump's template")
async def choose_template(
    renewal: RenewalPart, subject: SubjectPart, jump: JumpKey, wish: TemplateWish
) -> TemplateWish:
    """The film is made again with it. Null means the installation's default."""
    await asyncio.to_thread(renewal.choose, jump, wish.model_copy(update={"who": subject.who(wish.who)}))
    return wish
