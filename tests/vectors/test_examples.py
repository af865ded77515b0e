"""That the worked examples in docs/formats are the vectors."""

import pytest

from tests.vectors import examples, generate

PAGES = sorted(examples.PAGES.glob("*.md"))
TEXTS = {page.name: page.read_text(encoding="utf-8") for page in PAGES}


@pytest.mark.parametrize("page", TEXTS)
def test_examples_are_those_of_the_vectors(page):
    assert examples.filled(TEXTS[page]) == TEXTS[page]
    assert examples.paths(TEXTS[page])


def test_every_topic_but_the_keys_is_exemplified():
    quoted = {name for text in TEXTS.values() for name, _ in examples.paths(text)}
    assert quoted == set(generate.TOPICS) - {"keys.json"}


def test_every_marker_has_its_block():
    # A marker with a slip in it would be passed over in silence.
    for text in TEXTS.values():
        assert text.count("<!-- vector:") == len(examples.paths(text))
