"""Predictions in remote storage: an S3 server of this machine, a web server, and what goes wrong between."""

from __future__ import annotations

import errno
import re
import sys
import tempfile
import threading
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from http_server import Answer

from ml_scorer.errors import MissingExtraError, PredictionsError
from ml_scorer.predictions import files, storage
from ml_scorer.predictions.orders import Order
from ml_scorer.predictions.paths import expand
from ml_scorer.predictions.reading import ReadOptions
from ml_scorer.predictions.remote import read_remote, remote_state
from ml_scorer.predictions.sources import prediction_sources
from ml_scorer.schema import image_name

fsspec = pytest.importorskip("fsspec")
s3fs = pytest.importorskip("s3fs")
moto_server = pytest.importorskip("moto.server")

THREE = ReadOptions(order=Order("three", np.arange(1, 4, dtype=np.int32)))
CSV = f"file_name,predicted_class\n{image_name(1)},3\n".encode()


def npy(*labels):
    buffer = BytesIO()
    np.save(buffer, np.array(labels, np.int16))
    return buffer.getvalue()


def parquet(label):
    buffer = BytesIO()
    pl.DataFrame({"file_name": [image_name(1)], "predicted_class": [label]}).write_parquet(buffer)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def server():
    """The address of an S3 server."""
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def settings_of_nobody(server, monkeypatch, tmp_path):
    """No settings and proxies of this machine, but those by which the server is asked."""
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (
        *(("AWS_ENDPOINT_URL", server), ("AWS_ACCESS_KEY_ID", "somebody"), ("AWS_SECRET_ACCESS_KEY", "secret")),
        *(("AWS_CONFIG_FILE", str(tmp_path / "none")), ("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))),
        *(("AWS_EC2_METADATA_DISABLED", "true"), ("AWS_DEFAULT_REGION", "us-east-1"), ("no_proxy", "*")),
        ("AWS_MAX_ATTEMPTS", "1"),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(storage, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()


@pytest.fixture
def s3():
    """An S3 storage with one empty bucket."""
    store = fsspec.filesystem("s3")
    if store.exists("bucket"):
        store.rm("bucket", recursive=True)
    store.mkdir("bucket")
    return store


@pytest.fixture
def other_settings(monkeypatch):
    """Connections that were made before are not used, nor those from here on afterwards."""
    s3fs.S3FileSystem.clear_instance_cache()
    yield monkeypatch
    s3fs.S3FileSystem.clear_instance_cache()


def labels(address, options=THREE):
    return [batch.labels.tolist() for batch in read_remote(address, options)]


# S3


def test_a_file(s3):
    s3.pipe("bucket/runs/a.npy", npy(1, 2, 3))
    (source,) = prediction_sources("s3://bucket/runs/a.npy")
    assert (source.name, source.where, source.address, source.path) == ("a", *2 * ("s3://bucket/runs/a.npy",), None)
    (batch,) = source.read(THREE)
    assert batch.labels.tolist() == [[1, 2, 3]]
    assert batch.order == "three"


def test_every_reader_reads_it(s3):
    s3.pipe({"bucket/a.csv": CSV, "bucket/A.CSV": CSV, "bucket/a.parquet": parquet(3), "bucket/a b[1]*?.csv": CSV})
    for name in ("a.csv", "A.CSV", "a.parquet", "a b[1]*?.csv"):
        assert expand([f"s3://bucket/{name}"]) == [f"s3://bucket/{name}"]
        assert labels(f"s3://bucket/{name}") == [[[3]]]


def test_nothing_is_left_on_the_disk(s3, tmp_path):
    s3.pipe({"bucket/a.npy": npy(1, 2, 3), "bucket/bad.npy": b"bad"})
    batches = read_remote("s3://bucket/a.npy", THREE)
    (batch,) = [next(batches)]
    (folder,) = (tmp_path / "temporary").iterdir()
    assert [file.name for file in folder.iterdir()] == ["predictions.npy"]
    assert list(batches) == []
    assert not list((tmp_path / "temporary").iterdir())
    assert batch.labels.tolist() == [[1, 2, 3]]
    next(read_remote("s3://bucket/a.npy", THREE))
    with pytest.raises(PredictionsError):
        labels("s3://bucket/bad.npy")
    assert not list((tmp_path / "temporary").iterdir())


def test_a_folder_means_all_files_in_it_in_natural_order(s3):
    names = ["step-2/a.csv", "step-2.npy", "step-10.npy", "x/y/z.parquet"]
    others = ["notes.txt", ".hidden.npy", ".git/a.npy", "a.npy.tmp", "b.tmp.npy"]
    s3.pipe({f"bucket/runs/{name}": b"?" for name in names + others} | {"bucket/runs2/a.npy": b"?"})
    expected = [f"s3://bucket/runs/{name}" for name in names]
    assert expand(["s3://bucket/runs"]) == expand(["s3://bucket/runs/"]) == expected
    assert expand(["s3://bucket"]) == [*expected, "s3://bucket/runs2/a.npy"]
    assert [source.name for source in prediction_sources("s3://bucket/runs")] == ["a", "step-2", "step-10", "z"]


def test_a_pattern(s3):
    s3.pipe({f"bucket/{name}": b"?" for name in ("a/1.npy", "a/10.npy", "a/2.npy", "a/2.txt", "b/1.npy", "b/c/1.csv")})

    def found(pattern):
        return [address.removeprefix("s3://bucket/") for address in expand([f"s3://bucket/{pattern}"])]

    assert found("a/*.npy") == ["a/1.npy", "a/2.npy", "a/10.npy"]
    assert found("*/1.npy") == ["a/1.npy", "b/1.npy"]
    assert found("a/?.npy") == ["a/1.npy", "a/2.npy"]
    assert found("b/*") == ["b/1.npy", "b/c/1.csv"]
    assert found("**/1.*") == ["a/1.npy", "b/1.npy", "b/c/1.csv"]


def test_remote_and_local_inputs_mix(s3, tmp_path):
    s3.pipe({"bucket/a.npy": npy(1, 2, 3), "bucket/b/a.npy": npy(4, 5, 6)})
    (tmp_path / "a.npy").write_bytes(npy(7, 8, 9))
    (tmp_path / "list.txt").write_text("s3://bucket/b\na.npy\ns3://bucket/a.npy\n")
    sources = prediction_sources(["s3://bucket/a.npy", f"@{tmp_path}/list.txt", "s3://bucket"])
    assert [source.name for source in sources] == ["bucket/a.npy", "b/a.npy", f"{tmp_path.name}/a.npy"]
    found = [batch.labels.tolist() for source in sources for batch in source.read(THREE)]
    assert found == [[[1, 2, 3]], [[4, 5, 6]], [[7, 8, 9]]]


def test_a_partitioned_folder_is_one_input(s3, monkeypatch):
    s3.pipe({"bucket/t/k=1/a.parquet": parquet(1), "bucket/t/k=2/b.parquet": parquet(2), "bucket/t/_SUCCESS": b""})
    (source,) = prediction_sources("s3://bucket/t")
    assert (source.name, source.address) == ("t", "s3://bucket/t/")
    assert [(batch.names, batch.labels.tolist()) for batch in source.read(THREE)] == [(("1",), [[1]]), (("2",), [[2]])]
    read = []
    monkeypatch.setattr(
        files, "FOLDER_READER", lambda path, _: iter(read.append(sorted(map(str, path.rglob("*.parquet")))) or ())
    )
    assert list(source.read(THREE)) == []
    assert [Path(*Path(file).parts[-2:]).as_posix() for file in read[0]] == ["k=1/a.parquet", "k=2/b.parquet"]
    state = remote_state(source.address)
    s3.pipe("bucket/t/k=2/b.parquet", parquet(3))
    s3.invalidate_cache()
    assert remote_state(source.address) != state


def test_threads_fetch_at_once(s3):
    s3.pipe({f"bucket/{index}.npy": npy(index, 0, 0) for index in range(16)})
    sources = prediction_sources("s3://bucket")
    found = {}

    def read(part):
        found.update({source.name: next(source.read(THREE)).labels[0, 0] for source in part})

    threads = [threading.Thread(target=read, args=(sources[start::2],)) for start in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {str(index): index for index in range(16)}


def test_the_state_of_a_file_changes_with_its_content_alone(s3):
    s3.pipe({"bucket/a.npy": npy(1, 2, 3), "bucket/b.npy": npy(1, 2, 3)})
    expand(["s3://bucket"])  # from then on the listing answers
    state = remote_state("s3://bucket/a.npy")
    assert state
    assert state == remote_state("s3://bucket/b.npy")
    s3.invalidate_cache()
    assert state == remote_state("s3://bucket/a.npy")  # asked for itself
    s3.pipe("bucket/a.npy", npy(1, 2, 4))
    for inputs in (["s3://bucket"], ["s3://bucket/a.npy"], ["s3://bucket/*.npy"]):
        expand(inputs)
        assert remote_state("s3://bucket/a.npy") != state, inputs


def test_a_new_file_is_found_the_next_time(s3):
    s3.pipe("bucket/runs/x/a.npy", b"?")
    assert len(expand(["s3://bucket/runs"])) == 1
    s3.pipe("bucket/runs/x/b.npy", b"?")
    assert len(expand(["s3://bucket/runs"])) == 2
    assert len(expand(["s3://bucket/runs/*/*.npy"])) == 2
    assert len(expand(["s3://bucket/runs/x"])) == 2


def test_refusals_call_a_file_by_its_address(s3):
    s3.pipe({"bucket/a.npy": b"", "bucket/b.npy": CSV, "bucket/c.csv": CSV.replace(b",3", b",3000")})
    for name, fault in (
        ("a.npy", "the file is empty"),
        ("b.npy", r"the ending says \.npy, but the content is text"),
        ("c.csv", "a label is outside 0-999"),
    ):
        with pytest.raises(PredictionsError, match=rf"^s3://bucket/{name}: {fault}") as caught:
            labels(f"s3://bucket/{name}")
        assert "/temporary/" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.txt", "README", "a"])
def test_a_file_of_another_ending(s3, name):
    s3.pipe(f"bucket/{name}", b"?")
    fault = rf"s3://bucket/{name}: no predictions among 1 files\. Expected \.csv, "
    with pytest.raises(PredictionsError, match=fault):
        expand([f"s3://bucket/{name}"])


def test_a_folder_of_other_things(s3):
    s3.pipe({"bucket/x/a.txt": b"?", "bucket/x/b.yaml": b"?"})
    with pytest.raises(PredictionsError, match=r"s3://bucket/x: no predictions among 2 files\. Expected"):
        expand(["s3://bucket/x"])
    with pytest.raises(PredictionsError, match=r"s3://bucket/x/\*: no predictions among 2 files\. Expected"):
        expand(["s3://bucket/x/*"])


# What goes wrong


def test_a_file_that_does_not_exist(s3):
    fault = r"s3://bucket/a\.npy: no such file, folder or bucket \(The specified key does not exist\)\.$"
    with pytest.raises(FileNotFoundError, match=fault):
        labels("s3://bucket/a.npy")
    with pytest.raises(FileNotFoundError, match=r"s3://bucket/a\.npy: no such file, folder or bucket"):
        remote_state("s3://bucket/a.npy")


@pytest.mark.parametrize("address", ["s3://bucket/runs", "s3://nobody/runs", "s3://nobody"])
def test_a_folder_that_does_not_exist(s3, address):
    with pytest.raises(FileNotFoundError, match=rf"{re.escape(address)}: no such file, folder or bucket \(.+\)\.$"):
        expand([address])


def test_a_bucket_that_does_not_exist(s3):
    with pytest.raises(FileNotFoundError, match=r"s3://nobody/a\.npy: no such file, folder or bucket \(.*bucket"):
        labels("s3://nobody/a.npy")


def test_a_pattern_that_means_nothing(s3):
    with pytest.raises(FileNotFoundError, match=r"s3://bucket/\*\.npy: no file fits this pattern\.$"):
        expand(["s3://bucket/*.npy"])


def test_no_credentials(other_settings):
    other_settings.delenv("AWS_ACCESS_KEY_ID")
    fault = r"s3://bucket/\S+: no credentials were found \(.+\)\. For s3://, set AWS_ACCESS_KEY_ID .* FSSPEC_S3="
    with pytest.raises(PermissionError, match=fault):
        labels("s3://bucket/a.npy")
    with pytest.raises(PermissionError, match=fault):
        expand(["s3://bucket/runs"])


def test_the_advice_for_public_buckets_is_right(s3, other_settings):
    s3.pipe("bucket/a.npy", npy(1, 2, 3))
    s3.chmod("bucket/a.npy", "public-read")
    other_settings.delenv("AWS_ACCESS_KEY_ID")
    other_settings.setattr(fsspec.config, "conf", {})
    with pytest.raises(PermissionError):
        labels("s3://bucket/a.npy")
    fsspec.config.set_conf_env(fsspec.config.conf, {"FSSPEC_S3": '{"anon": true}'})
    s3fs.S3FileSystem.clear_instance_cache()
    assert labels("s3://bucket/a.npy") == [[[1, 2, 3]]]


def test_access_that_is_denied(s3, other_settings):
    s3.pipe("bucket/a.npy", npy(1, 2, 3))
    other_settings.setattr(fsspec.config, "conf", {"s3": {"anon": True}})
    with pytest.raises(PermissionError, match=r"s3://bucket/a\.npy: access is denied \(.+\)\. Are these the right"):
        labels("s3://bucket/a.npy")


def test_a_server_that_cannot_be_reached(other_settings):
    other_settings.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    other_settings.setattr(s3fs.S3FileSystem, "retries", 1)
    with pytest.raises(
        ConnectionError, match=r"s3://bucket/a\.npy: the storage cannot be reached \(.*AWS_ENDPOINT_URL"
    ):
        labels("s3://bucket/a.npy")


class Storage(fsspec.AbstractFileSystem):
    """Raises what a test says, for so many times."""

    protocol = "faulty"
    cachable = False
    errors: list = []  # noqa: RUF012 (of the class, as fsspec makes the objects)

    def get_file(self, _, lpath, **__):
        if self.errors:
            raise self.errors.pop(0)
        Path(lpath).write_bytes(npy(1, 2, 3))


@pytest.fixture
def faulty():
    fsspec.register_implementation("faulty", Storage, clobber=True)
    Storage.errors = []
    yield Storage
    Storage.errors = []


class NoCredentialsError(Exception):
    pass


class EndpointConnectionError(Exception):
    pass


class BadGatewayError(Exception):
    status = 502


class ForbiddenError(Exception):
    status = 403


class ClientPayloadError(Exception):
    pass


@pytest.mark.parametrize(
    "error",
    [
        *(
            TimeoutError("slow"),
            ConnectionResetError("cut"),
            OSError(errno.EIO, "broken"),
            OSError(errno.EBUSY, "busy"),
        ),
        *(BadGatewayError("bad gateway"), ClientPayloadError("not all")),
    ],
    ids=repr,
)
def test_a_fault_that_passes_is_waited_for(error, faulty):
    faulty.errors = [error] * 2
    assert labels("faulty://a.npy") == [[[1, 2, 3]]]
    faulty.errors = [error] * 3
    with pytest.raises(OSError, match=r"^faulty://a\.npy: (the storage cannot be reached|cannot be fetched)"):
        labels("faulty://a.npy")
    assert not faulty.errors


@pytest.mark.parametrize(
    ("error", "kind", "fault"),
    [
        (FileNotFoundError("a.npy"), FileNotFoundError, r"no such file, folder or bucket \(a\.npy\)\.$"),
        (
            PermissionError("Access Denied."),
            PermissionError,
            r"access is denied \(Access Denied\)\. Are these the right",
        ),
        (NoCredentialsError("none"), PermissionError, r"no credentials were found \(none\)"),
        (EndpointConnectionError("down"), ConnectionError, r"the storage cannot be reached \(down\)\. Is there a net"),
        (
            OSError(errno.ENOSPC, "full"),
            OSError,
            r"no space is left in .*temporary, where it is fetched to\. Set TMPDIR",
        ),
        (ForbiddenError("forbidden"), OSError, r"cannot be fetched: ForbiddenError: forbidden\.$"),
        (RuntimeError(), OSError, r"cannot be fetched: RuntimeError: RuntimeError\.$"),
        (KeyError("a\nb"), OSError, r"cannot be fetched: KeyError: 'a\\nb'\.$"),
    ],
    ids=repr,
)
def test_a_fault_that_does_not_pass_is_told_at_once(error, kind, fault, faulty):
    faulty.errors = [error]
    with pytest.raises(kind, match=rf"^faulty://a\.npy: {fault}"):
        labels("faulty://a.npy")


# Other storages


def test_a_web_address(http_server):
    http_server.answers["/runs/a.csv?signature=secret"] = [Answer(CSV)]
    (source,) = prediction_sources(f"{http_server.address}/runs/a.csv?signature=secret")
    assert (source.name, source.where) == ("a", f"{http_server.address}/runs/a.csv")
    assert next(source.read(THREE)).labels.tolist() == [[3]]
    http_server.answers["/runs/a.csv?signature=secret"] = [Answer(CSV.replace(b",3", b",3000"))]
    with pytest.raises(PredictionsError, match="a label is outside 0-999") as caught:
        next(source.read(THREE))
    assert "secret" not in str(caught.value)
    for status in (403, 404):
        http_server.answers["/runs/a.csv?signature=secret"] = [Answer(status=status)]
        with pytest.raises(OSError, match=r"^http://\S+/runs/a\.csv: ") as caught:
            next(source.read(THREE))
        assert "secret" not in str(caught.value)


def test_a_web_address_that_is_not_there(http_server):
    with pytest.raises(FileNotFoundError, match=r"/a\.csv: no such file, folder or bucket"):
        labels(f"{http_server.address}/a.csv")


def test_a_web_server_that_fails_at_first(http_server):
    http_server.answers["/a.csv"] = [Answer(status=503), Answer(CSV, cut=20), Answer(CSV)]
    assert labels(f"{http_server.address}/a.csv") == [[[3]]]


@pytest.fixture
def http_server(monkeypatch):
    from http_server import Server

    with Server() as server:
        yield server


def test_files_in_memory_have_a_state_where_that_is_told(s3):
    store = fsspec.filesystem("memory")
    store.pipe("/runs/a.npy", npy(1, 2, 3))
    assert expand(["memory://runs"]) == ["memory:///runs/a.npy"]
    assert labels("memory:///runs/a.npy") == [[[1, 2, 3]]]
    assert remote_state("memory:///runs/a.npy") is None


@pytest.mark.parametrize(
    ("address", "kind", "fault"),
    [
        ("gs://bucket/a.npy", "gcsfs", "reading gs:// addresses needs a package .*: pip install gcsfs$"),
        ("hf://datasets/a/b/c.npy", "huggingface_hub", "reading hf:// addresses .*: pip install huggingface_hub$"),
    ],
)
def test_a_storage_whose_package_is_missing(address, kind, fault, monkeypatch):
    hide(monkeypatch, kind)
    for read in (expand, lambda one: labels(one[0])):
        with pytest.raises(PredictionsError, match=rf"{address}: {fault}"):
            read([address])


@pytest.mark.parametrize("package", ["fsspec", "s3fs"])
def test_without_the_extra(package, monkeypatch):
    hide(monkeypatch, package)
    with pytest.raises(MissingExtraError, match=r"reading s3:// addresses.* needs .*pip install 'ml-scorer\[remote\]'"):
        expand(["s3://bucket/runs"])


def hide(monkeypatch, package):
    """Make a package look as if it were not installed."""
    registered = sys.modules["fsspec.registry"]._registry  # noqa: SLF001 (what has been used so far)
    for name in {package, *(name for name in sys.modules if name.partition(".")[0] == package)}:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(registered, "s3", raising=False)


def test_a_storage_that_nobody_knows():
    with pytest.raises(PredictionsError, match=r"xyz://bucket/a\.npy: no storage of this kind is known \(.*xyz"):
        expand(["xyz://bucket/a.npy"])


def test_a_list_in_remote_storage(s3):
    with pytest.raises(FileNotFoundError, match="named as a list of inputs, with an @"):
        expand(["@s3://bucket/list.txt"])
