"""Every operation of Amazon Cognito user pools by boto3, its arguments made from the model."""

from __future__ import annotations

from functools import partial
from typing import Any

import boto3
from botocore.config import Config
from vendor import serve

HOST = "cognito-idp.eu-central-1.amazonaws.com"


def client() -> Any:
    """Return boto3's client with made-up keys, which asks once and does not wait long."""
    return boto3.client(
        "cognito-idp",
        region_name="eu-central-1",
        aws_access_key_id="made-up",
        aws_secret_access_key="made-up",
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=10),
    )


def plausible(shape: Any, name: str) -> Any:
    """Return the smallest value that a shape of the service model accepts."""
    if shape.type_name == "structure":
        return {key: plausible(shape.members[key], key) for key in shape.required_members}
    if shape.type_name == "list":
        return [plausible(shape.member, name)]
    if shape.type_name == "map":
        return {}
    if shape.type_name == "string":
        return shape.enum[0] if shape.enum else f"{name}-1-made-up".ljust(32, "0")
    return {"boolean": True, "integer": 1, "long": 1}[shape.type_name]


def run(operation: str, arguments: dict[str, Any]) -> Any:
    """Call one operation with what it demands, and with what the driver says."""
    cognito = client()
    model = cognito.meta.service_model.operation_model(operation)
    demanded = plausible(model.input_shape, operation)
    method = {name: key for key, name in cognito.meta.method_to_api_mapping.items()}[operation]
    return getattr(cognito, method)(**(demanded | arguments))


operations = client().meta.service_model.operation_names
serve({operation: partial(run, operation) for operation in operations}, [HOST])
