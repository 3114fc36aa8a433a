"""Settings: who wins, what they may be, and errors that say where the wrong value was set."""

from __future__ import annotations

from pathlib import Path

import pytest

from jsk_saver.errors import SettingsError
from jsk_saver.settings import Settings, load, unknown_variables


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch, tmp_path):
    """Start each test in an empty folder, with an environment that sets nothing of the kit."""
    import os

    for name in [name for name in os.environ if name.startswith("JSK_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def write_project(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "pyproject.toml"
    file.write_text(text, encoding="utf-8")
    return file


# Who wins -------------------------------------------------------------------------------------------


def test_with_nothing_set_the_store_is_a_folder_in_the_home_directory(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = load()
    assert settings.store_uri == str(tmp_path / ".jsk" / "store")
    assert settings.origin("store") == "default"


def test_an_argument_beats_the_environment_beats_the_project_beats_the_default(monkeypatch, tmp_path):
    project = write_project(
        tmp_path, '[tool.jsk]\nstore = "s3://project/x"\nregion = "eu-1"\nprofile = "p"\n'
    )
    monkeypatch.setenv("JSK_STORE", "s3://environment/x")
    monkeypatch.setenv("JSK_REGION", "eu-2")
    settings = load(store="s3://argument/x")
    assert (settings.store, settings.region, settings.profile) == ("s3://argument/x", "eu-2", "p")
    assert settings.origin("store") == "argument"
    assert settings.origin("region") == "environment JSK_REGION"
    assert settings.origin("profile") == f"{project} [tool.jsk]"
    assert settings.origin("retries") == "default"


def test_an_argument_that_is_none_and_an_empty_variable_count_as_not_given(monkeypatch):
    monkeypatch.setenv("JSK_REGION", "")
    settings = load(store=None)
    assert settings.origin("store") == settings.origin("region") == "default"


def test_an_argument_can_switch_off_what_the_environment_switches_on(monkeypatch):
    monkeypatch.setenv("JSK_IF_CHANGED", "yes")
    assert load().if_changed is True
    assert load(if_changed=False).if_changed is False


def test_the_nearest_project_file_that_has_the_table_counts(tmp_path, monkeypatch):
    write_project(tmp_path, '[tool.jsk]\nregion = "outer"\n')
    write_project(tmp_path / "inner", '[tool.other]\nx = "jsk"\n')
    deep = tmp_path / "inner" / "notebooks"
    deep.mkdir()
    monkeypatch.chdir(deep)
    assert load().region == "outer"


def test_names_in_the_project_file_may_have_hyphens(tmp_path):
    write_project(tmp_path, "[tool.jsk]\nif-changed = true\ncache-size = '2 GB'\n")
    assert (load().if_changed, load().cache_size) == (True, 2 * 10**9)


def test_a_relative_store_in_the_project_file_is_the_same_folder_from_every_notebook(tmp_path, monkeypatch):
    write_project(tmp_path, '[tool.jsk]\nstore = "versions"\nhome = ".jsk-home"\n')
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    monkeypatch.chdir(notebooks)
    assert load().store_uri == str(tmp_path / "versions")
    assert load().home == tmp_path / ".jsk-home"


@pytest.mark.parametrize("uri", ["s3://bucket/prefix", "file:///data/store", "/data/store"])
def test_an_absolute_store_in_the_project_file_is_taken_as_it_is(tmp_path, uri):
    write_project(tmp_path, f'[tool.jsk]\nstore = "{uri}"\n')
    assert load().store_uri == uri


def test_a_project_file_that_nobody_may_read_or_that_is_not_text_is_passed_over(tmp_path):
    (tmp_path / "pyproject.toml").write_bytes(b'[tool.jsk]\nstore = "\xff"\n')
    assert load().origin("store") == "default"


# What they may be -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1 GB", 10**9),
        ("1GB", 10**9),
        ("1 gib", 2**30),
        ("1.5 MB", 1_500_000),
        (" 250 kB ", 250_000),
        ("1000", 1000),
        (1000, 1000),
        ("0", 0),
        ("9007199254740993", 9007199254740993),
        ("2 TiB", 2 * 2**40),
    ],
)
def test_sizes_are_read_as_people_write_them(text, size):
    assert load(cache_size=text).cache_size == size


@pytest.mark.parametrize("text", ["-1", "1 XB", "a lot", "1,000", True, "1e9", [], "9" * 400 + " GB"])
def test_what_is_no_size_is_refused_naming_setting_and_value(text):
    with pytest.raises(SettingsError, match=r"'cache_size' is a number such as 1000 or '1 GB'.*argument"):
        load(cache_size=text)


@pytest.mark.parametrize(
    ("text", "on"), [("1", True), ("Yes", True), (" on ", True), ("off", False), ("0", False)]
)
def test_switches_are_read_as_people_write_them(monkeypatch, text, on):
    monkeypatch.setenv("JSK_CACHE", text)
    assert load().cache is on


def test_a_home_with_a_tilde_is_in_the_home_directory(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("JSK_HOME", "~/kit")
    assert load().home == tmp_path / "kit"


def test_a_relative_home_stays_where_it_was_when_the_working_folder_changes(monkeypatch, tmp_path):
    monkeypatch.setenv("JSK_HOME", "kit")
    settings = load()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert settings.home == tmp_path / "kit"


# Errors say where -----------------------------------------------------------------------------------


def test_an_unknown_setting_is_refused_naming_the_file_and_all_there_are(tmp_path):
    file = write_project(tmp_path, '[tool.jsk]\nstoer = "x"\n')
    with pytest.raises(SettingsError, match="no setting 'stoer'") as caught:
        load()
    assert str(file) in caught.value.what
    assert "store" in caught.value.hint


def test_a_project_file_that_is_no_toml_is_named_with_the_line(tmp_path):
    file = write_project(tmp_path, "[tool.jsk\nstore = 1\n")
    with pytest.raises(SettingsError, match=r"not valid TOML.*line 1") as caught:
        load()
    assert str(file) in caught.value.what


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.jsk]\nstore = 3\n", "'store' takes text, not 3"),
        ("[tool.jsk]\nif_changed = 'perhaps'\n", "'if_changed' is on or off"),
        ("[tool.jsk]\nretries = 'many'\n", "'retries' is a whole number such as 5"),
        ("[tool.jsk]\nretries = 0\n", "'retries'.*at least 1"),
        ("[tool.jsk]\npart_size = '1 MB'\n", "'part_size' is 1,000,000 bytes; S3 takes parts of 5 MiB"),
        ("[tool.jsk]\nsse = 'rot13'\n", "'sse' is 'rot13'"),
        ("[tool.jsk]\nkms_key = 'k'\n", "'kms_key'.*'sse' is not aws:kms"),
        ("[tool.jsk]\nstore = 'ftp://x/y'\n", "'ftp://x/y'"),
        ("[tool.jsk]\nstore = 's3://'\n", "'s3://'"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_naming_the_file(tmp_path, text, said):
    file = write_project(tmp_path, text)
    with pytest.raises(SettingsError, match=said) as caught:
        load()
    assert str(file) in str(caught.value)


def test_a_value_from_the_environment_is_refused_naming_the_variable(monkeypatch):
    monkeypatch.setenv("JSK_TIMEOUT", "soon")
    with pytest.raises(SettingsError, match="JSK_TIMEOUT"):
        load()
    monkeypatch.setenv("JSK_TIMEOUT", "0")
    with pytest.raises(SettingsError, match="JSK_TIMEOUT"):
        load()


def test_an_encryption_key_needs_the_encryption_it_is_for():
    assert load(sse="aws:kms", kms_key="alias/lab").kms_key == "alias/lab"
    with pytest.raises(SettingsError, match="aws:kms"):
        load(sse="AES256", kms_key="alias/lab")


def test_settings_compare_by_value_wherever_they_came_from(monkeypatch):
    monkeypatch.setenv("JSK_REGION", "eu-1")
    assert load() == Settings(region="eu-1")


# Addresses ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", ["localhost:15055", "s3.example.org", "//host", "ftp://host", "http://"])
def test_an_endpoint_without_http_is_refused_saying_what_to_write(monkeypatch, endpoint):
    monkeypatch.setenv("JSK_ENDPOINT_URL", endpoint)
    with pytest.raises(SettingsError, match="does not begin with http://") as caught:
        load()
    assert "environment JSK_ENDPOINT_URL" in caught.value.what
    assert caught.value.hint.startswith("JSK_ENDPOINT_URL=http://")


@pytest.mark.parametrize("where", ["argument", "project"])
@pytest.mark.parametrize(
    "uri",
    ["s3:/vers/x", "S3://vers/x", "s3//vers/x", "s3:vers", "gs://vers", "gs:/vers", "file:/vers", "http:x"],
)
def test_an_address_that_looks_like_a_mistyped_one_is_no_folder(tmp_path, uri, where):
    if where == "project":
        write_project(tmp_path, f'[tool.jsk]\nstore = "{uri}"\n')
    with pytest.raises(SettingsError, match="unknown kind"):
        load(**({"store": uri} if where == "argument" else {}))


def test_a_mistyped_bucket_comes_with_the_address_that_was_meant():
    for uri in ("s3:/vers/x", "S3://vers/x", "s3//vers/x"):
        with pytest.raises(SettingsError) as caught:
            load(store=uri)
        assert "JSK_STORE=s3://vers/x " in caught.value.hint


def test_a_folder_may_be_called_anything_when_its_path_says_that_it_is_one():
    assert load(store="./s3:/x").store_uri == "./s3:/x"
    assert load(store="s3data/x").store_uri == "s3data/x"


# Without a working folder, without a home ------------------------------------------------------------


@pytest.fixture
def removed_folder(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()


def test_settings_are_read_in_a_working_folder_that_was_removed(removed_folder, tmp_path):
    assert load(store=str(tmp_path / "store"), home=str(tmp_path / "home")).origin("region") == "default"


@pytest.mark.parametrize("name", ["store", "home"])
def test_a_relative_folder_needs_the_working_folder_and_says_so(removed_folder, name):
    with pytest.raises(SettingsError, match="the working folder is gone"):
        load(**{name: "versions"})


@pytest.fixture
def homeless(monkeypatch):
    def fail(*_):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", fail)
    monkeypatch.setattr(Path, "expanduser", lambda path: fail() if str(path).startswith("~") else path)


def test_a_user_without_a_home_folder_needs_only_to_name_another(homeless, monkeypatch):
    with pytest.raises(SettingsError, match="no home folder") as caught:
        load()
    assert "JSK_HOME" in caught.value.hint
    with pytest.raises(SettingsError, match="no home folder"):
        load(home="~/x")
    monkeypatch.setenv("JSK_HOME", "/somewhere")
    assert load().store_uri == "/somewhere/store"


def test_a_number_that_is_no_size_takes_no_unit_and_says_what_it_is():
    with pytest.raises(SettingsError, match=r"'timeout' is a whole number of seconds such as 30, not '1 GB'"):
        load(timeout="1 GB")
    with pytest.raises(SettingsError, match=r"'retries' is a whole number such as 5, not '1\.5'"):
        load(retries="1.5")


def test_variables_that_mean_nothing_are_found():
    known = {"JSK_STORE": "", "JSK_DEBUG": "", "JSK_KERNEL_IMAGE": "", "PATH": "", "JSK_ORIGINS": ""}
    assert unknown_variables({**known, "JSK_SOTRE": "x"}) == ["JSK_ORIGINS", "JSK_SOTRE"]


def test_the_description_of_a_kernel_image_is_no_setting(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        '[tool.jsk]\nstore = "objects"\n[tool.jsk.kernel]\nname = "iris"\n'
    )
    inner = tmp_path / "kernels" / "base"
    inner.mkdir(parents=True)
    (inner / "pyproject.toml").write_text('[tool.jsk.kernel]\nname = "base"\n')
    assert load(tmp_path).store == str(tmp_path / "objects")
    assert load(inner).store == str(tmp_path / "objects")
    told = {"JSK_KERNEL_PACKAGES": "", "JSK_KERNEL_NAME": "", "JSK_CI_REGISTRY": ""}
    assert unknown_variables(told) == []
