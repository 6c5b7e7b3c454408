"""Stand-ins for the worker's protobuf messages (azure-functions-language-worker-protobuf).

`azure_functions_runtime` never serialises: it only makes, reads and hands on these objects, so
plain ones do. Messages this host fills are classes of their own; all others are made on demand.
"""

from collections.abc import Mapping, Sequence
from typing import Any


class TypedData:
    """One value and which of the `oneof data` fields holds it."""

    _kind: str | None

    def __init__(self, **field: Any) -> None:
        self._kind = next(iter(field), None)
        self.__dict__.update(field)

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802 - protobuf's own name
        return self._kind


class Collection:
    """CollectionString, CollectionBytes and their kin: the values under the field's own name."""

    def __init__(self, **field: Sequence[Any]) -> None:
        self.__dict__.update(field)


class ModelBindingData:
    """One deferred binding: the content a binding extension decodes itself."""

    __slots__ = ("content", "content_type", "source", "version")

    def __init__(self, *, version: str, source: str, content_type: str, content: bytes) -> None:
        self.version = version
        self.source = source
        self.content_type = content_type
        self.content = content


class ParameterBinding:
    """A named value going in or coming out of an invocation."""

    __slots__ = ("data", "name")

    def __init__(self, *, name: str, data: TypedData | None) -> None:
        self.name = name
        self.data = data

    def WhichOneof(self, _group: str) -> str:  # noqa: N802 - protobuf's own name
        return "data"  # the other choice is shared memory, which this host does not use


class Record:
    """Any other message: the fields it was made with; an absent one reads as None."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None


class StatusResult(Record):
    Failure = 0
    Success = 1


class BindingInfo(Record):
    # enum Direction, enum DataType
    in_, out, inout = 0, 1, 2
    undefined, string, binary, stream = 0, 1, 2, 3


class _SameSite:
    ExplicitNone, Lax, Strict = 1, 2, 3


setattr(_SameSite, "None", 0)


class RpcHttpCookie(Record):
    SameSite = _SameSite


class _Protos:
    """Looks like the generated module: an attribute is the message class of that name."""

    def __init__(self, known: Mapping[str, type]) -> None:
        self._classes = dict(known)

    def __getattr__(self, name: str) -> type:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._classes.setdefault(name, type(name, (Record,), {}))


PROTOS = _Protos(
    {
        kind.__name__: kind
        for kind in (
            TypedData,
            ModelBindingData,
            ParameterBinding,
            StatusResult,
            BindingInfo,
            RpcHttpCookie,
        )
    }
)
