"""Terraform's providers as far as their schemas go, for `terraform validate` and for `terraform test` with mock providers.

Terraform talks to a provider by gRPC (its plugin protocol 6) and starts it, unless TF_REATTACH_PROVIDERS says where one runs already:
that one is then not looked for in a registry either. This one answers what the schemas are, finds nothing wrong with any value, and
makes nothing. Messages are written by hand, for they are few: their fields' numbers are those of tfplugin6.proto.
"""

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

REGISTRY = "registry.terraform.io/hashicorp"
SERVICE = "tfplugin6.Provider"
MORE = 128
FIELDS = {"resource": 2, "data": 3}
NESTINGS = {"single": 1, "list": 2, "set": 3}
# Each answers with a message in which nothing is said: no complaint, nothing prepared.
CONTENT = ("ValidateProviderConfig", "ValidateResourceConfig", "ValidateDataResourceConfig", "ConfigureProvider", "StopProvider")


@contextmanager
def serving(providers: Mapping[str, Mapping[str, Any]], folder: Path) -> Iterator[dict[str, str]]:
    """Serve these schemas, by the names of their providers; yields what Terraform's environment needs for finding them.

    `folder` is for the sockets. The schemas are those of `provider_schemas`.
    """
    servers = []
    found = {}
    for name, schemas in providers.items():
        server = grpc.server(ThreadPoolExecutor(4), maximum_concurrent_rpcs=64)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, _methods(schemas)),))
        address = folder / f"{name}.sock"
        server.add_insecure_port(f"unix:{address}")
        server.start()
        servers.append(server)
        found[f"{REGISTRY}/{name}"] = {
            "Protocol": "grpc",
            "ProtocolVersion": 6,
            "Pid": os.getpid(),
            "Test": True,  # Terraform leaves the process alone when it has ended
            "Addr": {"Network": "unix", "String": str(address)},
        }
    try:
        yield {"TF_REATTACH_PROVIDERS": json.dumps(found)}
    finally:
        for server in servers:
            server.stop(None).wait()


def _methods(schemas: Mapping[str, Any]) -> dict[str, grpc.RpcMethodHandler]:
    answers = dict.fromkeys(CONTENT, b"") | {"GetProviderSchema": _response(schemas)}
    return {name: grpc.unary_unary_rpc_method_handler(lambda *_, answer=answer: answer) for name, answer in answers.items()}


def _response(schemas: Mapping[str, Any]) -> bytes:
    entries = [_bytes(1, _schema(schemas["provider"]))]
    for key, schema in schemas.items():
        kind, _, name = key.partition(" ")
        if kind in FIELDS:
            entries.append(_bytes(FIELDS[kind], _text(1, name) + _bytes(2, _schema(schema))))
    return b"".join(entries)


def _schema(block: Mapping[str, Any]) -> bytes:
    return _bytes(2, _block(block))


def _block(block: Mapping[str, Any]) -> bytes:
    attributes = _attributes(block)
    nested = (
        _text(1, name)
        + _bytes(2, _block(one["block"]))
        + _number(3, NESTINGS[one["nesting"]])
        + _number(4, one["min"])
        + _number(5, one["max"])
        for name, one in block["blocks"].items()
    )
    return attributes + b"".join(_bytes(3, one) for one in nested)


def _attributes(block: Mapping[str, Any], field: int = 2) -> bytes:
    return b"".join(_bytes(field, _attribute(name, attribute)) for name, attribute in block["attributes"].items())


def _attribute(name: str, attribute: Mapping[str, Any]) -> bytes:
    if "nested" in attribute:
        nested = attribute["nested"]
        type_ = _bytes(10, _attributes(nested["block"], field=1) + _number(3, NESTINGS[nested["nesting"]]))
    else:
        type_ = _bytes(2, json.dumps(attribute["type"]).encode())
    flags = ("required", "optional", "computed")
    told = (_number(number, int(attribute.get(flag, False))) for number, flag in enumerate(flags, start=4))
    return _text(1, name) + type_ + b"".join(told) + _number(11, int(name.endswith("_wo")))


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode())


def _bytes(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _number(field: int, number: int) -> bytes:
    return _varint(field << 3) + _varint(number) if number else b""


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; the highest bit says that more follow."""
    pieces = []
    while number >= MORE:
        pieces.append(number % MORE + MORE)
        number //= MORE
    return bytes([*pieces, number])
