"""What people want films to be like, and which films are no longer what they should be. On both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete, event, select
from support.cataloguing import copy, entry, film, passenger, put_in, ready_jump, record, row_ids

from stinercut.catalog import Catalog
from stinercut.catalog.models import Decision, Film, JumpState
from stinercut.errors import BadInput, NotFound
from stinercut.jumps import film_records, jumps, staleness
from stinercut.jumps.cut import Cut, CutPiece
from stinercut.jumps.staleness import FilmMade, WantedTemplate
from stinercut.review import wishes


def footage(catalog: Catalog, key: str) -> jumps.JumpFootage:
    with catalog.read() as session:
        return jumps.footage_of(session, key)


def done(catalog: Catalog, key: str, **made_with: object) -> str:
    """Take the jump up and publish its film; returns its version."""
    with catalog.write() as session:
        version = jumps.take_up(session, key, "run-1").version
        made: Film = film(key, version)
        for name, value in made_with.items():
            setattr(made, name, value)
        film_records.record_film(session, made)
    return version


def several(catalog: Catalog, number: int, template: str | None) -> str:
    """A finished jump that should have this template; its film's fingerprint is its number."""
    file = entry(f"GX01{number:04}.MP4")
    put_in(catalog, f"in-{number}", [file], card=f"card-{number}")
    copy(catalog, f"in-{number}", [file])
    [key] = record(catalog, f"in-{number}", passenger(booking=f"B-{number}"), [], [file])
    if template:
        with catalog.write() as session:
            wishes.choose_template(session, key, template, "Jo")
    done(catalog, key, template_fingerprint=str(number) * 32)
    return key


class TestWishes:
    def test_choosing_a_template_wants_exactly_that_film_anew_and_taking_it_back_wants_the_old_one(
        self, catalog: Catalog
    ) -> None:
        key, _ = ready_jump(catalog)
        version = done(catalog, key)
        with catalog.write() as session:
            wishes.choose_template(session, key, "sunset", "Jo")
            assert [found.jump_key for found in jumps.ready_jumps(session)] == [key]
        assert footage(catalog, key).template == "sunset"
        assert footage(catalog, key).version != version
        with catalog.write() as session:
            wishes.choose_template(session, key, None, "Jo")
            assert jumps.ready_jumps(session) == []
            assert jumps.require_jump(session, key).state == JumpState.DONE
        assert footage(catalog, key).version == version

    def test_choosing_what_is_chosen_is_no_decision(self, catalog: Catalog) -> None:
        key, _ = ready_jump(catalog)
        with catalog.write() as session:
            for _ in range(2):
                wishes.choose_template(session, key, "sunset", "Jo")
            assert [(one.who, one.what, one.after) for one in session.scalars(select(Decision))] == [
                ("Jo", "template", {"template": "sunset"})
            ]

    def test_a_cut_is_what_the_film_shows_until_it_is_dropped(self, catalog: Catalog) -> None:
        key, files = ready_jump(catalog)
        version = done(catalog, key)
        first, second = row_ids(catalog, "in-1", files[1:])
        cut = Cut((CutPiece(second, 1.5, 4.0), CutPiece(first, 0.0, 2.0)), frozenset({first, second}))
        with catalog.write() as session:
            wishes.choose_cut(session, key, cut, "Jo")
        assert footage(catalog, key).cut == cut
        assert [(take.file.card_file_id, take.start, take.end) for take in footage(catalog, key).takes] == [
            (second, 1.5, 4.0),
            (first, 0.0, 2.0),
        ]
        assert footage(catalog, key).version != version
        with catalog.write() as session:
            wishes.drop_cut(session, key, "Jo")
        assert footage(catalog, key).version == version
        assert [take.file.card_file_id for take in footage(catalog, key).takes] == [first, second]

    def test_a_clip_of_a_second_camera_is_in_the_film_that_was_cut(self, catalog: Catalog) -> None:
        key, files = ready_jump(catalog)
        first, second = row_ids(catalog, "in-1", files[1:])
        with catalog.write() as session:
            wishes.choose_cut(session, key, Cut((CutPiece(second, 0, 1),), frozenset({first, second})), "Jo")
        late = [entry("GX010900.MP4", minute=20), entry("GX010901.MP4", 8_000_123, minute=21)]
        put_in(catalog, "in-2", late, "card-2")
        copy(catalog, "in-2", late)
        record(catalog, "in-2", passenger(), late[:1], late[1:])
        [third] = row_ids(catalog, "in-2", late[1:])
        assert [(take.file.card_file_id, take.end) for take in footage(catalog, key).takes] == [
            (second, 1),
            (third, None),
        ]

    def test_what_can_not_be_is_refused_and_changes_nothing(self, catalog: Catalog) -> None:
        key, _ = ready_jump(catalog)
        before = footage(catalog, key)
        with pytest.raises(BadInput, match="does not have"), catalog.write() as session:
            wishes.choose_cut(session, key, Cut((CutPiece(99, 0, 1),), frozenset()), "Jo")
        with pytest.raises(BadInput, match="no cut of its own"), catalog.write() as session:
            wishes.drop_cut(session, key, "Jo")
        with pytest.raises(BadInput, match="who decides must be a name"), catalog.write() as session:
            wishes.choose_template(session, key, "sunset", " ")
        with pytest.raises(NotFound), catalog.write() as session:
            wishes.choose_template(session, "2026-01-01_nobody", "sunset", "Jo")
        assert footage(catalog, key) == before


