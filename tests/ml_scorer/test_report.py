"""Scores as text: the same numbers in every format, and nothing in a name is interpreted."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from ml_scorer import MLA, Scores
from ml_scorer.annotations import Identity
from ml_scorer.report import BINARY_FORMATS, ENDINGS
from ml_scorer.report import FORMATS as DOCUMENT_FORMATS
from ml_scorer.report.cells import printable, printable_lines, warnings
from ml_scorer.report.scores import scores_document
from ml_scorer.report.terminal import print_document
from ml_scorer.scores import Failure

FORMATS = {name: lambda scores, text=text: text(scores_document(scores)) for name, text in DOCUMENT_FORMATS.items()}
"""Every format, given scores."""

GENUINE = Identity("genuine", "imagenet2012_multilabel", "3.0.0", "f2" * 32)
SYNTHETIC = Identity("synthetic", "SYNTHETIC", None, "ab" * 32)
UNVERIFIED = Identity("unverified", "UNVERIFIED", None, "cd" * 32, "imagenet2012_multilabel/9.9.9")

STEERING = {
    "clears the screen": "\x1b[2Ja",
    "colours": "\x1b[31ma\x1b[0m",
    "sets the title": "\x1b]0;title\x07a",
    "one-byte sequence": "\x9b31ma",
    "overwrites": "a\rb",
    "line feed": "a\nb",
    "tab": "a\tb",
    "backspace": "a\x08b",
    "delete": "a\x7f",
    "right to left": "a\u202eb",
    "line separator": "a\u2028b",
    "null": "a\0",
}
MARKUP = [
    "[red]",
    "[/]",
    "[bold]a[/bold]",
    ":smile:",
    "a|b",
    "a||b",
    "*a*",
    "_a_",
    "`a`",
    "<b>a</b>",
    "a\\|b",
    "&lt;",
    "~~a~~",
]


def scores(*rows, annotations=GENUINE, failed=()):
    """Scores of a checkpoint a row: name, MLA, and then how many predictions were correct and how many wrong."""
    columns = {"checkpoint": pl.String, "MLA": pl.Float64, "MLA(unclear=wrong)": pl.Float64}
    columns |= {"ImageNetM": pl.Float64, "ImageNetM_right": pl.Int64, "correct": pl.Int64, "wrong": pl.Int64}
    rows = [(name, mla, mla / 2, 65 / 68, 65, correct, wrong) for name, mla, correct, wrong in rows]
    measures = ("MLA", "MLA(unclear=wrong)", "ImageNetM")
    return Scores(
        frame=pl.DataFrame(rows, schema=columns, orient="row"),
        signatures={measure: f"{measure}|data:{annotations}|images:18692" for measure in measures},
        annotations=annotations,
        failed=failed,
        denominators={"MLA": 10**12, "MLA(unclear=wrong)": 10**12, "ImageNetM": 68},
        _sums={measure: np.zeros(len(rows)) for measure in measures},
    )


def called(name):
    return scores((name, 0.5, 1, 2))


def on_terminal(shown, width=200):
    """What a terminal of this width would be sent."""
    file = io.StringIO()
    print_document(
        scores_document(shown),
        Console(file=file, width=width, force_terminal=True, color_system=None, legacy_windows=False),
    )
    return file.getvalue()


def rows_of_markdown(text):
    """Cells of each row of a table in Markdown; a pipe behind a backslash is no border."""
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in text.splitlines()
        if line.startswith("|")
    ]


ALL_FORMATS = {**FORMATS, "terminal": on_terminal}

TWO = (("resnet50", 0.850796, 15_919, 2_697), ("dino", 0.8566335, None, None))


# What each format looks like


def test_plain_text():
    assert FORMATS["table"](scores(*TWO)) == (
        "checkpoint     MLA  MLA(unclear=wrong)       ImageNetM  correct  wrong\n"
        "resnet50    85.08%              42.54%  95.59% (65/68)   15,919  2,697\n"
        "dino        85.66%              42.83%  95.59% (65/68)        -      -\n"
        "\n"
        "MLA|data:imagenet2012_multilabel/3.0.0@f2f2f2f2|images:18692\n"
        "MLA(unclear=wrong)|data:imagenet2012_multilabel/3.0.0@f2f2f2f2|images:18692\n"
        "ImageNetM|data:imagenet2012_multilabel/3.0.0@f2f2f2f2|images:18692"
    )


def test_markdown():
    assert FORMATS["markdown"](scores(*TWO)) == (
        "| checkpoint |        MLA | MLA(unclear=wrong) |      ImageNetM | correct | wrong |\n"
        "| ---------- | ---------: | -----------------: | -------------: | ------: | ----: |\n"
        "| resnet50   |     85.08% |             42.54% | 95.59% (65/68) |  15,919 | 2,697 |\n"
        "| dino       | **85.66%** |         **42.83%** | 95.59% (65/68) |       - |     - |\n"
        "\n"
        "```text\n"
        "MLA|data:imagenet2012_multilabel/3.0.0@f2f2f2f2|images:18692\n"
        "MLA(unclear=wrong)|data:imagenet2012_multilabel/3.0.0@f2f2f2f2|images:18692\n"
        "ImageNetM|data:imagenet2012_multilabel/3.0.0@f2f2f2f2|images:18692\n"
        "```"
    )


def test_csv():
    text = FORMATS["csv"](scores(*TWO))
    header, first, second = csv.reader(io.StringIO(text))
    assert header[:7] == ["checkpoint", "MLA", "MLA(unclear=wrong)", "ImageNetM", "ImageNetM_right", "correct", "wrong"]
    assert header[7:] == ["MLA signature", "MLA(unclear=wrong) signature", "ImageNetM signature"]
    assert first[:3] == ["resnet50", "0.850796", "0.425398"]
    assert second[4:7] == ["65", "", ""]
    assert second[7] == "MLA|data:imagenet2012_multilabel/3.0.0@f2f2f2f2|images:18692"


def test_json():
    shown = scores(*TWO, failed=(Failure("broken", "broken.csv: the file is empty."),))
    assert json.loads(FORMATS["json"](shown)) == {
        "signatures": shown.signatures,
        "annotations": {
            "name": "imagenet2012_multilabel",
            "version": "3.0.0",
            "fingerprint": "f2" * 32,
            "genuine": True,
        },
        "scores": [
            {
                "checkpoint": "resnet50",
                "MLA": 0.850796,
                "MLA(unclear=wrong)": 0.425398,
                "ImageNetM": 65 / 68,
                "ImageNetM_right": 65,
                "correct": 15_919,
                "wrong": 2_697,
            },
            {
                "checkpoint": "dino",
                "MLA": 0.8566335,
                "MLA(unclear=wrong)": 0.42831675,
                "ImageNetM": 65 / 68,
                "ImageNetM_right": 65,
                "correct": None,
                "wrong": None,
            },
        ],
        "failed": [{"checkpoint": "broken", "error": "broken.csv: the file is empty."}],
        "near_chance": [],
    }


def test_a_terminal_shows_what_plain_text_shows():
    shown = on_terminal(scores(*TWO))
    for text in ("resnet50", "85.08%", "42.54%", "95.59% (65/68)", "15,919", "2,697", "dino", "85.66%", "ImageNetM"):
        assert text in shown
    assert "MLA|data:imagenet2012_multilabel/3.0.0@f2f2f2f2|images:18692" in shown


def test_the_number_of_checkpoints_is_grammatical():
    assert repr(scores(("a", 0.5, 1, 1))).startswith("<Scores of 1 checkpoint, ")
    assert repr(scores()).startswith("<Scores of 0 checkpoints, ")


def test_columns_of_plain_text_end_at_the_same_place():
    lines = FORMATS["table"](scores(("a", 1.0, 18_692, 0), ("a much longer name", 0.05, 5, None))).splitlines()[:3]
    assert len({len(line) for line in lines}) == 1


def test_a_perfect_score_and_none_at_all():
    text = FORMATS["table"](scores(("a", 1.0, 1, 0), ("b", 0.0, 0, 1)))
    assert "100.00%" in text
    assert " 0.00%" in text


@pytest.mark.parametrize("name", list(ALL_FORMATS))
def test_no_checkpoints_are_shown_as_none(name):
    text = ALL_FORMATS[name](scores())
    assert "MLA" in text
    assert "SYNTHETIC" not in text


@pytest.mark.parametrize("name", list(FORMATS))
def test_no_text_ends_in_a_line_feed(name):
    assert not FORMATS[name](scores(*TWO)).endswith("\n")


@pytest.mark.parametrize("name", list(FORMATS))
def test_scores_stay_in_their_order(name):
    text = FORMATS[name](scores(("z", 0.1, 1, 1), ("a", 0.9, 1, 1), ("m", 0.5, 1, 1)))
    places = [re.search(rf"\b{name}\b", text).start() for name in ("z", "a", "m")]
    assert places == sorted(places)


def test_every_ending_has_a_format():
    assert set(ENDINGS.values()) == set(FORMATS) | set(BINARY_FORMATS)


# To the last bit


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1))
def test_json_and_csv_give_back_every_share_to_the_last_bit(shares):
    shown = scores(*((f"c{row}", share, 1, 1) for row, share in enumerate(shares)))
    assert [row["MLA"] for row in json.loads(FORMATS["json"](shown))["scores"]] == shares
    assert [float(row["MLA"]) for row in csv.DictReader(io.StringIO(FORMATS["csv"](shown)))] == shares


def test_shares_in_data_are_no_percentages():
    assert "%" not in FORMATS["json"](scores(*TWO)) + FORMATS["csv"](scores(*TWO))


# What must not be overlooked


@pytest.mark.parametrize("name", list(ALL_FORMATS))
@pytest.mark.parametrize("annotations", [SYNTHETIC, UNVERIFIED], ids=lambda identity: identity.status)
def test_annotations_that_are_not_the_real_ones_show_in_every_format(name, annotations):
    assert annotations.name in ALL_FORMATS[name](scores(*TWO, annotations=annotations))


@pytest.mark.parametrize("name", ["table", "markdown", "terminal"])
def test_a_warning_comes_first(name):
    text = ALL_FORMATS[name](scores(*TWO, annotations=SYNTHETIC)).lstrip("*\x1b[0m")
    assert text.startswith("SYNTHETIC annotations")


def test_each_csv_row_carries_what_it_is_a_score_of():
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"](scores(*TWO, annotations=SYNTHETIC)))))
    assert all("data:SYNTHETIC@abababab" in row["MLA signature"] for row in rows)


def test_json_says_that_stand_ins_are_not_genuine():
    assert json.loads(FORMATS["json"](scores(annotations=SYNTHETIC)))["annotations"] == {
        "name": "SYNTHETIC",
        "version": None,
        "fingerprint": "ab" * 32,
        "genuine": False,
    }


def test_genuine_annotations_need_no_warning():
    assert warnings(GENUINE) == ()


def test_a_claim_without_proof_is_told_as_such():
    (warning,) = warnings(UNVERIFIED)
    assert warning.startswith("UNVERIFIED annotations")
    assert "They say of themselves: imagenet2012_multilabel/9.9.9." in warning


def test_a_claim_is_not_interpreted():
    identity = Identity("unverified", "UNVERIFIED", None, "cd" * 32, "\x1b[2J<b>[x](http://x)|*y*</b>")
    text = FORMATS["markdown"](scores(*TWO, annotations=identity))
    assert "\x1b" not in text
    assert r"\<b\>\[x\](http://x)\|\*y\*\</b\>" in text


@pytest.mark.parametrize("name", ["table", "markdown", "json", "terminal"])
def test_failures_are_listed(name):
    failed = (Failure("first", "first.csv: the file is empty."), Failure("second", "second.csv: no such file."))
    text = ALL_FORMATS[name](scores(*TWO, failed=failed)).replace("\\", "")
    for words in ("first.csv: the file is empty.", "second.csv: no such file."):
        assert words in text


def test_an_error_of_several_lines_keeps_them():
    text = FORMATS["table"](scores(failed=(Failure("a", "a.csv: 2 problems\n  - one\n  - two"),)))
    assert text.endswith("failed: a.csv: 2 problems\n  - one\n  - two")


def test_an_error_of_several_lines_is_one_item_of_a_markdown_list():
    text = FORMATS["markdown"](scores(failed=(Failure("a", "a.csv: 2 problems\n  - one\n  - two"),)))
    assert text.splitlines()[-1] == "- failed: a.csv: 2 problems - one - two"


# Names are only names


@pytest.mark.parametrize("name", ["table", "markdown", "json", "terminal"])
@pytest.mark.parametrize("checkpoint", STEERING.values(), ids=STEERING)
def test_a_name_steers_no_terminal(name, checkpoint):
    plain = ALL_FORMATS[name](called("a"))
    text = ALL_FORMATS[name](called(checkpoint))
    own = "\n " + ("\x1b" if name == "terminal" else "")
    assert all(character.isprintable() or character in own for character in text)
    assert text.count("\n") == plain.count("\n")
    assert text.count("\x1b") == plain.count("\x1b")


@pytest.mark.parametrize("name", ["table", "markdown", "json", "terminal"])
@pytest.mark.parametrize("quoted", STEERING.values(), ids=STEERING)
def test_an_error_that_quotes_a_file_steers_no_terminal(name, quoted):
    text = ALL_FORMATS[name](scores(failed=(Failure(quoted, f"a.csv: no image: {quoted}"),)))
    plain = ALL_FORMATS[name](scores(failed=(Failure("a", "a.csv: no image: a"),)))
    assert text.count("\x1b") == plain.count("\x1b")
    assert all(character.isprintable() or character in "\n\x1b" for character in text)


@pytest.mark.parametrize("checkpoint", MARKUP)
@pytest.mark.parametrize("name", ["table", "terminal"])
def test_markup_in_a_name_is_shown_as_it_is(name, checkpoint):
    assert checkpoint in ALL_FORMATS[name](called(checkpoint))


@pytest.mark.parametrize("checkpoint", MARKUP)
def test_markup_in_a_name_is_escaped_in_markdown(checkpoint):
    _, _, row = rows_of_markdown(FORMATS["markdown"](called(checkpoint)))
    assert re.sub(r"\\([\\`*_\[\]<>|&~])", r"\1", row[0]) == checkpoint
    assert not re.search(r"(?<!\\)[`*_\[\]<>|&~]", row[0].replace("\\\\", ""))


@pytest.mark.parametrize("checkpoint", MARKUP)
def test_a_row_of_markdown_has_as_many_cells_as_the_header(checkpoint):
    header, rule, row = rows_of_markdown(FORMATS["markdown"](called(checkpoint)))
    assert len(row) == len(rule) == len(header) == 6


@pytest.mark.parametrize("checkpoint", [*MARKUP, *STEERING.values(), 'a,"b', "ä 猫", "a\r\nb", " a "])
def test_json_gives_back_any_name(checkpoint):
    assert json.loads(FORMATS["json"](called(checkpoint)))["scores"][0]["checkpoint"] == checkpoint


def test_json_gives_back_an_error_that_is_no_unicode():
    shown = scores(failed=(Failure("a", "\udcff.csv: no such file."),))
    assert json.loads(FORMATS["json"](shown))["failed"][0]["error"] == "\udcff.csv: no such file."


@pytest.mark.parametrize("checkpoint", [*MARKUP, 'a,"b', "ä 猫", "a\nb", " a "])
def test_csv_gives_back_any_name(checkpoint):
    (row,) = csv.DictReader(io.StringIO(FORMATS["csv"](called(checkpoint)), newline=""))
    assert row["checkpoint"] == checkpoint


def test_json_is_ascii_and_passes_any_encoding():
    assert FORMATS["json"](called("ä 猫")).isascii()


@pytest.mark.parametrize("width", [20, 40, 80])
def test_a_narrow_terminal_leaves_nothing_out(width):
    name = "a-very-long-name-of-a-checkpoint-at-step-00012345"
    printed = on_terminal(called(name), width=width)
    assert "…" not in printed
    assert any(line.startswith(name) for line in printed.splitlines())


@settings(deadline=None)
@given(st.text())
def test_printable_text_keeps_its_length_and_is_printable(text):
    assert len(printable(text)) == len(text)
    assert printable(text).isprintable()


@settings(deadline=None)
@given(st.text())
def test_printable_lines_are_as_many(text):
    assert printable_lines(text).count("\n") == text.count("\n")
    assert printable_lines(text).replace("\n", "").isprintable()


# The best of many


def test_the_best_come_first_and_equal_ones_stay_in_their_order():
    shown = scores(("low", 0.1, 1, 1), ("high", 0.9, 1, 1), ("same", 0.9, 1, 1), ("middle", 0.5, 1, 1))
    assert shown.best(3).frame["checkpoint"].to_list() == ["high", "same", "middle"]


def test_more_of_the_best_than_there_are_is_all():
    assert scores(*TWO).best(10).frame["checkpoint"].to_list() == ["dino", "resnet50"]


def test_the_best_of_none_is_none():
    assert scores().best(3).frame.height == 0


def test_the_best_keep_their_exact_scores():
    shown = scores(("low", 0.1, 1, 1), ("high", 0.9, 1, 1))
    shown = replace(shown, _sums={"MLA": np.array([10**11, 9 * 10**11])})
    assert shown.best(1).exact(MLA()) == [Fraction(9, 10)]


def test_a_score_that_was_not_asked_for_is_an_error():
    with pytest.raises(KeyError, match="Top1"):
        scores(*TWO).exact("Top1")
