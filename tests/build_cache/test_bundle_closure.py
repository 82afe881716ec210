"""Which wheels a machine needs, found from wheel to wheel by that machine's own markers."""

from __future__ import annotations

from zipfile import ZipFile

import pytest
from made_up_wheels import write_wheel
from packaging.requirements import Requirement

from build_cache.bundle import target_of
from build_cache.bundle.closure import close
from build_cache.bundle.wheels import Wheel
from ml_scorer.errors import BundleError

LINUX = target_of("3.12", "manylinux_2_28_x86_64")
WINDOWS = target_of("3.12", "win_amd64")


class Registry:
    """Wheels in a folder; gives the newest that is asked for, as pip does, and keeps what it was asked."""

    def __init__(self, folder):
        self.folder, self.asked = folder, []

    def add(self, name, version="1.0", *needs, **others):
        lines = [f"Requires-Dist: {need}" for need in needs]
        return write_wheel(self.folder, name, version, *lines, **others)

    def fetch(self, requirements):
        self.asked.append(sorted(map(str, requirements)))
        wheels = [Wheel.read(path) for path in self.folder.glob("*.whl")]
        found = []
        for requirement in requirements:
            fitting = [
                wheel
                for wheel in wheels
                if wheel.name == requirement.name and requirement.specifier.contains(wheel.version)
            ]
            if not fitting:
                raise BundleError(f"there is no {requirement}.")
            found.append(max(fitting, key=lambda wheel: wheel.version))
        return found


@pytest.fixture
def registry(tmp_path):
    return Registry(tmp_path)


def closed(registry, *roots, target=LINUX, given=()):
    at_hand = {wheel.name: wheel for wheel in map(Wheel.read, given)}
    wheels = close([Requirement(root) for root in roots], at_hand, target, registry.fetch)
    return {name: str(wheel.version) for name, wheel in wheels.items()}


def test_dependencies_of_dependencies_are_found(registry):
    registry.add("a", "1.0", "B_b>=1")
    registry.add("b-b", "2.0", "c")
    registry.add("c", "3.0")
    registry.add("unneeded")
    assert closed(registry, "a") == {"a": "1.0", "b-b": "2.0", "c": "3.0"}


@pytest.mark.parametrize("own", [True, False])
def test_metadata_of_what_a_wheel_brings_along_are_not_its_own(own, registry):
    plain = registry.add("a", "1.0", "b")
    path = registry.folder / "vendoring-1.0-py3-none-any.whl"
    vendored = "Metadata-Version: 2.1\nName: other\nVersion: 9\nRequires-Dist: unwanted\n"
    with ZipFile(plain) as read, ZipFile(path, "w") as wheel:
        wheel.writestr("vendoring/_vendor/other-9.dist-info/METADATA", vendored)
        if own:
            wheel.writestr("vendoring-1.0.dist-info/METADATA", read.read("a-1.0.dist-info/METADATA"))
    if own:
        assert list(map(str, Wheel.read(path).requires)) == ["b"]
    else:
        with pytest.raises(BundleError, match=r"not a wheel that can be read \(it has no metadata\)"):
            Wheel.read(path)


@pytest.mark.parametrize(("target", "needed"), [(LINUX, {"a", "uvloop"}), (WINDOWS, {"a", "colorama"})])
def test_what_only_the_target_needs_is_packed_and_what_only_others_need_is_not(registry, target, needed):
    registry.add("a", "1.0", "colorama; platform_system == 'Windows'", "uvloop; sys_platform != 'win32'")
    registry.add("colorama")
    registry.add("uvloop", tag="cp312-cp312-manylinux_2_17_x86_64")  # of which there is none for Windows
    assert set(closed(registry, "a", target=target)) == needed


def test_a_dependency_of_any_patch_release_is_packed(registry):
    registry.add("a", "1.0", "backport; python_full_version < '3.12.3'", "tomli; python_version < '3.11'")
    registry.add("backport")
    assert set(closed(registry, "a")) == {"a", "backport"}
    assert set(closed(registry, "a", target=target_of("3.12.3", "win_amd64"))) == {"a"}


def test_a_marker_that_cannot_be_told_packs_a_wheel_too_many(registry):
    registry.add("a", "1.0", "kernel; platform_release >= '20.0'")
    registry.add("kernel")
    assert set(closed(registry, "a")) <= {"a", "kernel"}


def test_extras_bring_what_they_need_also_of_what_was_there_before(registry):
    registry.add("a", "1.0", "b", "c; extra == 'c-extra'")
    registry.add("b", "1.0", "a[C_Extra]", "d[x,y]")
    registry.add("c", "1.0")
    registry.add("d", "1.0", "e; extra == 'x'", "f; extra == 'y' and sys_platform == 'win32'", "g; extra == 'z'")
    registry.add("e")
    assert set(closed(registry, "a")) == {"a", "b", "c", "d", "e"}


