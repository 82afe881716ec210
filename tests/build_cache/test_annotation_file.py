"""The published annotation file: rebuilt from other annotations, read back, and refused where it is wrong."""

from __future__ import annotations

import gzip
import json
import sys

import polars as pl
import pytest
from annotation_files import annotation_json, named, written
from http_server import Answer, Server

from build_cache import SyntheticSource, TableSource, build
from build_cache.fetching import FetchError
from build_cache.sources import annotation_file
from build_cache.sources.annotation_file import JsonSource
from build_cache.sources.source import file_sha256
from ml_scorer.errors import AnnotationsError, MissingExtraError
from ml_scorer.imagenet import validation_labels
from ml_scorer.schema import COLUMNS, CORRECT, UNCLEAR, WRONG

FIRST, SECOND, THIRD = (f"ILSVRC2012_val_0000000{number}.JPEG" for number in (1, 2, 3))
V2 = "0cd9ae2b1dbb4d4c9e4ffae9d4d3d0be6b1a5a1b.jpeg"


@pytest.fixture(scope="module")
def frame():
    return SyntheticSource(0).export().frame


@pytest.fixture
def small():
    """Three images and one of ImageNetV2, with each form that a part can have, to be changed."""
    return {
        "annot_data": {"human_a": {FIRST: {"label": "n01440764", "score": 0.5}}},
        "initial_annots": {
            THIRD: {"correct": ["n01443537", "n01440764"], "wrong": ["n01440764"], "reviewer": "a"},
            V2: {"correct": ["n99999999"]},
            FIRST: {"unclear": ["n01484850"], "correct": []},
            SECOND: {"wrong": ["n15075141", "n15075141"]},
        },
        "all_candidates": [None, True, -1.5e300, "ü", {"a": []}],
        "problematic_images": {SECOND: {"reason": "no object"}, V2: {}},
        "imagenet_m": [FIRST],
        "wnid_map": {},
    }


@pytest.fixture
def path(tmp_path):
    return tmp_path / "human_accuracy.json"


def exported(content, path, **options):
    return JsonSource(written(content, path, **options)).export()


def refusal(content, path):
    """The message with which content is refused."""
    with pytest.raises(AnnotationsError) as refused:
        exported(content, path)
    return str(refused.value)


def test_the_real_annotations_are_known_for_what_they_are(real_data, path, tmp_path):
    """Rebuilt from the public table: the fingerprint is that of the genuine release, whatever the source."""
    real = TableSource(real_data / "imagenet2012_multilabel_v3.csv").export().frame
    report = build(JsonSource(written(annotation_json(real), path)), tmp_path / "out.parquet")
    assert report.identity.genuine
    assert report.identity.version == "3.0.0"
    assert report.annotations.is_imagenet_m is None
    assert report.annotations.metadata["source"] == "json"
    assert report.annotations.frame.equals(real.sort("file_name"))


def test_every_column_comes_back(frame, path):
    export = exported(annotation_json(frame), path)
    assert export.frame.equals(frame)
    assert export.where == str(path)
    assert export.sha256 == file_sha256(path)


def test_a_whole_file_becomes_a_table(frame, path, tmp_path):
    report = build(JsonSource(written(annotation_json(frame), path)), tmp_path / "out.parquet")
    assert report.annotations.frame.equals(frame.sort("file_name"))
    assert report.annotations.metadata["source_sha256"] == file_sha256(path)


def test_the_order_of_the_images_makes_no_difference(frame, path, tmp_path):
    shuffled = annotation_json(frame.sample(fraction=1, shuffle=True, seed=0))
    report = build(JsonSource(written(shuffled, path)), tmp_path / "out.parquet")
    assert report.annotations.frame.equals(frame.sort("file_name"))


def test_an_incomplete_file_becomes_no_table(frame, path, tmp_path):
    with pytest.raises(AnnotationsError, match="19,999 images, expected 20,000"):
        build(JsonSource(written(annotation_json(frame[1:]), path)), tmp_path / "out.parquet")


