"""The languages of Whisper, by their codes: transcripts name them by a word. Source: openai/whisper's list."""

from __future__ import annotations

from functools import cache

_NAMES = """
af Afrikaans am Amharic ar Arabic as Assamese az Azerbaijani ba Bashkir be Belarusian bg Bulgarian bn Bengali
bo Tibetan br Breton bs Bosnian ca Catalan cs Czech cy Welsh da Danish de German el Greek en English
es Spanish et Estonian eu Basque fa Persian fi Finnish fo Faroese fr French gl Galician gu Gujarati ha Hausa
haw Hawaiian he Hebrew hi Hindi hr Croatian ht Haitian_Creole hu Hungarian hy Armenian id Indonesian
is Icelandic it Italian ja Japanese jv Javanese jw Javanese ka Georgian kk Kazakh km Khmer kn Kannada
ko Korean la Latin lb Luxembourgish ln Lingala lo Lao lt Lithuanian lv Latvian mg Malagasy mi Maori
mk Macedonian ml Malayalam mn Mongolian mr Marathi ms Malay mt Maltese my Myanmar ne Nepali nl Dutch
nn Nynorsk no Norwegian oc Occitan pa Punjabi pl Polish ps Pashto pt Portuguese ro Romanian ru Russian
sa Sanskrit sd Sindhi si Sinhala sk Slovak sl Slovenian sn Shona so Somali sq Albanian sr Serbian su Sundanese
sv Swedish sw Swahili ta Tamil te Telugu tg Tajik th Thai tk Turkmen tl Tagalog tr Turkish tt Tatar
uk Ukrainian ur Urdu uz Uzbek vi Vietnamese yi Yiddish yo Yoruba yue Cantonese zh Chinese
"""


@cache
def _names() -> dict[str, str]:
    words = _NAMES.split()
    return {code: name.replace("_", " ") for code, name in zip(words[::2], words[1::2], strict=True)}


def language_name(code: str | None) -> str:
    """``English`` of ``en``; of none too, since nobody has listened. What is no code stays what it is."""
    return _names().get((code or "en").lower(), code or "English")
