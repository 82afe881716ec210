from __future__ import annotations

import json
import sys

import polars as pl
import pytest
from chart_frames import (
    HOSTILE,
    class_frame,
    confusion_frame,
    frames_of,
    group_frame,
    leaderboard_of,
    training_of,
)

from ml_scorer.errors import MissingExtraError
from ml_scorer.report.charts import CHARTS
from ml_scorer.report.charts.embedding import spec
from ml_scorer.report.charts.placing import labelled
from ml_scorer.report.charts.theme import PALETTES, theme

pytest.importorskip("altair", reason="Altair is not installed")

NAMES = tuple(f"model-{number}" for number in range(12))


def rows_of(chart, columns):
    """Data of a chart that have these columns, as sent to Vega-Lite."""
    drawn = chart.to_dict()
    return next(rows for rows in drawn["datasets"].values() if rows and columns <= set(rows[0]))


@pytest.mark.parametrize("name", CHARTS)
def test_every_chart_is_valid_vega_lite(name):
    kind = CHARTS[name]
    drawn = kind.build(frames_of(NAMES)[kind.frame]).to_dict()  # Altair checks it against the schema
    assert drawn["layer"]


@pytest.mark.parametrize("name", CHARTS)
def test_hostile_names_are_data_and_nothing_else(name):
    kind = CHARTS[name]
    drawn = kind.build(frames_of(HOSTILE)[kind.frame]).to_dict()
    drawn.pop("datasets")
    drawn.pop("params", None)
    code = json.dumps(drawn)
    assert not any(part in code for part in ("alert", "onerror", 'datum[\\"score', "a.b[0]", "lines", "on_and_on"))


@pytest.mark.parametrize("name", CHARTS)
def test_texts_are_printable_and_can_be_written(name):
    kind = CHARTS[name]
    frame = frames_of(HOSTILE)[kind.frame]
    text = json.dumps(spec(kind.build(frame)), ensure_ascii=False) + kind.summary(frame)
    assert text.isprintable()
    text.encode()


@pytest.mark.parametrize("name", CHARTS)
def test_a_frame_without_rows_has_no_chart_but_a_sentence(name):
    kind = CHARTS[name]
    empty = frames_of(NAMES)[kind.frame].clear()
    assert kind.build(empty) is None
    assert kind.summary(empty).endswith(".")


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_names_no_colour_so_that_one_serves_both_themes(name):
    kind = CHARTS[name]
    assert "#" not in json.dumps(spec(kind.build(frames_of(NAMES)[kind.frame]), None) | {"$schema": ""})


@pytest.mark.parametrize("name", CHARTS)
def test_one_checkpoint_is_enough(name):
    kind = CHARTS[name]
    frame = frames_of(NAMES[:1])[kind.frame]
    kind.build(frame).to_dict()
    assert "model-0" in kind.summary(frame) or name in {"classes", "confusions", "mla-against-top1"}


def test_five_thousand_checkpoints_stay_light():
    many = leaderboard_of([f"vit-b16-run{number % 25:02}-step-{number // 25:05}" for number in range(5000)])
    training = training_of([f"vit-b16-run{number:02}" for number in range(25)], 200)
    frames = {
        "leaderboard": many,
        "training": training,
        "classes": class_frame(),
        "confusions": confusion_frame(),
        "groups": group_frame(many["checkpoint"].to_list()[:100]),
    }
    texts = [json.dumps(spec(kind.build(frames[kind.frame]), None), separators=(",", ":")) for kind in CHARTS.values()]
    assert sum(map(len, texts)) < 1_500_000


def test_the_best_40_stand_on_the_leaderboard_best_first_and_hollow_where_told_from_the_best():
    frame = leaderboard_of([f"model-{number}" for number in range(50)])
    rows = rows_of(CHARTS["leaderboard"].build(frame), {"place"})
    best = frame.sort("MLA", descending=True).head(40)
    assert [row["name"] for row in rows] == best["checkpoint"].to_list()
    assert [row["score"] for row in rows] == best["MLA"].round(4).to_list()
    assert [row["first"] for row in rows] == (best["place_low"] == 1).to_list()
    assert "the best 40 of 50 checkpoints" in CHARTS["leaderboard"].summary(frame)


def test_without_intervals_a_dot_is_its_own_interval():
    frame = leaderboard_of(NAMES).with_columns(pl.lit(None, pl.Float64).alias("MLA_low"))
    rows = rows_of(CHARTS["leaderboard"].build(frame), {"place"})
    assert all(row["low"] == row["score"] < row["high"] for row in rows)


