"""Which class somebody means."""

from __future__ import annotations

import pytest

from ml_scorer.breakdowns.class_lookup import class_called
from ml_scorer.imagenet import class_names, classes


def test_every_index_wordnet_id_name_and_short_name_means_its_class():
    for index, (wordnet_id, name) in enumerate(classes().select("wordnet_id", "name").iter_rows()):
        for text in (str(index), wordnet_id, name, class_names()[index]):
            assert class_called(f" {text} ") == index


def test_the_case_does_not_matter_where_one_class_is_meant():
    assert class_called("TENCH") == class_called("TINCA tinca") == 0
    assert class_called("cardigan") == 474
    with pytest.raises(ValueError, match=r"264 \(Cardigan, Cardigan Welsh corgi\), 474 \(cardigan\)"):
        class_called("Cardigan")


def test_short_names_are_words_of_the_synset_and_of_one_class_each():
    assert len({name.lower() for name in class_names()}) == 1000
    for short, name in zip(class_names(), classes()["name"], strict=True):
        assert f"{name}, ".startswith(f"{short}, ")
    longer = [short for short in class_names() if ", " in short]
    assert longer == ["Cardigan, Cardigan Welsh corgi", "maillot, tank suit"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("crane", r"class 'crane' may be 134 \(crane \(bird\)\), 517 \(crane \(machine\)\): give the index\."),
        ("1000", r"class 1000: expected an index in 0-999, a WordNet id or a name\."),
        ("zebraa", r"class 'zebraa': expected .*Close to it: zebra"),
        ("n00000001", r"class 'n00000001': expected an index in 0-999, a WordNet id or a name"),
        ("-1", r"class '-1': expected .*`ml-scorer classes … -o classes.csv` lists all of them\."),
        ("", r"class '': expected"),
    ],
)
def test_no_class_or_several(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        class_called(text)
