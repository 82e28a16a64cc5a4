"""A small shop as protoc would describe it, made without protoc: for tests that start no process."""

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet

KINDS = FieldDescriptorProto


def shop() -> bytes:
    """A FileDescriptorSet with `shop.Cart`: Add takes a Basket and gives a Reply, Watch streams, Touch takes a Basket too."""
    file = FileDescriptorProto(name="shop.proto", package="shop", syntax="proto3")
    kind = file.enum_type.add(name="Kind")
    kind.value.add(name="NONE", number=0)
    kind.value.add(name="GIFT", number=1)
    item = file.message_type.add(name="Item")
    _field(item, "sku", 1, KINDS.TYPE_STRING)
    _field(item, "quantity", 2, KINDS.TYPE_INT32)
    _field(item, "tags", 3, KINDS.TYPE_STRING, repeated=True)
    _field(item, "kind", 4, KINDS.TYPE_ENUM, of=".shop.Kind")
    basket = file.message_type.add(name="Basket")
    _field(basket, "items", 1, KINDS.TYPE_MESSAGE, of=".shop.Item", repeated=True)
    entry = basket.nested_type.add(name="CountsEntry")
    entry.options.map_entry = True
    _field(entry, "key", 1, KINDS.TYPE_STRING)
    _field(entry, "value", 2, KINDS.TYPE_INT64)
    _field(basket, "counts", 2, KINDS.TYPE_MESSAGE, of=".shop.Basket.CountsEntry", repeated=True)
    _field(basket, "raw", 3, KINDS.TYPE_BYTES)
    basket.oneof_decl.add(name="who")
    for number, (name, what) in enumerate((("name", KINDS.TYPE_STRING), ("user_id", KINDS.TYPE_UINT32)), 4):
        _field(basket, name, number, what).oneof_index = 0
    _field(file.message_type.add(name="Reply"), "total", 1, KINDS.TYPE_INT32)
    cart = file.service.add(name="Cart")
    for name, streams in (("Add", False), ("Watch", True), ("Touch", False)):
        cart.method.add(name=name, input_type=".shop.Basket", output_type=".shop.Reply", server_streaming=streams)
    return FileDescriptorSet(file=[file]).SerializeToString()


def _field(message, name, number, kind, *, of=None, repeated=False):
    label = KINDS.LABEL_REPEATED if repeated else KINDS.LABEL_OPTIONAL
    first, *others = name.split("_")
    json_name = first + "".join(map(str.capitalize, others))
    return message.field.add(name=name, number=number, type=kind, label=label, type_name=of, json_name=json_name)