@pytest.mark.parametrize("column", ["Top1", "MLA"])
def test_mla_against_top1_needs_both(column):
    frame = leaderboard_of(NAMES).drop(column, f"{column}_low", f"{column}_high")
    assert CHARTS["mla-against-top1"].build(frame) is None
    assert CHARTS["mla-against-top1"].summary(frame) == "There are no checkpoints with both MLA and Top1."


def test_mla_against_top1_says_how_far_from_the_diagonal():
    frame = leaderboard_of(NAMES).with_columns(MLA=pl.col("Top1") + 0.05)
    frame = frame.with_columns(MLA=pl.when(pl.col("checkpoint") == "model-3").then(0.5).otherwise("MLA"), Top1=0.55)
    assert "Of 12 checkpoints, 11 lie above the diagonal" in CHARTS["mla-against-top1"].summary(frame)
    assert "between -5.00 and +" in CHARTS["mla-against-top1"].summary(frame)


def test_checkpoints_without_one_of_the_two_are_left_out():
    frame = leaderboard_of(NAMES).with_columns(Top1=pl.when(pl.col("checkpoint") != "model-3").then("Top1"))
    assert len(rows_of(CHARTS["mla-against-top1"].build(frame), {"name", "x", "y"})) == 11


def test_intervals_are_drawn_for_few_checkpoints_only():
    few, many = (leaderboard_of([f"m{number}" for number in range(size)]) for size in (100, 101))
    assert "x_low" in rows_of(CHARTS["mla-against-top1"].build(few), {"name", "x", "y"})[0]
    assert "x_low" not in rows_of(CHARTS["mla-against-top1"].build(many), {"name", "x", "y"})[0]


def test_runs_are_numbered_by_where_they_end():
    frame = training_of(["a", "b", "c"], 4).sample(fraction=1, shuffle=True, seed=1)
    ends = frame.filter(pl.col("step") == 2000).sort("MLA", descending=True)["run"].to_list()
    rows = rows_of(CHARTS["training"].build(frame), {"step", "score"})
    assert [row["row"] for row in rows] == [0] * 4 + [1] * 4 + [2] * 4
    assert [row["name"].split("-")[0] for row in rows[::4]] == ends
    assert [row["step"] for row in rows[:4]] == [500, 1000, 1500, 2000]
    assert f"12 checkpoints of 3 runs, with confidence intervals. {ends[0]} ends best" in CHARTS["training"].summary(
        frame
    )


@pytest.mark.parametrize(
    "frame",
    [
        leaderboard_of(NAMES),  # no runs, no steps
        training_of(["a", "b"], 1),
        training_of(["a"], 3).with_columns(step=pl.lit(None, pl.Int64)),
        training_of(["a"], 3).with_columns(step=pl.lit(7, pl.Int64)),
    ],
)
def test_a_course_needs_a_run_with_two_steps(frame):
    assert CHARTS["training"].build(frame) is None
    assert CHARTS["training"].summary(frame).startswith("No run with several steps")


def test_runs_beyond_the_eighth_are_thin_lines_without_intervals():
    chart = CHARTS["training"].build(training_of([f"run{number}" for number in range(11)], 3))
    data = chart.to_dict()["datasets"].values()
    assert sorted(len(rows) for rows in data) == [9, 24]
    assert all(("low" in row) == (row["row"] < 8) for rows in data for row in rows)


def test_verdicts_stack_from_zero_to_all_images():
    frame = leaderboard_of(NAMES)
    chart = CHARTS["verdicts"].build(frame)
    segments, bounds = rows_of(chart, {"start", "end"}), rows_of(chart, {"lower", "upper"})
    for row in bounds:
        own = sorted((part["start"], part["end"], part["verdict"]) for part in segments if part["row"] == row["row"])
        assert [part[2] for part in own] == ["correct", "unclear", "unreviewed", "wrong"]
        assert own[0][0] == 0
        assert own[-1][1] == 1
        assert row["lower"] == pytest.approx(own[1][1])
        assert row["upper"] == pytest.approx(own[2][1])
    first = frame.sort("MLA", descending=True).row(0, named=True)
    images = sum(first[verdict] for verdict in ("correct", "unclear", "wrong", "unreviewed"))
    lower, upper = first["correct"] + first["unclear"], images - first["wrong"]
    assert bounds[0]["text"] == f"{lower / images:.2%}"[:-1] + f"–{upper / images:.2%}"  # noqa: RUF001


