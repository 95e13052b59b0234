"""Verdicts, bulks, undo, redo and merges in any order against a simple model; what a merge says of conflicts."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.engine.polygons import geopackage
from farmcd_qgis.review.merging import merge_reviews
from farmcd_qgis.review.session import Session
from farmcd_qgis.review.store import ReviewStore
from farmcd_qgis.review.verdicts import REASONS, STATUSES, UNREVIEWED, VERDICTS
from tests.helpers.review_files import MODEL_CLASSES, log, mirrored, write_gpkg

NUMBERS = list(range(1, len(MODEL_CLASSES) + 1))
# Two copies of a file, each open in two programs; one reviewer works on both.
PROGRAMS = [(0, "ann"), (0, "bo"), (1, "ann"), (1, "cy")]


@dataclass(frozen=True)
class Said:
    """One step: what the verdicts are by candidate, and which earlier steps the reviewer saw to hold for each."""

    order: int
    who: str
    results: dict
    seen: dict

    def __hash__(self):
        return self.order


@dataclass(frozen=True)
class Referred:
    order: int
    word: str
    said: Said


def replay(events) -> tuple[list, list]:
    """Return the steps that hold, and those that redo would bring back."""
    held, undone = [], []
    for event in sorted(events, key=lambda event: event.order):
        if isinstance(event, Said):
            held.append(event)
            undone = []
        elif event.word == "undo" and event.said in held:
            held.remove(event.said)
            undone.append(event.said)
        elif event.word == "redo" and event.said not in held:
            held.append(event.said)
            undone = [said for said in undone if said is not event.said]
    return held, undone


def heads(events, number) -> list:
    held = [said for said in replay(events)[0] if number in said.results]
    replaced, look = set(), list(held)
    while look:
        for earlier in look.pop().seen[number]:
            if earlier not in replaced:
                replaced.add(earlier)
                look.append(earlier)
    return [said for said in held if said not in replaced]


def state(events, number) -> tuple[str, int | None]:
    latest = {}
    for said in heads(events, number):
        latest.pop(said.who, None)
        latest[said.who] = said.results[number]
    found = list(latest.values())
    found = [f for f in found if f[1] is not None] or [f for f in found if f[0] != "skipped"] or found
    if len({class_id for _, class_id in found}) > 1:
        return ("conflict", None)
    return found[-1] if found else (UNREVIEWED, None)


def result(number: int, verdict: str, class_id: int) -> tuple[str, int | None]:
    own = MODEL_CLASSES[number - 1]
    if verdict == "confirmed" or (verdict == "other_class" and class_id == own):
        return ("confirmed", own)
    return (verdict, {"other_class": class_id, "pseudo_change": 0}.get(verdict))


VERDICT = st.tuples(st.sampled_from(VERDICTS), st.integers(1, 5), st.sampled_from([None, *REASONS]))
PROGRAM = st.integers(0, len(PROGRAMS) - 1)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("give"), PROGRAM, st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=1), VERDICT),
        st.tuples(st.just("give"), PROGRAM, st.lists(st.sampled_from(NUMBERS), min_size=2, unique=True), VERDICT),
        st.tuples(st.sampled_from(["undo", "undo", "redo", "reopen", "refresh"]), PROGRAM),
        st.tuples(st.just("merge"), st.integers(0, 1)),
    ),
    max_size=20,
)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return write_gpkg(tmp_path_factory.mktemp("original") / "farmcd.gpkg")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_sequence_agrees_with_a_simple_model(tmp_path, original, steps):
    paths = [Path(shutil.copy(original, tmp_path / f"{name}.gpkg")) for name in "ab"]
    stores = [ReviewStore(paths[copy], who) for copy, who in PROGRAMS]
    events = [set(), set()]
    known = [frozenset()] * len(PROGRAMS)
    for order, step in enumerate(steps):
        before = [log(path) for path in paths]
        if step[0] == "merge":
            to = step[1]
            merged = merge_reviews(paths[to], paths[1 - to])
            assert bool(merged.added) == bool(events[1 - to] - events[to])
            events[to] |= events[1 - to]
            assert list(merged.conflicts) == [n for n in NUMBERS if state(events[to], n)[0] == "conflict"]
        else:
            word, program, *what = step
            copy, who = PROGRAMS[program]
            store, mine = stores[program], events[copy]
            held, undone = replay(mine)
            if word == "give":
                numbers, (verdict, class_id, reason) = what
                rows = store.give_all(
                    numbers,
                    verdict,
                    class_id if verdict == "other_class" else None,
                    reason if verdict == "pseudo_change" else None,
                    "note",
                )
                said = {number: result(number, verdict, class_id) for number in numbers}
                assert {row.candidate_id: (row.verdict, row.class_id) for row in rows} == said
                assert {row.reviewer for row in rows} == {who}
                mine.add(Said(order, who, said, {number: heads(known[program], number) for number in numbers}))
            elif word in ("undo", "redo"):
                choice = held if word == "undo" else undone
                row = getattr(store, word)()
                assert (row is None) == (not choice)
                if choice:
                    assert row.candidate_id in choice[-1].results
                    mine.add(Referred(order, word, choice[-1]))
            elif word == "reopen":
                stores[program] = store = ReviewStore(paths[copy], who)
            else:
                store.refresh()
            known[program] = frozenset(mine)
            found = [state(mine, number)[0] for number in NUMBERS]
            assert store.counts() == {status: found.count(status) for status in STATUSES}
        for copy, path in enumerate(paths):
            assert log(path)[: len(before[copy])] == before[copy]
            assert mirrored(path) == {number: state(events[copy], number) for number in NUMBERS}
    for to in (0, 1):
        merge_reviews(paths[to], paths[1 - to])
    assert mirrored(paths[0]) == mirrored(paths[1])
    whole = log(paths[0])
    assert merge_reviews(paths[0], paths[1]).added == 0
    assert log(paths[0]) == whole
    assert not list(tmp_path.glob("*-wal"))


@pytest.fixture
def copies(tmp_path, original):
    return [Path(shutil.copy(original, tmp_path / f"{name}.gpkg")) for name in "ab"]


def test_a_conflict_is_listed_and_settled_by_whoever_saw_it(copies):
    ann, bo = ReviewStore(copies[0], "ann"), ReviewStore(copies[1], "bo")
    ann.give(1, "confirmed")
    ann.give(2, "pseudo_change", reason="season")
    ann.give(3, "confirmed")
    bo.give(1, "pseudo_change", reason="cloud")
    bo.give(2, "pseudo_change", reason="shadow")
    bo.give(3, "unsure")
    merged = merge_reviews(*copies)
    assert merged.added == 3
    ((number, verdicts),) = merged.conflicts.items()
    assert (number, [(verdict.reviewer, verdict.verdict) for verdict in verdicts]) == (
        1,
        [("ann", "confirmed"), ("bo", "pseudo_change")],
    )
    assert [mirrored(copies[0])[n][0] for n in (1, 2, 3)] == ["conflict", "pseudo_change", "confirmed"]
    assert ann.statuses()[1] == "conflict"
    ann.give(1, "other_class", 3)
    assert ann.conflicts() == {}
    assert mirrored(copies[0])[1] == ("other_class", 3)
    # Whoever still has the other copy gets the settlement, not the conflict.
    assert merge_reviews(copies[1], copies[0]).conflicts == {}
    assert mirrored(copies[1]) == mirrored(copies[0])
    ann.undo()
    assert list(ann.conflicts()) == [1]


def test_a_bulk_is_undone_and_redone_as_one_step_also_later(copies):
    store = ReviewStore(copies[0], "ann")
    store.give(3, "unsure")
    store.give_all([1, 3, 5], "pseudo_change", reason="season")
    later = ReviewStore(copies[0], "bo")
    assert later.next_size("undo") == 3
    later.undo()
    assert later.statuses() == {3: "unsure"}
    assert {n: s for n, (s, _) in mirrored(copies[0]).items() if s != UNREVIEWED} == {3: "unsure"}
    ReviewStore(copies[0], "bo").redo()
    assert later.statuses() == {1: "pseudo_change", 3: "pseudo_change", 5: "pseudo_change"}
    assert [row[2] for row in log(copies[0])] == ["unsure", *["pseudo_change"] * 3, "undo", "redo"]


def test_what_another_program_said_is_news_once(copies):
    ann, bo = ReviewStore(copies[0], "ann"), ReviewStore(copies[0], "bo")
    bo.give(1, "confirmed")
    bo.give(2, "confirmed")
    ann.give(3, "confirmed")
    assert [(row.reviewer, row.candidate_id) for row in ann.take_news()] == [("bo", 1), ("bo", 2)]
    assert ann.take_news() == []
    # Both spoke of it without knowing of each other.
    bo.give(3, "pseudo_change")
    assert list(ann.conflicts()) == [3]


def test_only_copies_of_one_run_are_merged(copies):
    with pytest.raises(InputError) as same:
        merge_reviews(copies[0], copies[0])
    assert same.value.code == "same_review"
    geopackage.write_run_table(copies[0], [("run", "5ead")])
    with pytest.raises(InputError) as different:
        merge_reviews(*copies)
    assert different.value.code == "other_run"
    geopackage.write_run_table(copies[1], [("run", "5ead")])
    assert merge_reviews(*copies).added == 0


STRANGE = [
    ("deferred", "2026-01-01T00:00:00.000000+00:00", "review_not_understood"),
    ("confirmed", "9999-12-31T23:59:59.999999+00:00", "review_not_understood"),
    ("confirmed", "zzz", "review_not_understood"),
    ("confirmed", "", "review_not_understood"),
    ("confirmed", "2026-01-01", "review_not_understood"),
    ("confirmed", "2999-01-01T00:00:00.000000+00:00", "review_of_the_future"),
]


def insert(path, word, when):
    """Write a row of the log as no version known here would."""
    with closing(sqlite3.connect(path)) as file:
        row = (2, word, 1, "", "x", when)
        file.execute(
            "INSERT INTO verdicts(candidate_id, verdict, class_id, note, reviewer, given_at) VALUES (?, ?, ?, ?, ?, ?)",
            row,
        )
        file.commit()


@pytest.mark.parametrize(("word", "when", "code"), STRANGE)
def test_what_is_not_understood_is_not_merged(copies, word, when, code):
    own, other = copies
    ReviewStore(own, "ann").give(5, "confirmed")
    ReviewStore(other, "x")
    insert(other, word, when)
    with pytest.raises(InputError) as caught:
        merge_reviews(own, other)
    assert caught.value.code == code
    assert (word if word == "deferred" else when) in caught.value.text("zh")
    assert len(log(own)) == 1


@pytest.mark.parametrize(("word", "when", "_"), STRANGE)
def test_what_an_earlier_version_merged_leaves_the_own_review_usable(copies, word, when, _):
    own = copies[0]
    ReviewStore(own, "ann").give(5, "confirmed")
    insert(own, word, when)
    session = Session(ReviewStore(own, "ann"))
    assert session.counts()["confirmed"] == (1 if word == "deferred" else 2)
    session.give("pseudo_change", reason="season")
    assert session.undo() is not None
    assert session.counts()["unknown"] == (word == "deferred")
    later = ReviewStore(own, "ann")
    later.give(1, "confirmed")
    assert later.statuses()[1] == "confirmed"
