"""A bundle from the real registry, installed and used where there is no network at all."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement

from build_cache.bundle import target_of
from build_cache.bundle.closure import needs_of, unmet
from build_cache.bundle.wheels import Wheel

CHECKOUT = Path(__file__).parents[2]

FINGERPRINT = "f2b50695b149647976667223395d8da4d384cbad435afc22aea6130c2de1e321"

NO_NETWORK = (
    ["unshare", "--net"] if hasattr(os, "geteuid") and os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
)
"""Starts a command in a network namespace of its own, which has no interface but a loopback one that is down."""

CONNECT = """
import socket
for address in [("1.1.1.1", 443), ("10.0.0.1", 80), ("2606:4700:4700::1111", 443)]:
    try:
        socket.create_connection(address, timeout=5)
    except OSError as error:
        print(error.strerror)
    else:
        print("connected")
try:
    socket.getaddrinfo("example.org", 443)
except OSError:
    print("no names")
print(*[name for _, name in socket.if_nameindex()])
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname(), timeout=5)
print("loopback")
"""


def checked(*command, **options):
    ran = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, **options)
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    return ran


@pytest.fixture(scope="module")
def readme():
    """What the README's section tells to run: on a machine with a network, and on one without."""
    text = (CHECKOUT / "README.md").read_text()
    section = text.partition("\n## On a machine without a network\n")[2].partition("\n## ")[0]
    here, there = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return SimpleNamespace(here=here, there=there)


@pytest.fixture(scope="module")
def carried(readme, genuine_table, tmp_path_factory):
    """A copy of this checkout in which the README's first block was run; it left `bundle`, and printed `line`."""
    folder = tmp_path_factory.mktemp("carried") / "checkout"
    shutil.copytree(CHECKOUT, folder, ignore=shutil.ignore_patterns(".*", "tests", "dist"))
    shutil.copy(genuine_table, folder / "annotations.parquet")
    environment = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    printed = checked("sh", "-ec", readme.here, cwd=folder, env=environment).stdout
    return SimpleNamespace(folder=folder, bundle=folder / "bundle", line=printed.splitlines()[-1].strip())