def test_missing_predictions_are_a_segment_of_their_own():
    frame = leaderboard_of(NAMES).with_columns(pl.col("wrong") - 100, missing=pl.lit(100))
    chart = CHARTS["verdicts"].build(frame)
    last = max(rows_of(chart, {"start", "end"}), key=lambda part: part["start"])
    assert last["verdict"] == "missing"
    assert (last["start"], last["end"]) == (pytest.approx(1 - 100 / 18_692, abs=1e-4), 1)
    assert rows_of(chart, {"lower", "upper"})[0]["missing"] == pytest.approx(100 / 18_692, abs=1e-4)
    assert '"missing"' in json.dumps(chart.to_dict()["layer"][0]["encoding"]["color"])
    assert "wrong, 0.53% missing. Had" in CHARTS["verdicts"].summary(frame)


def test_where_nothing_is_missing_nothing_is_said_of_it():
    frame = leaderboard_of(NAMES).with_columns(missing=pl.lit(0))
    assert "missing" not in json.dumps(CHARTS["verdicts"].build(frame).to_dict())
    assert "missing" not in CHARTS["verdicts"].summary(frame)


def test_verdicts_speak_of_the_share_of_images_and_not_of_a_measure():
    frame = leaderboard_of(NAMES)
    most = frame.sort("unreviewed", descending=True).row(0, named=True)
    rise = f"would rise by {100 * most['unreviewed'] / 18_692:.2f} points at most ({most['checkpoint']})."
    assert f"the share of right images, of the 18,692 of MLA, {rise}" in CHARTS["verdicts"].summary(frame)
    same = frame.with_columns(pl.lit(100).alias("unreviewed"), wrong=18_592 - pl.col("correct") - pl.col("unclear"))
    assert CHARTS["verdicts"].summary(same).endswith("would rise by 0.53 points.")


def test_figures_of_verdicts_stand_beside_the_bars():
    layers = CHARTS["verdicts"].build(leaderboard_of(NAMES)).to_dict()["layer"]
    figures = next(layer for layer in layers if layer["mark"]["type"] == "text")
    assert figures["encoding"]["x"]["datum"] == 1
    assert figures["mark"]["dx"] > 0


def test_verdicts_that_are_not_known_are_not_drawn():
    frame = leaderboard_of(NAMES)
    assert CHARTS["verdicts"].build(frame.with_columns(correct=pl.lit(None, pl.Int64))) is None
    assert CHARTS["verdicts"].build(frame.drop("unreviewed")) is None


def test_the_worst_classes_are_named_the_worst_first():
    frame = class_frame()
    chart = CHARTS["classes"].build(frame)
    worst = rows_of(chart, {"mistakes"})
    assert [row["share"] for row in worst] == frame["share"].sort().head(20).round(4).to_list()
    assert len(rows_of(chart, {"share", "row", "small"})) in {20, 1000}
    assert worst[0]["mistakes"] == "tiger shark (2)"
    assert {row["small"] for row in worst} <= {True, False}


def titles_of(chart):
    """Texts of the titles of the axes of a chart."""
    encodings = [layer["encoding"] for layer in chart.to_dict()["layer"]]
    axes = [encoding[axis].get("axis") or {} for encoding in encodings for axis in ("x", "y") if axis in encoding]
    return json.dumps([axis.get("title") for axis in axes])


def test_classes_of_one_checkpoint_have_their_intervals():
    frame = class_frame().with_columns(low=pl.col("share") / 2, high=pl.col("share"), confidence=pl.lit(0.9))
    chart = CHARTS["classes"].build(frame)
    assert rows_of(chart, {"mistakes"})[0]["low"] == pytest.approx(frame["share"].min() / 2, abs=1e-4)
    assert "line: 90% interval" in titles_of(chart)
    assert "line: from the worst to the best checkpoint" in titles_of(CHARTS["classes"].build(class_frame()))


def test_half_of_the_classes_need_not_lie_above_the_median():
    frame = class_frame().with_columns(share=pl.lit(0.875))
    assert "the median is 87.50%" in CHARTS["classes"].summary(frame)


@pytest.mark.parametrize("name", ["leaderboard", "mla-against-top1", "training", "groups"])
def test_intervals_have_their_level(name):
    frame = frames_of(NAMES)[CHARTS[name].frame]
    level = frame.with_columns(confidence=pl.lit(0.995))
    assert "99.5% interval" in titles_of(CHARTS[name].build(level))
    assert "with 99.5% intervals" in (text := CHARTS[name].summary(level)) or "Crosses are 99.5% intervals" in text
    assert "confidence interval" in titles_of(CHARTS[name].build(frame))


