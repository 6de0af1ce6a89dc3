"""What Terraform's providers take and give, read from the prebuilt bindings of their schemas on PyPI.

Terraform asks a provider for its schema, and providers come from a registry of their own, which not every machine reaches. The bindings
were generated from the same schemas (cdktf, version 16.12.1 of google 6.50.0): for each resource a class in JavaScript, whose getters
name and type the attributes. A setter makes one configurable, a reset optional. `scripts.provider_server` hands out what stands here.
"""

import fcntl
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

from scripts.emulators import ROOT

PINS = Path(__file__).with_suffix(".txt")
STORE = ROOT / "build" / "provider_schemas"

CLASS = re.compile(r"^class (\w+) extends [\w.]+ \{\n(.*?)^\}$", re.MULTILINE | re.DOTALL)
GETTER = re.compile(r"^    get (\w+)\(\) \{\n        return (.+);\n", re.MULTILINE)
MADE = re.compile(r'this\.(_\w+) = new (?:\w+\.)?(\w+)\(this, "(\w+)"(?:, (true|false))?\)')
ASKED = re.compile(r"get(\w+)Attribute\('(\w+)'\)")
PROVIDER_TAKES = re.compile(r"^            (\w+): [\w.]+\(", re.MULTILINE)

# What providers fill in when it is not given. The bindings do not tell, so these are those that terraform/ reads.
FILLED_IN = {"id", "endpoint"}

# In the words of Terraform's type system (cty), as JSON.
TYPES: dict[str, Any] = {
    "String": "string",
    "Number": "number",
    "Boolean": "bool",
    "List": ["list", "string"],
    "NumberList": ["list", "number"],
    "StringMap": ["map", "string"],
    "NumberMap": ["map", "number"],
    "BooleanMap": ["map", "bool"],
    "AnyMap": ["map", "dynamic"],
}


def schemas(provider: str, resources: Iterable[str], data: Iterable[str]) -> dict[str, Any]:
    """The schemas of a provider (`google`) and of those of these types that it has: what it has not is missing here too.

    By `provider`, `resource TYPE` and `data TYPE`; and as `version`, which version of the provider that is.
    """
    wanted = {"provider": "provider"}
    wanted |= {f"resource {name}": _folder(provider, name) for name in resources}
    wanted |= {f"data {name}": f"data-{provider}-{_folder(provider, name)}" for name in data}
    key = hashlib.sha256(json.dumps([PINS.read_text(), Path(__file__).read_text(), sorted(wanted.items())]).encode()).hexdigest()[:16]
    known = STORE / f"{provider}-{key}.json"
    if not known.exists():
        read = _Reader(_sources(provider, frozenset(wanted.values())), nested_are_attributes=provider == "helm")
        found = {name: read.schema(folder) for name, folder in wanted.items()}
        _write(known, json.dumps({name: schema for name, schema in found.items() if schema is not None} | {"version": read.version}))
    schema: dict[str, Any] = json.loads(known.read_text())
    return schema


