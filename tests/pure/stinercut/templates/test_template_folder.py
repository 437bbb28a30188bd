"""Templates as folders: what is refused and how it is said, which one is found, what the fingerprint notices."""

from __future__ import annotations

import json
import re
import shutil
from datetime import date
from pathlib import Path

import pytest
from PIL import Image
from pydantic import TypeAdapter
from support.templating import BUNDLED, TITLE, changed, own_template

from stinercut.drawing.fonts import BUNDLED as FONTS
from stinercut.errors import BadInput
from stinercut.templates import folder, svg
from stinercut.templates.merging import Fields, date_text, merged
from stinercut.templates.schema import PUBLISHED, schema_text
from stinercut.templates.timeline import Document, MusicName, StillsOutput

DAY = date(2025, 6, 14)
CLIPS = "timeline__tracks__1__clips"


@pytest.mark.parametrize("name", ["classic", "sunset"])
def test_bundled_templates_are_whole(name: str) -> None:
    template = folder.bundled(name)
    assert template.name == name
    assert (template.film.width, template.film.height) == (1920, 1080)
    assert template.title.asset.type == "svg"
    assert len(template.fingerprint) == 32


def test_sunset_makes_all_that_a_template_can() -> None:
    template = folder.bundled("sunset")
    assert [one.name for one in template.outputs] == ["film", "phone", "preview", "photos"]
    assert isinstance(template.outputs[-1], StillsOutput)
    assert template.path("evening.opus").stat().st_size < 600_000


@pytest.mark.parametrize(
    ("place", "value", "said", "advised"),
    [
        ("output__0__fps", 29, "output 1, fps", "29.97"),
        ("output__0__width", 1921, "output 1, width", "even"),
        ("output__0__codec", "hevc", "output 1, codec: there is no such field", "crf"),
        (f"{CLIPS}__0__length", "long", "timeline, track 2, clip 1, length", "number of seconds"),
        (f"{CLIPS}__0__length", 0, "timeline, track 2, clip 1, length", "number of seconds, such as 4"),
        (f"{CLIPS}__0__asset__src", "../title.svg", "timeline, track 2, clip 1, asset, src", "without a folder"),
        (f"{CLIPS}__0__asset__type", "html", "timeline, track 2, clip 1, asset, type", "svg, image, text"),
        (f"{CLIPS}__0__asset__colour", "red", "asset, colour: there is no such field", "type, src"),
        (f"{CLIPS}__0__transition__in", "swirl", "clip 1, transition, in", "crossfade"),
        (f"{CLIPS}__1__length", 3, "track 2, clip 2: a video and the footage last as long as they are", "list"),
        (f"{CLIPS}__1__asset", {"type": "svg", "src": "outro.svg"}, "track 2, clip 2", "list"),
        ("timeline__tracks__0__clips__0__position", "middle", "track 1, clip 1, position", "bottomRight"),
        ("timeline__tracks__0__clips__0__asset__text", "{{ jumper }}", "{{jumper}} is no field", "Compare"),
        ("timeline__background", "blue", "timeline, background", "#rrggbb"),
        ("timeline__loudness", 3, "timeline, loudness", "-40"),
        ("merge__0__find", "Mark!", "merge 1, find", "small letters"),
        ("merge__0__replace", 7, "merge 1, replace", "text to put there"),
        ("titel", {}, "titel: there is no such field", "timeline"),
        ("language", "xx", "language: xx is no language", "en, de"),
        ("timeline__soundtrack", {"src": "song.mp3"}, "timeline, soundtrack, src: song.mp3 is not there", "song.mp3"),
        (f"{CLIPS}__0__asset__src", "intro.svg", "track 2, clip 1, asset, src: intro.svg is not there", "intro.svg"),
    ],
)
def test_a_wrong_field_is_named_with_what_to_write(
    tmp_path: Path, place: str, value: object, said: str, advised: str
) -> None:
    with pytest.raises(BadInput) as refused:
        folder.load(changed(tmp_path, "classic", {place: value}))
    assert refused.value.file == str(tmp_path / "template.json")
    assert said in refused.value.what
    assert advised in refused.value.advice