@pytest.fixture(scope="module")
def away(tmp_path_factory):
    """Run a shell command in a fresh environment, without a network and without this user's settings."""
    home = tmp_path_factory.mktemp("away")
    environment = {"HOME": str(home), "PATH": f"{home}/venv/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}

    def away(command, status=0):
        script = f"ip link set lo up && {command}"
        ran = subprocess.run(
            [*NO_NETWORK, "sh", "-c", script], cwd=home, env=environment, capture_output=True, text=True, check=False
        )
        assert ran.returncode == status, f"{command}\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout

    away.home = home
    away(f"{shlex.quote(sys.executable)} -m venv venv")
    return away


@pytest.fixture(scope="module")
def installed(readme, carried, away):
    """The same, once the README's second block has been run there."""
    away(f"cd {shlex.quote(str(carried.folder))}; set -e; {readme.there}")
    return away


def test_there_is_no_network(away):
    *refused, names, interfaces, loopback = away(f"python -c {shlex.quote(CONNECT)}").splitlines()
    assert len(refused) == 3
    assert "connected" not in refused
    assert names == "no names"
    assert interfaces == "lo"
    assert loopback == "loopback"


def test_the_bundle_arrives_whole(carried):
    said = checked("sha256sum", "-c", "--strict", "SHA256SUMS", cwd=carried.bundle).stdout
    assert said.count(": OK\n") == len(list(carried.bundle.iterdir())) - 1


def test_no_registry_is_named_in_it(carried):
    texts = "".join((carried.bundle / name).read_text() for name in ("INSTALL.txt", "SHA256SUMS", "requirements.txt"))
    assert "http" not in texts
    assert "index" not in texts.replace("--no-index", "")


def test_the_printed_line_is_the_one_that_is_documented(carried, readme):
    assert carried.line == "pip install --no-index --find-links bundle 'ml-scorer[report]' ml-scorer-annotations"
    assert carried.line.replace(" bundle ", " . ") in readme.there
    assert carried.line.replace(" bundle ", " . ").replace("'", '"') in (carried.bundle / "INSTALL.txt").read_text()


def test_it_installs_and_the_doctor_finds_everything(installed):
    found = json.loads(installed("ml-scorer doctor --format json"))
    assert found["ml_scorer"]["installed_from"] == "wheel"
    assert (found["annotations"]["status"], found["annotations"]["fingerprint"]) == ("genuine", FINGERPRINT)
    used = next(place for place in found["annotations"]["places"] if place["used"])
    assert used["place"] == "the package ml-scorer-annotations 3.0.0"
    assert used["path"].startswith(str(installed.home))
    assert found["extras"]["report"]["installed"]
    assert found["extras"]["stats"]["installed"]
    assert not found["extras"]["torch"]["installed"]
    assert "ml-scorer-annotations 3.0.0" in installed("ml-scorer doctor")
    assert "No broken requirements found." in installed("pip check")


def test_scores_are_those_of_the_oracle(installed, real_data):
    files = " ".join(shlex.quote(str(real_data / "predictions" / f"{model}.csv")) for model in ("ResNet50", "DINO"))
    scores = json.loads(installed(f"python -m ml_scorer score {files} --format json"))
    expected = json.loads((real_data / "expected_scores.json").read_text())
    assert scores["annotations"]["genuine"]
    assert {row["checkpoint"]: (row["MLA"], row["Top1"]) for row in scores["scores"]} == {
        model: (expected[model]["mla"], expected[model]["top1"]) for model in ("ResNet50", "DINO")
    }


def test_the_report_and_figures_are_made(installed, real_data):
    files = shlex.quote(str(real_data / "predictions"))
    installed(f"ml-scorer report {files} -o report.html && ml-scorer chart verdicts {files} -o figure.pdf")
    assert "imagenet2012_multilabel/3.0.0@f2b50695" in (installed.home / "report.html").read_text()
    assert (installed.home / "figure.pdf").read_bytes().startswith(b"%PDF")


def test_it_installs_with_every_hash_checked(carried, away):
    options = "--dry-run --ignore-installed --no-index --find-links . --require-hashes -r requirements.txt"
    said = away(f"cd {shlex.quote(str(carried.bundle))} && pip install {options}")
    would = next(line for line in said.splitlines() if line.startswith("Would install "))
    assert len(would.split()) - 2 == len(list(carried.bundle.glob("*.whl")))


def test_without_the_table_the_doctor_says_what_is_missing(installed, carried):
    installed("pip uninstall -y ml-scorer-annotations")
    try:
        said = installed("ml-scorer doctor", status=1)
    finally:
        installed(f"cd {shlex.quote(str(carried.folder))} && {carried.line}")
    assert "annotations   none found: `build-cache download` gets it once" in said
    assert "- a package: none that is installed offers one" in said


def test_a_bundle_for_another_platform_is_whole(carried, tmp_path):
    """As far as can be told from here: every dependency that the markers there ask for, and wheels that fit."""
    (own,) = (carried.folder / "dist").glob("*.whl")
    options = ["--annotations", carried.folder / "annotations.parquet", "--wheel", own, "-o", tmp_path / "windows"]
    there = ["--python", "3.13", "--platform", "win_amd64"]
    checked(sys.executable, "-m", "build_cache", "bundle", *options, *there, cwd=CHECKOUT)
    target = target_of("3.13", "win_amd64")
    wheels = {wheel.name: wheel for wheel in map(Wheel.read, (tmp_path / "windows").glob("*.whl"))}
    needs = needs_of([Requirement("ml-scorer"), Requirement("ml-scorer-annotations")], wheels, target)
    assert unmet(needs, wheels) == []
    assert set(needs) == set(wheels)
    assert {"numpy", "polars"} < set(wheels)
    assert [wheel.fault_on(target) for wheel in wheels.values()] == [""] * len(wheels)
    assert {tag.platform for wheel in wheels.values() for tag in wheel.tags} == {"any", "win_amd64"}
