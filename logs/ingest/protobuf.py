"""Protobuf messages that are declared here, field by field, instead of being generated.

What is not looked at, and all text, is declared as bytes: that is the same on the wire, the decoder's work stays in C
and small, and text that is not UTF-8 costs itself alone, where a `string` would cost the whole request.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

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
