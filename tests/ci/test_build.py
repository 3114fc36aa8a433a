"""Images that are really built, by both builders: what is in them, and that it is always the same."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
import time
import zipfile

import pytest

from jsk_ci import candidates, labels
from jsk_ci.context import TIME
from jsk_ci.references import Reference
from jsk_ci.registry import Repository
from tests.ci.building import Kernels, Made, elsewhere

pytestmark = pytest.mark.slow

ENVIRONMENT = "/opt/jsk/env"


def test_an_image_is_what_studio_asks_for(kernels: Kernels, base: Made):
    told = kernels.sh(
        base.image, "id -u; id -g; id -un; pwd; ls -A; cat /opt/jsk/env/pyvenv.cfg"
    ).splitlines()
    assert told[:4] == ["1000", "100", "sagemaker-user", "/home/sagemaker-user"]
    assert told[4].startswith("home = ")  # nothing between: the home is empty
    kernels.sh(base.image, "test -x /opt/jsk/bin/start-jupyterlab && touch ~/mine")
    spec = json.loads(
        kernels.sh(base.image, f"cat /usr/local/share/jupyter/kernels/{base.order.kernel.name}/*")
    )
    assert spec["argv"][0] == f"{ENVIRONMENT}/bin/python"
    assert spec["display_name"] == "The base"


def test_an_image_knows_itself(kernels: Kernels, base: Made):
    identity = labels.parse(base.image.labels, "it")
    assert identity == base.order.identity
    assert identity.parent == base.order.parent.pinned
    assert kernels.sh(base.image, "cat /opt/jsk/packages.txt").split() == identity.packages.split()
    assert identity.packages.split() == ["kept==1.0", "marked==1.0", "same-length==1.1", "shrunk==2.0"]
    for name, value in identity.variables().items():
        assert kernels.sh(base.image, f'echo "${name}"') == value


def test_it_is_one_docker_image_for_one_platform(kernels: Kernels, base: Made):
    """The form that SageMaker takes: a list of platforms, or OCI's own form, it refuses in places."""
    pinned = Reference.parse(base.pinned)
    manifest = Repository(pinned).manifest(str(pinned.digest)).document
    assert manifest["mediaType"] == "application/vnd.docker.distribution.manifest.v2+json"
    config = manifest["config"]
    assert config["mediaType"] == "application/vnd.docker.container.image.v1+json"
    digest = config["digest"].partition(":")[2]
    blobs = kernels.place.registry.folder / "data" / "docker/registry/v2/blobs/sha256"
    told = json.loads((blobs / digest[:2] / digest / "data").read_text())
    assert (told["os"], told["architecture"]) == ("linux", "amd64")
    assert told["config"]["User"] == "1000:100"
    assert told["config"]["Entrypoint"] == ["/opt/jsk/bin/start-jupyterlab"]


def test_variables_mean_what_the_file_says(kernels: Kernels, base: Made, experiment: Made):
    assert kernels.sh(base.image, 'printf %s "$GREETING"') == 'it costs $5 \\\\ "here"'
    assert kernels.sh(experiment.image, 'echo "$GREETING $MODE $LANG"') == "hello fast C.UTF-8"


def test_every_file_has_one_time_and_no_byte_code_is_kept(kernels: Kernels, base: Made):
    count = "find /opt/jsk /home/sagemaker-user ! -newermt @{} -newermt @{} | wc -l; find /opt/jsk | wc -l"
    inside, everything = kernels.sh(base.image, count.format(TIME, TIME - 1)).split()
    assert int(inside) == int(everything) + 1
    assert kernels.sh(base.image, "find /opt -name '*.pyc' -o -name uv_cache.json -o -name .lock") == ""


def test_a_notebook_may_install_into_the_environment(kernels: Kernels, base: Made):
    packages = f"{ENVIRONMENT}/lib/python3.11/site-packages"
    kernels.sh(base.image, f"touch {packages}/mine.py; {ENVIRONMENT}/bin/python -c 'import mine'")


def test_the_same_inputs_make_the_same_layers(kernels: Kernels, base: Made, tmp_path):
    before = int(time.time())
    while int(time.time()) == before:  # another second of the day, which tar files would show
        time.sleep(0.05)
    mask = os.umask(0o077)
    try:
        again = kernels.build(elsewhere(base.order.kernel.folder, tmp_path), fresh=True)
    finally:
        os.umask(mask)
    assert again.image.layers == base.image.layers
    assert again.order.inputs.fingerprint == base.order.inputs.fingerprint