def test_all_wrong_fields_are_listed(tmp_path: Path) -> None:
    changes: dict[str, object] = {"output__0__fps": 29, f"{CLIPS}__0__length": 0, "timeline__background": "blue"}
    template, problems = folder.read(changed(tmp_path, "classic", changes))
    assert template is None
    assert len(problems) == 3
    assert {problem.file for problem in problems} == {str(tmp_path / "template.json")}


def test_files_that_are_no_template(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no template here"):
        folder.load(tmp_path)
    deep = b'{"a":' * 100_000
    for content, said in (
        (b'{"name": "x",}', "line 1"),
        (b"\xff\xfe", "UTF-8"),
        (b"[1]", "object"),
        (deep, "JSON|deep"),
    ):
        (tmp_path / "template.json").write_bytes(content)
        with pytest.raises(BadInput, match=said):
            folder.load(tmp_path)


def test_a_film_says_whose_it_is(tmp_path: Path) -> None:
    nameless = TITLE.replace("{{ passenger_name }}", "Somebody")
    with pytest.raises(BadInput, match="no drawing of the last track holds") as refused:
        folder.load(own_template(tmp_path / "a", title=nameless))
    assert "whose it is" in refused.value.advice
    path = own_template(tmp_path / "b")
    (path / "title.upright.svg").write_text(nameless)
    with pytest.raises(BadInput, match="doesn't hold the name") as refused:
        folder.load(path)
    assert str(refused.value.file).endswith("title.upright.svg")


def test_everything_is_in_place_before_a_card_goes(tmp_path: Path) -> None:
    late = TITLE.replace('id="day"', 'id="day" data-enter="fade" data-at="1" data-for="0.8"')
    with pytest.raises(BadInput, match=r"in place after 1\.8 s, too late for a card of 2 s") as refused:
        folder.load(own_template(tmp_path, title=late))
    assert "timeline, track 1, clip 1, length" in refused.value.advice
    assert "2.3" in refused.value.advice


def test_own_templates_come_before_bundled_ones(tmp_path: Path) -> None:
    assert folder.names((tmp_path,)) == ["classic", "sunset"]
    shutil.copytree(BUNDLED / "classic", tmp_path / "classic")
    own_template(tmp_path / "own")
    assert folder.names((tmp_path,)) == ["classic", "own", "sunset"]
    assert folder.find("classic", (tmp_path,)).folder == tmp_path / "classic"
    assert folder.find("sunset", (tmp_path,)).folder == BUNDLED / "sunset"
    with pytest.raises(BadInput, match="no template 'nosuch'") as refused:
        folder.find("nosuch", (tmp_path,))
    assert "classic, own, sunset" in refused.value.advice
    (tmp_path / "own").rename(tmp_path / "mine")
    with pytest.raises(BadInput, match='it says "own" in a folder called mine'):
        folder.find("mine", (tmp_path,))


def test_the_fingerprint_notices_every_change_and_only_changes(tmp_path: Path) -> None:
    plain = folder.bundled("classic").fingerprint
    assert folder.load(changed(tmp_path / "a", "classic", {})).fingerprint == plain
    assert folder.load(changed(tmp_path / "a", "classic", {"$schema": "elsewhere.json"})).fingerprint == plain
    seen = {plain, folder.load(changed(tmp_path / "b", "classic", {"version": 9})).fingerprint}
    for number, name in enumerate(("outro.svg", "title.upright.svg", "sky.jpg", "fonts/Own.ttf")):
        path = changed(tmp_path / f"c{number}", "classic", {})
        (path / name).parent.mkdir(exist_ok=True)
        before = (path / name).read_bytes() if name != "fonts/Own.ttf" else (FONTS / "NotoSans-Bold.ttf").read_bytes()
        (path / name).write_bytes(before + b"\n")
        seen.add(folder.load(path).fingerprint)
    assert len(seen) == 6
    (tmp_path / "a" / "notes.txt").write_text("none of the template's business")
    assert folder.load(tmp_path / "a").fingerprint == plain


def test_every_kind_of_music_that_is_taken_is_named_where_one_is_not() -> None:
    music = TypeAdapter(MusicName).json_schema()
    taken = re.findall(r"\w+", music["pattern"].partition("(")[2])
    assert "mp3" in taken
    assert [kind for kind in taken if kind not in music["description"].lower()] == []


def test_the_published_schema_is_the_models() -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == schema_text(), "run: python -m stinercut.templates.schema"
    for name in folder.names():
        said = json.loads((BUNDLED / name / "template.json").read_text(encoding="utf-8"))
        assert set(said) <= set(json.loads(schema_text())["properties"])


# Merge fields --------------------------------------------------------------------------------------------------------


def own_document(**changes: object) -> Document:
    return folder.bundled("classic").document.model_copy(update=changes)


def test_separators_beside_an_empty_field_go_with_it() -> None:
    line = "{{ jump_date }}  ·  {{place}} | {{ tandem_master }}"
    document = own_document()
    full = Fields("A", DAY, "Klatovy", "", "Petr")
    assert merged(line, full, document) == "14 June 2025  ·  Klatovy | Petr"
    assert merged(line, Fields("A", DAY, " ", "", "Petr"), document) == "14 June 2025 | Petr"
    assert merged(line, Fields("A", DAY), document) == "14 June 2025"
    assert merged("{{ place }} – {{ jump_date }}", Fields("A", DAY), document) == "14 June 2025"
    assert merged("{{ place }}", Fields("A", DAY), document) == ""


def test_braces_and_fields_in_a_name_are_only_characters() -> None:
    assert (
        merged("{{ passenger_name }}", Fields("{{ place }} {0} \\1", DAY, "X"), own_document()) == "{{ place }} {0} \\1"
    )


def test_a_templates_own_fields_are_filled_in() -> None:
    assert merged("by {{ mark }}", Fields("A", DAY), folder.bundled("classic").document) == "by STINERCUT"


@pytest.mark.parametrize(
    ("language", "style", "said"),
    [
        ("en", "long", "14 June 2025"),
        ("en_US", "long", "June 14, 2025"),
        ("de", "long", "14. Juni 2025"),
        ("cs", "long", "14. června 2025"),
        ("fr", "long", "14 juin 2025"),
        ("de", "numeric", "14.06.2025"),
        ("en", "numeric", "14/06/2025"),
        ("ja", "long", "2025年6月14日"),
        ("de", "iso", "2025-06-14"),
    ],
)
def test_days_are_written_as_people_write_them(language: str, style: str, said: str) -> None:
    assert date_text(DAY, style, language) == said


# Drawings that are refused -------------------------------------------------------------------------------------------


def drawing(tmp_path: Path, body: str, head: str = 'viewBox="0 0 320 180"') -> Path:
    path = tmp_path / "d.svg"
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" {head}>{body}</svg>', encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("<rect", "no valid SVG at line 1"),
        ("<script>1</script>", "<script> has no place"),
        ("<foreignObject/>", "<foreignObject> has no place"),
        ('<image href="/etc/passwd.png"/>', 'shows "/etc/passwd.png"'),
        ('<image href="https://example.org/a.png"/>', 'shows "https://example.org/a.png"'),
        ('<image href="../a.png"/>', 'shows "../a.png"'),
        ('<image href="data:image/svg+xml;base64,AAAA"/>', 'shows "data:image/svg'),
        ('<image xmlns:x="http://www.w3.org/1999/xlink" x:href="file:///a.png"/>', 'shows "file:///a.png"'),
        ('<use href="other.svg#a"/>', 'links to "other.svg#a"'),
        ('<rect style="fill:url(http://example.org/x)"/>', 'loads "http://example.org/x"'),
        ("<style>@import 'x.css';</style>", "loads"),
        ('<g id="a"><use href="#b"/></g><g id="c"><use href="#a"/></g>', "uses what itself uses others"),
        ("<text>{{ jumper }}</text>", "{{jumper}} is no field"),
        ("<text>{{ passenger_name</text>", "double braces stand alone"),
        ('<g data-enter="swirl"/>', 'data-enter="swirl" is unknown'),
        ('<g data-at="1"/>', "when it comes in, but not how"),
        ('<g data-enter="fade" data-at="soon"/>', 'data-at="soon" can\'t be used'),
        ('<g><g data-enter="fade"/></g>', "lies within <g>"),
        ('<rect/><rect data-background="still"/>', "a background that others lie below"),
        ('<rect data-background="spin"/>', 'data-background="spin"'),
        ("<g>" * 200 + "</g>" * 200, "too deep"),
        ("<g>" * 50_000 + "</g>" * 50_000, "too deep"),
    ],
)
def test_drawings_that_are_refused(tmp_path: Path, body: str, said: str) -> None:
    path = drawing(tmp_path, body)
    with pytest.raises(BadInput) as refused:
        svg.read(path, ("passenger_name",))
    assert refused.value.file == str(path)
    assert said in refused.value.what
    assert refused.value.advice


