"""What checkpoints say of themselves, which is English, in the language of whoever reads it.

The catalogue `resources/i18n/cards.toml` holds sentence for sentence what the bundled checkpoints say; what others say
stays as it is, and is marked as English.
"""

import functools

from .messages import catalogue


def in_language(text: str, language: str) -> str:
    """Return a text of a checkpoint's card in a language ("zh_CN" is Chinese), as far as it is translated."""
    if not text or not language.startswith("zh"):
        return text
    return _chinese().get(text) or f"（英文原文）{text}"


@functools.cache
def _chinese() -> dict[str, str]:
    return {row["en"]: row["zh"] for row in catalogue("cards").values()}
