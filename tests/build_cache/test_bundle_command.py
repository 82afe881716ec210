"""`build-cache bundle`, with a folder of made-up wheels for a registry."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import partial
from importlib.metadata import version
from types import SimpleNamespace

import pytest
from made_up_wheels import only_registry, write_wheel
from reassessed import made_up_lists, write_json
from tables import small_frame, write_sealed

from build_cache import build_real
from build_cache.bundle import downloading
from build_cache.cli import main

VERSION = version("ml-scorer")
NEEDS = (
    "Requires-Python: >=3.11",
    "Requires-Dist: polars>=1.30",
    "Provides-Extra: stats",
    "Requires-Dist: scipy>=1.11; extra == 'stats'",
    "Provides-Extra: fast-report",
    "Requires-Dist: ml-scorer[stats]; extra == 'fast-report'",
)


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """A folder that is all the registry there is: polars, whose runtime is one wheel for each platform, and scipy."""
    only_registry(monkeypatch, tmp_path / "registry")
    return made_up_registry(tmp_path / "registry")


def made_up_registry(folder):
    folder.mkdir()
    markers = ["Requires-Dist: polars-runtime==1.40", "Requires-Dist: colorama; platform_system == 'Windows'"]
    write_wheel(folder, "polars", "1.40", *markers)
    write_wheel(folder, "polars", "1.29")
    write_wheel(folder, "polars-runtime", "1.40", tag="cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64")
    write_wheel(folder, "polars-runtime", "1.40", tag="cp39-abi3-win_amd64")
    write_wheel(folder, "colorama", "0.4")
    write_wheel(folder, "scipy", "1.16")
    return folder


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A wheel by the name of ml-scorer."""
    return write_wheel(tmp_path_factory.mktemp("dist"), "ml-scorer", VERSION, *NEEDS)


@pytest.fixture
def table(tmp_path):
    return write_sealed(tmp_path / "mine.parquet", small_frame())


@pytest.fixture(scope="module")
def written(own, tmp_path_factory):
    """A bundle, written once for the tests that only look at it, and what the command printed."""
    folder = tmp_path_factory.mktemp("written")
    table = write_sealed(folder / "mine.parquet", small_frame())
    options = ["--annotations", table, "--wheel", own, "--python", "3.12", "--platform", "manylinux_2_28_x86_64"]
    with pytest.MonkeyPatch.context() as monkeypatch:
        only_registry(monkeypatch, made_up_registry(folder / "registry"))
        command = [sys.executable, "-m", "build_cache", "bundle", *map(str, options), "-o", str(folder / "bundle")]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return SimpleNamespace(folder=folder / "bundle", stdout=ran.stdout, stderr=ran.stderr)


@pytest.fixture
def run(capsys, registry, table, tmp_path):
    """Run the command in this process; it writes to `tmp_path / "bundle"` unless it is told otherwise."""

    def run(*arguments, output=tmp_path / "bundle", platform="manylinux_2_28_x86_64"):
        fixed = ["bundle", "--annotations", table, "-o", output, "--python", "3.12", "--platform", platform]
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in [*fixed, *arguments]], prog_name="build-cache")
        printed = capsys.readouterr()
        return SimpleNamespace(status=ended.value.code, stdout=printed.out, stderr=printed.err)

    return run


def refusal(result, tmp_path):
    """The message of a refused run, which left nothing behind."""
    assert (result.status, result.stdout) == (1, "")
    assert sorted(path.name for path in tmp_path.iterdir() if "bundle" in path.name) == []
    assert "Traceback" not in result.stderr
    return result.stderr.splitlines()[-1]


def test_it_holds_all_that_the_target_needs_and_nothing_else(written):
    tag = next(written.folder.glob("ml_scorer_annotations-*")).name.split("-")[1]
    assert sorted(path.name for path in written.folder.iterdir()) == [
        "INSTALL.txt",
        "SHA256SUMS",
        f"ml_scorer-{VERSION}-py3-none-any.whl",
        f"ml_scorer_annotations-{tag}-py3-none-any.whl",
        "polars-1.40-py3-none-any.whl",
        "polars_runtime-1.40-cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "requirements.txt",
    ]
    assert not [path for path in written.folder.parent.iterdir() if path.name.startswith(".")]


def test_what_it_is_and_how_to_install_it_is_printed(written):
    lines = written.stdout.splitlines()
    assert lines[0].startswith(f"wrote {written.folder}: 4 wheels, ")
    assert lines[0].endswith(", for Python 3.12 on manylinux_2_28_x86_64")
    assert lines[1] == f"  ml-scorer {VERSION}"
    assert lines[2].startswith("  ml-scorer-annotations 0+unverified.")
    assert ": UNVERIFIED, fingerprint " in lines[2]
    assert lines[-1] == f"  pip install --no-index --find-links {written.folder} ml-scorer ml-scorer-annotations"
    assert "fetching polars>=1.30\n" in written.stderr


