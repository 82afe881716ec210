"""A drop from earlier scores: against the textbook's test of two proportions, and by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ml_scorer.annotations import Identity
from ml_scorer.comparison.drop import changes_of_scores
from ml_scorer.scores import Scores

IDENTITY = Identity("synthetic", "SYNTHETIC", None, "5f" * 32)


def scores(shares, half_widths, confidence=0.95):
    shares, half_widths = np.array(shares, float), np.array(half_widths, float)
    frame = pl.DataFrame({
        "checkpoint": [f"c{row}" for row in range(shares.size)],
        "M": shares,
        "M_low": shares - half_widths,
        "M_high": shares + half_widths,
    })  # fmt: skip
    return Scores(frame, {"M": "M|data"}, IDENTITY, (), {"M": 1}, {"M": np.zeros(shares.size)}, confidence=confidence)


def earlier(share, half_width=None):
    ends = {} if half_width is None else {"M_low": share - half_width, "M_high": share + half_width}
    return {"checkpoint": "old", "M": share, **ends}


def test_symmetric_intervals_give_the_z_test():
    norm = pytest.importorskip("scipy.stats").norm
    n, m, p, q = 2000, 1500, 0.82, 0.85
    deviations = np.sqrt(np.array([p * (1 - p) / n, q * (1 - q) / m]))
    shown = scores([p], [norm.ppf(0.975) * deviations[0]])
    changes = changes_of_scores(shown, [earlier(q, norm.ppf(0.95) * deviations[1])], 0.9, "M")
    deviation = np.hypot(*deviations)
    assert changes.p_value == pytest.approx([norm.cdf((p - q) / deviation)])
    assert changes.low == pytest.approx([p - q - norm.ppf(0.975) * deviation])
    assert changes.high == pytest.approx([p - q + norm.ppf(0.975) * deviation])
    assert changes.significant.tolist() == [True]


def test_unlike_sides_are_each_used_where_they_point():
    shown = scores([0.9], [0.03])
    shown.frame.replace_column(3, pl.Series("M_high", [0.94]))
    changes = changes_of_scores(shown, [{"checkpoint": "old", "M": 0.95, "M_low": 0.92, "M_high": 0.99}], 0.95, "M")
    assert changes.high == pytest.approx([-0.05 + np.hypot(0.04, 0.03)])  # up to 0.94, and down to 0.92
    assert changes.low == pytest.approx([-0.05 - np.hypot(0.03, 0.04)])  # down to 0.87, and up to 0.99


def test_an_earlier_score_without_an_interval_is_as_uncertain_as_the_new_one():
    alone = changes_of_scores(scores([0.8], [0.02]), [earlier(0.83)], 0.95, "M")
    unknown = changes_of_scores(scores([0.8], [0.02]), [earlier(0.83, 0.01)], None, "M")
    said = changes_of_scores(scores([0.8], [0.02]), [earlier(0.83, 0.02)], 0.95, "M")
    for changes in (alone, unknown):
        assert (changes.low, changes.high) == (pytest.approx(said.low), pytest.approx(said.high))
        assert changes.p_value == pytest.approx(said.p_value)
    assert "as uncertain as the new one" in unknown.method
    assert said.method == "unpaired, from their intervals"


def test_only_the_rows_without_an_interval_take_that_of_the_new_score():
    both = changes_of_scores(scores([0.8, 0.8], [0.02, 0.02]), [earlier(0.83), earlier(0.83, 0.01)], 0.95, "M")
    assert both.high == pytest.approx([-0.03 + np.hypot(0.02, 0.02), -0.03 + np.hypot(0.02, 0.01)])
    assert "an earlier score without one" in both.method


def test_of_two_equally_good_checkpoints_few_are_said_to_have_dropped():
    random = np.random.default_rng(0)
    images, right = 5000, 0.85
    shares = random.binomial(images, right, (4000, 2)) / images
    half_widths = 1.96 * np.sqrt(shares * (1 - shares) / images)
    fallen = [
        changes_of_scores(scores([now], [half]), [earlier(then)], None, "M").significant[0]
        for (now, then), (half, _) in zip(shares.tolist(), half_widths.tolist(), strict=True)
    ]
    assert np.mean(fallen) < 0.06


def test_the_line_between_drops_is_where_the_p_value_says():
    z = 1.6448536269514722  # standard normal quantile at 0.95
    sure = scores([0.8, 0.8], [0.0196, 0.0196])
    for share, expected in ((0.8 + 1.01 * z * 0.01, True), (0.8 + 0.99 * z * 0.01, False), (0.7, False), (0.8, False)):
        single = Scores(
            sure.frame[:1], sure.signatures, IDENTITY, (), {"M": 1}, {"M": np.zeros(1)}, confidence=0.95
        )  # fmt: skip
        assert changes_of_scores(single, [earlier(share, 0)], 0.95, "M").significant.tolist() == [expected]


def test_several_are_adjusted():
    multipletests = pytest.importorskip("statsmodels.stats.multitest").multipletests
    halves = [0.02, 0.03, 0.01]
    changes = changes_of_scores(scores([0.8, 0.81, 0.82], halves), [earlier(0.83)] * 3, None, "M")
    alone = [
        changes_of_scores(scores([share], [half]), [earlier(0.83)], None, "M").p_value[0]
        for share, half in zip((0.8, 0.81, 0.82), halves, strict=True)
    ]
    assert changes.p_value == pytest.approx(multipletests(alone, method="holm")[1])


@pytest.mark.parametrize(("then", "p_value"), [(0.8, 1.0), (0.81, 0.0), (0.79, 1.0)])
def test_no_sampling_error_at_all(then, p_value):
    changes = changes_of_scores(scores([0.8], [0.0]), [earlier(then)], None, "M")
    assert changes.p_value.tolist() == [p_value]
    assert changes.significant.tolist() == [then > 0.8]


def test_scores_without_intervals_are_refused():
    with pytest.raises(ValueError, match="the scores have no intervals"):
        changes_of_scores(scores([0.8], [0.1], confidence=None), [earlier(0.8)], None, "M")


def test_a_drop_is_seldom_found_where_there_is_none():
    """Two samples of one population: a significant drop in about 1 - confidence of them."""
    pytest.importorskip("scipy")
    from ml_scorer.statistics.intervals import clopper_pearson

    random = np.random.default_rng(0)
    number, runs = 2000, 2000
    first, second = random.binomial(number, 0.85, (2, runs))
    found = 0
    new, old = clopper_pearson(first, number, 0.95), clopper_pearson(second, number, 0.95)
    for row in range(runs):
        frame = pl.DataFrame(
            {"checkpoint": ["a"], "M": [first[row] / number], "M_low": [new.low[row]], "M_high": [new.high[row]]}
        )
        shown = Scores(frame, {"M": ""}, IDENTITY, (), {"M": 1}, {"M": np.zeros(1)}, confidence=0.95)
        then = {"checkpoint": "b", "M": second[row] / number, "M_low": old.low[row], "M_high": old.high[row]}
        found += bool(changes_of_scores(shown, [then], 0.95, "M").significant[0])
    assert 0.03 < found / runs < 0.06