def test_entities_are_never_expanded(tmp_path: Path) -> None:
    path = tmp_path / "d.svg"
    bomb = "".join(f'<!ENTITY a{n} "&a{n - 1};&a{n - 1};">' for n in range(1, 40))
    path.write_text(f'<!DOCTYPE svg [<!ENTITY a0 "x">{bomb}]><svg xmlns="http://www.w3.org/2000/svg">&a39;</svg>')
    with pytest.raises(BadInput, match="entities"):
        svg.read(path, ())
    path.write_text('<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/x.dtd">\n'
                    '<svg xmlns="http://www.w3.org/2000/svg" width="320" height="180"/>')  # fmt: skip
    assert svg.read(path, ()).box == (0, 0, 320, 180)


def test_what_is_too_large_or_no_drawing(tmp_path: Path) -> None:
    path = drawing(tmp_path, "<title>" + "x" * 4_100_000 + "</title>")
    with pytest.raises(BadInput, match=r"4\.1 MB"):
        svg.read(path, ())
    for content, said in ((b"\xff\xfe<\x00", "UTF-8"), (b"<html/>", "no SVG"), (b"<svg xmlns='x'/>", "no SVG")):
        path.write_bytes(content)
        with pytest.raises(BadInput, match=said):
            svg.read(path, ())
    for head in ('width="100%"', 'viewBox="0 0 1e400 1"', 'viewBox="0 0 1e-320 1"', 'viewBox="-1e9 0 9 9"'):
        with pytest.raises(BadInput, match="no usable viewBox"):
            svg.read(drawing(tmp_path, "", head=head), ())


