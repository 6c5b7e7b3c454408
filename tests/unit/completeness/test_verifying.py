"""What `tillbus certificate verify` finds: in the store, and in files an auditor was given."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from infra.local.cli.output import Unusable
from infra.local.cli.verifying import Verification, verify_files, verify_store
from services.completeness import handlers
from shared.events import Fact, StoreDayClosed
from shared.store import Store
from shared.store.certificates import IssuedCertificate, canonical_json, link_hash

from .conftest import Collaborators, deliveries, document, sale
from .days import DAY, Transaction, closing, transactions
from .served import served

NEXT_DAY = DAY.business_day + timedelta(days=1)


def _on(fact: StoreDayClosed, days: int) -> StoreDayClosed:
    return fact.model_copy(update={"business_day": fact.business_day + timedelta(days=days)})


@pytest.fixture
async def certified(collaborators: Collaborators) -> Collaborators:
    """Two days: the first certified three times, as its documents came in; the second once."""
    first, second = day = transactions(["1.00", "2.50"])
    for facts in (
        [*map(sale, day), closing(day)],
        [document(first)],
        [document(second)],
        [_on(closing([]), 1)],
    ):
        await _told(collaborators, facts)
    return collaborators


async def _told(books: Collaborators, facts: Sequence[Fact]) -> None:
    await handlers.witness(deliveries(*facts), books)
    await handlers.evaluate(books)


async def _verified(store: Store, books: Collaborators) -> Verification:
    return await verify_store(store, served(books), None, None)


async def test_a_chain_that_holds_and_says_what_the_ledger_says_is_whole(
    store: Store, certified: Collaborators
) -> None:
    found = await _verified(store, certified)

    assert found.holds
    assert (found.chains, found.certificates) == (1, 4)
    chain = await store.certificates.chain(DAY.company, DAY.store)
    assert [(link.business_day.day, link.revision, link.verdict) for link in chain] == [
        (1, 1, "incomplete"),
        (1, 2, "incomplete"),
        (1, 3, "balanced"),
        (2, 1, "balanced"),
    ]
    assert chain[3].day_before == chain[2].hash
    assert found.heads == {"usrt/S1": chain[3].hash}


async def test_looking_again_at_what_has_not_changed_issues_nothing(
    store: Store, certified: Collaborators
) -> None:
    day = transactions(["1.00", "2.50"])
    await _told(certified, [*map(sale, day), *map(document, day)])

    assert len(await store.certificates.chain(DAY.company, DAY.store)) == 4


TAMPERINGS = {
    "UPDATE certificates SET content = replace(content, '2.50', '2.60') WHERE number = 2": (
        "usrt/S1/2026-03-01 revision 2: it does not hold what was hashed"
    ),
    "UPDATE certificates SET verdict = 'balanced' WHERE number = 1": (
        "usrt/S1/2026-03-01 revision 1: it does not hold what was hashed"
    ),
    "DELETE FROM certificates WHERE number = 1": (
        "usrt/S1/2026-03-01 revision 2: a certificate before it is missing"
    ),
    "DELETE FROM certificates WHERE number = 4": (
        "usrt/S1/2026-03-02 is closed and has no certificate"
    ),
    "DELETE FROM certificates": "usrt/S1/2026-03-01 is closed and has no certificate",
    "UPDATE ledger_facts SET amount = '3.50' WHERE sequence = 2": (
        "usrt/S1/2026-03-01 was certified balanced, the ledger says otherwise now: "
        "T1/2 is 3.50 USD at the till and 2.50 USD in the ledger"
    ),
    "DELETE FROM ledger_days WHERE closed_payload LIKE '%2026-03-02%'": (
        "usrt/S1/2026-03-02 was certified and is gone from the ledger"
    ),
}


@pytest.mark.parametrize("statement", TAMPERINGS, ids=str)
async def test_whoever_changes_the_books_behind_our_back_is_named(
    store: Store, certified: Collaborators, statement: str
) -> None:
    async with store._database.writing() as connection:
        for change in ("UPDATE", "DELETE"):
            await connection.execute(text(f"DROP TRIGGER certificates_refuse_{change}"))
        await connection.execute(text(statement))

    found = await _verified(store, certified)

    assert found.breaks[0] == TAMPERINGS[statement]


async def test_a_day_that_waits_to_be_looked_at_is_no_break(
    store: Store, certified: Collaborators
) -> None:
    late = Transaction("T1", 3, Decimal("9.00"))
    await handlers.witness(deliveries(sale(late)), certified)

    found = await _verified(store, certified)

    assert found.holds
    assert found.changing_days == ["usrt/S1/2026-03-01"]


async def test_open_days_and_days_nobody_spoke_of_are_told_and_are_no_break(
    store: Store, certified: Collaborators
) -> None:
    later = _on(closing([]), 4)
    opened = replace(transactions(["1.00"])[0])
    key = opened.key.model_copy(update={"business_day": DAY.business_day + timedelta(days=5)})
    await _told(certified, [later, sale(opened).model_copy(update={"key": key})])

    found = await _verified(store, certified)

    assert found.holds
    assert found.silent_days == ["usrt/S1/2026-03-03", "usrt/S1/2026-03-04"]
    assert found.open_days == ["usrt/S1/2026-03-06"]


@pytest.fixture
async def exported(certified: Collaborators, tmp_path: Path) -> Path:
    folder = tmp_path / "exported"
    folder.mkdir()
    service = served(certified)
    for day in (DAY.business_day.isoformat(), NEXT_DAY.isoformat()):
        for form in ("json", "html"):
            page = form == "html"
            it = await service.certificate("usrt", "S1", day, issued=True, page=page)
            (folder / f"{day}.{form}").write_text(it)
    return folder


def test_exported_files_are_verified_without_store_or_service(exported: Path) -> None:
    found = verify_files([exported])

    assert found.holds
    assert (found.certificates, found.chains) == (4, 1)


@pytest.mark.parametrize("form", ["json", "html"])
@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ('"3.50"', '"3.60"', "its content is not what was hashed"),
        ('"balanced"', '"differs"', "its content is not what was hashed"),
        ('"revision": 3', '"revision": 4', "its hash is not that of the certificate"),
        ('"previous": "', '"previous": "0', "its hash is not that of the certificate"),
        ('"hash": "sha256:', '"hash": "sha256:0', "its content is not what was hashed"),
    ],
)
def test_a_file_somebody_has_touched_is_named(
    exported: Path, form: str, before: str, after: str, sentence: str
) -> None:
    path = exported / f"2026-03-01.{form}"
    changed = path.read_text().replace(before, after)
    assert changed != path.read_text()
    path.write_text(changed)

    assert f"{path.name}: {sentence}" in verify_files([path]).breaks


def test_a_page_that_shows_other_figures_than_it_embeds_is_named(exported: Path) -> None:
    path = exported / "2026-03-01.html"
    forged = path.read_text().replace(">3.50<", ">9.50<", 1)
    assert forged != path.read_text()
    path.write_text(forged)

    assert verify_files([path]).breaks == [
        "2026-03-01.html: it does not show what is embedded in it, or another version made it"
    ]


def test_two_files_that_do_not_follow_one_another_are_named(exported: Path) -> None:
    """Each holds by itself: the hash of the first was made anew after it was changed."""
    (exported / "2026-03-01.html").unlink()
    path = exported / "2026-03-01.json"
    changed = json.loads(path.read_text())
    changed["issued"]["issued_at"] = changed["issued"]["issued_at"].replace("T12", "T13")
    content = {name: changed[name] for name in changed if name not in {"hash", "issued"}}
    issued = {name: changed["issued"][name] for name in changed["issued"] if name != "is_current"}
    link = IssuedCertificate(
        company="usrt",
        store="S1",
        business_day=DAY.business_day,
        content=canonical_json(content),
        **{**issued, "issued_at": datetime.fromisoformat(issued["issued_at"])},
    )
    changed["issued"]["hash"] = link_hash(link)
    path.write_text(json.dumps(changed))

    found = verify_files([exported])

    assert found.breaks == ["usrt/S1/2026-03-02 revision 1 does not follow usrt/S1/2026-03-01"]


async def test_what_was_never_issued_is_not_taken_for_a_certificate(
    collaborators: Collaborators, tmp_path: Path
) -> None:
    await handlers.witness(deliveries(sale(transactions(["1.00"])[0])), collaborators)
    path = tmp_path / "now.json"
    path.write_text(await served(collaborators).certificate("usrt", "S1", "2026-03-01"))

    assert verify_files([path]).breaks == ["now.json: it was exported before it was issued"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"issued": {"number": 1}}', "<html></html>"])
@pytest.mark.parametrize("name", ["it.json", "it.html"])
def test_a_file_that_is_no_certificate_is_said_to_be_none(
    tmp_path: Path, content: str, name: str
) -> None:
    path = tmp_path / name
    path.write_text(content)

    if (content, name) == ("{}", "it.json"):
        assert not verify_files([path]).holds
    else:
        with pytest.raises(Unusable, match=r"is no (page of a )?certificate"):
            verify_files([path])


async def test_an_empty_store_holds(store: Store, collaborators: Collaborators) -> None:
    assert (await _verified(store, collaborators)).json() == {
        "chains": 0, "certificates": 0, "breaks": [], "open_days": [], "changing_days": [],
        "silent_days": [], "heads": {}, "holds": True,
    }  # fmt: skip
