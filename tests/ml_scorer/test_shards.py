"""Shards: parts of the inputs, scored apart, and merged into what one run would have given."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from polars.testing import assert_frame_equal
from readme import code_blocks

from ml_scorer.cli import main
from ml_scorer.errors import PredictionsError
from ml_scorer.predictions.shards import Shard
from ml_scorer.predictions.sources import Source, Sources
from ml_scorer.report.merging import merge
from ml_scorer.report.parts import read_part
from ml_scorer.signature import joined_signatures

PARTS = ("part-1.parquet", "part-2.parquet")


@pytest.fixture(scope="module")
def sweep(synthetic, tmp_path_factory):
    """Files of several kinds: checkpoints of the same name in two of them, logits with ties, one that is damaged."""
    folder = tmp_path_factory.mktemp("sweep")
    random = np.random.default_rng(0)
    labels = synthetic.original_labels

    def noisy(share):
        return np.where(random.random(labels.size) < share, random.integers(0, 1000, labels.size), labels)

    for step in (2, 10, 30):
        np.save(folder / f"step-{step}.npy", noisy(0.4 - step / 100))
    for seed in (1, 2):
        np.savez(folder / f"seed-{seed}.npz", last=noisy(0.2), best=noisy(0.1))
    logits = np.zeros((labels.size, 1000), np.float16)
    logits[np.arange(labels.size), labels] = 1
    logits[:9] = 0
    np.save(folder / "logits.npy", logits)
    np.save(folder / "untrained.npy", random.integers(0, 1000, labels.size))
    (folder / "damaged.csv").write_text("file_name,predicted_class\nILSVRC2012_val_00000001.JPEG,1000\n")
    (folder / "empty.npy").write_bytes(b"")
    return folder


@pytest.fixture
def run(synthetic_table, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        if arguments[0] == "score" and "--annotations" not in arguments:
            arguments = (*arguments, "--annotations", synthetic_table)
        return CliRunner().invoke(main, [*map(str, arguments)])

    return run


def score(run, sweep, *options):
    return run("score", sweep, "--order", "annotations", "--on-error", "skip", *options)


def shards(run, sweep, of, *options, numbers=None):
    """The files of some shards."""
    for number in numbers or range(1, of + 1):
        result = score(run, sweep, "--shard", f"{number}/{of}", "-o", f"part-{number}.parquet", *options)
        assert Path(f"part-{number}.parquet").exists(), result.output
    return [f"part-{number}.parquet" for number in numbers or range(1, of + 1)]


def content(path):
    metadata = pl.read_parquet_metadata(path)
    metadata.pop("ARROW:schema")
    return pl.read_parquet(path), {
        key: text if key in {"format", "table", "seal"} else json.loads(text) for key, text in metadata.items()
    }


@pytest.mark.parametrize(("of", "options"), [(1, []), (2, []), (4, ["--confidence", "0.9"]), (9, []), (20, [])])
def test_merged_shards_are_what_one_run_gives(of, options, run, sweep):
    assert score(run, sweep, "-o", "whole.parquet", *options).exit_code == 1  # for the two that are damaged
    parts = shards(run, sweep, of, *options)
    result = run("merge", *np.random.default_rng(of).permutation(parts), "-o", "merged.parquet")
    assert result.exit_code == 1
    assert "empty.npy" in result.stderr
    frame, about = content("merged.parquet")
    expected, expected_about = content("whole.parquet")
    assert_frame_equal(frame, expected, check_exact=True)
    assert frame.schema == expected.schema
    assert about == expected_about
    assert {"seed-1/last", "seed-2/last", "step-2", "untrained"} <= set(frame["checkpoint"])
    assert about["near_chance"] == ["untrained"]
    assert [failure["checkpoint"] for failure in about["failed"]] == ["damaged", "empty"]


def test_merged_scores_are_shown_and_sorted_as_any(run, sweep):
    parts = shards(run, sweep, 3)
    result = run("merge", *parts, "--top", 2, "--format", "csv")
    rows = pl.read_csv(result.stdout.encode())
    assert rows["checkpoint"].to_list() == ["logits", "seed-1/best"] or rows["MLA"].is_sorted(descending=True)
    assert rows.height == 2
    assert "SYNTHETIC" in run("merge", *parts).stdout


@pytest.mark.parametrize("sources", [0, 1, 7, 64, 100])
@pytest.mark.parametrize("of", [1, 3, 64])
def test_every_source_is_in_one_shard(sources, of):
    every = Sources(Source(str(number)) for number in range(sources))
    parts = [Shard(number, of).part(every) for number in range(1, of + 1)]
    assert [source for part in parts for source in part] == every
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_absent_shards_are_named(run, sweep):
    parts = shards(run, sweep, 5, numbers=[1, 3])
    result = run("merge", *parts)
    assert result.exit_code == 1
    gap = "Of 5 shards these are not among the scores: 2, 4, 5."
    assert f"{gap} Score these shards, or merge what there is (--partial)." in result.stderr
    result = run("merge", *parts, "--partial", "--format", "json")
    assert f"Warning: {gap}" in result.stderr
    assert json.loads(result.stdout)["notes"] == [gap]


def test_what_was_merged_without_all_shards_stays_so(run, sweep):
    run("merge", *shards(run, sweep, 5, numbers=[1, 3]), "--partial", "-o", "partial.parquet")
    result = run("merge", "partial.parquet", "-o", "whole.parquet")
    assert result.exit_code == 1
    assert "Of 5 shards these are not among the scores: 2, 4, 5. Score these shards" in result.stderr
    assert not Path("whole.parquet").exists()


def test_a_slip_in_the_number_of_shards_is_told_at_once(run, sweep):
    (part,) = shards(run, sweep, 99_999_999, numbers=[1])
    assert "these are not among the scores: 2, 3, 4 and 99,999,995 more." in run("merge", part).stderr


def test_shards_of_another_folder_do_not_go_together(run, sweep, tmp_path):
    shutil.copytree(sweep, tmp_path / "v2")
    shards(run, sweep, 2, numbers=[1])
    score(run, tmp_path / "v2", "--shard", "2/2", "-o", "part-2.parquet")
    assert "cut from other inputs in part-2.parquet (2 shards of 9 inputs @" in run("merge", *PARTS).stderr


@pytest.mark.parametrize("other", [["--key", "last"], ["--trust-order"], ["--class-ids", "one-based", "--trust-order"]])
def test_shards_that_are_read_in_another_way_do_not_go_together(other, run, sweep):
    shards(run, sweep, 2, numbers=[1])
    score(run, sweep, "--shard", "2/2", "-o", "part-2.parquet", *other)
    assert "cut from other inputs in part-2.parquet" in run("merge", *PARTS).stderr


def test_a_shard_that_is_there_twice_is_refused(run, sweep):
    (first,) = shards(run, sweep, 2, numbers=[1])
    result = run("merge", first, first, "--partial")
    assert "shards are there twice: 1 (part-1.parquet, part-1.parquet)" in result.stderr


def test_shards_of_other_inputs_or_options_do_not_go_together(run, sweep, tmp_path):
    shards(run, sweep, 2, numbers=[1])
    fewer = [path for path in sorted(sweep.iterdir()) if path.stem != "step-2"]
    score_ = ["score", "--order", "annotations", "--on-error", "skip"]
    run(*score_, *fewer, "--shard", "2/2", "-o", "part-2.parquet")
    result = run("merge", "part-1.parquet", "part-2.parquet")
    assert "cut from other inputs in part-2.parquet (2 shards of 8 inputs @" in result.stderr
    assert ") than in part-1.parquet (2 shards of 9 inputs @" in result.stderr
    run(*score_, sweep, "--shard", "2/2", "-o", "part-2.parquet", "--measure", "Top1", "--confidence", 0.9)
    result = run("merge", "part-1.parquet", "part-2.parquet")
    assert "results that do not go together: 2 problems" in result.stderr
    assert "other measures in part-2.parquet (Top1) than in part-1.parquet (MLA, " in result.stderr
    assert "other intervals in part-2.parquet (90%: Clopper-Pearson" in result.stderr
    run(*score_, sweep, "--shard", "2/2", "-o", "part-2.parquet", "--missing", "wrong")
    result = run("merge", "part-1.parquet", "part-2.parquet")
    assert "order annotations, class ids imagenet, missing wrong) than in part-1.parquet" in result.stderr


def test_other_annotations_do_not_go_together(run, sweep, tmp_path, synthetic_table):
    from build_cache import SyntheticSource, build

    other = build(SyntheticSource(1), tmp_path / "other.parquet").output
    shards(run, sweep, 2, numbers=[1])
    score(run, sweep, "--shard", "2/2", "-o", "part-2.parquet", "--annotations", other)
    result = run("merge", "part-1.parquet", "part-2.parquet")
    assert "other annotations in part-2.parquet (SYNTHETIC@" in result.stderr


def test_results_that_are_no_shards_are_put_together(run, sweep):
    for step in (10, 2):
        run("score", sweep / f"step-{step}.npy", "--order", "annotations", "-o", f"{step}.parquet")
    result = run("merge", "10.parquet", "2.parquet", "--format", "json")
    assert [row["checkpoint"] for row in json.loads(result.stdout)["scores"]] == ["step-10", "step-2"]
    run("score", sweep / "step-2.npy", "--order", "annotations", "-o", "wrong.parquet", "--missing", "wrong")
    assert "other measurements: MLA|" in run("merge", "10.parquet", "wrong.parquet").stderr
    result = run("merge", "10.parquet", "10.parquet")
    assert "in several of these results stand the same checkpoints: step-10" in result.stderr
    (part,) = shards(run, sweep, 2, numbers=[1])
    result = run("merge", part, "10.parquet")
    assert (
        "shards (part-1.parquet) are merged only with each other, and not with whole results (10.par" in result.stderr
    )


def test_what_is_no_result_is_refused(run, sweep, synthetic_table, tmp_path):
    (part,) = shards(run, sweep, 1)
    score(run, sweep, "-o", "whole.csv")
    (tmp_path / "note.parquet").write_text("no Parquet")
    for path in (synthetic_table, "whole.csv", "note.parquet"):
        result = run("merge", path)
        assert result.exit_code == 1
        assert f"{path}: expected scores that `ml-scorer score … -o FILE.parquet` wrote; found" in result.stderr
    assert "absent.parquet: no such file. Was that part scored?" in run("merge", "absent.parquet").stderr
    assert (
        f"{tmp_path}: a folder; name the files of the parts, such as {tmp_path}/*.par" in run("merge", tmp_path).stderr
    )
    frame, metadata = pl.read_parquet(part), pl.read_parquet_metadata(part)
    metadata.pop("ARROW:schema")
    frame.with_columns(pl.col("MLA") + 1e-9).write_parquet("damaged.parquet", metadata=metadata)
    result = run("merge", "damaged.parquet")
    assert "damaged.parquet: a result, but damaged: ValueError: its content is not what was written." in result.stderr
    metadata.pop("seal")
    assert run("merge", part).stdout == run("merge", without_seal(part)).stdout
    frame.drop("MLA").write_parquet("damaged.parquet", metadata=metadata)
    assert (
        "damaged.parquet: a result, but damaged: ValueError: no column MLA." in run("merge", "damaged.parquet").stderr
    )
    for key, text in (("shard", '{"number": 1}'), ("failed", "[3]"), ("signatures", "{"), ("annotations", "null")):
        frame.write_parquet("damaged.parquet", metadata={**metadata, key: text})
        assert "damaged.parquet: a result, but damaged: " in run("merge", "damaged.parquet").stderr
    (tmp_path / "cut.parquet").write_bytes((tmp_path / part).read_bytes()[:-50])
    assert "cut.parquet: a result, but damaged: " in run("merge", "cut.parquet").stderr


def without_seal(part):
    """The same result as an earlier version would have written it."""
    metadata = pl.read_parquet_metadata(part)
    metadata.pop("seal")
    pl.read_parquet(part).write_parquet("unsealed.parquet", metadata=metadata)
    return "unsealed.parquet"


def test_any_damaged_byte_is_told_or_does_no_harm(run, sweep, tmp_path):
    (part,) = shards(run, sweep, 1, "--confidence", "0.9")
    whole = Path(part).read_bytes()
    expected = read_part(part)
    random, told = np.random.default_rng(0), 0
    for place, change in zip(random.integers(4, len(whole), 400), random.integers(1, 256, 400), strict=True):
        damaged = bytearray(whole)
        damaged[place] ^= int(change)
        Path(part).write_bytes(damaged)
        try:
            found = read_part(part)
        except PredictionsError:
            told += 1
            continue
        for field in fields(expected):
            before, now = getattr(expected, field.name), getattr(found, field.name)
            assert now.equals(before) if field.name == "frame" else repr(now) == repr(before)
    assert told > 200  # nobody needs the rest to read the table


def test_a_panic_of_polars_is_a_damaged_part(run, sweep, monkeypatch):
    (part,) = shards(run, sweep, 1)

    def panic(*_args, **_options):
        raise pl.exceptions.PanicException("index out of bounds")

    for reader in ("read_parquet", "read_parquet_metadata"):
        with monkeypatch.context() as patch:
            patch.setattr(pl, reader, panic)
            result = run("merge", part)
        assert result.exit_code == 1
        assert result.stderr.startswith(f"Error: {part}: a result, but damaged: ")
        assert "index out of bounds. Score that part again." in result.stderr


def test_merged_scores_have_no_exact_sums(run, sweep):
    with pytest.raises(KeyError, match="read back from files have no exact sums"):
        merge(shards(run, sweep, 1)).scores.exact("MLA")


def test_a_part_is_not_overwritten(run, sweep):
    (part,) = shards(run, sweep, 1)
    result = run("merge", part, "-o", part)
    assert result.exit_code == 2
    assert "would overwrite a file that is to be read" in result.stderr


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/0", "-1/3", "1/3/5", "\u0661/3", ""])
def test_a_shard_is_a_number_of_as_many(text, run, sweep):
    result = score(run, sweep, "--shard", text, "-o", "part.parquet")
    assert result.exit_code == 2
    assert "Invalid value for '--shard'" in result.stderr


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["--top", 3, "-o", "part.parquet"], "--top is about all checkpoints.*say it to `ml-scorer merge`"),
        (["--rank", "-o", "part.parquet"], r"--rank is about all checkpoints, .* Leave it out\."),
        (["-o", "part.csv"], r"only Parquet holds all that merging needs. Write it with -o part-1\.parquet"),
        ([], "only Parquet"),
    ],
)
def test_what_a_shard_cannot_give_is_misused(options, fault, run, sweep):
    result = score(run, sweep, "--shard", "1/3", *options)
    assert result.exit_code == 2
    assert re.search(fault, result.stderr)


def test_shards_may_write_to_one_store_instead(run, sweep):
    for number in (1, 2):
        result = score(run, sweep, "--shard", f"{number}/2", "--store", "results")
        assert "source" not in result.stdout.partition("\n")[0]
    assert score(run, sweep, "-o", "whole.json").exit_code == 1
    stored = json.loads(run("scores", "results", "--format", "json").stdout)["scores"]
    whole = json.loads(Path("whole.json").read_text())["scores"]
    assert {row["checkpoint"]: row["MLA"] for row in stored} == {row["checkpoint"]: row["MLA"] for row in whole}


def test_other_measurements_have_several_signatures():
    signatures = ["MLA|images:3|order:b", "MLA|images:3|order:a+b", "MLA|images:4|order:none"]
    assert joined_signatures(signatures) == ["MLA|images:3|order:a+b", "MLA|images:4|order:a+b"]
    assert joined_signatures(["MLA|order:none"]) == ["MLA|order:none"]


def test_the_array_of_the_readme(run, sweep, synthetic_table, tmp_path):
    """Each task in a bash of its own, as Slurm starts it, then the merge."""
    task, merge = code_blocks("On a cluster", "sh")[:2]
    assert "#SBATCH" in task
    files = sorted(path for path in sweep.iterdir() if path.suffix == ".npy" and path.stat().st_size)
    (tmp_path / "checkpoints.txt").write_text("".join(f"{path}\n" for path in files))
    commands = Path(sys.executable).parent
    for number in (1, 2, 3):
        environment = {**os.environ, "SLURM_ARRAY_TASK_ID": str(number), "PATH": f"{commands}:{os.environ['PATH']}"}
        script = task.replace("/64", "/3").replace("imagefolder", "annotations")
        script = script.replace("@checkpoints.txt", f"@checkpoints.txt --annotations {synthetic_table}")
        subprocess.run([shutil.which("bash"), "-e"], input=script, text=True, env=environment, check=True)
    subprocess.run([shutil.which("bash"), "-e"], input=merge, text=True, env=environment, check=True)
    assert score(run, sweep, "-o", "whole.parquet").exit_code == 1
    whole = pl.read_parquet("whole.parquet").filter(pl.col("checkpoint").is_in([path.stem for path in files]))
    merged = pl.read_parquet("scores.parquet")
    assert_frame_equal(merged.sort("checkpoint"), whole.sort("checkpoint"), check_exact=True)
