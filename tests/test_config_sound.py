"""The quick answer whether a document keeps to the schema, held against jsonschema."""

import pytest
from hypothesis import example, given, settings
from jsonschema import Draft7Validator
from test_config_check import documents

from tressi.config.schema import schema
from tressi.config.sound import is_sound

pytestmark = pytest.mark.pure


@settings(max_examples=200)
@given(documents)
@example({"requests": [{"url": "http://h/", "expect": {"status": [200, 5.5]}}], "autoscale": True})
@example({"requests": [{"url": "http://h/", "payload": {"a": 1}}], "rps": 5.0, "autoscale": {"enabled": 1}})
@example({"requests": [{"url": "http://h/", "method": "get"}], "headers": {"a": 1}})
def test_a_document_is_sound_exactly_where_jsonschema_says_so(document):
    """The quick answer, which spares a sound config the import of jsonschema, is the one of the reference."""
    assert is_sound(document) == Draft7Validator(schema()).is_valid(document)


def test_every_rule_of_the_schema_is_known_to_the_quick_answer():
    """Each alone, with values on both sides of it; an unknown rule is left to jsonschema."""
    values = [None, True, 0, 1, -1, 5.0, 5.5, "", "a", "GET", [], [1], ["a"], {}, {"a": 1}, {"b": 1}]
    nodes = [
        *({"type": name} for name in ("object", "array", "string", "boolean", "null", "number", "integer", ["null", "string"])),
        {"enum": ["a", "GET"]},
        *({rule: 1} for rule in ("minimum", "maximum", "exclusiveMinimum", "minLength", "minItems")),
        {"pattern": "^[A-Z]+$"},
        {"required": ["a"]},
        {"properties": {"a": {"type": "string"}}},
        {"properties": {"a": {}}, "additionalProperties": False},
        {"additionalProperties": {"type": "string"}},
        {"additionalProperties": True},
        {"items": {"type": "string"}},
        {"allOf": [{"type": "integer"}, {"minimum": 1}]},
        {"anyOf": [{"type": "string"}, {"type": "array"}]},
    ]
    wrong = [
        f"{value!r} by {node}"
        for node in nodes
        for value in values
        # Only what is said to be sound is final, and our schema's enums are of strings.
        if is_sound(value, node) != Draft7Validator(node).is_valid(value)
    ]
    assert wrong == []
    assert not is_sound(1, {"multipleOf": 1})
