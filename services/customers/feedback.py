"""What customers said: a note with the customer in Dataverse."""

from __future__ import annotations

from collections.abc import Sequence

from services.customers.books import NotesBook
from services.customers.collaborators import Collaborators
from services.customers.profile import PROFILES, Profile
from shared.booking import Booker, Plan, configured, without_quotes
from shared.bus import Delivery, Outcome, Rejected, or_later
from shared.companies import Company
from shared.dynamics import Failed, Posting
from shared.dynamics.ports.notes import Note
from shared.events import FeedbackGiven, Reason


async def note_feedback(
    deliveries: Sequence[Delivery], collaborators: Collaborators
) -> list[Outcome]:
    """Return one outcome per delivery; feedback of an unknown customer waits for them."""
    return await or_later(_note(deliveries, collaborators), len(deliveries))


async def _note(deliveries: Sequence[Delivery], collaborators: Collaborators) -> list[Outcome]:
    facts = [delivery.event.data for delivery in deliveries]
    keys = {f"{fact.company}/{fact.customer}" for fact in facts}
    stored = await collaborators.records.read(PROFILES, keys)
    persons = {
        key: Profile.model_validate_json(record.text).is_person for key, record in stored.items()
    }

    def prepare(delivery: Delivery) -> Plan[Note] | Outcome:
        fact: FeedbackGiven = delivery.event.data
        settings = configured(collaborators.companies, fact.company)
        if isinstance(settings, Rejected):
            return settings
        book = notes_book(settings, collaborators)
        if book is None:
            return no_notes(fact.company)
        key = f"{fact.company}/{fact.customer}"
        note = feedback_note(fact, settings, persons.get(key, fact.is_person))
        return note_plan(note, fact.company, f"customer/{key}", book)

    return await Booker("note", collaborators.inbox("note"), collaborators.clock).book(
        deliveries, prepare
    )


def notes_book(settings: Company, collaborators: Collaborators) -> NotesBook | None:
    """Return where a company's notes are kept; None where nobody keeps them."""
    book = collaborators.notes
    return book if book and book.system in settings.customers else None


def no_notes(company: str) -> Rejected:
    """Return the outcome of feedback that nobody keeps."""
    return Rejected(Reason.NOT_BOOKABLE_HERE, f"nobody keeps notes for company {company}")


def note_plan(note: Note, company: str, waits_for: str, book: NotesBook) -> Plan[Note]:
    """Return how a note is booked. `waits_for` is the key of its customer."""
    return Plan(
        document=note,
        post=_Discreetly(book),
        system=book.system,
        company=company,
        entity_set=book.entity_set,
        waits_for=lambda _: waits_for,
    )


def feedback_note(fact: FeedbackGiven, settings: Company, is_person: bool) -> Note:
    """Return the note; the same fact always gives the same."""
    about = {
        "Rating": None if fact.rating is None else f"{fact.rating} of 10",
        "Store": fact.store,
        "Transaction": fact.transaction,
        "Given": f"{fact.given_at:%Y-%m-%d %H:%M} UTC",
    }
    lines = [f"{name}: {value}" for name, value in about.items() if value is not None]
    return Note(
        company=settings.entity(fact.company),
        key=f"feedback/{fact.feedback}",
        customer=fact.customer,
        subject=fact.subject,
        text="\n".join([*lines, *(["", fact.text] if fact.text else [])]),
        is_person=is_person,
    )


class _Discreetly:
    """Adds notes, and tells errors without what was said. Equal for one book."""

    def __init__(self, book: NotesBook) -> None:
        self._book = book

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Discreetly) and self._book == other._book

    def __hash__(self) -> int:
        return hash(self._book.system)

    async def __call__(self, notes: Sequence[Note]) -> Sequence[Posting]:
        postings = await self._book.notes.add(notes)
        return [
            Failed(without_quotes(posting.error, [note.text, note.subject, note.customer]))
            if isinstance(posting, Failed)
            else posting
            for note, posting in zip(notes, postings, strict=True)
        ]
