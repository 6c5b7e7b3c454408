"""Merging: what holds, what is kept of the rest, and that order and repetition do not matter."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from services.customers.authority import Authority, Rule, Rules
from services.customers.merging import Merging
from services.customers.profile import FieldClaims, Profile
from shared.dynamics.ports.master_data import Customer
from shared.reviews import Conflict
from tests.unit.customers.customers import (
    COMPANY,
    KEY,
    NOW,
    NUMBER,
    from_shop,
    histories,
    registered,
    updated,
)

FINANCE = "finance-operations"


def authority(**rules: Any) -> Authority:
    return Authority({COMPANY: TypeAdapter(Rules).validate_python(rules)})


def merging(rules: Authority | None = None, profile: Profile | None = None) -> Merging:
    return Merging(COMPANY, NUMBER, profile or Profile(), rules or Authority({}), 1, NOW)


def holds(merged: Merging, field: str) -> str | None:
    claim = merged.profile.fields.get(field, FieldClaims()).in_force(
        merged.authority.rule(COMPANY, field)
    )
    return claim.value if claim else None


def conflicts(merged: Merging) -> list[tuple[str, str, str, str]]:
    """State, field, what holds and what does not, of each conflict found."""
    return [
        (state, each.field, each.in_force.value, each.other.value)
        for state, each in merged.found.values()
    ]


def in_books(**values: Any) -> Customer:
    return Customer(COMPANY, NUMBER, **({"name": "Ada Lovelace"} | values))


def test_an_update_changes_what_it_says_and_nothing_else() -> None:
    merged = merging()
    merged.take(registered(email="a@example.com", phone="+44 1"))
    merged.take(updated(email="b@example.com"))
    assert (holds(merged, "email"), holds(merged, "phone")) == ("b@example.com", "+44 1")
    assert holds(merged, "name") == "Ada Lovelace"
    assert conflicts(merged) == [], "one party changing its mind is no conflict"


def test_a_stale_change_loses_and_is_known_to_have_lost() -> None:
    merged = merging()
    merged.take(updated(3, email="new@example.com"))
    stale = merged.take(updated(2, email="old@example.com", phone="+44 2"))
    assert holds(merged, "email") == "new@example.com"
    assert holds(merged, "phone") == "+44 2", "of what it alone says, it is the newest"
    assert stale == {"email"}


def test_a_repetition_is_not_stale() -> None:
    merged = merging()
    merged.take(updated(2, email="a@example.com"))
    assert merged.take(updated(2, email="a@example.com")) == set()


def test_within_one_origin_versions_count_and_not_its_clock() -> None:
    merged = merging()
    merged.take(updated(3, email="new@example.com", changed_at=NOW - timedelta(hours=1)))
    merged.take(updated(2, email="old@example.com", changed_at=NOW))
    assert holds(merged, "email") == "new@example.com"


def test_the_last_writer_wins_and_the_other_version_is_kept() -> None:
    merged = merging()
    merged.take(updated(9, email="till@example.com", changed_at=NOW))
    merged.take(from_shop(1, email="shop@example.com", changed_at=NOW + timedelta(minutes=1)))
    assert holds(merged, "email") == "shop@example.com"
    assert conflicts(merged) == [("resolved", "email", "shop@example.com", "till@example.com")]


def test_a_late_arrival_of_an_earlier_writer_loses_and_is_kept() -> None:
    merged = merging()
    merged.take(from_shop(1, email="shop@example.com", changed_at=NOW + timedelta(minutes=1)))
    merged.take(updated(9, email="till@example.com", changed_at=NOW))
    assert holds(merged, "email") == "shop@example.com"
    assert conflicts(merged) == [("resolved", "email", "shop@example.com", "till@example.com")]


def test_a_source_believed_first_wins_whenever_it_speaks() -> None:
    merged = merging(authority(contact=["shop", "till"]))
    merged.take(from_shop(1, email="shop@example.com", changed_at=NOW - timedelta(days=9)))
    merged.take(updated(9, email="till@example.com", changed_at=NOW))
    assert holds(merged, "email") == "shop@example.com"
    assert conflicts(merged) == [("resolved", "email", "shop@example.com", "till@example.com")]


def test_what_two_systems_say_alike_is_no_conflict() -> None:
    merged = merging()
    merged.take(updated(1, phone="+44 (0)20 71", name="Ada  Lovelace"))
    merged.take(from_shop(1, phone="+4402071", name="ADA LOVELACE"))
    assert conflicts(merged) == []


class TestManual:
    rules = authority(email="manual")

    def waiting(self) -> Merging:
        merged = merging(self.rules)
        merged.take(registered(email="till@example.com"))
        merged.take(from_shop(1, email="shop@example.com", changed_at=NOW))
        return merged

    def test_what_held_goes_on_holding_until_a_person_decides(self) -> None:
        merged = self.waiting()
        assert holds(merged, "email") == "till@example.com"
        assert conflicts(merged) == [("open", "email", "till@example.com", "shop@example.com")]

    def test_accepting_puts_the_waiting_version_in_force(self) -> None:
        merged = self.waiting()
        [(key, (_, conflict))] = merged.found.items()
        merged.decide(key, conflict, accepted=True)
        assert holds(merged, "email") == "shop@example.com"
        assert merged.profile.conflicts == []
        assert merged.endings == {key: "accepted"}

    def test_rejecting_keeps_what_holds_and_ends_the_conflict(self) -> None:
        merged = self.waiting()
        [(key, (_, conflict))] = merged.found.items()
        merged.decide(key, conflict, accepted=False)
        assert holds(merged, "email") == "till@example.com"
        assert merged.profile.conflicts == []

    def test_saying_again_what_was_rejected_does_not_ask_again(self) -> None:
        merged = self.waiting()
        [(key, (_, conflict))] = merged.found.items()
        merged.decide(key, conflict, accepted=False)
        merged.take(from_shop(2, email="shop@example.com", city="York", changed_at=NOW))
        assert len(merged.found) == 1

    def test_a_further_change_supersedes_the_one_that_waits(self) -> None:
        merged = self.waiting()
        [first] = merged.profile.conflicts
        merged.take(from_shop(2, email="third@example.com", changed_at=NOW))
        [second] = merged.profile.conflicts
        assert merged.endings == {first: "superseded"}
        assert merged.found[second][1].other.value == "third@example.com"

    def test_coming_to_say_the_same_ends_it(self) -> None:
        merged = self.waiting()
        [first] = merged.profile.conflicts
        merged.take(updated(5, email="shop@example.com"))
        assert merged.profile.conflicts == []
        assert merged.endings == {first: "agreed"}

    def test_a_decision_on_what_was_superseded_changes_nothing(self) -> None:
        merged = self.waiting()
        [(key, (_, conflict))] = merged.found.items()
        merged.take(from_shop(2, email="third@example.com", changed_at=NOW))
        merged.decide(key, conflict, accepted=True)
        assert holds(merged, "email") == "till@example.com"
        assert merged.endings[key] == "superseded"


class TestDynamics:
    """What a person changed in Dynamics since we last wrote there."""

    def written(self, rules: Authority | None = None, **values: Any) -> Merging:
        """A profile whose till values have been written to Finance & Operations an hour ago."""
        merged = Merging(COMPANY, NUMBER, Profile(), rules or Authority({}), 1, NOW - HOUR)
        merged.take(registered(**values))
        sent = merged.profile.sends("fact", FINANCE, {"name": "Ada Lovelace", **values})
        arrived = sent.arrived("fact", FINANCE, NOW - HOUR, written=True)
        return Merging(COMPANY, NUMBER, arrived, merged.authority, 2, NOW)

    def test_what_we_have_written_is_not_taken_for_a_persons_change(self) -> None:
        merged = self.written(phone="+44 1")
        merged.observe(FINANCE, in_books(phone="+44 1"))
        assert conflicts(merged) == []
        assert not merged.profile.fields["phone"].others("till")

    def test_a_persons_change_holds_against_what_the_till_said_before(self) -> None:
        merged = self.written(phone="+44 1")
        merged.take(updated(city="York"))
        merged.observe(FINANCE, in_books(phone="+44 9"))
        assert holds(merged, "phone") == "+44 9"
        assert conflicts(merged) == [("resolved", "phone", "+44 9", "+44 1")]

    def test_what_the_till_says_after_our_last_writing_wins_and_the_persons_change_is_kept(
        self,
    ) -> None:
        merged = self.written(phone="+44 1")
        merged.take(updated(phone="+44 2", changed_at=NOW))
        merged.observe(FINANCE, in_books(phone="+44 9"))
        assert holds(merged, "phone") == "+44 2"
        assert conflicts(merged) == [("resolved", "phone", "+44 2", "+44 9")]

    def test_a_field_emptied_there_stays_empty(self) -> None:
        merged = self.written(phone="+44 1")
        merged.observe(FINANCE, in_books(phone=""))
        assert holds(merged, "phone") == ""
        assert conflicts(merged) == [("resolved", "phone", "", "+44 1")]

    def test_a_change_back_to_what_it_was_is_a_change(self) -> None:
        merged = self.written(phone="+44 1")
        merged.take(updated(phone="+44 2", changed_at=NOW))
        merged.observe(FINANCE, in_books(phone="+44 2"))
        again = Merging(COMPANY, NUMBER, merged.profile, merged.authority, 3, NOW + HOUR)
        again.observe(FINANCE, in_books(phone="+44 1"))
        assert holds(again, "phone") == "+44 1"
        assert conflicts(again) == [("resolved", "phone", "+44 1", "+44 2")]

    def test_what_was_there_before_us_yields_to_a_dated_word_but_is_kept(self) -> None:
        merged = merging()
        merged.take(registered(city="York"))
        merged.observe(FINANCE, in_books(city="Bath"))
        assert holds(merged, "city") == "York"
        assert conflicts(merged) == [("resolved", "city", "York", "Bath")]

    def test_what_nobody_else_speaks_of_is_left_alone(self) -> None:
        merged = merging()
        merged.take(registered())
        merged.observe(FINANCE, in_books(city="Bath"))
        assert "city" not in merged.profile.fields
        later = Merging(COMPANY, NUMBER, merged.profile, merged.authority, 2, NOW + HOUR)
        later.take(updated(city="York"))
        later.observe(FINANCE, in_books(city="Bath"))
        assert conflicts(later) == [("resolved", "city", "York", "Bath")], "and then it counts"

    def test_a_field_dynamics_owns_stays_as_it_is_once_set_whoever_set_it(self) -> None:
        merged = self.written(authority(name=["dynamics", "till"]))
        merged.take(updated(name="Ada King", changed_at=NOW))
        merged.observe(FINANCE, in_books())
        assert holds(merged, "name") == "Ada Lovelace"
        assert conflicts(merged) == [("resolved", "name", "Ada Lovelace", "Ada King")]

    def test_a_field_dynamics_owns_is_the_tills_until_it_is_set(self) -> None:
        merged = merging(authority(address=["dynamics", "till"]))
        merged.take(registered(city="York"))
        merged.observe(FINANCE, in_books(city=""))
        assert holds(merged, "city") == "York"

    def test_a_persons_change_of_a_field_under_review_waits_without_being_overwritten(self) -> None:
        merged = self.written(authority(phone="manual"), phone="+44 1")
        merged.observe(FINANCE, in_books(phone="+44 9"))
        assert conflicts(merged) == [("open", "phone", "+44 1", "+44 9")]
        assert FINANCE in merged.profile.fields["phone"].open


HOUR = timedelta(hours=1)

CONVERGENT = [
    Authority({}),
    authority(**{"*": ["shop", "till"]}),
    authority(email=["dynamics"], phone="last-writer"),
]


def state(merged: Merging) -> Any:
    """What holds and what is known of the fields: everything later merges depend on."""
    return {
        field: (claims.in_force(merged.authority.rule(COMPANY, field)), claims.claims)
        for field, claims in merged.profile.fields.items()
    }


@given(histories(), st.data())
def test_any_order_and_repetition_of_changes_ends_alike(
    facts: list[Any], data: st.DataObject
) -> None:
    rules = data.draw(st.sampled_from(CONVERGENT))
    again = data.draw(st.lists(st.sampled_from(facts), max_size=4))
    disordered = data.draw(st.permutations([*facts, *again]))
    one, other = merging(rules), merging(rules)
    for fact in facts:
        one.take(fact)
    for fact in disordered:
        other.take(fact)
    assert state(one) == state(other)


@given(histories())
def test_one_origins_newest_version_is_what_it_says(facts: list[Any]) -> None:
    merged = merging()
    for fact in reversed(facts):
        merged.take(fact)
    for name, claims in merged.profile.fields.items():
        for origin, claim in claims.claims.items():
            said = [f for f in facts if (f.source, f.store) == _place(origin) and getattr(f, name)]
            newest = max(said, key=lambda fact: fact.version)
            assert (claim.value, claim.version) == (getattr(newest, name), newest.version)


def _place(origin: str) -> tuple[str, str | None]:
    source, _, store = origin.partition("/")
    return source, store or None


@given(histories())
def test_a_profile_survives_being_stored(facts: list[Any]) -> None:
    merged = merging()
    for fact in facts:
        merged.take(fact)
    [record, *_] = merged.records(None, "customer", {})
    assert Profile.model_validate_json(record.text) == merged.profile
    assert record.key == KEY


@given(histories())
def test_nothing_new_is_nothing_to_write(facts: list[Any]) -> None:
    merged = merging()
    for fact in facts:
        merged.take(fact)
    [record, *_] = merged.records(None, "customer", {})
    again = Merging(COMPANY, NUMBER, merged.profile, merged.authority, 2, NOW)
    for fact in facts:
        again.take(fact)
    assert again.records(record, "customer", {}) == []


@given(histories())
def test_conflicts_name_two_systems_that_say_different_things(facts: list[Any]) -> None:
    merged = merging()
    for fact in facts:
        merged.take(fact)
    for _, conflict in merged.found.values():
        assert isinstance(conflict, Conflict)
        assert conflict.in_force.by != conflict.other.by
        assert conflict.in_force.value != conflict.other.value


def test_among_equals_the_answer_does_not_depend_on_order() -> None:
    facts = [
        updated(1, email="a@example.com", changed_at=NOW),
        updated(1, email="b@example.com", store="LEEDS", changed_at=NOW),
        from_shop(1, email="c@example.com", changed_at=NOW),
    ]
    answers = set()
    for order in permutations(facts):
        merged = merging()
        for fact in order:
            merged.take(fact)
        answers.add(holds(merged, "email"))
    assert len(answers) == 1


class TestAuthority:
    def test_the_closest_rule_counts(self) -> None:
        rules = TypeAdapter(dict[str, Rules]).validate_python(
            {
                "*": {"contact": "manual", "name": ["dynamics"]},
                "gbrt": {"email": "last-writer", "address": ["shop"]},
            }
        )
        of = Authority(rules)
        assert of.rule("gbrt", "email").strategy == "last-writer"
        assert of.rule("gbrt", "phone").strategy == "manual"
        assert of.rule("gbrt", "city") == Rule("source-priority", ("shop",))
        assert of.rule("dert", "city").strategy == "last-writer"
        assert of.rule("dert", "name").sources == ("dynamics",)
        assert of.rule("dert", "tax_number").sources[0] == "dynamics", "unless set otherwise"

    def test_a_product_stands_where_it_or_dynamics_is_named(self) -> None:
        rule = Rule("source-priority", ("dataverse", "till", "dynamics"))
        assert [rule.rank(each) for each in ("dataverse", "till", "business-central")] == [0, 1, 2]
        assert rule.rank("shop") > 2

    @pytest.mark.parametrize(
        "wrong", [{"shoe": "manual"}, {"name": "never"}, {"name": []}, {"name": ["tills"]}]
    )
    def test_what_is_no_rule_is_refused(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            TypeAdapter(Rules).validate_python(wrong)
