"""The published annotations from the addresses where they may be, which are all on this machine here."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256

import polars as pl
import pytest
from annotation_files import annotation_json
from http_server import Answer

from build_cache import SyntheticSource, build
from build_cache.fetching import FetchError, Patience, StorageError, cache_folder
from build_cache.sources.annotation_file import JsonSource
from build_cache.sources.download import KNOWN_FILES, DownloadSource, KnownFile
from build_cache.sources.table import TableSource
from ml_scorer.schema import LABEL_LISTS

IMPATIENT = Patience(attempts=1)


@pytest.fixture(scope="module")
def frame():
    return SyntheticSource(0).export().frame


@pytest.fixture(scope="module")
def table(frame):
    """The bytes of a CSV as the public one is."""
    texts = [pl.col(name).cast(pl.List(pl.String)).list.join(", ") for name in LABEL_LISTS]
    public = frame.with_columns(texts).rename({"file_name": "id", "correct_multi_labels": "proposed_labels"})
    return public.drop("is_imagenet_m").write_csv().encode()


@pytest.fixture(scope="module")
def annotation_file(frame):
    return json.dumps(annotation_json(frame)).encode()


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def files(server, table, annotation_file):
    """The two known files at addresses of the server, which answers 404 until it is told otherwise."""
    contents = (("/a/multilabel.csv", table, TableSource), ("/b/human.json", annotation_file, JsonSource))
    return tuple(
        KnownFile(f"{server.address}{path}", len(content), sha256(content).hexdigest(), source)
        for path, content, source in contents
    )


@pytest.fixture
def source(files, cache):
    return DownloadSource(cache=cache, files=files, patience=IMPATIENT)


def paths(server):
    return [asked.path for asked in server.asked]


def test_the_known_files_are_the_public_ones():
    """Sizes and sums as they stand in the documentation of the two files (data/README.md)."""
    assert [(file.name, file.size, file.sha256[:8], file.source) for file in KNOWN_FILES] == [
        ("multilabel.csv", 1_357_853, "3d2068a3", TableSource),
        ("human_accuracy_v3.0.0.json", 200_417_830, "d5b2b611", JsonSource),
    ]
    assert all(file.url.startswith("https://") and len(file.sha256) == 64 for file in KNOWN_FILES)


def test_the_public_table_becomes_the_genuine_one(real_data, server, cache, tmp_path):
    """With its real size and sha256; only its address is here."""
    public = (real_data / "imagenet2012_multilabel_v3.csv").read_bytes()
    files = (replace(KNOWN_FILES[0], url=server.gives("/multilabel.csv", Answer(public))),)
    report = build(DownloadSource(cache=cache, files=files), tmp_path / "out.parquet")
    assert report.identity.genuine
    assert report.identity.version == "3.0.0"


def test_the_table_is_fetched_first(server, source, table, frame, cache):
    server.gives("/a/multilabel.csv", Answer(table))
    export = source.export()
    assert export.frame.drop("is_imagenet_m").equals(frame.drop("is_imagenet_m"))
    assert export.where == f"{server.address}/a/multilabel.csv"
    assert export.sha256 == sha256(table).hexdigest()
    assert paths(server) == ["/a/multilabel.csv"]
    assert list(cache.iterdir()) == []


def test_the_annotation_file_is_fetched_where_the_table_is_gone(server, source, annotation_file, frame, cache):
    server.gives("/b/human.json", Answer(annotation_file))
    export = source.export()
    assert export.frame.equals(frame)
    assert export.where == f"{server.address}/b/human.json"
    assert export.sha256 == sha256(annotation_file).hexdigest()
    assert paths(server) == ["/a/multilabel.csv", "/b/human.json"]
    assert list(cache.iterdir()) == []


def test_a_download_becomes_a_table(server, files, annotation_file, frame, cache, tmp_path):
    server.gives("/b/human.json", Answer(annotation_file))
    report = build(DownloadSource(cache=cache, files=files[1:]), tmp_path / "out.parquet")
    assert report.annotations.frame.equals(frame.sort("file_name"))
    assert report.annotations.metadata["source"] == "download"
    assert report.annotations.metadata["source_sha256"] == sha256(annotation_file).hexdigest()


def test_a_broken_download_goes_on_at_the_next_run(server, source, table, cache):
    tagged = {"ETag": '"it"'}
    server.gives("/a/multilabel.csv", Answer(table, headers=tagged, cut=50_000))
    with pytest.raises(FetchError, match="50,000 bytes are kept: the next run goes on from there"):
        source.export()
    server.asked.clear()
    server.gives("/a/multilabel.csv", Answer(table, headers=tagged))
    source.export()
    assert [asked.range for asked in server.asked] == ["bytes=50000-"]
    assert list(cache.iterdir()) == []


def test_parts_of_other_files_go_when_one_is_exported(server, source, table, annotation_file, cache):
    server.gives("/b/human.json", Answer(annotation_file, cut=50_000))
    with pytest.raises(FetchError, match=r"answered 404"):
        source.export()
    assert len(list(cache.iterdir())) == 2
    server.gives("/a/multilabel.csv", Answer(table))
    source.export()
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("name", ["multilabel.csv", "human.json"])
def test_a_whole_file_in_the_cache_needs_no_network(server, source, table, annotation_file, cache, name):
    cache.mkdir()
    (cache / name).write_bytes({"multilabel.csv": table, "human.json": annotation_file}[name])
    assert source.export().where.endswith(name)
    assert server.asked == []
    assert list(cache.iterdir()) == []


def test_another_file_in_the_cache_is_replaced(server, source, table, cache):
    cache.mkdir()
    (cache / "multilabel.csv").write_bytes(table[:-1] + b"x")
    server.gives("/a/multilabel.csv", Answer(table))
    assert source.export().sha256 == sha256(table).hexdigest()


@pytest.mark.parametrize(
    ("mirror", "name"),
    [
        ("/m/copy.csv", "/m/copy.csv"),
        ("/m/copy.JSON?key=1", "/m/copy.JSON?key=1"),
        ("/m", "/m/multilabel.csv"),
        ("/m/", "/m/multilabel.csv"),
        ("/m/?key=1", "/m/multilabel.csv?key=1"),
        ("", "/multilabel.csv"),
    ],
    ids=["table", "annotation file", "folder", "folder with a slash", "folder with a key", "host"],
)
def test_a_mirror_is_asked_first(server, files, table, annotation_file, cache, mirror, name):
    server.gives(name, Answer(annotation_file if "JSON" in name else table))
    export = DownloadSource(f"{server.address}{mirror}", cache=cache, files=files).export()
    assert export.where == f"{server.address}{name}"
    assert paths(server) == [name]


def test_a_mirror_may_have_only_the_annotation_file(server, files, annotation_file, cache):
    server.gives("/m/human.json", Answer(annotation_file))
    DownloadSource(f"{server.address}/m", cache=cache, files=files).export()
    assert paths(server) == ["/m/multilabel.csv", "/m/human.json"]


def test_a_wrong_file_at_the_mirror_is_left_aside(server, files, table, cache):
    server.gives("/m/multilabel.csv", Answer(table[:-1] + b"x"))
    server.gives("/a/multilabel.csv", Answer(table))
    export = DownloadSource(f"{server.address}/m/multilabel.csv", cache=cache, files=files).export()
    assert export.where == f"{server.address}/a/multilabel.csv"


def test_a_wrong_file_everywhere_is_refused(server, files, table, cache):
    server.gives("/m/multilabel.csv", Answer(table + b"x"))
    with pytest.raises(FetchError, match=rf"/m/multilabel\.csv: not the file expected: .*{len(table) + 1:,} bytes"):
        DownloadSource(f"{server.address}/m/multilabel.csv", cache=cache, files=files).export()
    assert list(cache.iterdir()) == []


def test_all_that_was_tried_is_named_with_its_reason_and_what_to_do(server, files, cache):
    server.gives("/b/human.json", Answer(status=403))
    with pytest.raises(FetchError) as failed:
        DownloadSource(f"{server.address}/m", cache=cache, files=files).export()
    assert str(failed.value).splitlines() == [
        "The annotations cannot be downloaded: 4 problems",
        f"  - {server.address}/m/multilabel.csv: answered 404 Not Found.",
        f"  - {server.address}/m/human.json: answered 404 Not Found.",
        f"  - {server.address}/a/multilabel.csv: answered 404 Not Found.",
        f"  - {server.address}/b/human.json: answered 403 Forbidden.",
        (
            "Name another address with --mirror URL; behind a proxy, set https_proxy; or get multilabel.csv or "
            "human.json some other way and export it with `build-cache table FILE` or `build-cache json FILE`."
        ),
    ]


def test_a_mirror_that_is_no_web_address_is_refused(source, files, cache):
    with pytest.raises(FetchError, match=r"- /data/multilabel\.csv: only http and https addresses"):
        DownloadSource("/data/multilabel.csv", cache=cache, files=files).export()


def test_a_cache_that_cannot_be_written_ends_it_at_once(server, source, cache):
    cache.write_text("a file where the folder should be")
    with pytest.raises(StorageError, match="cache: cannot be written"):
        source.export()
    assert server.asked == []


def test_progress_is_told(server, files, table, cache):
    server.gives("/a/multilabel.csv", Answer(table))
    told = []
    DownloadSource(cache=cache, files=files, progress=lambda *progress: told.append(progress)).export()
    assert told[-1] == (len(table), len(table))


def test_the_cache_is_the_users(server, files, table):
    server.gives("/a/multilabel.csv", Answer(table))
    DownloadSource(files=files).export()
    assert cache_folder().is_dir()
