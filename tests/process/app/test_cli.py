"""The command as it is typed: help, exit codes, words, JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import typer
from support.commands import typed

from app.common.exit_codes import run
from app.common.options import settings_from, size_from
from app.common.running_note import sole_use
from stinercut.errors import BadInput, HostNotReady
from stinercut.settings import Settings

COMMANDS = (
    "up",
    "demo",
    "card",
    "card make",
    "card insert",
    "qr",
    "qr make",
    "qr sheet",
    "qr key",
    "qr film",
    "qr read",
    "bookings",
    "bookings import",
    "retry",
    "template",
    "template list",
    "template check",
    "template preview",
    "template new",
    "doctor",
    "detector",
)
PERSON = ("--passenger-name", "Žofie Dvořáková", "--booking-id", "B-17", "--jump-date", "2024-06-01")
PAYLOAD = {
    "v": 1,
    "passenger_name": "Žofie Dvořáková",
    "booking_id": "B-17",
    "jump_date": "2024-06-01",
    "tandem_master_id": None,
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str], command: str) -> None:
    code, out, err = typed(capsys, *command.split(), "--help")
    assert (code, err) == (0, "")
    assert "Usage: stinercut" in out or "Usage:" in out
    assert len(out) > 200


def test_help_loads_nothing_heavy() -> None:
    heavy = ("pydantic", "dagster", "cv2", "numpy", "fastapi", "sqlalchemy", "websockets", "psutil", "ffmpeg")
    script = (
        "import sys\nfrom app.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        f"print('LOADED', [name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED []"


def test_wrong_usage_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(capsys, "fly")[0] == 2
    assert typed(capsys, "demo")[0] == 2  # --out is missing
    code, _, err = typed(capsys, "qr", "make", "--jump-date", "01.06.2026")
    assert code == 2
    assert "write YYYY-MM-DD" in " ".join(err.replace("│", " ").split())


def test_an_error_is_a_sentence_without_a_traceback(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, err = typed(capsys, "card", "insert", tmp_path / "nowhere", "--data", tmp_path)
    assert (code, out) == (BadInput.exit_code, "")
    assert err == (f"stinercut: {tmp_path}/nowhere: is not a folder. Give the folder that holds the card's files.\n")


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("no folder", "a: no folder. Make it."),
        ("no folder.", "a: no folder. Make it."),
        ("is it running?", "a: is it running? Make it."),
        ("too late!", "a: too late! Make it."),
    ],
)
def test_an_error_ends_with_one_mark_before_its_advice(what: str, said: str) -> None:
    assert BadInput(what, file="a", advice="Make it.").sentence() == said
    assert BadInput(what, file="a").sentence() == f"a: {what}"


def test_what_the_system_refuses_is_said_with_the_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, _, err = typed(
        capsys, "template", "new", "mine", "--data", tmp_path / "data", "--in", tmp_path / "file" / "x"
    )
    assert code == HostNotReady.exit_code
    assert f"{tmp_path}/file" in err
    assert "Not a directory" in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_said_with_what_to_do(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    def work() -> None:
        with Path("/dev/full").open("w") as full:
            full.write("x")

    full_disk = typer.Typer()
    full_disk.command()(work)
    with pytest.raises(SystemExit) as ended:
        run(full_disk, [])
    assert ended.value.code == HostNotReady.exit_code
    assert "No space left on device. Free some space" in capsys.readouterr().err


def test_verbose_shows_where_an_error_came_from(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "app.cli", "--verbose", "card", "insert", str(tmp_path / "nowhere")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == BadInput.exit_code
    assert "Traceback" in done.stderr
    assert "is not a folder" in done.stderr


def test_a_missing_package_is_said_with_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delitem(sys.modules, "stinercut.codes.making", raising=False)
    monkeypatch.setitem(sys.modules, "segno", None)
    code, _, err = typed(capsys, "qr", "make", *PERSON, "--output", tmp_path / "a.png")
    assert code == 4
    assert "the Python package segno, which is not installed here. In the checkout" in err
    assert "`make setup`, or `pip install -e '.[all]'`." in err


def test_output_that_nobody_reads_is_no_error(tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f'set -o pipefail; "{sys.executable}" -m app.cli doctor --data "{tmp_path}" | true'],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "Error" not in done.stderr


# ---- qr --------------------------------------------------------------------------------------------------------------


def test_a_code_is_made_and_read(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    png, text = tmp_path / "code.png", tmp_path / "text.txt"
    text.write_text("no picture")
    assert typed(capsys, "qr", "make", *PERSON, "--output", png) == (0, f"Written: {png}\n", "")
    code, out, _ = typed(capsys, "qr", "read", png, text, "--json")
    good, bad = (json.loads(line) for line in out.splitlines())
    assert code == 1  # Not every file gave a payload.
    assert (good["file"], good["payload"], good["reason"]) == (str(png), PAYLOAD, None)
    assert json.loads(good["raw"])["booking_id"] == "B-17"
    assert (bad["file"], bad["payload"], bad["reason"]) == (str(text), None, "unreadable")
    assert typed(capsys, "qr", "read", png) == (0, f"{png}: Žofie Dvořáková, booking B-17, 2024-06-01\n", "")


def test_a_film_of_a_code_is_made_and_read(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    film = tmp_path / "new" / "code.mp4"
    code, _, err = typed(capsys, "qr", "film", *PERSON, "--output", film, "--seconds", "2", "--size", "640x360")
    assert (code, err) == (0, "")
    code, out, _ = typed(capsys, "qr", "read", film, "--json")
    assert code == 0
    assert json.loads(out)["payload"] == PAYLOAD


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--passenger-name", "123", "--booking-id", "B", "--jump-date", "2024-06-01"), "holds no letter"),
        (("--passenger-name", "Ann", "--booking-id", "B/1", "--jump-date", "2024-06-01"), "the booking must be"),
    ],
)
def test_a_code_that_would_be_none_is_not_made(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    code, _, err = typed(capsys, "qr", "make", *arguments, "--output", tmp_path / "a.png")
    assert code == BadInput.exit_code
    assert words in err
    assert list(tmp_path.iterdir()) == []


def test_signed_codes_need_a_key_and_are_read_with_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    png, pdf, bookings = tmp_path / "code.png", tmp_path / "sheet.pdf", tmp_path / "list.csv"
    bookings.write_text("passenger_name,booking_id,jump_date\nZoë Müller,B-1,2026-11-20\n")
    for arguments in (("make", *PERSON, "--output", png), ("sheet", bookings, "--output", pdf)):
        code, _, err = typed(capsys, "qr", *arguments, "--signed")
        assert code == BadInput.exit_code
        assert "STINERCUT_QR_KEYS" in err
    assert not png.exists()
    code, made, _ = typed(capsys, "qr", "key", "--number", 7)
    assert code == 0
    monkeypatch.setenv("STINERCUT_QR_KEYS", made.strip())
    assert typed(capsys, "qr", "make", *PERSON, "--output", png, "--signed")[0] == 0
    code, out, _ = typed(capsys, "qr", "read", png, "--json")
    answer = json.loads(out)
    assert (code, answer["payload"], answer["signed"]) == (0, PAYLOAD, True)
    assert answer["raw"].startswith("SJ1:")
    said = f"Written: {pdf} (1 code, 1 page)\n"
    assert typed(capsys, "qr", "sheet", bookings, "--output", pdf, "--signed") == (0, said, "")
    monkeypatch.setenv("STINERCUT_QR_KEYS", typed(capsys, "qr", "key", "--number", 7)[1].strip())
    code, out, _ = typed(capsys, "qr", "read", png, "--json")
    assert (code, json.loads(out)["payload"]) == (1, None)
    assert "signature is wrong" in json.loads(out)["detail"]
    monkeypatch.setenv("STINERCUT_QR_KEYS", "secret")
    code, _, err = typed(capsys, "qr", "read", png)
    assert code == BadInput.exit_code
    assert "number:hex" in err


def test_a_code_says_how_to_reach_its_passenger_only_where_that_is_asked_for(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    png = tmp_path / "code.png"
    reach = ("--email", "zoe@example.org", "--phone", "+420 777 123 456")
    assert typed(capsys, "qr", "make", *PERSON, *reach, "--output", png)[0] == 0
    code, out, _ = typed(capsys, "qr", "read", png, "--json")
    assert (code, json.loads(out)["payload"]) == (0, PAYLOAD)
    assert json.loads(out)["extras"] == {"email": "zoe@example.org", "phone": "+420 777 123 456", "unknown": ""}
    code, _, err = typed(capsys, "qr", "make", *PERSON, "--email", "zoe", "--output", tmp_path / "no.png")
    assert (code, "the email address can't be used" in err) == (3, True)
    assert not (tmp_path / "no.png").exists()


def test_a_sheet_names_the_rows_that_are_wrong(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    bookings = tmp_path / "list.csv"
    bookings.write_text("passenger_name,booking_id,jump_date\nZoë,B-1,2026-11-20\nAnn,B-2,tomorrow\n")
    code, _, err = typed(capsys, "qr", "sheet", bookings, "--output", tmp_path / "sheet.pdf")
    assert code == BadInput.exit_code
    assert "line 3: the day of the jump, 'tomorrow', is no date" in err
    assert not (tmp_path / "sheet.pdf").exists()


def test_a_list_of_bookings_becomes_a_sheet_by_make_too(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    bookings, pdf = tmp_path / "list.csv", tmp_path / "sheet.pdf"
    bookings.write_text("passenger_name,booking_id,jump_date\nZoë Müller,B-1,2026-11-20\nAnn,B-2,2026-11-20\n")
    made = typed(capsys, "qr", "make", "--bookings", bookings, "--output", pdf)
    assert made == (0, f"Written: {pdf} (2 codes, 1 page)\n", "")
    assert pdf.read_bytes().startswith(b"%PDF")
    one = tmp_path / "one.pdf"
    assert typed(capsys, "qr", "make", *PERSON, "--output", one) == (0, f"Written: {one}\n", "")
    assert one.read_bytes().startswith(b"%PDF")
    code, _, err = typed(capsys, "qr", "make", *PERSON, "--bookings", bookings, "--output", tmp_path / "no.pdf")
    assert (code, "--passenger-name is of one passenger" in " ".join(err.split())) == (2, True)
    code, _, err = typed(capsys, "qr", "make", *PERSON[:2], "--output", tmp_path / "no.pdf")
    assert (code, "--booking-id is missing" in " ".join(err.split())) == (2, True)
    assert not (tmp_path / "no.pdf").exists()


def test_harder_films_and_signed_ones_are_made_and_read(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ("qr", "film", *PERSON, "--seconds", "2", "--size", "640x360")
    for level in ("dim", "far", "moment"):
        assert typed(capsys, *made, "--level", level, "--output", tmp_path / f"{level}.mp4")[0] == 0
    code, out, _ = typed(capsys, "qr", "read", tmp_path / "dim.mp4", tmp_path / "moment.mp4", "--json")
    answers = [json.loads(line) for line in out.splitlines()]
    assert (code, [answer["payload"] for answer in answers]) == (0, [PAYLOAD, PAYLOAD])
    assert 1.0 < answers[1]["frame_time"] < 1.8
    assert [answer["decoder"] for answer in answers] == ["zxing-cpp"] * 2
    assert all(answer["seconds"] > 0 and answer["lost_decoders"] == [] for answer in answers)
    code, _, err = typed(capsys, *made, "--level", "cruel", "--output", tmp_path / "no.mp4")
    assert (code, "no level of difficulty" in err) == (BadInput.exit_code, True)
    monkeypatch.setenv("STINERCUT_QR_KEYS", f"1:{'ab' * 32}")
    assert typed(capsys, *made, "--signed", "--output", tmp_path / "signed.mp4")[0] == 0
    (answer,) = (
        json.loads(line) for line in typed(capsys, "qr", "read", tmp_path / "signed.mp4", "--json")[1].splitlines()
    )
    assert (answer["payload"], answer["signed"]) == (PAYLOAD, True)


def test_a_film_is_mp4_only(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = typed(capsys, "qr", "film", *PERSON, "--output", tmp_path / "a.avi")
    assert code == BadInput.exit_code
    assert "a film is written as .mp4" in err


# ---- card ------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("own_account")
def test_a_card_is_made_put_in_and_taken_out(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    card, data = tmp_path / "card", tmp_path / "data"
    what = ("--jumps", 1, "--clips", 2, "--seconds", 1, "--size", "320x180")
    code, out, _ = typed(capsys, "card", "make", card, *what, "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [line["done"] for line in lines[:-1]] == [1, 2, 3]
    (jump,) = lines[-1]["jumps"]
    assert jump["jump"].startswith(date.today().isoformat())
    videos = sorted(path.name for path in card.rglob("*.MP4"))
    assert videos == sorted([jump["qr_file"], *jump["clips"]]) == sorted(line["file"] for line in lines[:-1])

    code, out, _ = typed(capsys, "card", "insert", card, "--data", data)
    assert code == 0
    assert "It will be seen as soon as `stinercut up` runs" in out
    assert len(list((data / "cards").glob("*.json"))) == 1
    assert typed(capsys, "card", "insert", card, "--eject", "--data", data)[0] == 0
    assert list((data / "cards").glob("*.json")) == []
    code, _, err = typed(capsys, "card", "insert", card, "--eject", "--data", data)
    assert code == 10
    assert "is not inserted" in err


def test_a_card_is_never_made_over_something_else(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_text("mine")
    code, _, err = typed(capsys, "card", "make", tmp_path, "--jumps", 1)
    assert code == BadInput.exit_code
    assert "not empty" in err
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


@pytest.mark.parametrize("size", ["big", "1280", "1281x720", "1280x719", "0x0"])
def test_sizes_that_are_none(size: str) -> None:
    with pytest.raises(BadInput):
        size_from(size)


# ---- doctor and settings ---------------------------------------------------------------------------------------------


def test_doctor_answers_programs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, _ = typed(capsys, "doctor", "--json", "--data", tmp_path)
    answer = json.loads(out)
    found = {check["check"]: check for check in answer["checks"]}
    assert {"Python", "ffmpeg", "libzbar", "fonts", "data folder", "disk space", "hub port", "stack"} <= found.keys()
    assert found["ffmpeg"]["state"] == "ok"
    problems = [check for check in answer["checks"] if check["state"] == "problem"]
    assert (code, answer["ok"]) == ((1, False) if problems else (0, True))


def test_doctor_says_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    code, out, _ = typed(capsys, "doctor", "--data", tmp_path)
    assert code == 1
    assert "sudo apt install ffmpeg" in out


def test_options_come_before_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STINERCUT_HUB_PORT", "1111")
    monkeypatch.setenv("STINERCUT_DATA", str(tmp_path / "a"))
    assert settings_from().hub_port == 1111
    assert settings_from(hub_port=None).data == tmp_path / "a"
    assert settings_from(tmp_path / "b", hub_port=2222) == Settings(data=tmp_path / "b", hub_port=2222)


def test_the_data_folder_is_absolute_for_children_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert settings_from(Path("data")).data == tmp_path / "data"
    monkeypatch.setenv("STINERCUT_DATA", "there")
    assert settings_from().data == tmp_path / "there"
    assert settings_from(Path("a/../b")).data == tmp_path / "b"


def test_a_bad_setting_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STINERCUT_HUB_PORT", "many")
    code, _, err = typed(capsys, "doctor")
    assert code == BadInput.exit_code
    assert "STINERCUT_HUB_PORT is 'many'" in err
    monkeypatch.setenv("STINERCUT_HUB_PORT", "8800")
    monkeypatch.setenv("STINERCUT_WORKERS", "0")
    assert "STINERCUT_WORKERS is '0'" in typed(capsys, "doctor")[2]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("STINERCUT_DETECTOR_ID", "my laptop", "which can't be used. Write 1 to 64 letters, digits, - and _."),
        ("STINERCUT_ENCODER", "H.264", "which can't be used. Write auto, software, or a name such as h264_nvenc."),
    ],
)
def test_a_setting_with_a_form_of_its_own_is_explained_in_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    assert typed(capsys, "doctor")[::2] == (3, f"stinercut: {name} is {value!r}, {said}\n")


@pytest.mark.parametrize(
    ("value", "said"),
    [("abc", "has 'abc', which is no step=number"), ("render_clips=5", "there is no step render_clips")],
)
def test_tries_of_steps_are_looked_at_by_every_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str, said: str
) -> None:
    monkeypatch.setenv("STINERCUT_STEP_RETRIES", value)
    code, _, err = typed(capsys, "template", "list", "--data", tmp_path)
    assert (code, "STINERCUT_STEP_RETRIES" in err, said in err) == (BadInput.exit_code, True, True)
    assert "render_clip" in err, "and which steps there are"


def test_a_template_that_is_not_there_is_a_problem(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STINERCUT_TEMPLATE", "nobodys")
    code, out, _ = typed(capsys, "doctor", "--data", tmp_path, "--json")
    found = {check["check"]: check for check in json.loads(out)["checks"]}
    assert (code, found["template"]["state"]) == (1, "problem")
    assert "nobodys" in found["template"]["detail"]


def test_commands_find_the_hub_that_runs_on_the_data_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    heard: list[str] = []

    class Hub(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"retried": []}')

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        started = Settings(data=tmp_path, hub_port=server.server_address[1])
        with sole_use(started, detector=False):
            code, out, _ = typed(capsys, "retry", "--all", "--data", tmp_path)
        server.shutdown()
    assert (code, out, heard) == (0, "Nothing has failed.\n", ["/api/retry"])


@pytest.mark.parametrize("films", [1, 2])
def test_a_backfill_says_how_many_films_it_makes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, films: int
) -> None:
    stale = {"template": "classic", "changed": ["sound"], "seconds": 60.0, "minutes": 1.0, "backfill": None}
    answers = {
        "GET": {"films": [{"jump": f"2026-06-01_B-{number}", **stale} for number in range(films)], "problem": ""},
        "POST": {"backfill": "abc", "jumps": ["any"] * films},
    }
    monkeypatch.setattr("app.common.hub_client.ask", lambda _settings, method, *_: answers[method])
    code, out, _ = typed(capsys, "backfill", "--stale", "--yes", "--data", tmp_path)
    said = "1 film" if films == 1 else "2 films"
    assert code == 0
    assert f"{said} with an older template ({films} of classic), 0 being made again already." in out
    assert f"Backfill abc makes {said} again" in out


COUNTS = ("new", "changed", "same", "refused")


def test_a_list_of_bookings_is_looked_at_and_imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, data = tmp_path / "list.csv", tmp_path / "data"
    path.write_text("passenger_name,booking_id,jump_date\nŽofie,B-1,2026-06-01\nJo,B-2,2026-06-01\n", "utf-8")
    code, out, _ = typed(capsys, "bookings", "import", path, "--data", data, "--json")
    assert code == 0
    assert {name: json.loads(out)[name] for name in COUNTS} == {"new": 2, "changed": 0, "same": 0, "refused": 0}
    code, out, _ = typed(capsys, "bookings", "import", path, "--data", data)
    assert (code, out) == (0, "2 bookings: 0 new, 0 changed, 2 unchanged.\n")
    path.write_text("passenger_name,booking_id,jump_date\nJoe,B-2,2026-06-01\nBo,B 3,2026-06-01\nAl,B-4,2026-06-01\n")
    for way, would in (("--dry-run", "Nothing was imported. It would be: "), ("--data", "")):
        arguments = (path, "--data", data) if way == "--data" else (path, way, "--data", data)
        code, out, _ = typed(capsys, "bookings", "import", *arguments)
        assert code == 3
        for words in (
            "changed: Joe (B-2, 2026-06-01): passenger_name Jo -> Joe\n",
            "line 3: not imported: the booking must be",
            f"{would}2 bookings: 1 new, 1 changed, 0 unchanged, 1 not imported.\n",
        ):
            assert words in out
    code, out, _ = typed(capsys, "bookings", "import", path, "--data", data, "--json")
    assert (code, json.loads(out)["same"], json.loads(out)["refusals"][0]["line"]) == (3, 2, 3)
    path.write_bytes("passenger_name,booking_id,jump_date\nJiří,B-5,2026-06-01\n".encode("windows-1250"))
    code, out, _ = typed(capsys, "bookings", "import", path, "--dry-run", "--data", data)
    assert "Windows-1252 (Western Europe) was assumed. Look at the names: Jiøí." in out
    assert "If they are wrong, choose one with --encoding." in out
    code, out, _ = typed(capsys, "bookings", "import", path, "--dry-run", "--encoding", "windows-1250", "--data", data)
    assert "new: Jiří (B-5, 2026-06-01)\n" in out
    path.write_text("passenger_name,booking_id,jump_date\nŽofie,B 1,2026-06-01\n", "utf-8")
    code, _, err = typed(capsys, "bookings", "import", path, "--data", data)
    assert code == 3
    assert "line 2: the booking must be" in err
    path.write_bytes("Ž".encode("utf-16"))
    assert typed(capsys, "bookings", "import", path, "--data", data)[0] == 3
    path.write_text("passenger_name,booking_id,jump_date\nJoe,B-2,2026-06-01\n")
    code, out, _ = typed(capsys, "bookings", "import", path, "--data", data)
    assert (code, out) == (0, "1 booking: 0 new, 0 changed, 1 unchanged.\n")
    assert typed(capsys, "bookings", "import", tmp_path / "none.csv", "--data", data)[0] == 3
