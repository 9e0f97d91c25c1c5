"""How a report is read: strictly, and straight into the dataclasses that it is of."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import cache, reduce
from operator import or_
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, Union, get_args, get_origin

from fairaudit.result import NOT_STORED, AuditReport, Json

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, TypeAdapter
    from pydantic_core.core_schema import CoreConfig, CoreSchema, DataclassField

_CONFIG: Final["CoreConfig"] = {
    "extra_fields_behavior": "forbid",
    "strict": True,
    "allow_inf_nan": False,
    "ser_json_inf_nan": "constants",
}


@cache
def adapter() -> "TypeAdapter[AuditReport]":
    """Return what validates and writes reports; pydantic is imported here."""
    from pydantic import TypeAdapter

    return TypeAdapter(_strict(AuditReport))


@cache
def stored(kind: type) -> "tuple[Field[Any], ...]":
    """Return the fields of a dataclass that the file holds."""
    return tuple(f for f in fields(kind) if NOT_STORED not in f.metadata)


@dataclass(frozen=True)
class _Strict:
    """The schema of a dataclass that refuses unknown fields and changes no type.

    Of plain dataclasses pydantic ignores unknown fields, and it cannot resolve the
    recursive `Json`. A model that is made into the dataclass afterwards would do
    both, and takes three times as long.
    """

    kind: type

    def __get_pydantic_core_schema__(
        self, _source: object, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        from pydantic_core import core_schema

        name = self.kind.__name__
        found = [_field(f, handler) for f in fields(self.kind)]
        return core_schema.dataclass_schema(
            self.kind,
            core_schema.dataclass_args_schema(name, found),
            [f.name for f in stored(self.kind)],
            post_init=hasattr(self.kind, "__post_init__"),
            slots="__slots__" in vars(self.kind),
            ref=f"{self.kind.__module__}.{name}",
            config=_CONFIG,
        )


def _field(field: "Field[Any]", handler: "GetCoreSchemaHandler") -> "DataclassField":
    """Return one field; what the file does not hold has its default always."""
    from pydantic_core import core_schema

    outside = NOT_STORED in field.metadata
    kind = Any if outside else _strict(field.type)
    found = handler.generate_schema(kind)
    if field.default is not MISSING:
        found = core_schema.with_default_schema(found, default=field.default)
    elif field.default_factory is not MISSING:
        factory = field.default_factory
        found = core_schema.with_default_schema(found, default_factory=factory)
    return core_schema.dataclass_field(
        field.name, found, kw_only=True, init=not outside, serialization_exclude=outside
    )


def _strict(kind: Any) -> Any:  # noqa: ANN401 - types of types
    """Return the type with every dataclass in it read strictly."""
    from pydantic import JsonValue

    if isinstance(kind, type) and is_dataclass(kind):
        return Annotated[kind, _Strict(kind)]
    if kind == Mapping[str, Json]:
        return dict[str, JsonValue]
    if get_origin(kind) in (Union, UnionType):
        return reduce(or_, map(_strict, get_args(kind)))
    if get_origin(kind) in (tuple, Mapping):
        return get_origin(kind)[tuple(map(_strict, get_args(kind)))]
    return kind