def test_what_the_target_needs_is_packed_with_extras_and_reassessed_labels(run, own, tmp_path):
    real = build_real(write_json(tmp_path / "real.json", made_up_lists()), tmp_path / "real.parquet").output
    options = ["--extra", "fast_report", "--extra", "fast-report", "--real", real]
    result = run("--wheel", own, *options, platform="win_amd64")
    assert result.status == 0, result.stderr
    names = {path.name for path in (tmp_path / "bundle").glob("*.whl")}
    assert {"colorama-0.4-py3-none-any.whl", "polars_runtime-1.40-cp39-abi3-win_amd64.whl"} <= names
    assert "scipy-1.16-py3-none-any.whl" in names
    assert result.stdout.endswith("'ml-scorer[fast-report]' ml-scorer-annotations ml-scorer-real\n")
    assert (
        '"ml-scorer[fast-report]" ml-scorer-annotations ml-scorer-real\n'
        in (tmp_path / "bundle" / "INSTALL.txt").read_text()
    )


def test_the_sums_are_checked_by_sha256sum(written, tmp_path):
    folder = shutil.copytree(written.folder, tmp_path / "carried")
    check = ["sha256sum", "-c", "--strict", "SHA256SUMS"]
    checked = subprocess.run(check, cwd=folder, capture_output=True, text=True, check=True)
    assert checked.stdout.count(": OK\n") == len(list(folder.iterdir())) - 1
    (folder / "polars-1.40-py3-none-any.whl").write_bytes(b"changed")
    assert subprocess.run(check, cwd=folder, capture_output=True, check=False).returncode == 1


def test_both_install_lines_of_the_guide_work(written, own, tmp_path, monkeypatch):
    only_registry(monkeypatch, tmp_path / "nothing")
    folder = shutil.copytree(written.folder, tmp_path / "carried")
    guide = (folder / "INSTALL.txt").read_text()
    lines = [line.split() for line in guide.splitlines() if line.startswith("    pip install ")]
    assert len(lines) == 2
    # As Python 3.12 on Linux would choose wheels, whatever runs the tests.
    there = ["--python-version", "3.12", "--platform", "manylinux2014_x86_64", "--only-binary=:all:", "--target", "t"]
    run = partial(subprocess.run, cwd=folder, capture_output=True, text=True, check=False)
    for line in lines:
        ran = run([sys.executable, "-m", *line, *there, "--dry-run"])
        assert ran.returncode == 0, ran.stderr
        assert f"ml-scorer-{VERSION}" in ran.stdout
        assert "ml-scorer-annotations-" in ran.stdout
    (folder / "polars-1.40-py3-none-any.whl").write_bytes(own.read_bytes())
    ran = run([sys.executable, "-m", *lines[1], *there, "--dry-run"])
    assert ran.returncode == 1
    assert "DO NOT MATCH THE HASHES" in ran.stderr


def test_the_same_inputs_give_the_same_bundle(written, run, own, tmp_path):
    run("--wheel", own)
    assert (written.folder / "SHA256SUMS").read_bytes() == (tmp_path / "bundle" / "SHA256SUMS").read_bytes()


def test_without_a_wheel_the_released_one_of_this_version_is_taken(run, registry, tmp_path):
    write_wheel(registry, "ml-scorer", VERSION, *NEEDS)
    write_wheel(registry, "ml-scorer", "99.0", *NEEDS)
    result = run()
    assert result.status == 0, result.stderr
    assert (tmp_path / "bundle" / f"ml_scorer-{VERSION}-py3-none-any.whl").is_file()


def test_without_a_release_the_way_to_a_wheel_is_told(run, tmp_path):
    message = refusal(run(), tmp_path)
    assert f"No matching distribution found for ml-scorer=={VERSION}." in message
    assert message.endswith("Build the wheel in a checkout (`pip wheel --no-deps .`), and name it with --wheel.")


def test_a_missing_dependency_is_named(run, own, registry, tmp_path):
    next(registry.glob("polars_runtime-*manylinux*")).unlink()
    message = refusal(run("--wheel", own), tmp_path)
    assert "pip found no wheels for Python 3.12 on manylinux_2_28_x86_64: " in message
    assert "No matching distribution found for polars-runtime==1.40." in message
    assert message.endswith("polars 1.40 needs polars-runtime==1.40.")


