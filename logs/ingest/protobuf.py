"""Protobuf messages that are declared here, field by field, instead of being generated.

What is not looked at, and all text, is declared as bytes: that is the same on the wire, the decoder's work stays in C
and small, and text that is not UTF-8 costs itself alone, where a `string` would cost the whole request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from logs.ingest.foreign_body import check_count, most_logs

Field = descriptor_pb2.FieldDescriptorProto
Fields = tuple[tuple[str, int, Any, bool], ...]  # name, number, type or the name of a message, whether repeated


def declare(package: str, messages: Mapping[str, Fields], *, one_of: str = "") -> dict[str, Any]:
    """Return the classes of `messages`; of the one that `one_of` names only one field is set."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        if name == one_of:
            message.oneof_decl.add(name="value")
        for field, number, kind, is_repeated in fields:
            label = Field.LABEL_REPEATED if is_repeated else Field.LABEL_OPTIONAL
            declared = message.field.add(name=field, number=number, label=label)
            if name == one_of:
                declared.oneof_index = 0
            if isinstance(kind, str):
                declared.type, declared.type_name = Field.TYPE_MESSAGE, f".{package}.{kind}"
            else:
                declared.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in messages}


def check_messages(body: bytes, path: Sequence[int]) -> None:
    """Raise ApiError 413 where a body has more messages at a level than it may have logs, before they become objects.

    `path` has the number of the repeated field at each level, down to the logs. Raises DecodeError for no message.
    """
    if len(body) <= 2 * most_logs():  # no message has less than two bytes
        return
    level: Iterable[bytes] = [body]
    for number in path:
        inner = [_level(number).FromString(each).parts for each in level]
        check_count(sum(map(len, inner)))
        level = chain.from_iterable(inner)


@cache
def _level(number: int) -> Any:
    """Return the class of a message of which nothing is read but one repeated field, as bytes."""
    return declare(f"pulseops.level{number}", {"Level": (("parts", number, Field.TYPE_BYTES, True),)})["Level"]
