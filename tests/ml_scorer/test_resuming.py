"""A run against a store: only what is new or has changed is scored, and a result is never taken for another one's."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ml_scorer import Annotations, Scorer, score
from ml_scorer.errors import PredictionsError
from ml_scorer.imagenet import class_folder_order, validation_labels
from ml_scorer.schema import image_name
from ml_scorer.scoring.engine import ThreadEngine
from ml_scorer.store import Store
from ml_scorer.store.columns import COUNTS

OLD = 1_500_000_000 * 10**9  # nanoseconds: long before now


def labels_of(right, seed=0):
    """Labels in ILSVRC order, so many of which are the original ones."""
    random = np.random.default_rng(seed)
    original = validation_labels()[1:]
    return np.where(random.random(original.size) < right, original, random.integers(0, 1000, original.size)).astype(
        np.int16
    )


def write(path, labels, time=OLD):
    np.save(path, labels)
    os.utime(path, ns=(time, time))
    return path


@pytest.fixture
def sweep(tmp_path):
    folder = tmp_path / "sweep"
    folder.mkdir()
    return [write(folder / f"step-{step}.npy", labels_of(0.3 + 0.1 * step, step)) for step in range(5)]


@pytest.fixture
def read(monkeypatch):
    """The names of the sources that are read, run after run."""
    names = []
    run = ThreadEngine.run

    def watched(self, pipeline, job):
        names.append([job.sources[index].name for index in job.wanted])
        return run(self, pipeline, job)

    monkeypatch.setattr(ThreadEngine, "run", watched)
    return names


def test_a_second_run_scores_nothing_and_gives_the_same(synthetic, sweep, read, tmp_path):
    alone = score(sweep, synthetic, order="ilsvrc")
    first = score(sweep, synthetic, order="ilsvrc", store=tmp_path / "store")
    second = score(sweep, synthetic, order="ilsvrc", store=tmp_path / "store")
    assert read[1:] == [[path.stem for path in sweep], []]
    for scores in (first, second):
        assert scores.frame.equals(alone.frame)
        assert scores.exact("MLA") == alone.exact("MLA")
        assert scores.signatures == alone.signatures


def test_new_and_changed_files_are_scored_between_the_known(synthetic, sweep, read, tmp_path):
    store = tmp_path / "store"
    score([sweep[0], sweep[2], sweep[4]], synthetic, order="ilsvrc", store=store)
    write(sweep[2], labels_of(0.9, 9), OLD + 10**9)
    again = score(sweep, synthetic, order="ilsvrc", store=store)
    assert read[-1] == ["step-1", "step-2", "step-3"]
    assert again.frame.equals(score(sweep, synthetic, order="ilsvrc").frame)


def test_a_file_of_another_time_and_the_same_content_is_known(synthetic, sweep, read, tmp_path):
    score(sweep, synthetic, order="ilsvrc", store=tmp_path / "store")
    os.utime(sweep[3], ns=(OLD + 10**9, OLD + 10**9))
    score(sweep, synthetic, order="ilsvrc", store=tmp_path / "store")
    assert read[-1] == []


@pytest.mark.parametrize(
    "change",
    [
        {"order": "imagefolder", "trust_order": True},
        {"missing": "wrong"},
        {"class_ids": "as-text", "trust_order": True},
        {"trust_order": True},
        {"measures": ["MLA", "MLA(classes=dog)"]},
        {"measures": "Top1(images=validation)"},
    ],
    ids=str,
)
def test_another_way_of_scoring_is_another_result(change, synthetic, sweep, read, tmp_path):
    usual = {"order": "ilsvrc", "measures": "MLA"}
    score(sweep, synthetic, **usual, store=tmp_path / "store")
    found = score(sweep, synthetic, **{**usual, **change}, store=tmp_path / "store")
    assert len(read[-1]) == len(sweep)
    assert found.frame.equals(score(sweep, synthetic, **{**usual, **change}).frame)
    score(sweep, synthetic, **usual, store=tmp_path / "store")
    assert read[-1] == []


def test_other_annotations_are_another_result(synthetic, genuine, sweep, read, tmp_path):
    for table in (synthetic, genuine):
        found = score(sweep, table, order="ilsvrc", store=tmp_path / "store")
        assert len(read[-1]) == len(sweep)
        assert found.frame.equals(score(sweep, table, order="ilsvrc").frame)


def test_fewer_measures_are_known_too(synthetic, sweep, read, tmp_path):
    score(sweep, synthetic, ["MLA", "Top1"], order="ilsvrc", store=tmp_path / "store")
    found = score(sweep, synthetic, ["Top1"], order="ilsvrc", store=tmp_path / "store")
    assert read[-1] == []
    assert found.frame.equals(score(sweep, synthetic, ["Top1"], order="ilsvrc").frame)


def test_bad_files_are_tried_again(synthetic, sweep, read, tmp_path):
    bad = tmp_path / "bad.npy"
    bad.write_bytes(sweep[0].read_bytes()[:1000])
    store = tmp_path / "store"
    for _ in range(2):
        scores = score([*sweep, bad], synthetic, order="ilsvrc", store=store, on_error="skip")
        assert [failure.checkpoint for failure in scores.failed] == ["bad"]
        assert read[-1][-1] == "bad"
    write(bad, labels_of(0.5))
    assert score([*sweep, bad], synthetic, order="ilsvrc", store=store).failed == ()
    assert read[-1] == ["bad"]


def test_what_was_scored_before_a_bad_file_stopped_the_run_is_kept(synthetic, sweep, read, tmp_path):
    bad = tmp_path / "bad.npy"
    bad.write_bytes(b"nothing")
    store = tmp_path / "store"
    with pytest.raises(PredictionsError, match="bad"):
        score([*sweep, bad], synthetic, order="ilsvrc", store=store)
    score(sweep, synthetic, order="ilsvrc", store=store)
    assert read[-1] == []


def test_files_of_several_checkpoints_keep_them_all(synthetic, read, tmp_path):
    names = [image_name(number) for number in range(1, 50_001)]
    columns = {f"step-{step}": labels_of(0.005 * step, step) for step in range(2, 100)}
    pl.DataFrame({"image": names, **columns}).write_parquet(tmp_path / "wide.parquet")
    first = score(tmp_path / "wide.parquet", synthetic, store=tmp_path / "store")
    second = score(tmp_path / "wide.parquet", synthetic, store=tmp_path / "store")
    assert read[-1] == []
    assert second.frame.equals(first.frame)
    assert second.frame["checkpoint"].to_list() == list(columns)
    assert second.near_chance == first.near_chance


def test_logits_keep_their_ties(synthetic, read, tmp_path):
    logits = np.zeros((50_000, 1000), np.float16)
    logits[np.arange(50_000), validation_labels()[1:][class_folder_order() - 1]] = 1
    logits[:100] = 0
    np.save(tmp_path / "logits.npy", logits)
    first = score(tmp_path / "logits.npy", synthetic, order="imagefolder", store=tmp_path / "store")
    second = score(tmp_path / "logits.npy", synthetic, order="imagefolder", store=tmp_path / "store")
    assert read[-1] == []
    assert second.frame.equals(first.frame)
    assert first.frame["ties"][0] > 0


def test_missing_images_are_counted_again(synthetic, sweep, tmp_path):
    names = [image_name(number) for number in range(1, 40_001)]
    pl.DataFrame({"image": names, "prediction": labels_of(0.5)[:40_000]}).write_csv(tmp_path / "part.csv")
    scorer = Scorer(synthetic, missing="wrong")
    alone = scorer.score(tmp_path / "part.csv").frame
    for _ in range(2):
        assert scorer.score(tmp_path / "part.csv", store=tmp_path / "store").frame.equals(alone)


def test_what_is_in_memory_cannot_be_kept(synthetic, tmp_path):
    with pytest.raises(ValueError, match="a store keeps results of files, and predictions is in memory"):
        score(labels_of(0.5), synthetic, order="ilsvrc", store=tmp_path / "store")


def test_the_store_shows_what_was_scored(synthetic, sweep, tmp_path):
    scores = score(sweep, synthetic, order="ilsvrc", store=tmp_path / "store")
    rows = Store(tmp_path / "store", create=False).latest(measures=["MLA"])
    assert rows["score"].to_list() == scores.frame["MLA"].to_list()
    assert rows["signature"].unique().to_list() == [scores.signatures["MLA"]]


def test_a_file_is_called_as_it_is_called_now(synthetic, sweep, read, tmp_path):
    a, b = sweep[:2]
    first = score({"A": a, "B": b}, synthetic, order="ilsvrc", store=tmp_path / "store")
    swapped = score({"A": b, "B": a}, synthetic, order="ilsvrc", store=tmp_path / "store")
    assert read[-1] == []
    assert swapped.frame["checkpoint"].to_list() == ["A", "B"]
    assert swapped.frame["MLA"].to_list() == first.frame["MLA"].to_list()[::-1]


def test_a_file_of_two_names_is_known_under_both(synthetic, sweep, read, tmp_path):
    for _ in range(2):
        scores = score({"p": sweep[0], "q": sweep[0]}, synthetic, order="ilsvrc", store=tmp_path / "store")
        assert scores.frame["checkpoint"].to_list() == ["p", "q"]
        assert scores.frame["MLA"][0] == scores.frame["MLA"][1]
    assert read[-1] == []


def test_a_file_that_took_the_place_of_one_of_the_same_size_and_time_is_scored(synthetic, sweep, tmp_path):
    score(sweep, synthetic, order="ilsvrc", store=tmp_path / "store")
    write(sweep[1], labels_of(0.9, 9))
    found = score(sweep, synthetic, order="ilsvrc", store=tmp_path / "store")
    assert found.frame.equals(score(sweep, synthetic, order="ilsvrc").frame)


def test_a_hive_folder_whose_file_was_replaced_and_kept_its_time_is_scored(synthetic, tmp_path):
    folder = tmp_path / "hive"
    (folder / "step=1").mkdir(parents=True)
    names = [image_name(number) for number in range(1, 50_001)]
    for path, right in ((folder / "step=1" / "a.parquet", 0.5), (tmp_path / "b.parquet", 0.9)):
        table = pl.DataFrame({"image": names, "prediction": labels_of(right)})
        table.write_parquet(path, compression="uncompressed")
        os.utime(path, ns=(OLD, OLD))
    first = score(folder, synthetic, store=tmp_path / "store")
    time.sleep(2.1)  # the next run knows by time what was scored now
    assert score(folder, synthetic, store=tmp_path / "store").frame.equals(first.frame)
    (tmp_path / "b.parquet").replace(folder / "step=1" / "a.parquet")
    found = score(folder, synthetic, store=tmp_path / "store")
    assert found.frame.equals(score(folder, synthetic).frame)
    assert not found.frame.equals(first.frame)


def test_what_there_is_is_kept_before_a_run_gives_up_the_rest(synthetic, sweep, tmp_path):
    kept = []

    class Interrupted(ThreadEngine):
        @contextmanager
        def run(self, pipeline, job):
            with super().run(pipeline, job) as results:
                try:
                    yield self.interrupted(results)
                finally:
                    kept.append(Store(tmp_path / "store").frame()["source"].n_unique())

        def interrupted(self, results):
            yield from results
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score(sweep, synthetic, order="ilsvrc", store=tmp_path / "store", engine=Interrupted())
    assert kept == [len(sweep)]


def test_another_list_of_imagenet_m_is_another_result(synthetic, sweep, tmp_path):
    moved = np.roll(synthetic.frame["is_imagenet_m"].to_numpy(), 40)
    other = Annotations.from_frame(synthetic.frame.with_columns(pl.Series("is_imagenet_m", moved)))
    measures = ["MLA", "ImageNetM"]
    score(sweep, synthetic, measures, order="ilsvrc", store=tmp_path / "store")
    found = score(sweep, other, measures, order="ilsvrc", store=tmp_path / "store")
    assert found.frame.equals(score(sweep, other, measures, order="ilsvrc").frame)


def test_stacked_logits_are_called_alike_with_and_without_a_store(synthetic, tmp_path):
    logits = np.zeros((2, 50_000, 1000), np.float16)
    logits[:, np.arange(50_000), validation_labels()[1:]] = 1
    np.save(tmp_path / "two.npy", logits)
    for _ in range(2):
        scores = score(tmp_path / "two.npy", synthetic, order="ilsvrc", store=tmp_path / "store")
        assert scores.frame["checkpoint"].to_list() == ["two[0]", "two[1]"]


def test_the_query_of_the_readme_gives_the_latest_of_each(synthetic, sweep, tmp_path):
    duckdb = pytest.importorskip("duckdb")
    readme = Path(__file__).parents[2] / "README.md"
    query = readme.read_text(encoding="utf-8").partition("```sql\n")[2].partition("```")[0]
    score(sweep, synthetic, ["MLA"], order="ilsvrc", store=tmp_path / "results")
    write(sweep[0], labels_of(0.95, 9), OLD + 10**9)
    latest = score(sweep, synthetic, ["MLA", "Top1"], order="ilsvrc", store=tmp_path / "results").frame
    found = duckdb.sql(query.replace("'results/", f"'{tmp_path}/results/")).fetchall()
    assert found == latest.sort("MLA", descending=True).select("checkpoint", "MLA").rows()


def test_an_interval_needs_what_a_result_without_one_does_not_keep(synthetic, sweep, read, tmp_path):
    pytest.importorskip("scipy")
    store = tmp_path / "store"
    alone = score(sweep, synthetic, order="ilsvrc", confidence=0.95)
    score(sweep[:2], synthetic, order="ilsvrc", store=store)
    first = score(sweep, synthetic, order="ilsvrc", store=store, confidence=0.95)
    second = score(sweep, synthetic, order="ilsvrc", store=store, confidence=0.95)
    assert [len(names) for names in read] == [5, 2, 5, 0]
    assert alone.frame.equals(first.frame)
    assert alone.frame.equals(second.frame)
    assert second.intervals == alone.intervals
    wider = score(sweep, synthetic, order="ilsvrc", store=store, confidence=0.99).frame
    assert (wider["MLA_low"] < alone.frame["MLA_low"]).all()
    without = score(sweep, synthetic, order="ilsvrc", store=store)
    assert without.frame.columns == ["checkpoint", *without.signatures, *COUNTS]
    assert read[4:] == [[], []]


@pytest.mark.parametrize(
    ("confidence", "sentence"),
    [(95, "Did you mean 0.95"), (0, "a share between 0 and 1"), (1.0, "a share between 0 and 1"), (-1, "a share")],
)
def test_a_level_that_is_no_share_is_refused(synthetic, sweep, confidence, sentence):
    with pytest.raises(ValueError, match=sentence):
        score(sweep, synthetic, order="ilsvrc", confidence=confidence)