def test_a_registry_that_does_not_answer_is_told_from_a_missing_package(run, own, tmp_path, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nothing"))
    message = refusal(run("--wheel", own), tmp_path)
    assert "The registry did not answer: check the network, https_proxy and `pip config list`." in message


def test_an_extra_that_there_is_not(run, own, tmp_path):
    message = refusal(run("--wheel", own, "--extra", "raport"), tmp_path)
    assert message.startswith(
        f"Error: --extra raport: ml-scorer {VERSION} has no such extra. It has fast-report, stats."
    )


@pytest.mark.parametrize(
    ("name", "number", "fault"),
    [
        ("other-project", VERSION, f"is other-project {VERSION}, expected the wheel of ml-scorer."),
        ("ml-scorer", "99.0", f"is ml-scorer 99.0, and {VERSION} runs this command."),
    ],
)
def test_another_wheel(run, tmp_path, name, number, fault):
    message = refusal(run("--wheel", write_wheel(tmp_path, name, number)), tmp_path)
    assert fault in message


def test_a_wheel_that_is_none(run, tmp_path):
    assert "--wheel" in refusal(run("--wheel", tmp_path / "absent.whl"), tmp_path)
    (tmp_path / "ml_scorer.whl").write_bytes(b"")
    assert "not a wheel that can be read" in refusal(run("--wheel", tmp_path / "ml_scorer.whl"), tmp_path)


def test_a_damaged_wheel(run, own, tmp_path):
    damaged = tmp_path / own.name
    damaged.write_bytes(own.read_bytes().replace(b"Generator: tests", b"Generator: tasts"))
    assert f"--wheel {damaged}: is damaged." in refusal(run("--wheel", damaged), tmp_path)


def test_a_python_that_is_too_old(run, own, tmp_path):
    message = refusal(run("--wheel", own, "--python", "3.10"), tmp_path)
    assert f"ml-scorer {VERSION} needs Python >=3.11, and the target has 3.10" in message


def test_a_damaged_table(run, own, table, tmp_path):
    table.write_bytes(table.read_bytes()[:-1])
    assert f"{table}: " in refusal(run("--wheel", own), tmp_path)


def test_a_synthetic_table_is_called_one(run, own, synthetic_table):
    result = run("--wheel", own, "--annotations", synthetic_table)
    assert result.status == 0
    assert ": SYNTHETIC, which ml-scorer does not use unless it is named, fingerprint " in result.stdout


@pytest.mark.parametrize("kind", ["file", "filled"])
def test_a_folder_that_is_not_empty_is_left_alone(run, own, tmp_path, kind):
    output = tmp_path / "there"
    (output if kind == "file" else tmp_path / "there" / "x.whl").parent.mkdir(exist_ok=True)
    (output if kind == "file" else output / "x.whl").write_bytes(b"mine")
    result = run("--wheel", own, output=output)
    assert result.status == 1
    assert f"-o {output}: is there, and is not an empty folder. Name a new one" in result.stderr
    assert (output if kind == "file" else output / "x.whl").read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["empty", "new/späte Fracht"])
def test_an_empty_folder_and_one_in_a_folder_that_is_not_there_are_filled(run, own, tmp_path, name):
    (tmp_path / "empty").mkdir()
    assert run("--wheel", own, output=tmp_path / name).status == 0
    assert (tmp_path / name / "SHA256SUMS").is_file()


def test_a_link_to_an_empty_folder_stays_one(run, own, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    assert run("--wheel", own, output=tmp_path / "link").status == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "empty" / "SHA256SUMS").is_file()


@pytest.mark.parametrize("output", [".", "../here", "/proc/self/fd"])
def test_the_current_folder_and_one_that_cannot_be_replaced_are_refused(run, own, tmp_path, monkeypatch, output):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    result = run("--wheel", own, output=output)
    assert result.status == 1
    assert f"-o {output}: is " in result.stderr
    assert not list((tmp_path / "here").iterdir())


@pytest.mark.parametrize(
    ("output", "fault"),
    [
        ("file/x", "no folder can be made in {}/file: it is a file."),
        ("file/x/y", "no folder can be made in {}/file/x: Not a directory."),
        ("/proc/x", "no folder can be made in /proc: No such file or directory."),
    ],
)
def test_a_folder_that_cannot_be_made_is_refused_in_one_sentence(run, own, tmp_path, output, fault):
    (tmp_path / "file").touch()
    message = refusal(run("--wheel", own, output=tmp_path / output), tmp_path)
    assert message == f"Error: -o {tmp_path / output}: {fault.format(tmp_path)} Name another one."


def test_what_was_interrupted_leaves_nothing(run, own, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["build_cache.bundle.bundle"], "write_papers", interrupted)
    assert run("--wheel", own).status == 1
    assert not [path for path in tmp_path.iterdir() if "bundle" in path.name]


def test_without_pip_the_remedy_is_named(run, own, tmp_path, monkeypatch):
    monkeypatch.setattr(downloading, "find_spec", lambda _: None)
    message = refusal(run("--wheel", own), tmp_path)
    assert "`python -m ensurepip`, or in one that uv made `uv pip install pip`." in message


@pytest.mark.parametrize("package", ["hatchling", "packaging"])
def test_without_its_packages_the_extra_is_named(table, tmp_path, package):
    code = (
        "import importlib.util as u; f = u.find_spec\n"
        f"u.find_spec = lambda name, *rest: None if name == {package!r} else f(name, *rest)\n"
        "from build_cache.cli import main; main(prog_name='build-cache')"
    )
    command = [sys.executable, "-c", code, "bundle", "--annotations", str(table), "-o", str(tmp_path / "bundle")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr == (
        "Error: `build-cache bundle` needs packages that are not installed: pip install 'ml-scorer[bundle]'\n"
    )


def test_python_m_build_cache_is_the_command():
    command = [sys.executable, "-m", "build_cache", "bundle", "--help"]
    as_module = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert as_module.startswith("Usage: build-cache bundle [OPTIONS]\n")
    assert "build-cache bundle --annotations annotations.parquet -o bundle" in as_module
