"""`stinercut template`: what is wrong is found before a film needs it, said with what to do; what is right is shown."""

from __future__ import annotations

import json
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.repository import REPOSITORY
from support.templating import BUNDLED, TITLE, changed, own_template

from app.cli import main
from stinercut.errors import StinercutError
from stinercut.films.template_check import problems
from stinercut.synthetic import music
from stinercut.templates import folder, svg
from stinercut.templates.schema import schema_text


def with_overlay(path: Path, asset: dict[str, object]) -> Path:
    said = json.loads((own_template(path) / "template.json").read_text())
    said["timeline"]["tracks"].insert(0, {"clips": [{"asset": asset}]})
    (path / "template.json").write_text(json.dumps(said))
    return path


def the_problem(path: Path) -> StinercutError:
    (found,) = problems(path)
    assert found.file
    assert found.advice
    return found


@pytest.mark.parametrize("name", ["classic", "sunset"])
def test_bundled_templates_pass(name: str) -> None:
    assert problems(BUNDLED / name) == []


def test_a_corrupt_logo(tmp_path: Path) -> None:
    path = with_overlay(tmp_path, {"type": "image", "src": "logo.png"})
    assert "logo.png is not there" in the_problem(path).what
    Image.new("RGBA", (60, 60), "#ff0000").save(path / "logo.png")
    assert problems(path) == []
    whole = (path / "logo.png").read_bytes()
    (path / "logo.png").write_bytes(whole[: len(whole) // 2])
    assert "the picture can't be read" in the_problem(path).what
    assert the_problem(path).file == str(path / "logo.png")
    Image.new("RGB", (20, 20)).save(path / "logo.png", format="BMP")
    assert "BMP" in the_problem(path).what


def test_a_missing_font(tmp_path: Path) -> None:
    path = own_template(tmp_path, title=TITLE.replace('id="name"', 'id="name" font-family="Lobster"'))
    assert "no font of the family 'Lobster'" in the_problem(path).what
    assert "folder fonts" in the_problem(path).advice
    (path / "title.svg").write_text(TITLE)
    (path / "fonts").mkdir()
    (path / "fonts" / "Lobster.otf").write_bytes(b"\0\1\0\0 no font at all")
    assert the_problem(path).file == str(path / "fonts" / "Lobster.otf")
    assert "no font that can be read" in the_problem(path).what


def test_a_clip_of_zero_length(tmp_path: Path) -> None:
    found = the_problem(changed(tmp_path, "classic", {"timeline__tracks__1__clips__0__length": 0}))
    assert "timeline, track 2, clip 1, length" in found.what
    assert "such as 4" in found.advice


def test_music_and_videos_that_cannot_be_played(tmp_path: Path) -> None:
    path = own_template(tmp_path, timeline__soundtrack={"src": "song.mp3"})
    (path / "song.mp3").write_bytes(b"no music" * 500)
    assert the_problem(path).file == str(path / "song.mp3")
    assert "not music that can be read" in the_problem(path).what
    with wave.open(str(path / "song.wav"), "wb") as empty:
        empty.setparams((1, 2, 8000, 0, "NONE", ""))
    own_template(path, timeline__soundtrack={"src": "song.wav"})
    assert "lasts no time" in the_problem(path).what or "not music" in the_problem(path).what


def test_a_colour_table_that_is_cut_off(tmp_path: Path) -> None:
    path = own_template(
        tmp_path, timeline__tracks__0__clips__1__asset={"type": "footage", "look": {"lut": "warm.cube"}}
    )
    rows = [f"{r} {g} {b}" for b in (0, 1) for g in (0, 1) for r in (0, 1)]
    (path / "warm.cube").write_text("\n".join(['TITLE "warm"', "LUT_3D_SIZE 2", *rows]))
    assert problems(path) == []
    (path / "warm.cube").write_text("\n".join(["LUT_3D_SIZE 2", *rows[:5]]))
    assert "5 rows where 8 are due" in the_problem(path).what
    (path / "warm.cube").write_bytes(b"\xff\xfe\x00")
    assert "no whole .cube table" in the_problem(path).what


def test_a_name_that_nobody_can_see(tmp_path: Path) -> None:
    hidden = TITLE.replace("</svg>", '<rect width="320" height="180" fill="#fff"/></svg>')
    assert "the name can't be seen" in the_problem(own_template(tmp_path / "a", title=hidden)).what
    outside = TITLE.replace('x="160" y="95"', 'x="160" y="950"')
    assert "the name can't be seen" in the_problem(own_template(tmp_path / "b", title=outside)).what


def test_all_problems_are_said_at_once(tmp_path: Path) -> None:
    path = with_overlay(tmp_path, {"type": "image", "src": "logo.png"})
    (path / "title.svg").write_text("<svg")
    (path / "logo.png").write_bytes(b"")
    found = problems(path)
    assert {Path(str(one.file)).name for one in found} == {"title.svg", "logo.png"}


# The command ---------------------------------------------------------------------------------------------------------


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


def test_list_names_own_and_bundled_templates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own_template(tmp_path / "templates" / "own")
    (tmp_path / "templates" / "broken").mkdir()
    (tmp_path / "templates" / "broken" / "template.json").write_text("{")
    assert run("template", "list", "--data", tmp_path, "--json") == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows) == {"broken", "classic", "own", "sunset"}
    assert "template.json" in rows["broken"]["wrong"]
    assert rows["sunset"]["outputs"] == ["film", "phone", "preview", "photos"]
    assert run("template", "list", "--data", tmp_path) == 0
    assert "broken: can't be used" in capsys.readouterr().out


def test_check_ends_with_3_when_something_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = own_template(tmp_path / "own")
    assert run("template", "check", path) == 0
    assert "nothing is wrong" in capsys.readouterr().out
    (path / "title.svg").unlink()
    assert run("template", "check", path / "template.json", "--json") == 3
    (found,) = json.loads(capsys.readouterr().out)
    assert "title.svg is not there" in found["what"]
    assert run("template", "check", path) == 3
    assert "1 thing is wrong" in capsys.readouterr().out
    assert run("template", "check", tmp_path / "nowhere") == 3
    assert run("template", "check", "nosuch", "--data", tmp_path) == 3
    assert "classic, sunset" in capsys.readouterr().err


def test_a_new_template_is_a_copy_that_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("template", "new", "evening", "--from", "sunset", "--data", tmp_path) == 0
    made = tmp_path / "templates" / "evening"
    assert str(made) in capsys.readouterr().out
    template = folder.find("evening", (tmp_path / "templates",))
    assert (template.name, template.version) == ("evening", 1)
    said = json.loads((made / "template.json").read_text())
    assert (made / said["$schema"]).is_file()
    assert problems(made) == []
    assert run("template", "new", "evening", "--data", tmp_path) == 3
    assert run("template", "new", "Not A Name", "--data", tmp_path) == 3
    assert [one.name for one in made.parent.iterdir()] == ["evening"]


def test_a_preview_shows_every_output(tmp_path: Path) -> None:
    path = with_overlay(tmp_path / "own", {"type": "text", "text": "{{ place }}", "colour": "#ff0000"})
    said = json.loads((path / "template.json").read_text())
    said["output"].append({"type": "video", "name": "phone", "width": 180, "height": 320, "fit": "cover"})
    (path / "template.json").write_text(json.dumps(said))
    one, both = tmp_path / "one.png", tmp_path / "both.png"
    assert run("template", "preview", path, "-o", both, "--name", "山田 太郎") == 0
    assert run("template", "preview", path, "-o", one, "--size", "320x180", "--place", "Brno") == 0
    with Image.open(one) as first, Image.open(both) as second:
        assert second.height > first.height + 320
        assert first.size[0] > 640
        assert np.asarray(first.convert("RGB")).std() > 20
    assert run("template", "preview", path, "-o", tmp_path / "out.txt") == 3
    assert run("template", "preview", path, "-o", tmp_path / "nowhere" / "a.png") == 3
    assert not list(tmp_path.glob(".*"))


def test_a_preview_can_be_a_film(tmp_path: Path) -> None:
    path = own_template(tmp_path / "own")
    assert run("template", "preview", path, "-o", tmp_path / "film.mp4", "--data", tmp_path / "data") == 0
    asked = ["ffprobe", "-v", "error", "-show_entries", "format=duration:stream=width", "-of", "json"]
    said = json.loads(subprocess.run([*asked, str(tmp_path / "film.mp4")], capture_output=True, check=True).stdout)
    assert float(said["format"]["duration"]) > 8
    assert said["streams"][0]["width"] == 320


# Music ---------------------------------------------------------------------------------------------------------------


def test_the_bundled_music_is_made_by_code_and_the_same_each_time() -> None:
    once, again = music.composed([1]), music.composed([1])
    assert (once == again).all()
    assert once.shape == (2, 4 * music.BAR)
    assert 0.5 < np.abs(once).max() <= 0.9
    assert 0.05 < float(np.sqrt((once**2).mean())) < 0.3


# The documentation ---------------------------------------------------------------------------------------------------

DOCS = REPOSITORY / "docs" / "templates.md"


def test_the_worked_example_is_a_template_that_passes(tmp_path: Path) -> None:
    said = DOCS.read_text(encoding="utf-8").split("## A template from an empty folder")[1]
    for kind, name in (("json", "template.json"), ("svg", "title.svg")):
        (tmp_path / name).write_text(said.split(f"```{kind}\n")[1].split("```")[0], encoding="utf-8")
    assert problems(tmp_path) == []


def test_every_field_is_explained() -> None:
    text = DOCS.read_text(encoding="utf-8")
    schema = json.loads(schema_text())
    models = [schema, *schema["$defs"].values()]
    fields = {name for model in models for name in model.get("properties", {})} - {"$schema"}
    values = {
        value for model in models for one in model.get("properties", {}).values() for value in one.get("enum", ())
    }
    presets = {"superfast", "faster", "fast", "medium", "slow"}
    names = ("enter", "at", "for", "background", "speed", "width", "lines", "height", "smallest", "grow", "if")
    attributes = {f"data-{name}" for name in names}
    wanted = fields | (values - presets) | attributes | set(svg.ENTRANCES) | set(svg.MOVES)
    assert {word for word in wanted if f"`{word}`" not in text} == set()


def test_an_overlay_that_hides_the_name(tmp_path: Path) -> None:
    path = with_overlay(tmp_path, {"type": "image", "src": "board.png"})
    Image.new("RGB", (320, 180), "#204060").save(path / "board.png")
    said = json.loads((path / "template.json").read_text())
    overlay = said["timeline"]["tracks"][0]["clips"][0]
    for change, wrong in (
        ({}, False),
        ({"over": "film"}, False),
        ({"over": "film", "height": 1, "margin": 0, "position": "center", "opacity": 1}, True),
        ({"over": "film", "height": 1, "margin": 0, "position": "center", "opacity": 1, "start": 2}, False),
        ({"over": "film", "height": 1, "margin": 0, "position": "center", "opacity": 0.4}, False),
    ):
        overlay.clear()
        overlay.update({"asset": {"type": "image", "src": "board.png"}, **change})
        (path / "template.json").write_text(json.dumps(said))
        assert ["hides the name" in one.what for one in problems(path)] == [True] * wrong, change
