"""Text from users and data sets, cleaned for printing. Nothing in it is markup."""

import re
import unicodedata

MAX_TEXT = 20_000  # characters of a text
MAX_TITLE = 240  # characters of a title
# Persian, the languages of India and emoji need the two joiners.
ALLOWED = "\n\u200c\u200d"
# Control, format (such as those that turn the direction), surrogate, private, not assigned.
UNPRINTABLE = ("Cc", "Cf", "Cs", "Co", "Cn")
# Lines end within Chinese, Japanese and Korean anyway.
LONG_WORD = re.compile("[^ \n\u2e80-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]{41,}")


def clean(text: object, limit: int = MAX_TEXT) -> str:
    """Return a text that can be printed. Line breaks stay, control and direction characters become U+FFFD, and texts
    longer than `limit` are cut.
    """
    words = str(text).replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    if len(words) > limit:
        words = words[: limit - 1] + "…"
    odd = [
        letter
        for letter in set(words)
        if letter not in ALLOWED and unicodedata.category(letter) in UNPRINTABLE
    ]
    return words.translate(dict.fromkeys(map(ord, odd), "\ufffd"))


def break_long_words(text: object) -> str:
    """Return a cleaned text whose very long words can break across lines. A zero-width space is inserted after every
    30 letters of such a word.
    """

    def break_word(match: re.Match[str]) -> str:
        word = match[0]
        return "\u200b".join(word[start : start + 30] for start in range(0, len(word), 30))

    return LONG_WORD.sub(break_word, clean(text))