@pytest.mark.parametrize("name", ["classes", "confusions", "groups"])
def test_the_measure_is_named_where_no_column_is(name):
    frame = frames_of(NAMES)[CHARTS[name].frame].with_columns(measured=pl.lit("MLA(unclear=wrong)"))
    assert "MLA(unclear=wrong)" in titles_of(CHARTS[name].build(frame))
    assert "MLA(unclear=wrong)" in CHARTS[name].summary(frame)


def test_filled_dots_may_be_in_first_place():
    frame = leaderboard_of(NAMES).with_columns(place_low=pl.Series([1, 1, *range(3, 13)]))
    assert "2 checkpoints may be in first place." in CHARTS["leaderboard"].summary(frame)
    assert "filled: may be in first place" in titles_of(CHARTS["leaderboard"].build(frame))
    alone = frame.with_columns(place_low=pl.Series(range(1, 13)))
    assert "only one checkpoint may be in first place." in CHARTS["leaderboard"].summary(alone)


def test_equal_checkpoints_are_said_to_be_equal():
    frame = leaderboard_of(NAMES).with_columns(MLA=pl.lit(0.8), Top1=pl.lit(0.8))
    assert "with confidence intervals: all 80.00%." in CHARTS["leaderboard"].summary(frame)
    text = CHARTS["mla-against-top1"].summary(frame.with_columns(Top1=pl.lit(0.8 + 1e-9)))
    assert "MLA minus Top1 is +0.00 points for all." in text
    runs = training_of(["a", "b"], 3).with_columns(MLA=pl.lit(0.8))
    assert "a goes from 80.00% to 80.00% at step 1,500." in CHARTS["training"].summary(runs)
    groups = group_frame(NAMES).with_columns(score=pl.lit(0.8))
    assert CHARTS["groups"].summary(groups).endswith("model-0 has 80.00% in each.")


def test_one_checkpoint_lies_and_several_lie_above_the_diagonal():
    frame = leaderboard_of(NAMES).with_columns(Top1=pl.when(pl.col("checkpoint") == "model-3").then(0.1).otherwise(1.0))
    assert "1 lies above the diagonal" in CHARTS["mla-against-top1"].summary(frame)


def test_each_axis_of_mla_against_top1_has_its_own_domain():
    frame = leaderboard_of(NAMES)
    scale = [("MLA", 0.84, 0.86), ("Top1", 0.78, 0.80)]
    apart = frame.with_columns(
        pl.lit(value).alias(f"{name}{end}")
        for name, low, high in scale
        for value, end in ((low, "_low"), ((low + high) / 2, ""), (high, "_high"))
    )
    chart = CHARTS["mla-against-top1"].build(apart).to_dict()
    encoding = chart["layer"][-1]["encoding"]
    assert encoding["x"]["scale"]["domain"] == pytest.approx([0.7792, 0.8008])
    assert encoding["y"]["scale"]["domain"] == pytest.approx([0.8392, 0.8608])
    assert not any(layer["mark"]["type"] == "line" for layer in chart["layer"])
    assert "MLA = Top1 lies below this picture" in titles_of(CHARTS["mla-against-top1"].build(apart))


def test_the_diagonal_ends_with_the_picture():
    frame = leaderboard_of(NAMES)
    chart = CHARTS["mla-against-top1"].build(frame)
    line, encoding = chart.to_dict()["layer"][0], chart.to_dict()["layer"][-1]["encoding"]
    assert line["mark"]["type"] == "line"
    ends = chart.to_dict()["datasets"][line["data"]["name"]] if "name" in line["data"] else line["data"]["values"]
    (x, right), (y, top) = (encoding[axis]["scale"]["domain"] for axis in ("x", "y"))
    assert ends == [{"x": max(x, y), "y": max(x, y)}, {"x": min(right, top), "y": min(right, top)}]
    assert "dashed: MLA = Top1" in titles_of(chart)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_screen_readers_get_the_summary_and_no_marks(mode):
    assert theme(mode)["aria"] is False


def test_confusions_are_the_most_frequent_split_by_verdict():
    frame = confusion_frame()
    chart = CHARTS["confusions"].build(frame)
    rows, segments = rows_of(chart, {"pair"}), rows_of(chart, {"start", "end"})
    assert [row["predictions"] for row in rows] == frame["predictions"].sort(descending=True).head(20).to_list()
    for row in rows:
        parts = {part["verdict"]: part["end"] - part["start"] for part in segments if part["row"] == row["row"]}
        assert parts.get("wrong", 0) == row["wrong"]
        assert sum(parts.values()) == row["predictions"]


