"""Which wheels a machine can install, and what markers are there."""

from __future__ import annotations

import sys

import pytest
from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.tags import platform_tags, sys_tags
from packaging.utils import parse_wheel_filename

from build_cache.bundle import target_of
from ml_scorer.errors import BundleError


def holds(marker, target):
    return [Marker(marker).evaluate(dict(environment)) for environment in target.environments]


def fits(wheel, target):
    return not parse_wheel_filename(wheel)[3].isdisjoint(target.tags)


def test_older_c_libraries_and_their_older_names_are_installable():
    platforms = target_of("3.12", "manylinux_2_18_x86_64").platforms
    assert platforms[:4] == (
        "manylinux_2_18_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_16_x86_64",
    )  # fmt: skip
    assert platforms[-4:] == ("manylinux_2_6_x86_64", "manylinux_2_5_x86_64", "manylinux1_x86_64", "linux_x86_64")
    assert "manylinux2010_x86_64" in platforms


@pytest.mark.parametrize(
    ("platform", "as_", "count"),
    [
        ("manylinux2014_aarch64", "manylinux_2_17_aarch64", 3),
        ("manylinux1_x86_64", "manylinux_2_5_x86_64", 3),
        ("musllinux_1_2_aarch64", "musllinux_1_2_aarch64", 4),
        ("win_arm64", "win_arm64", 1),
    ],
)
def test_platforms_by_their_names(platform, as_, count):
    platforms = target_of("3.12", platform).platforms
    assert (platforms[0], len(platforms)) == (as_, count)


def test_macs_take_wheels_of_older_systems():
    platforms = target_of("3.12", "macosx_14_2_arm64").platforms
    assert {"macosx_14_0_arm64", "macosx_11_0_arm64", "macosx_11_0_universal2"} <= set(platforms)
    assert not {platform for platform in platforms if platform.endswith("x86_64") or platform.startswith("macosx_15")}


@pytest.mark.parametrize(
    ("wheel", "platform", "fitting"),
    [
        ("numpy-2.4-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl", "manylinux_2_28_x86_64", True),
        ("numpy-2.4-cp312-cp312-manylinux_2_27_x86_64.whl", "manylinux_2_17_x86_64", False),
        ("numpy-2.4-cp312-cp312-manylinux2014_aarch64.whl", "manylinux_2_28_x86_64", False),
        ("numpy-2.4-cp312-cp312-musllinux_1_2_x86_64.whl", "manylinux_2_28_x86_64", False),
        ("numpy-2.4-cp311-cp311-win_amd64.whl", "win_amd64", False),
        ("polars-2.1-cp39-abi3-win_amd64.whl", "win_amd64", True),
        ("polars-2.1-cp313-abi3-win_amd64.whl", "win_amd64", False),
        ("rich-15.0-py3-none-any.whl", "win_amd64", True),
        ("old-1.0-py2-none-any.whl", "win_amd64", False),
    ],
)
def test_wheels_fit_by_their_tags(wheel, platform, fitting):
    assert fits(wheel, target_of("3.12", platform)) is fitting


@pytest.mark.parametrize(
    ("platform", "marker"),
    [
        ("manylinux_2_28_aarch64", "sys_platform == 'linux' and platform_machine == 'aarch64' and os_name == 'posix'"),
        ("musllinux_1_2_x86_64", "platform_system == 'Linux' and platform_machine == 'x86_64'"),
        ("manylinux2014_x86_64", "platform_system == 'Linux' and platform_machine == 'x86_64'"),
        (
            "macosx_14_0_arm64",
            "sys_platform == 'darwin' and platform_system == 'Darwin' and platform_machine == 'arm64'",
        ),
        ("macosx_11_0_x86_64", "platform_system == 'Darwin' and platform_machine == 'x86_64'"),
        ("win_amd64", "sys_platform == 'win32' and platform_system == 'Windows' and platform_machine == 'AMD64'"),
        ("win32", "os_name == 'nt' and platform_machine == 'x86'"),
    ],
)
def test_markers_are_those_of_the_platform(platform, marker):
    assert all(holds(marker, target_of("3.13", platform)))
    others = {"manylinux_2_28_aarch64", "macosx_14_0_arm64", "win_amd64"} - {platform}
    assert not any(any(holds(marker, target_of("3.13", other))) for other in others)


def test_markers_are_those_of_the_python():
    target = target_of("3.12", "win_amd64")
    assert all(holds("python_version == '3.12' and implementation_name == 'cpython'", target))
    assert holds("python_full_version < '3.12.4'", target) == [True, False]  # it may be either
    assert holds("python_full_version < '3.12.4'", target_of("3.12.4", "win_amd64")) == [False]


def test_a_python_that_may_be_too_old_is_too_old():
    assert target_of("3.12", "win_amd64").runs(SpecifierSet(">=3.11"))
    assert not target_of("3.12", "win_amd64").runs(SpecifierSet(">=3.12.2"))
    assert target_of("3.12.4", "win_amd64").runs(SpecifierSet(">=3.12.2"))
    assert not target_of("3.12", "win_amd64").runs(SpecifierSet("<3.12"))


@pytest.mark.skipif(sys.platform != "linux", reason="of the machine at hand")
def test_by_default_it_is_a_machine_like_this():
    target = target_of()
    assert target.python == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert set(target.platforms) <= set(platform_tags())
    assert target.tags <= set(sys_tags())
    assert all(holds(f"sys_platform == '{sys.platform}'", target))


@pytest.mark.parametrize("python", ["2.7", "3", "three", "3.12t", "3.12.4.5", "3.12 ", "", "٣.12"])
def test_no_version_of_python(python):
    with pytest.raises(BundleError, match=r"^--python .*: expected a version of Python 3 such as 3\.12"):
        target_of(python, "win_amd64")


@pytest.mark.parametrize(
    "platform",
    [
        "windows",
        "manylinux_2_28",
        "macosx_14_0_universal2",
        "win_amd64 ",
        "manylinux_3_1_x86_64",
        "manylinux_2_4_x86_64",
        "",
    ],
)
def test_no_platform(platform):
    with pytest.raises(BundleError, match=r"^--platform .*not a platform that is known here, such as manylinux_2_28_"):
        target_of("3.12", platform)


def test_a_linux_without_its_c_library_is_told_how_to_name_it():
    with pytest.raises(BundleError, match=r"Of Linux, name the C library as well: manylinux_2_28_riscv64\.$"):
        target_of("3.12", "linux_riscv64")
