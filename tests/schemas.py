"""JSON documents held against the schemas that are shipped."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

FOLDER = files("qsim") / "schemas"
SCHEMAS = {file.name.removesuffix(".json"): json.loads(file.read_text()) for file in FOLDER.iterdir()}
REGISTRY: Registry[Any] = Registry().with_resources(
    (schema["$id"], Resource.from_contents(schema)) for schema in SCHEMAS.values()
)


def violations(name: str, document: Any) -> list[str]:
    """What of a document is not as its schema says, in words."""
    validator = Draft202012Validator(SCHEMAS[name], registry=REGISTRY)
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(document)]