def test_two_classes_with_one_first_word_are_told_apart():
    frame = confusion_frame(1).with_columns(
        original_name=pl.lit("maillot"), predicted_name=pl.lit("maillot, tank suit")
    )
    assert rows_of(CHARTS["confusions"].build(frame), {"pair"})[0]["pair"] == "maillot → maillot, tank suit"


def test_groups_show_the_best_ten_checkpoints_in_one_order():
    frame = group_frame([f"model-{number}" for number in range(15)])
    rows = rows_of(CHARTS["groups"].build(frame), {"group", "score"})
    first = frame["checkpoint"].unique(maintain_order=True).head(10)
    for group in ("organism", "object", "dog", "organism-not-dog"):
        assert [row["name"] for row in rows if row["group"] == group] == first.to_list()


def test_with_many_groups_there_are_fewer_checkpoints():
    frame = group_frame(NAMES, [f"group-{number}" for number in range(50)])
    rows = rows_of(CHARTS["groups"].build(frame), {"group", "score"})
    assert len({row["group"] for row in rows}) == 30
    assert len({row["name"] for row in rows}) == 2


def test_groups_without_bounds_and_intervals_are_drawn():
    nothing = pl.lit(None, pl.Float64)
    assert CHARTS["groups"].build(group_frame(NAMES).with_columns(upper=nothing)).to_dict()
    assert CHARTS["groups"].build(group_frame(NAMES).with_columns(low=nothing, high=nothing)).to_dict()


def test_without_altair_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "altair", None)
    with pytest.raises(MissingExtraError, match=r"a chart needs packages .* 'ml-scorer\[report\]'"):
        CHARTS["leaderboard"].build(leaderboard_of(NAMES))


def luminance(colour):
    """Relative luminance of a colour, WCAG 2.2."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", PALETTES.values(), ids=list(PALETTES))
def test_text_and_marks_have_enough_contrast(palette):
    assert contrast(palette.ink, palette.surface) >= 4.5
    assert contrast(palette.muted, palette.surface) >= 4.5
    assert all(contrast(colour, palette.surface) >= 3 for colour in (*palette.series, palette.verdicts[-1]))


def test_the_page_may_choose_the_theme():
    chart = CHARTS["leaderboard"].build(leaderboard_of(NAMES))
    assert "config" not in spec(chart, None)
    assert spec(chart, "dark")["config"] == theme("dark")
    assert spec(chart)["width"] == "container"
    assert spec(chart, responsive=False)["width"] == 640
    title = spec(chart, heading=["A heading", "SYNTHETIC"])["title"]
    assert title == {"text": "A heading", "subtitle": ["SYNTHETIC"]}
    untitled = spec(chart, heading=["", "SYNTHETIC"])["title"]
    assert untitled == {"text": ["SYNTHETIC"], "fontSize": 11, "fontWeight": "normal"}


def test_labels_that_would_look_the_same_are_told_apart():
    names = [f"vit_large_patch14_{number}.laion2b_finetuned_on_imagenet" for number in range(12)]
    chart = CHARTS["leaderboard"].build(leaderboard_of(names)).to_dict()
    for labels in (parameter["value"] for parameter in chart["params"]):
        assert len(set(labels)) == 12
        assert max(map(len, labels)) <= 34


def test_no_label_covers_another():
    points = pl.DataFrame({"x": [0.5] * 3, "y": [0.5, 0.505, 0.51], "text": ["first", "second", "third"]})
    placed = labelled(points, ((0, 1), (0, 1)), 10, (600, 400))
    assert {side: rows["text"].to_list() for side, rows in placed.items()} == {"left": ["first"], "right": ["second"]}
    assert labelled(points, ((0, 1), (0, 1)), 1, (600, 400))["left"]["text"].to_list() == ["first"]


def test_no_label_covers_a_point():
    points = pl.DataFrame({"x": [0.5, 0.56], "y": [0.5, 0.525], "text": ["first", "second"]})
    placed = labelled(points, ((0, 1), (0, 1)), 1, (600, 400))
    assert list(placed) == ["right"]


def test_a_name_at_the_right_edge_stands_to_the_left_of_its_point():
    points = pl.DataFrame({"x": [0.97], "y": [0.5], "text": ["a rather long name"]})
    assert list(labelled(points, ((0, 1), (0, 1)), 1, (600, 400))) == ["right"]