@pytest.mark.parametrize("options", [{}, {"indent": 2}, {"separators": (",", ":")}, {"ensure_ascii": False}])
def test_labels_are_read_as_they_stand(small, path, options):
    frame = exported(small, path, **options).frame
    assert frame.schema == COLUMNS
    assert frame.to_dict(as_series=False) == {
        "file_name": [THIRD, FIRST, SECOND],
        "original_label": validation_labels()[[3, 1, 2]].tolist(),
        CORRECT: [[1, 0], [], []],
        WRONG: [[0], [], [999, 999]],
        UNCLEAR: [[], [2], []],
        "is_problematic": [False, False, True],
        "is_imagenet_m": [False, True, False],
    }


def test_an_older_file_does_not_say_which_images_are_in_imagenet_m(small, path):
    del small["imagenet_m"]
    assert exported(small, path).frame["is_imagenet_m"].to_list() == [None] * 3


def test_a_single_image_is_read(small, path):
    small["initial_annots"] = {SECOND: {"correct": ["n01440764"]}}
    small["imagenet_m"] = []
    frame = exported(small, path).frame
    assert frame.row(0) == (SECOND, validation_labels()[2], [0], [], [], True, False)


def test_a_file_without_an_imagenet_image_becomes_no_table(small, path, tmp_path):
    small |= {"initial_annots": {V2: {}}, "problematic_images": {}, "imagenet_m": []}
    assert exported(small, path).frame.schema == COLUMNS
    with pytest.raises(AnnotationsError, match=r"json: no rows"):
        build(JsonSource(path), tmp_path / "out.parquet")


def test_numbers_that_only_python_writes_are_passed_over(small, path):
    small["annot_data"] = {"NaN": [float("nan"), float("inf"), float("-inf")]}
    assert "-Infinity" in written(small, path).read_text()
    assert JsonSource(path).export().frame.height == 3


def test_only_the_published_bytes_claim_its_version(small, path, monkeypatch):
    assert exported(small, path).version is None
    monkeypatch.setattr(annotation_file, "PUBLISHED_SHA256", file_sha256(path))
    assert exported(small, path).version == "3.0.0"


def test_a_path_may_be_a_text(small, path):
    assert JsonSource(str(written(small, path))).export().frame.height == 3


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.json: no such file"):
        JsonSource(tmp_path / "none.json").export()


def test_an_empty_file_is_refused(path):
    path.write_bytes(b"")
    with pytest.raises(AnnotationsError, match=r"human_accuracy\.json: an empty file\. Expected the published"):
        JsonSource(path).export()


@pytest.mark.parametrize("kept", [1, 30, 400, -1])
def test_a_truncated_file_is_refused(small, path, kept):
    written(small, path)
    path.write_bytes(path.read_bytes()[:kept])
    size = path.stat().st_size
    message = rf"json: Input data was truncated, in {size} bytes\. Expected .*v3\.0\.0\.json has 200,417,830 bytes"
    with pytest.raises(AnnotationsError, match=message):
        JsonSource(path).export()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!doctype html>", r"JSON is malformed: invalid character \(byte 0\)"),
        (gzip.compress(b"{}"), r"JSON is malformed: invalid character \(byte 0\)"),
        (b"{} {}", "JSON is malformed: trailing characters"),
        (b'{"\xff": 1}', "(?i:utf-8)"),  # the rest of the sentence differs between releases of msgspec
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "maximum recursion depth"),
        (b"[]", "Expected `object`, got `array`"),
        (b"NaN", "Expected `object`, got `float`"),
    ],
    ids=["page", "gzip", "lines", "encoding", "depth", "array", "number"],
)
def test_what_is_no_json_object_is_refused(path, content, message):
    path.write_bytes(content)
    with pytest.raises(AnnotationsError, match=rf"json: .*{message}.*, in [\d,]+ bytes\. Expected the published"):
        JsonSource(path).export()


def test_parts_that_are_missing_are_named_together(path):
    message = refusal({"imagenet_m": []}, path)
    assert "2 problems\n  - no `initial_annots`\n  - no `problematic_images`\nExpected the published" in message


def test_parts_of_another_form_are_named_together(small, path):
    small["problematic_images"] = [SECOND]
    small["imagenet_m"] = {FIRST: 1}
    small["initial_annots"][FIRST]["correct"] = "n01440764"
    small["initial_annots"][SECOND] = []
    message = refusal(small, path)
    assert "- `problematic_images`: Expected `object`, got `array`" in message
    assert "- `imagenet_m`: Expected `array`, got `object`" in message
    assert "- 2 images of `initial_annots` cannot be read: " in message
    assert f"{FIRST} (Expected `array`, got `str` - at `$.correct`)" in message
    assert f"{SECOND} (Expected `object`, got `array`)" in message


