"""A bundle from the real registry, installed and used where there is no network at all."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.utils import parse_wheel_filename

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


def build_cache(*arguments):
    return checked(sys.executable, "-m", "build_cache", *arguments, cwd=CHECKOUT)


@pytest.fixture(scope="module")
def own_wheel(tmp_path_factory):
    """The wheel of this checkout."""
    dist = tmp_path_factory.mktemp("dist")
    checked(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", dist, cwd=CHECKOUT)
    (wheel,) = dist.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def bundle(own_wheel, genuine_table, tmp_path_factory):
    """A bundle for this machine with the extra `report`, and the line that installs it."""
    folder = tmp_path_factory.mktemp("carried") / "bundle"
    options = ["--annotations", genuine_table, "--wheel", own_wheel, "--extra", "report", "-o", folder]
    printed = build_cache("bundle", *options).stdout
    return SimpleNamespace(folder=folder, line=printed.splitlines()[-1].strip())


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
def installed(bundle, away):
    """The same, once the line that `build-cache bundle` printed has been run there."""
    away(bundle.line)
    return away


def test_there_is_no_network(away):
    *refused, names, interfaces, loopback = away(f"python -c {shlex.quote(CONNECT)}").splitlines()
    assert len(refused) == 3
    assert "connected" not in refused
    assert names == "no names"
    assert interfaces == "lo"
    assert loopback == "loopback"


def test_the_bundle_arrives_whole(bundle):
    said = checked("sha256sum", "-c", "--strict", "SHA256SUMS", cwd=bundle.folder).stdout
    assert said.count(": OK\n") == len(list(bundle.folder.iterdir())) - 1


def test_no_registry_is_named_in_it(bundle):
    texts = "".join((bundle.folder / name).read_text() for name in ("INSTALL.txt", "SHA256SUMS", "requirements.txt"))
    assert "http" not in texts
    assert "index" not in texts.replace("--no-index", "")


def test_the_line_is_the_one_that_is_documented(bundle):
    assert bundle.line == (
        f"pip install --no-index --find-links {bundle.folder} 'ml-scorer[report]' ml-scorer-annotations"
    )


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


def test_it_installs_with_every_hash_checked(bundle, away):
    options = "--dry-run --ignore-installed --no-index --find-links . --require-hashes -r requirements.txt"
    said = away(f"cd {shlex.quote(str(bundle.folder))} && pip install {options}")
    would = next(line for line in said.splitlines() if line.startswith("Would install "))
    assert len(would.split()) - 2 == len(list(bundle.folder.glob("*.whl")))


def test_without_the_table_the_doctor_says_what_is_missing(installed, bundle):
    installed("pip uninstall -y ml-scorer-annotations")
    try:
        said = installed("ml-scorer doctor", status=1)
    finally:
        installed(bundle.line)
    assert "annotations   none found: `build-cache download` gets it once" in said
    assert "- a package: none that is installed offers one" in said


def test_a_bundle_for_another_platform_is_whole(own_wheel, genuine_table, tmp_path):
    """As far as can be told from here: every dependency that the markers there ask for, and wheels that fit."""
    folder = tmp_path / "windows"
    options = ["--annotations", genuine_table, "--wheel", own_wheel, "--python", "3.13", "--platform", "win_amd64"]
    build_cache("bundle", *options, "-o", folder)
    target = target_of("3.13", "win_amd64")
    wheels = {wheel.name: wheel for wheel in map(Wheel.read, folder.glob("*.whl"))}
    roots = [requirement for requirement in Wheel.read(own_wheel).requires if requirement.marker is None]
    needs = needs_of(roots, wheels, target)
    assert unmet(needs, wheels) == []
    assert set(needs) | {"ml-scorer", "ml-scorer-annotations"} == set(wheels)
    assert [wheel.fault_on(target) for wheel in wheels.values()] == [""] * len(wheels)
    platforms = {tag.platform for path in folder.glob("*.whl") for tag in parse_wheel_filename(path.name)[3]}
    assert platforms == {"any", "win_amd64"}