def install() -> None:
    """Fetch the bindings; do nothing when they are there."""
    STORE.mkdir(parents=True, exist_ok=True)
    with (STORE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_installed():
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--disable-pip-version-check"]
            subprocess.run([*pip, "--requirement", str(PINS), "--dest", str(STORE)], check=True, stderr=subprocess.DEVNULL)
            _write(_stamp(), PINS.read_text())


def is_installed() -> bool:
    return _stamp().exists() and _stamp().read_text() == PINS.read_text()


class _Reader:
    """Makes schemas of classes. A provider of the newer framework has nested attributes where others have blocks."""

    def __init__(self, sources: dict[str, str], *, nested_are_attributes: bool) -> None:
        self._sources = sources
        self._nested_are_attributes = nested_are_attributes
        self._classes: dict[str, str] = {}

    @property
    def version(self) -> str:
        told: str = json.loads(self._sources["package.json"])["cdktf"]["provider"]["version"]
        return told

    def schema(self, folder: str) -> dict[str, Any] | None:
        if folder not in self._sources:
            return None
        self._classes = dict(CLASS.findall(self._sources[folder]))
        if folder == "provider":
            body = next(body for name, body in self._classes.items() if name.endswith("Provider"))
            taken = PROVIDER_TAKES.findall(body.partition("synthesizeAttributes()")[2].partition("synthesizeHclAttributes()")[0])
            return {"attributes": {name: {"type": "dynamic", "optional": True} for name in taken}, "blocks": {}}
        # The resource's own class has no other ending.
        name = next(
            name for name in self._classes if not name.endswith(("OutputReference", "List", "Map")) or f"{name}List" in self._classes
        )
        return self._block(name)

    def _block(self, name: str) -> dict[str, Any]:
        body = self._classes[name]
        made = {field: (kind, attribute, is_set == "true") for field, kind, attribute, is_set in MADE.findall(body)}
        attributes: dict[str, Any] = {}
        blocks: dict[str, Any] = {}
        for getter, expression in GETTER.findall(body):
            capital = getter[0].upper() + getter[1:]
            settable = f"    set {getter}(" in body or f"    put{capital}(" in body
            optional = f"    reset{capital}(" in body
            flags = {"required": settable and not optional, "optional": settable and optional, "computed": not settable}
            if asked := ASKED.search(expression):
                kind, attribute = asked.groups()
                type_ = TYPES[kind]
                if "tolist" in expression:
                    type_ = ["set", type_[1]]
                attributes[attribute] = {"type": type_, **flags}
            elif expression.removeprefix("this.") in made:
                kind, attribute, is_set = made[expression.removeprefix("this.")]
                if kind in TYPES:  # one of cdktf's own maps
                    attributes[attribute] = {"type": TYPES[kind], **flags}
                    continue
                nested = self._nested(kind, is_set=is_set)
                if not settable:
                    attributes[attribute] = {"type": ["list", _object(nested["block"])], **flags}
                elif self._nested_are_attributes and attribute != "timeouts":
                    attributes[attribute] = {"nested": nested, **flags}
                else:
                    nested["min"] = 0 if optional else 1
                    blocks[attribute] = nested | ({"nesting": "single", "min": 0, "max": 0} if attribute == "timeouts" else {})
        for attribute in FILLED_IN & attributes.keys():
            attributes[attribute]["computed"] = not attributes[attribute]["required"]
        return {"attributes": attributes, "blocks": blocks}

    def _nested(self, kind: str, *, is_set: bool) -> dict[str, Any]:
        if kind.endswith("OutputReference"):
            nesting = "single" if self._nested_are_attributes else "list"
            return {"block": self._block(kind), "nesting": nesting, "max": 1}
        return {"block": self._block(kind.removesuffix("List") + "OutputReference"), "nesting": "set" if is_set else "list", "max": 0}


def _object(block: dict[str, Any]) -> list[Any]:
    return ["object", {name: attribute["type"] for name, attribute in block["attributes"].items()}]


def _sources(provider: str, folders: frozenset[str]) -> dict[str, str]:
    """The JavaScript of these folders of a provider's bindings, nothing of those that it has not; and `package.json`."""
    install()
    wheel = next(STORE.glob(f"cdktf_cdktf_provider_{provider}-*.whl"))
    sources: dict[str, str] = {}
    with zipfile.ZipFile(wheel) as archive:
        inner = next(name for name in archive.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=BytesIO(archive.read(inner)), mode="r|gz") as files:
            for member in files:
                name = member.name.removeprefix("package/")
                folder = name if name == "package.json" else name.removeprefix("lib/").partition("/")[0]
                wanted = name == "package.json" or (folder in folders and name.endswith(".js"))
                if wanted and (file := files.extractfile(member)):
                    sources[folder] = sources.get(folder, "") + file.read().decode()
    return sources


def _folder(provider: str, name: str) -> str:
    return name.removeprefix(f"{provider}_").replace("_", "-")


def _stamp() -> Path:
    return STORE / "installed.txt"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(text)
    unfinished.replace(path)


if __name__ == "__main__":
    install()
