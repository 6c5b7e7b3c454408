"""One OData operation: a request in, an answer out, the same alone and inside a batch.

Nothing here knows HTTP servers. Writes must be called inside `books.transaction()`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote, urlencode

from infra.local.dynamics.odata.entities import Scalar

from . import custom, errors, ledger, posting
from .addressing import SINGLE, Place, find_place
from .books import Books, Row, column, row_of
from .entities import Entity
from .messages import Answer, Operation
from .query import Query, page_size, parse_query
from .rules import Rules
from .types import EMPTY_GUID, TooLong, Value, read_value

RULES: Mapping[str, Rules] = {**posting.RULES, **ledger.RULES, **custom.RULES}
_NO_RULES = Rules()
_PDF = b"%PDF-1.4\n% A document of the simulator.\n%%EOF\n"

Body = dict[str, Any]


class Operations:
    """The operations of one API: the standard one or a custom one."""

    def __init__(self, books: Books, entities: Mapping[str, Entity]) -> None:
        self._books = books
        self._entities = entities

    def execute(self, operation: Operation, root: str) -> Answer:
        """Raises BusinessCentralError. `root` is the API's root with its slash."""
        place = self.place(operation)
        if place.action:
            return self._act(place, operation)
        if operation.method not in place.entity.methods:
            raise errors.not_allowed(operation.method, place.entity.name)
        if place.stream:
            return Answer(200, _PDF, {"Content-Type": "application/pdf"})
        if place.entity.name == "pdfDocument":
            return self._pdf(place, root)
        if place.key is None:
            handlers = {"GET": self._list, "POST": self._create}
        else:
            handlers = {"GET": self._read, "PATCH": self._change, "DELETE": self._delete}
        handler = handlers.get(operation.method)
        if handler is None:
            raise errors.not_allowed(operation.method, place.entity.name)
        return handler(place, operation, root)

    def place(self, operation: Operation) -> Place:
        return find_place(
            self._books, self._entities, operation.path, operation.options, operation.headers
        )

    def _found(self, place: Place) -> Row:
        entity, key = place.entity, str(place.key)
        if entity.parent == "*":
            key = f"{place.parent}/{key}"
        row = self._books.get(entity, place.company, key)
        if row is None or (place.parent is not None and row["_parent"] != place.parent):
            raise errors.no_row(entity.caption, str(place.key))
        return row

    def _guarded(self, place: Place, operation: Operation) -> Row:
        """The row to be written, if the request's If-Match allows it."""
        expected = operation.headers.get("if-match", "")
        if not expected:
            raise errors.token_missing()
        row = self._found(place)
        if expected not in ("*", row["_etag"]):
            raise errors.changed_meanwhile()
        return row

    def _read(self, place: Place, operation: Operation, root: str) -> Answer:
        query = parse_query(place.entity, operation.options)
        row = self._found(place)
        context = f"{root}$metadata#{_context(operation.path)}/$entity"
        return Answer(
            200, {"@odata.context": context, **self._shown(place.entity, row, query, root)}
        )

    def _create(self, place: Place, operation: Operation, root: str) -> Answer:
        parent = self._parent(place)
        row = self._insert(place, dict(operation.body or {}))
        if parent is not None:
            rules_of(place.below).refresh(self._books, parent)
        fresh = self._found(Place(place.entity, place.company, str(row[place.entity.key]),
                                  place.parent))  # fmt: skip
        query = parse_query(place.entity, operation.options)
        key = fresh[place.entity.key]
        location = f"{root}{operation.path}({key})"
        context = f"{root}$metadata#{_context(operation.path)}/$entity"
        shown = self._shown(place.entity, fresh, query, root)
        return Answer(201, {"@odata.context": context, **shown}, {"Location": location})

    def _parent(self, place: Place) -> Row | None:
        if place.parent is None:
            return None
        found = self._books.get(self._entities[place.below], place.company, place.parent)
        if found is None:
            caption = self._entities[place.below].caption
            raise errors.no_row(caption, place.parent)
        return found

    def _insert(self, place: Place, body: Body) -> Row:
        entity, rules = place.entity, rules_of(place.entity.name)
        below = {name: body.pop(name) for name in entity.children if name in body}
        given = _read_body(entity, body)
        row: Row = {name: field.default for name, field in entity.fields.items()
                    if field.kind != "stream"}  # fmt: skip
        row |= given
        row |= {"_company": place.company, "_parent": place.parent or ""}
        if place.parent is None and entity.parent_field:
            parent = str(row[entity.parent_field])
            row["_parent"] = "" if parent == EMPTY_GUID else parent
        if entity.parent == "*":
            row["_below"] = place.below
        rules.insert(self._books, row, given.keys())
        row.pop("_below", None)
        made = self._books.insert(entity, place.company, row)
        for name, bodies in below.items():
            self._insert_below(place, made, name, bodies)
        if below:
            made = self._found(Place(entity, place.company, str(made[entity.key]), place.parent))
            rules.refresh(self._books, made)
        rules.written(self._books, made)
        return made

    def _insert_below(self, place: Place, made: Row, name: str, bodies: object) -> None:
        entity = self._entities.get(name)
        if entity is None or not isinstance(bodies, list):
            raise errors.malformed("Invalid Request Body")
        inner = Place(entity, place.company, None, str(made[place.entity.key]), place.entity.name)
        for body in bodies:
            if not isinstance(body, dict):
                raise errors.malformed("Invalid Request Body")
            self._insert(inner, dict(body))

    def _change(self, place: Place, operation: Operation, root: str) -> Answer:
        old = self._guarded(place, operation)
        body = dict(operation.body or {})
        if any(name in body for name in place.entity.children):
            raise errors.malformed("A deep update is not supported; change the lines one by one.")
        given = _read_body(place.entity, body)
        row = {**old, **given}
        rules = rules_of(place.entity.name)
        rules.change(self._books, old, row, given.keys())
        self._books.update(place.entity, row)
        rules.changed(self._books, row)
        if (parent := self._parent(place)) is not None:
            rules_of(place.below).refresh(self._books, parent)
        fresh = self._found(place)
        query = parse_query(place.entity, operation.options)
        context = f"{root}$metadata#{_context(operation.path)}/$entity"
        return Answer(
            200, {"@odata.context": context, **self._shown(place.entity, fresh, query, root)}
        )

    def _delete(self, place: Place, operation: Operation, root: str) -> Answer:
        row = self._guarded(place, operation)
        rules_of(place.entity.name).delete(self._books, row)
        self._books.delete(place.entity, row)
        if (parent := self._parent(place)) is not None:
            rules_of(place.below).refresh(self._books, parent)
        return Answer(204)

    def _act(self, place: Place, operation: Operation) -> Answer:
        action = rules_of(place.entity.name).actions.get(place.action)
        if action is None:
            raise errors.no_such_action()
        if operation.method != "POST":
            raise errors.not_allowed(operation.method, place.action)
        action(self._books, self._found(place))
        return Answer(204)

    def _list(self, place: Place, operation: Operation, root: str) -> Answer:
        entity = place.entity
        query = parse_query(entity, operation.options)
        if entity.parent in ("customerPaymentJournals", "journals") and place.parent is None:
            raise errors.dialog(
                "You must specify a journal batch ID or a journal ID to get a journal line."
            )
        where, values = f"{column('_company')}=?", [place.company]
        if place.parent is not None:
            where += f" AND {column('_parent')}=?"
            values.append(place.parent)
        every: tuple[Scalar, ...] = (*values, *query.values)
        size = page_size(operation.headers.get("prefer", ""))
        wanted = size if query.top is None else min(size, max(query.top - query.delivered, 0))
        stored = self._books.store.select(
            entity.table, f"{where} AND {query.where}", query.order, wanted + 1,
            query.skip + query.delivered, every,
        )  # fmt: skip
        body: Body = {"@odata.context": f"{root}$metadata#{_context(operation.path)}"}
        if query.count:
            count = self._books.store.count(entity.table, f"{where} AND {query.where}", every)
            body["@odata.count"] = count
        body["value"] = [self._shown(entity, row_of(each), query, root) for each in stored[:wanted]]
        delivered = query.delivered + wanted
        if len(stored) > wanted and (query.top is None or delivered < query.top):
            options = {**operation.options, "$skiptoken": str(delivered)}
            text = urlencode(options, safe="$", quote_via=quote)
            body["@odata.nextLink"] = f"{root}{operation.path}?{text}"
        return Answer(200, body)

    def _shown(self, entity: Entity, row: Row, query: Query, root: str) -> Body:
        names = query.select or tuple(entity.fields)
        shown: Body = {"@odata.etag": row["_etag"]}
        shown |= {name: row[name] for name in names if name in row}
        for name, options in query.expand.items():
            shown[name] = self._expanded(entity, row, name, options, root)
        return shown

    def _expanded(
        self, entity: Entity, row: Row, name: str, options: Mapping[str, str], root: str
    ) -> object:
        nested = self._entities.get(SINGLE.get(name, name))
        if nested is None or name not in entity.children:
            raise errors.wrong_query(
                f"Could not find a property named '{name}' on type "
                f"'Microsoft.NAV.{entity.type_name}'."
            )
        query = parse_query(nested, options)
        if query.expand:
            raise errors.wrong_query("Only one level of $expand is supported.")
        company = str(row["_company"])
        if name in SINGLE:
            found = self._books.get(nested, company, str(row["id"]))
            return None if found is None else self._shown(nested, found, query, root)
        where = f"{column('_company')}=? AND {column('_parent')}=? AND {query.where}"
        stored = self._books.store.select(
            nested.table, where, query.order, -1 if query.top is None else query.top, query.skip,
            (company, cast(str, row[entity.key]), *query.values),
        )  # fmt: skip
        return [self._shown(nested, row_of(each), query, root) for each in stored]

    def _pdf(self, place: Place, root: str) -> Answer:
        parent = self._parent(place)
        assert parent is not None
        base = f"{root}companies({place.company})/{place.below}({place.parent})/pdfDocument"
        row: Body = {
            "id": place.parent, "parentId": place.parent,
            "parentType": self._entities[place.below].caption.replace(" ", "_x0020_"),
            "pdfDocumentContent@odata.mediaEditLink": f"{base}({place.parent})/pdfDocumentContent",
            "pdfDocumentContent@odata.mediaReadLink": f"{base}({place.parent})/pdfDocumentContent",
        }  # fmt: skip
        context = f"{root}$metadata#companies({place.company})/pdfDocument"
        if place.key is not None:
            return Answer(200, {"@odata.context": f"{context}/$entity", **row})
        return Answer(200, {"@odata.context": context, "value": [row]})


def rules_of(name: str) -> Rules:
    return RULES.get(name, _NO_RULES)


def _read_body(entity: Entity, body: Mapping[str, object]) -> dict[str, Value]:
    row: dict[str, Value] = {}
    for name, value in body.items():
        if "@" in name:
            continue
        field = entity.fields.get(name)
        if field is None:
            raise errors.unknown_property(name, entity.type_name)
        if field.read_only:
            raise errors.read_only(field)
        try:
            row[name] = read_value(field, value)
        except TooLong as error:
            raise errors.too_long(field, str(error)) from error
        except ValueError as error:
            raise errors.wrong_value(field, value) from error
    return row


def _context(path: str) -> str:
    """The path as `$metadata` contexts show it, without the key of its last segment."""
    head, slash, last = path.rpartition("/")
    return f"{head}{slash}{last.partition('(')[0]}"