class TestStaleness:
    NOW = WantedTemplate("classic", "new", {"clips": "c1", "drawings": "d2", "sound": "s1"})
    MADE_AT = datetime(2026, 6, 1, 15, tzinfo=UTC)
    FILM = FilmMade(
        "2026-06-01_B-1", None, "old", {"clips": "c1", "drawings": "d1", "sound": "s1"}, 7, 53, 2.0, MADE_AT
    )

    def test_exactly_the_films_of_a_changed_template_are_stale(self) -> None:
        films = [
            self.FILM,
            replace(self.FILM, jump_key="up-to-date", fingerprint="new", aspects=self.NOW.aspects),
            replace(self.FILM, jump_key="other-template", template="sunset", fingerprint="s", aspects={}),
            replace(self.FILM, jump_key="template-is-gone", template="lost", fingerprint="x", aspects={}),
            replace(self.FILM, jump_key="chosen", template="classic", filmed_seconds=23, spent_per_second=1.0),
        ]
        templates = {"classic": self.NOW, "sunset": WantedTemplate("sunset", "s", {})}
        assert [one.jump_key for one in staleness.stale_films(films, templates, "classic")] == [
            "2026-06-01_B-1",
            "chosen",
        ]
        assert [one.jump_key for one in staleness.stale_films(films, templates, "sunset")][:2] == [
            "2026-06-01_B-1",
            "up-to-date",
        ]

    @pytest.mark.parametrize(
        ("aspects", "changed", "seconds"),
        [
            ({"clips": "c1", "drawings": "d0", "sound": "s1"}, ("drawings",), 7),
            ({"clips": "c1", "drawings": "d2", "sound": "s0"}, ("sound",), 0),
            ({"clips": "c0", "drawings": "d2", "sound": "s1"}, ("clips",), 53),
            ({}, ("clips", "drawings", "sound"), 60),
        ],
    )
    def test_only_what_a_change_touches_is_counted(
        self, aspects: dict[str, str], changed: tuple[str, ...], seconds: float
    ) -> None:
        made = replace(self.FILM, aspects=aspects)
        [stale] = staleness.stale_films([made], {"classic": self.NOW}, "classic")
        assert (stale.changed, stale.seconds, stale.made_at) == (changed, seconds, self.MADE_AT)

    def test_what_a_film_costs_follows_what_films_cost_before(self) -> None:
        [stale] = staleness.stale_films([self.FILM], {"classic": self.NOW}, "classic")
        assert stale.work == pytest.approx(2.0 * (7 + 0.03 * 60))

    def test_the_lineage_is_told_piece_by_piece_in_the_order_of_keys(self, catalog: Catalog) -> None:
        keys = [several(catalog, number, template) for number, template in enumerate((None, "sunset", None, None))]
        with catalog.read() as session:

            def found(template: str | None, after: str = "", limit: int = 9) -> list[str]:
                return [one.jump_key for one in staleness.jumps_with(session, template, after=after, limit=limit)]

            assert found(None) == [keys[0], keys[2], keys[3]]
            assert found("sunset") == [keys[1]]
            assert found(None, limit=2) == [keys[0], keys[2]]
            assert found(None, after=keys[2]) == [keys[3]]
            assert sorted([*found(None), *found("sunset")]) == sorted(
                one.jump_key for one in staleness.films_made(session)
            )

    def test_the_lineage_is_told_of_films_that_are_being_made_too_and_the_list_has_none_of_them(
        self, catalog: Catalog
    ) -> None:
        """One may have read the template before it changed, and nobody would ever say so again."""
        keys = [several(catalog, number, None) for number in range(7)]
        for key in keys[1:3]:  # Each has two films by now.
            done(catalog, key, template_fingerprint="a" * 32)
        with catalog.write() as session:
            for key in (keys[1], keys[3]):
                jumps.take_up(session, key, "run-2")
            session.execute(delete(Film).where(Film.jump_key.in_(keys[3:])))
            for key, state in zip(keys[4:], (JumpState.READY, JumpState.FAILED, JumpState.WAITING), strict=True):
                jumps.require_jump(session, key).state = state

        def found(after: str = "", limit: int = 9) -> list[staleness.NotedJump]:
            with catalog.read() as session:
                return staleness.jumps_with(session, None, after=after, limit=limit)

        assert [one.jump_key for one in found()] == keys[:6]
        assert [*found(limit=4), *found(after=keys[3])] == found()
        assert [one.made_with for one in found()] == ["0" * 32, "a" * 32, "a" * 32, None, None, None]
        with catalog.read() as session:
            assert sorted(one.jump_key for one in staleness.films_made(session)) == [keys[0], keys[2]]

    def test_a_page_of_them_is_found_by_the_key(self, catalog: Catalog, request: pytest.FixtureRequest) -> None:
        """With tens of thousands of jumps a tick of the sensor would sort them all, each time."""
        if catalog.engine.dialect.name != "sqlite":
            pytest.skip("PostgreSQL plans by what is in the table")
        asked: list[tuple[str, Any]] = []

        def note(*told: Any) -> None:
            asked.append((told[2], told[3]))

        event.listen(catalog.engine, "before_cursor_execute", note)
        request.addfinalizer(lambda: event.remove(catalog.engine, "before_cursor_execute", note))
        with catalog.read() as session:
            for ask, begins in (
                (lambda: staleness.jumps_with(session, None, after="", limit=9), "(jump_key>?)"),
                (lambda: staleness.films_after(session, 0, limit=9), "(rowid>?)"),
            ):
                ask()
                rows = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {asked[-1][0]}", asked[-1][1])
                plan = [str(row[3]) for row in rows]
                assert begins in plan[0]
                assert all(step.startswith(("SEARCH", "CORRELATED")) for step in plan), plan

    def test_films_are_found_in_the_order_in_which_they_were_made_and_only_those_that_are_shown(
        self, catalog: Catalog
    ) -> None:
        keys = [several(catalog, number, template) for number, template in enumerate((None, "sunset", None))]
        done(catalog, keys[0], template_fingerprint="a" * 32, template_noted="0" * 32)

        def found(film_id: int = 0, limit: int = 9) -> list[staleness.NotedJump]:
            with catalog.read() as session:
                return staleness.films_after(session, film_id, limit=limit)

        assert [(one.jump_key, one.template, one.made_with, one.noted) for one in found()] == [
            (keys[1], "sunset", "1" * 32, None),
            (keys[2], None, "2" * 32, None),
            (keys[0], None, "a" * 32, "0" * 32),
        ]
        assert [*found(limit=1), *found(found()[0].film_id or 0)] == found()

    def test_a_film_that_could_not_be_made_anew_stays_stale(self, catalog: Catalog) -> None:
        key, _ = ready_jump(catalog)
        done(catalog, key)
        with catalog.write() as session:
            jumps.take_up(session, key, "run-2")
            jumps.record_failure(session, key, "run-2", "The disk is full.")
            assert [one.jump_key for one in staleness.films_made(session)] == [key]

    def test_only_finished_jumps_count_and_each_with_the_film_that_is_shown(self, catalog: Catalog) -> None:
        key, _ = ready_jump(catalog)
        with catalog.read() as session:
            assert staleness.films_made(session) == []
        done(catalog, key, template_fingerprint="a" * 32, aspects={"clips": "x"}, drawn_seconds=7.0)
        done(catalog, key, template_fingerprint="b" * 32, created_at=self.MADE_AT)
        with catalog.read() as session:
            assert staleness.films_made(session) == [FilmMade(key, None, "b" * 32, {}, 0.0, 12.5, None, self.MADE_AT)]
