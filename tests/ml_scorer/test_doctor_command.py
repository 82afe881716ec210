"""`ml-scorer doctor` says what there is, so that a reader knows what to do next."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest
from tables import small_frame, write_sealed

import ml_scorer
from ml_scorer.annotations import find
from ml_scorer.annotations.find import user_table
from ml_scorer.cli import doctor, main
from ml_scorer.extras import EXTRAS, extras

PROJECT = Path(__file__).parents[2] / "pyproject.toml"

FOR_DEVELOPERS = {"dev", "integrations", "test"}


@pytest.fixture(autouse=True)
def _no_checkout(monkeypatch):
    """Nothing that lies in this checkout is found; a wheel has none."""
    monkeypatch.setattr(find, "checkout", lambda: None)


@pytest.fixture
def run(capsys):
    """Run the command in this process."""

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(["doctor", *arguments], prog_name="ml-scorer")
        printed = capsys.readouterr()
        return SimpleNamespace(status=ended.value.code or 0, stdout=printed.out, stderr=printed.err)

    return run


@pytest.fixture
def found(run):
    """What the command says, as JSON, and its exit status."""

    def found():
        result = run("--format", "json")
        return SimpleNamespace(status=result.status, **json.loads(result.stdout))

    return found


@pytest.fixture
def offer(tmp_path, monkeypatch):
    """Install a package whose entry point offers a table, as the source of its module says."""

    def offer(name, source, version="1.0"):
        site, module = tmp_path / f"site-{name}", name.replace("-", "_")
        about = site / f"{module}-{version}.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (about / "entry_points.txt").write_text(f"[ml_scorer.annotations]\ntable = {module}:table\n")
        (site / f"{module}.py").write_text(source)
        monkeypatch.syspath_prepend(site)
        monkeypatch.delitem(sys.modules, module, raising=False)

    return offer


@pytest.fixture
def table(tmp_path):
    return write_sealed(tmp_path / "mine.parquet", small_frame())


def test_nothing_found_is_status_1_and_told_what_to_do(run):
    result = run()
    assert (result.status, result.stderr) == (1, "")
    assert (
        "\nannotations   none found: `build-cache download` gets it once; `build-cache --help` tells more\n"
        in result.stdout
    )
    assert "\n              - the variable ML_SCORER_ANNOTATIONS: not set\n" in result.stdout
    assert "\n              - a checkout: not run from one\n" in result.stdout
    assert "\n              - a package: none that is installed offers one\n" in result.stdout
    assert f"\n              - your data directory: {user_table()} is not there\n" in result.stdout
    assert "\nReaL          none found: `pip download --no-deps timm && build-cache real timm-*.whl`" in result.stdout


def test_genuine_annotations_are_called_so(run, found, monkeypatch, genuine_table):
    monkeypatch.setenv("ML_SCORER_ANNOTATIONS", str(genuine_table))
    fingerprint = "f2b50695b149647976667223395d8da4d384cbad435afc22aea6130c2de1e321"
    result = run()
    assert result.status == 0
    assert f"\nannotations   genuine imagenet2012_multilabel/3.0.0, fingerprint {fingerprint}\n" in result.stdout
    assert f"\n              > the variable ML_SCORER_ANNOTATIONS: {genuine_table}\n" in result.stdout
    said = found()
    assert said.status == 0
    assert said.annotations["status"] == "genuine"
    assert said.annotations["path"] == str(genuine_table)
    assert [place["used"] for place in said.annotations["places"]] == [True, False, False, False]
    assert said.real["status"] is None
    assert said.real["error"].startswith("none found")


def test_what_is_installed(found, run):
    said = found()
    assert said.ml_scorer["version"] == doctor.tool_version()
    assert said.python["executable"] == sys.executable
    assert said.processors >= 1
    assert run().stdout.splitlines()[1] == f"Python        {said.python['version']}, {sys.executable}"


def test_a_checkout_and_a_wheel_are_told_apart(run, monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "checkout", lambda: tmp_path)
    assert run().stdout.splitlines()[0].endswith(f", the checkout {tmp_path}")
    monkeypatch.setattr(doctor, "checkout", lambda: None)
    assert run().stdout.splitlines()[0].endswith(f", installed in {Path(ml_scorer.__file__).parent}")


def test_other_annotations_are_unverified_and_can_be_scored_with(run, found, table):
    user_table().parent.mkdir(parents=True)
    shutil.copy(table, user_table())
    assert run().status == 0
    said = found()
    assert (said.annotations["status"], said.annotations["release"]) == ("unverified", "UNVERIFIED")
    assert said.annotations["places"][-1] == {
        "place": "your data directory", "path": str(user_table()), "note": None, "used": True,
    }  # fmt: skip
    assert "genuine" not in run().stdout


def test_a_synthetic_table_that_nobody_named_cannot_be_scored_with(run, synthetic_table):
    user_table().parent.mkdir(parents=True)
    shutil.copy(synthetic_table, user_table())
    result = run()
    assert result.status == 1
    assert f"annotations   {user_table()}: this table is SYNTHETIC" in result.stdout


def test_damaged_annotations_are_status_1_and_no_traceback(run, found, table, monkeypatch):
    table.write_bytes(table.read_bytes()[:-3])
    monkeypatch.setenv("ML_SCORER_ANNOTATIONS", str(table))
    result = run()
    assert (result.status, result.stderr) == (1, "")
    assert f"annotations   {table}: the file is damaged or truncated" in result.stdout
    said = found()
    assert said.annotations["path"] == str(table)
    assert said.annotations["status"] is None


def test_a_variable_that_names_no_file(run, monkeypatch, tmp_path):
    monkeypatch.setenv("ML_SCORER_ANNOTATIONS", str(tmp_path / "absent.parquet"))
    result = run()
    assert result.status == 1
    assert "annotations   ML_SCORER_ANNOTATIONS names " in result.stdout
    assert "              > the variable ML_SCORER_ANNOTATIONS: see above\n" in result.stdout


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("raise RuntimeError('no')", "RuntimeError: no"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def table(: pass", "SyntaxError: "),
        ("table = '/no/such/file'", "/no/such/file is not a file"),
        ("other = 1", "AttributeError: "),
    ],
)
def test_a_broken_package_is_named(run, offer, source, fault):
    offer("my-annotations", source)
    result = run()
    assert result.status == 1
    assert (
        "annotations   my-annotations offers an annotation table (ml_scorer.annotations: my_annotations:table), but "
        in (result.stdout)
    )
    assert fault in result.stdout


def test_two_packages_that_offer_annotations_are_told(run, found, offer, table):
    offer("second", f"table = {str(table)!r}", "2.0")
    offer("first", f"table = {str(table)!r}", "3.0.0")
    result = run()
    assert result.status == 0
    assert f"              > the package first 3.0.0: {table}\n" in result.stdout
    assert f"              - the package second 2.0: {table}\n" in result.stdout
    assert (
        "2 packages offer one, and the first counts: the package first 3.0.0, the package second 2.0. Uninstall the "
        "others." in result.stdout
    )
    assert [place["used"] for place in found().annotations["places"]] == [False, False, True, False, False]


def test_a_broken_package_behind_the_one_that_counts_is_told_too(run, offer, table):
    offer("second", "raise RuntimeError('no')")
    offer("first", f"table = {str(table)!r}")
    result = run()
    assert result.status == 0
    assert "- the package second 1.0: second offers an annotation table" in result.stdout


def test_damaged_reassessed_labels_leave_the_rest_to_be_scored(run, monkeypatch, table):
    monkeypatch.setenv("ML_SCORER_ANNOTATIONS", str(table))
    monkeypatch.setenv("ML_SCORER_REAL", str(table))
    result = run()
    assert result.status == 0
    assert f"ReaL          {table}: a Parquet file, but not a table of reassessed labels (ReaL)" in result.stdout


def test_names_cannot_steer_the_terminal(run, monkeypatch):
    monkeypatch.setenv("ML_SCORER_ANNOTATIONS", "\x1b[2Jgenuine\r")
    assert not set("\x1b\r") & set(run().stdout)


# Extras


def test_every_extra_for_users_has_its_sentence():
    declared = set(tomllib.loads(PROJECT.read_text())["project"]["optional-dependencies"])
    assert declared - FOR_DEVELOPERS <= set(EXTRAS)


def test_every_requirement_of_an_extra_is_understood():
    """A condition that this cannot evaluate would silently not be looked at."""
    optional = tomllib.loads(PROJECT.read_text())["project"]["optional-dependencies"]
    for name in set(optional) & set(EXTRAS):
        needed = [requirement for requirement in optional[name] if not requirement.startswith("ml-scorer[")]
        declared = [f"{requirement}; extra == '{name}'" for requirement in needed]
        (extra,) = extras(declared, lambda _: "9999", lambda _: False)
        assert len(extra.packages) == len(needed)
        assert all(package.needed == "" or package.needed.startswith(">=") for package in extra.packages)


@pytest.mark.parametrize(
    ("installed", "faults"),
    [
        ({"scipy": "1.11", "altair": "6.0.0"}, []),
        ({"scipy": "1.11.0", "altair": "10"}, []),
        ({"scipy": "1.11rc1+local", "altair": "6"}, []),
        ({"scipy": "1.9.9", "altair": "6"}, ["scipy 1.9.9 is older than needed (>=1.11)"]),
        ({"altair": "5.5"}, ["altair 5.5 is older than needed (>=6)", "scipy is missing"]),
        ({}, ["altair is missing", "scipy is missing"]),
    ],
)
def test_missing_packages_and_too_old_ones_are_told_apart(installed, faults):
    requirements = [
        "click>=8",
        "altair>=6; extra == 'report'",
        'scipy>=1.11 ; extra == "report"',
        "ruff; extra == 'dev'",
    ]
    (extra,) = extras(requirements, installed.get, lambda _: False)
    assert (extra.name, extra.faults) == ("report", faults)
    assert extra.install == "pip install 'ml-scorer[report]'"


def test_extras_are_said_with_what_they_add(run, found, monkeypatch):
    requirements = [
        "no-such-package>=2; extra == 'torch'",
        "polars>=1; extra == 'stats'",
        "numpy>=99; extra == 'report'",
    ]
    monkeypatch.setattr(doctor, "requires", lambda _: requirements)
    result = run()
    assert f"\nstats         installed (polars {doctor.pl.__version__}): {EXTRAS['stats']}\n" in result.stdout
    assert f"\ntorch         not installed (no-such-package is missing): {EXTRAS['torch']}\n" in result.stdout
    assert "\n                pip install 'ml-scorer[torch]'\n" in result.stdout
    assert (
        f"\nreport        not installed (numpy {doctor.np.__version__} is older than needed (>=99)): " in result.stdout
    )
    said = found().extras
    assert list(said) == ["stats", "report", "torch"]
    assert said["stats"]["installed"]
    assert said["torch"]["packages"] == [
        {"name": "no-such-package", "needed": ">=2", "version": None, "too_old": False}
    ]
    assert said["report"]["packages"][0]["too_old"]


def test_a_package_of_which_only_the_metadata_is_left_is_not_installed(run, monkeypatch, tmp_path):
    about = tmp_path / "half_gone-2.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: half-gone\nVersion: 2.0\n")
    (about / "RECORD").write_text("half_gone/__init__.py,,\nhalf_gone-2.0.dist-info/METADATA,,\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(doctor, "requires", lambda _: ["half-gone; extra == 'stats'"])
    lost = "half-gone 2.0 has lost its files: pip install --force-reinstall half-gone"
    assert f"\nstats         not installed ({lost}): " in run().stdout
    (tmp_path / "half_gone").mkdir()
    (tmp_path / "half_gone" / "__init__.py").touch()
    assert "\nstats         installed (half-gone 2.0): " in run().stdout


def test_a_checkout_that_is_not_installed(run, found, monkeypatch):
    def requires(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "requires", requires)
    assert "extras        not known: this checkout is not installed (`pip install -e .`)" in run().stdout
    assert found().extras is None


def test_python_m_ml_scorer_is_the_command(table, monkeypatch):
    monkeypatch.setenv("ML_SCORER_ANNOTATIONS", str(table))
    command = [sys.executable, "-m", "ml_scorer"]
    ran = subprocess.run([*command, "doctor", "--format", "json"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout)["annotations"]["path"] == str(table)
    usage = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True).stdout
    assert usage.startswith("Usage: ml-scorer [OPTIONS] COMMAND")
    assert "  doctor " in usage
