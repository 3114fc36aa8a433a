"""Text search: what is found, in what order, and which spelling errors are forgiven."""

from __future__ import annotations

import pytest

from jsk_saver.index import NameState, query
from jsk_saver.index.sqlite import SqliteIndex
from jsk_saver.index.tokens import index_words, phrase_words
from jsk_saver.index.vocabulary import Vocabulary


@pytest.fixture(params=["tail", "segments"])
def index(request):
    return SqliteIndex(":memory:", segment=4, tail=1 if request.param == "segments" else 1000)


def names(index, text, **more):
    return [record.name for record in index.find(query(text=text, **more))]


def test_misspelled_words_find_what_was_meant_in_names_and_metadata(index, record):
    index.append(record("data_youtube_channels.csv"))
    index.append(record("table.csv", origin="youtube", what="channels"))
    index.append(record("other.csv", origin="vimeo", what="videos"))
    assert names(index, "yotube chanel") == ["data_youtube_channels.csv", "table.csv"]
    assert names(index, "yuotube") == ["data_youtube_channels.csv", "table.csv"]
    assert names(index, "vimoe video") == ["other.csv"]
    assert names(index, "xyzzy") == []


def test_singular_plural_case_accents_and_camel_case_do_not_matter(index, record):
    index.append(record("dataYouTubeChannels2024.csv", title="Café Categories", tags=["Boxes"]))
    for text in (
        "channel",
        "YOUTUBE",
        "youtube",
        "you tube",
        "2024",
        "cafe",
        "CAFÉ",
        "category",
        "box",
        "café boxes",
    ):
        assert names(index, text) == ["dataYouTubeChannels2024.csv"], text


def test_the_beginning_of_a_word_is_enough(index, record):
    index.append(record("a.csv", title="subscriptions"))
    assert names(index, "subscr") == ["a.csv"]
    assert names(index, "su") == []


def test_words_as_typed_come_before_completed_and_these_before_corrected_ones(index, record):
    index.append(record("1.csv", title="chanel"))
    index.append(record("2.csv", title="chanels and more"))  # the plural is the same word
    index.append(record("3.csv", title="chanelling"))
    index.append(record("4.csv", title="channel"))
    assert names(index, "chanel") == ["2.csv", "1.csv", "3.csv", "4.csv"]


def test_a_word_in_the_name_counts_more_than_elsewhere(index, record):
    index.append(record("churn.csv"))
    index.append(record("a.csv", title="churn"))
    index.append(record("b.csv", churn=1))
    assert names(index, "churn") == ["churn.csv", "b.csv", "a.csv"]


def test_rare_words_count_more_and_all_words_are_wanted_if_some_version_has_them(index, record):
    for number in range(20):
        index.append(record(f"{number}.csv", title="common"))
    index.append(record("rare.csv", title="unusual"))
    assert names(index, "common unusual", limit=1) == ["rare.csv"]
    index.append(record("both.csv", title="common unusual"))
    assert names(index, "common unusual") == ["both.csv"]


def test_a_frequent_word_is_not_taken_for_another(index, record):
    for number in range(25):
        index.append(record(f"{number}.csv", title="chanel"))
    index.append(record("other.csv", title="channel"))
    assert "other.csv" not in names(index, "chanel")


def test_equal_scores_are_newest_first_and_paged(index, record):
    for number in range(30):
        index.append(record(f"{number}.csv", title="same"))
    assert names(index, "same", limit=3) == ["29.csv", "28.csv", "27.csv"]
    assert names(index, "same", limit=3, offset=3) == ["26.csv", "25.csv", "24.csv"]
    assert names(index, "same", limit=2, sort="created") == ["0.csv", "1.csv"]
    assert names(index, "same", limit=2, sort="size") == ["0.csv", "1.csv"]
    assert index.count(query(text="same", limit=3)) == 30


def test_phrases_stand_together_in_one_text(index, record):
    index.append(record("a.csv", title="machine learning"))
    index.append(record("b.csv", title="learning machine"))
    index.append(record("c.csv", title="machine", other="learning"))
    assert names(index, '"Machine Learning"') == ["a.csv"]
    assert set(names(index, "machine learning")) == {"a.csv", "b.csv", "c.csv"}
    assert index.count(query('-"machine learning"')) == 2
    assert names(index, 'machine "learning machine"') == ["b.csv"]


def test_text_goes_together_with_every_condition(index, record):
    for number in range(12):
        index.append(record(f"{number}.csv", title="youtube", rows=number, origin="a" if number % 2 else "b"))
    index.hide("11.csv")
    assert names(index, "yotube", limit=2) == ["10.csv", "9.csv"]
    found = [r.name for r in index.find(query("yotube origin:a rows:>=3 -7"))]
    assert found == ["9.csv", "5.csv", "3.csv"]


def test_lineage_is_searched_as_text_and_digests_are_not(index, record):
    index.append(
        record("a.csv", lineage={"user": "ann", "notebook": "deep/eda.ipynb", "commit": "abcdef0123"})
    )
    assert names(index, "ann eda") == ["a.csv"]
    assert names(index, "abcdef0123") == []
    assert [r.name for r in index.find(query(commit="abcdef"))] == ["a.csv"]
    assert [r.name for r in index.find(query(notebook="eda.ipynb"))] == ["a.csv"]


def test_new_words_are_known_at_once(index, record):
    index.append(record("a.csv", title="first"))
    assert names(index, "frist") == ["a.csv"]
    index.append(record("b.csv", title="elephant"))
    assert names(index, "elephnat") == ["b.csv"]
    index.update([NameState("b.csv", [])])
    assert names(index, "elephnat") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("data_youtube-channels.csv", ("data", "youtube", "channel", "csv")),
        ("HTMLParserTool", ("htmlparsertool", "html", "parser", "tool", "htmlparser", "parsertool")),
        ("v2 mp3", ("v2", "v", "2", "mp3", "mp", "3")),
        ("3f2a9c81d0", ("3f2a9c81d0",)),
        ("glass gas status analysis", ("glass", "gas", "status", "analysis")),
        ("ponies ties", ("pony", "tie")),
        ("東京の天気", ("東", "京", "の", "天", "気")),
        ("Ünïcödé Straße", ("unicode", "strasse")),
        ("!?", ()),
    ],
)
def test_texts_are_cut_into_words(text, words):
    assert index_words(text) == words


def test_a_query_is_cut_into_wholes_only():
    assert phrase_words("YouTube data2024") == ("youtube", "data2024")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("yotube", "youtube"), ("youtubee", "youtube"), ("yuotube", "youtube"), ("youtuba", "youtube"),
        ("outube", "youtube"), ("subscibre", "subscriber"), ("sbuscribre", "subscriber"),
    ],
)  # fmt: skip
def test_one_error_is_forgiven_and_two_in_long_words(typed, meant):
    vocabulary = Vocabulary()
    vocabulary.learn(["youtube", "subscriber", "channel", "rows"])
    assert vocabulary.corrections(typed) == [meant]


def test_short_words_and_numbers_are_never_corrected():
    vocabulary = Vocabulary()
    vocabulary.learn(["cat", "2024", "data2", "youtube"])
    assert [vocabulary.corrections(word) for word in ("car", "2025", "data3", "yutub")] == [[], [], [], []]