def test_what_editing_programs_add_is_left_out(tmp_path: Path) -> None:
    inkscape = (
        '<i:namedview xmlns:i="http://www.inkscape.org/namespaces/inkscape" i:zoom="2"/>'
        '<g xmlns:i="http://www.inkscape.org/namespaces/inkscape" i:label="Layer 1" data-enter="fade"><rect/></g>'
    )
    read = svg.read(drawing(tmp_path, inkscape), ())
    assert len(read.parts) == 1
    assert read.parts[0].enter == svg.Entrance("fade", 0.0, 0.8)
    assert set(read.parts[0].elements[0].attrib) == {"data-enter"}


def test_a_picture_of_a_drawing_that_is_not_there_is_named(tmp_path: Path) -> None:
    with_logo = TITLE.replace("</svg>", '<image href="logo.png" width="20" height="20"/></svg>')
    path = own_template(tmp_path, title=with_logo)
    with pytest.raises(BadInput, match=r"logo\.png, which is not there"):
        folder.load(path)
    Image.new("RGB", (8, 8)).save(path / "logo.png")
    assert "logo.png" in folder.load(path).files


def test_one_word_means_the_same_to_every_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, shelf = own_template(tmp_path / "here" / "own"), tmp_path / "shelf"
    installed = own_template(shelf / "mine")
    (tmp_path / "here" / "classic").mkdir()
    (tmp_path / "here" / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    shelves = (shelf,)
    for said in ("own", "./own", str(own), "own/template.json", str(own / "template.json")):
        assert folder.meant_by(said, shelves).samefile(own), said
    assert folder.meant_by("mine", shelves) == installed
    assert folder.meant_by("classic", shelves) == BUNDLED / "classic", "an empty folder of that name is none"
    assert folder.meant_by("empty", shelves) == Path("empty"), "a check says what is missing there"
    for said, what in (
        ("nothing", "no template 'nothing'"),
        ("./nothing", "no such folder"),
        ("a/b", "no such folder"),
    ):
        with pytest.raises(BadInput, match=what):
            folder.meant_by(said, shelves)