def test_the_same_delta_makes_the_same_layer(kernels: Kernels, experiment: Made, tmp_path):
    again = kernels.build(elsewhere(experiment.order.kernel.folder, tmp_path), fresh=True)
    assert again.image.layers == experiment.image.layers


def test_an_experiment_is_its_base_and_one_layer(kernels: Kernels, base: Made, experiment: Made):
    assert experiment.image.layers[:-1] == base.image.layers
    assert experiment.order.parent.pinned == base.pinned
    script = (
        "import kept, marked, shrunk, same_length, fresh, helper;"
        "print(marked.NEW, shrunk.__version__, same_length.__version__, helper.ANSWER)"
    )
    said = kernels.sh(experiment.image, f"{ENVIRONMENT}/bin/python -c '{script}'")
    assert said == "True 1.0 1.2 42"
    assert kernels.sh(experiment.image, "ls /usr/local/share/jupyter/kernels") == experiment.order.kernel.name


def test_files_of_replaced_packages_are_gone(kernels: Kernels, experiment: Made):
    listed = kernels.sh(experiment.image, f"ls -d {ENVIRONMENT}/lib/python3.11/site-packages/*.dist-info")
    names = [line.rsplit("/", 1)[1].removesuffix(".dist-info") for line in listed.splitlines()]
    assert names == ["fresh-3.0", "helper-0.3", "kept-1.0", "marked-2.0", "same_length-1.2", "shrunk-1.0"]


def test_a_file_that_kept_its_length_is_told_from_the_old_one_by_its_time(kernels: Kernels, experiment: Made):
    # buildah's storage without overlays (vfs) looks at nothing else; there it gives all files one time
    # when the layer is written, so that this is seen with Docker only.
    if kernels.builder.name != "docker":
        pytest.skip("buildah's --timestamp")
    script = f"cd {ENVIRONMENT}/lib/python3.11/site-packages; stat --format %Y kept.py same_length.py"
    kept, changed = kernels.sh(experiment.image, script).split()
    assert (int(kept), int(changed)) == (TIME, TIME + 86_400)


def test_a_changed_folder_beside_the_project_is_another_image(kernels: Kernels, experiment: Made, tmp_path):
    folder = elsewhere(experiment.order.kernel.folder, tmp_path)
    (folder / "helper" / "helper" / "__init__.py").write_text("ANSWER = 43\n")
    again = kernels.build(folder)  # from the cache, as far as it goes
    assert (
        kernels.sh(again.image, f"{ENVIRONMENT}/bin/python -c 'import helper; print(helper.ANSWER)'") == "43"
    )
    assert again.order.inputs.fingerprint != experiment.order.inputs.fingerprint


def test_a_version_that_is_younger_than_what_the_installer_remembers_is_found(kernels: Kernels, base: Made):
    name = f"young-{kernels.builder.name}"
    for version in ("1.0", "2.0"):
        kernels.index.add(name, version)
        folder = kernels.write(f"of-{name}", f"{name} =={version}", kernel=f'base = "{base.pinned}"')
        assert f"{name}=={version}" in labels.parse(kernels.build(folder).image.labels, name).packages


def test_pushing_an_experiment_sends_its_delta_alone(kernels: Kernels, base: Made):
    folder = kernels.write(f"one-{kernels.builder.name}", "fresh", kernel=f'base = "{base.pinned}"')
    made = kernels.build(folder)
    assert [*made.order.content.installed] == ["fresh"]
    before, sent = kernels.place.blobs(), kernels.place.wire.sent
    candidates.push(made.image, kernels.builder)
    sent = kernels.place.wire.sent - sent
    new = {digest: size for digest, size in kernels.place.blobs().items() if digest not in before}
    installed = installed_compressed(kernels.index.folder / "simple/fresh/fresh-3.0-py3-none-any.whl")
    assert sum(new.values()) <= 1.3 * installed
    # What went over the wire is what is new, and HTTP around it: no layer of the base was sent again.
    assert sum(new.values()) <= sent <= sum(new.values()) + 32_768
    assert sent <= 1.3 * installed
    print(f"{kernels.builder.name}: {sent} bytes sent, {sum(new.values())} kept, {installed} installed")


def installed_compressed(wheel) -> int:
    """Return the size of a wheel's files in a compressed tar, as a layer holds them."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar, zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return len(gzip.compress(out.getvalue(), 6))
