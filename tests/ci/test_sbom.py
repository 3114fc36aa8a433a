"""The bill of materials: whole, valid, and the same bytes for the same image."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from typer.testing import CliRunner

from jsk_ci import fingerprint, project, sbom, tools
from jsk_ci.cli.app import app

BASE = Path(__file__).parents[2] / "kernels" / "base"
PARENT = "sha256:" + "a" * 64


@pytest.fixture(scope="module")
def kernel():
    return project.read(BASE)


@pytest.fixture(scope="module")
def inputs(kernel):
    return fingerprint.gather(kernel, PARENT)


@pytest.fixture(scope="module")
def told(kernel, inputs):
    return sbom.document(kernel, inputs, fingerprint.packages(kernel), {"left-over": "1.0"})


def test_it_is_what_the_schema_of_cyclonedx_asks_for(kernel, inputs, monkeypatch):
    # Some packages are enough: the validator takes time by the square of them.
    packages = dict(list(fingerprint.packages(kernel).items())[:12])
    some = dict(list(tools.packages(kernel).items())[:3])
    monkeypatch.setattr(tools, "packages", lambda _: some)
    told = sbom.document(kernel, inputs, packages, {"left-over": "1.0"})
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(told) is None


def test_every_locked_package_is_in_it_with_the_hashes_that_the_build_checks(kernel, told):
    components = {item["bom-ref"].partition("@")[0]: item for item in json.loads(told)["components"]}
    packages = fingerprint.packages(kernel)
    told_of = {item["name"] for item in json.loads(told)["components"]}
    assert told_of == {*packages, "left-over", *tools.packages(kernel), kernel.parent}
    numpy = components["numpy"]
    assert numpy["version"] == packages["numpy"].version
    assert numpy["purl"] == f"pkg:pypi/numpy@{numpy['version']}"
    hashes = {f"sha256:{item['hashes'][0]['content']}" for item in numpy["externalReferences"]}
    assert hashes == set(packages["numpy"].hashes)


def test_poetry_is_in_the_bill_of_a_base_apart_from_the_environment(kernel, told):
    components = [item for item in json.loads(told)["components"] if "properties" in item]
    poetry = [item for item in components if {"name": "io.jsk.kernel.place", "value": "/opt/poetry"}
              in item["properties"]]  # fmt: skip
    pinned = (Path(sbom.__file__).parent / "recipe" / "poetry.txt").read_text()
    names = {item["name"] for item in poetry}
    assert {"poetry", "poetry-core", "requests"} <= names
    assert len(names) == pinned.count("==") - 1  # the line that says how it was made names one, too
    assert all(item["externalReferences"] for item in poetry)
    (requests,) = (item for item in poetry if item["name"] == "requests")
    assert f"requests=={requests['version']} " in pinned
    assert tools.packages(replace(kernel, is_base=False)) == {}
    assert tools.packages(replace(kernel, dockerfile=Path("Dockerfile"))) == {}


def test_what_the_image_starts_from_is_named_and_told_to_be_incomplete(kernel, told):
    """Debian's packages are in the bill of whoever made that image."""
    (parent,) = [item for item in json.loads(told)["components"] if item["type"] == "container"]
    assert (parent["name"], parent["version"]) == (kernel.parent, PARENT)
    assert parent["purl"] == f"pkg:oci/python@{PARENT}?repository_url=docker.io/library/python"
    assert json.loads(told)["compositions"] == [
        {"aggregate": "incomplete", "assemblies": [parent["bom-ref"]]}
    ]


def test_what_comes_with_the_base_alone_says_so(told):
    (component,) = [item for item in json.loads(told)["components"] if item["name"] == "left-over"]
    assert component["properties"] == [{"name": "io.jsk.kernel.from", "value": "base image"}]


def test_the_image_is_named_by_its_fingerprint(inputs, told):
    image = json.loads(told)["metadata"]["component"]
    assert (image["name"], image["version"], image["type"]) == ("base", inputs.tag, "container")
    properties = {item["name"]: item["value"] for item in image["properties"]}
    assert properties["io.jsk.kernel.fingerprint"] == inputs.fingerprint
    assert properties["io.jsk.kernel.parent"] == PARENT


def test_the_same_image_gives_the_same_bytes_and_another_one_another_serial_number(kernel, inputs, told):
    packages = fingerprint.packages(kernel)
    again = sbom.document(kernel, inputs, packages, {"left-over": "1.0"})
    other = sbom.document(kernel, replace(inputs, parent="sha256:" + "b" * 64), packages)
    assert again == told
    assert json.loads(other)["serialNumber"] != json.loads(told)["serialNumber"]


def test_the_command_writes_the_file_and_a_dry_run_does_not(tmp_path):
    file = tmp_path / "build" / "sbom.cdx.json"
    command = ["sbom", str(BASE), "--parent-digest", PARENT, "--output", str(file), "--json"]
    dry = CliRunner().invoke(app, [*command, "--dry-run"])
    assert dry.exit_code == 0, dry.output
    assert not file.exists()
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["packages"] == len(json.loads(file.read_text())["components"]) - 1  # the parent