def test_extras_that_stand_for_other_extras_of_the_same_package(registry):
    registry.add("a", "1.0", "a[b]; extra == 'all'", "b; extra == 'b'")
    registry.add("b")
    assert set(closed(registry, "a[all]")) == {"a", "b"}


def test_packages_may_need_each_other(registry):
    registry.add("a", "1.0", "b")
    registry.add("b", "1.0", "a")
    assert set(closed(registry, "a")) == {"a", "b"}


def test_a_version_is_taken_that_all_can_use_and_what_the_newer_one_needed_is_left_out(registry):
    registry.add("a", "1.0", "numpy", "b")
    registry.add("b", "1.0", "numpy<2")
    registry.add("numpy", "1.26")
    registry.add("numpy", "2.0", "only-of-numpy-2")
    registry.add("only-of-numpy-2")
    assert closed(registry, "a") == {"a": "1.0", "b": "1.0", "numpy": "1.26"}


def test_versions_that_do_not_go_together_are_named(registry):
    registry.add("a", "1.0", "b", "numpy>=2")
    registry.add("b", "1.0", "numpy<2")
    registry.add("numpy", "1.0")
    registry.add("numpy", "2.0")
    with pytest.raises(
        BundleError, match=r"there is no numpy<2,>=2\. .*a 1\.0 needs numpy>=2\. b 1\.0 needs numpy<2\."
    ):
        closed(registry, "a")


def test_a_missing_dependency_is_named_with_who_needs_it(registry):
    registry.add("a", "1.0", "absent>=3")
    with pytest.raises(BundleError, match=r"^there is no absent>=3\. a 1\.0 needs absent>=3\.$"):
        closed(registry, "a")


def test_what_a_fetch_leaves_out_is_missing(registry, tmp_path):
    a = Wheel.read(registry.add("a", "1.0", "lost"))
    with pytest.raises(BundleError, match=r"would not be whole: lost is missing \(a 1\.0 needs lost\)"):
        close([Requirement("a")], {"a": a}, LINUX, lambda _: [])


def test_a_fetch_that_never_satisfies_comes_to_an_end(registry):
    old = Wheel.read(registry.add("b", "1.0"))
    a = Wheel.read(registry.add("a", "1.0", "b>=2"))
    with pytest.raises(BundleError, match=r"no versions go together: a 1\.0 needs b>=2"):
        close([Requirement("a")], {"a": a}, LINUX, lambda _: [old])


def test_given_wheels_are_not_replaced(registry):
    given = registry.add("a", "1.0", "b")
    registry.add("a", "2.0", "c")
    registry.add("b")
    assert closed(registry, "a", given=[given]) == {"a": "1.0", "b": "1.0"}
    assert registry.asked == [["b"]]
    registry.add("b", "2.0", "a>=2")
    with pytest.raises(BundleError, match=r"^a-1\.0-py3-none-any\.whl does not do: .*b 2\.0 needs a>=2"):
        closed(registry, "a", given=[given])


def test_wheels_that_the_target_cannot_install_are_all_named(registry):
    a = registry.add("a", "1.0", "b", tag="cp312-cp312-win_amd64")
    b = write_wheel(registry.folder, "b", "1.0", "Requires-Python: >=3.13")
    with pytest.raises(BundleError) as caught:
        closed(registry, "a", given=[a, b])
    assert "would not install with Python 3.12 on manylinux_2_28_x86_64: 2 problems" in str(caught.value)
    assert "a-1.0-cp312-cp312-win_amd64.whl is not for Python 3.12 on manylinux_2_28_x86_64" in str(caught.value)
    assert "b 1.0 needs Python >=3.13, and the target has 3.12" in str(caught.value)


def test_an_address_as_a_dependency_is_refused(registry):
    registry.add("a", "1.0", "b @ https://example.org/b-1.0.whl")
    with pytest.raises(
        BundleError, match=r"^a 1\.0 needs b @ https://example\.org/.*an address, which cannot be packed"
    ):
        closed(registry, "a")


@pytest.mark.parametrize(
    ("name", "content"),
    [("a-1.0-py3-none-any.whl", b"no zip"), ("a.whl", b""), ("a-1.0.tar.gz", b""), ("a-one-py3-none-any.whl", b"")],
)
def test_no_wheel(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BundleError, match=r"not a wheel that can be read"):
        Wheel.read(tmp_path / name)


def test_a_wheel_with_a_broken_dependency_is_refused(tmp_path):
    with pytest.raises(BundleError, match=r"not a wheel that can be read \(Expected"):
        Wheel.read(write_wheel(tmp_path, "a", "1.0", "Requires-Dist: two words"))


def test_a_wheel_without_metadata_is_refused(tmp_path):
    path = write_wheel(tmp_path, "a")
    path.write_bytes(path.read_bytes().replace(b"METADATA", b"METABABA"))
    with pytest.raises(BundleError, match=r"not a wheel that can be read \(it has no metadata"):
        Wheel.read(path)