def test_unknown_names_and_labels_are_named_together(small, path):
    small["initial_annots"]["ILSVRC2012_val_00050001.JPEG"] = {}
    small["initial_annots"]["ILSVRC2012_val_x.JPEG"] = {}
    small["initial_annots"][FIRST]["wrong"] = ["n00000001", "n01440764", "tench"]
    small["imagenet_m"] += ["ILSVRC2012_val_00000008.JPEG", V2]
    message = refusal(small, path)
    assert "3 problems" in message
    assert (
        "- 2 names are no ImageNet validation image: ILSVRC2012_val_00050001.JPEG, ILSVRC2012_val_x.JPEG\n" in message
    )
    assert f"- 2 images of `imagenet_m` are not annotated: ILSVRC2012_val_00000008.JPEG, {V2}\n" in message
    assert f"- 2 labels are no WordNet id of ImageNet's classes: 'n00000001' at {FIRST}, 'tench' at {FIRST}" in message


def test_a_problematic_image_that_is_not_annotated_is_passed_over(small, path):
    small["problematic_images"]["ILSVRC2012_val_00000009.JPEG"] = {}
    path.write_text(json.dumps(small))
    assert "ILSVRC2012_val_00000009.JPEG" not in JsonSource(path).export().frame["file_name"]


def test_a_missing_package_is_named_before_anything_is_fetched(monkeypatch):
    monkeypatch.setitem(sys.modules, "msgspec", None)
    with pytest.raises(MissingExtraError, match=r"build-cache json needs .* pip install 'ml-scorer\[build\]'"):
        JsonSource("http://127.0.0.1:9/human_accuracy.json").export()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with Server() as server:
        yield server


def test_an_address_is_fetched_and_nothing_of_it_is_kept(server, small, tmp_path):
    url = server.gives("/v3.json", Answer(json.dumps(small).encode()))
    told = []
    export = JsonSource(url, cache=tmp_path / "cache", progress=lambda *progress: told.append(progress)).export()
    assert export.where == url
    assert export.frame.height == 3
    assert told[-1] == (len(json.dumps(small)),) * 2
    assert list((tmp_path / "cache").iterdir()) == []


def test_an_address_is_fetched_into_the_users_cache(server, small, tmp_path, monkeypatch):
    monkeypatch.setattr("build_cache.fetching.cache_folder", lambda: tmp_path / "cache")
    JsonSource(server.gives("/v3.json", Answer(json.dumps(small).encode()))).export()
    assert (tmp_path / "cache").is_dir()


def test_an_address_that_gives_something_else_is_named_and_nothing_of_it_is_kept(server, tmp_path):
    url = server.gives("/v3.json", Answer(b"<html>"))
    with pytest.raises(AnnotationsError, match=r"/v3\.json: JSON is malformed"):
        JsonSource(url, cache=tmp_path / "cache").export()
    assert list((tmp_path / "cache").iterdir()) == []


def test_an_address_that_gives_nothing_is_named(server, tmp_path):
    with pytest.raises(FetchError, match=r"/v3\.json: answered 404 Not Found"):
        JsonSource(f"{server.address}/v3.json", cache=tmp_path / "cache").export()


def test_an_address_that_is_none_of_the_web_is_refused(tmp_path):
    with pytest.raises(FetchError, match=r"^ftp://127\.0\.0\.1/v3\.json: only http and https addresses are fetched"):
        JsonSource("ftp://127.0.0.1/v3.json", cache=tmp_path / "cache").export()


def test_the_files_of_these_tests_have_the_published_form(frame):
    content = annotation_json(frame)
    assert list(content) == ["initial_annots", "problematic_images", "imagenet_m"]
    assert len(content["initial_annots"]) == 20_000
    assert all(lists for verdicts in content["initial_annots"].values() for lists in verdicts.values())
    assert len(content["problematic_images"]) == 1_308
    assert content["imagenet_m"] == named(frame, "is_imagenet_m")
    assert "imagenet_m" not in annotation_json(frame.with_columns(is_imagenet_m=pl.lit(None, pl.Boolean)))
