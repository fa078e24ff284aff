"""Which single-byte encoding a text is in: the one that gives the letters of a language, in their places and shares."""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice

# ruff: noqa: RUF001  (letters that look like others are what this is about)

# Letters beyond a to z, the most frequent first.
_ALPHABETS = {
    "german": "üäöß",
    "french": "éèàêçîôùûâïëœ",
    "spanish": "óíáéñúü",
    "portuguese": "ãçáéíõóêâàúô",
    "italian": "èàòùéì",
    "swedish": "äåöé",
    "danish": "øåæé",
    "dutch": "ëéïèöüó",
    "icelandic": "íáóðéþöúýæ",
    "catalan": "àéèíòóçúï",
    "polish": "łęąóśżćńź",
    "czech": "íáěýéřščžůúťóďň",
    "slovak": "áíéúžýčšľťôňäďóŕĺ",
    "hungarian": "áéöóőíüúű",
    "romanian": "ăîâşţșț",
    "croatian": "čšžćđ",
    "turkish": "ıüşğöçiâîû",
    "lithuanian": "ėšžūąįųčę",
    "latvian": "āīēšūņļžčķģ",
    "estonian": "äõüöšž",
    "vietnamese": "\u0301\u0300\u0323đưâơôêă\u0309\u0303àáãèéêìíòóõùúý",
    "russian": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё",
    "ukrainian": "оаинвіертслкудмпязьбгйчхцжїюєшщфґ",
    "bulgarian": "аиоентрсвлкдпмзъугбчщяйцхжшюфь",
    "belarusian": "аінеырсоклтвдпмугябйўчжхцэюьшзфё",
    "serbian": "аиоенртсјувкдмпљзбгњћчцхшжђфџ",
    "greek": "αοιετσνηυρπκμλςίόάγέήδωχθύφβώξζψ",
    "hebrew": "יוהלאתרמבשנםעקפחדגצכטןזסךףץ",
    "arabic": "اليمونرتبةعدفسهكقحجشأطصخضذثغىءإزئظؤآ،",
    "persian": "ایرندمهوتسبکلشزفگعخقجپحآچصطغضذظثئژيك،",
    "thai": "านรกอเงมย่ล้วดิทสตัะีปบุคหแจพชขใไู็ึืำ์โถผธศซณภฟญฐษๆฎฮ๊๋",
}
_LAST_LATIN = "\u036f"
_WEST = "german french spanish portuguese italian swedish danish dutch icelandic catalan"
_CYRILLIC = "russian ukrainian bulgarian belarusian serbian"
# How much worse each fits than one that is found every day.
_ENCODINGS: tuple[tuple[str, str, float], ...] = (
    ("cp1252", f"{_WEST} any", 0.0),
    ("cp1250", "polish czech slovak hungarian romanian croatian", 0.1),
    ("cp1251", _CYRILLIC, 0.1),
    ("cp1253", "greek", 0.1),
    ("cp1254", "turkish", 0.1),
    ("cp1255", "hebrew", 0.1),
    ("cp1256", "arabic persian", 0.1),
    ("cp1257", "lithuanian latvian estonian", 0.1),
    ("cp1258", "vietnamese", 0.1),
    ("cp874", "thai", 0.1),
    ("koi8_r", "russian bulgarian", 0.12),
    ("koi8_u", "ukrainian", 0.12),
    ("iso8859_2", "polish czech slovak hungarian romanian croatian", 0.12),
    ("iso8859_16", "romanian", 0.12),
    ("iso8859_5", _CYRILLIC, 0.12),
    ("iso8859_6", "arabic", 0.12),
    ("iso8859_7", "greek", 0.12),
    ("iso8859_8", "hebrew", 0.12),
    ("cp866", "russian bulgarian", 0.12),
    ("mac_cyrillic", "russian ukrainian", 0.12),
    ("cp850", _WEST, 0.25),
    ("cp852", "polish czech slovak hungarian romanian croatian", 0.25),
    ("mac_roman", _WEST, 0.25),
)
_ANY = 0.6  # what a letter counts when it belongs to no one language
_RARE = 0.6  # how much less than the most frequent letter of its alphabet the rarest counts
_FOREIGN = -1.0
_LARGE_INSIDE = 0.5  # a capital behind a small letter counts so much less
_FEWEST = 3  # letters that show a language
_MOST_PLACES = 20_000
_QUOTES = "“”„‘’‚«»‹›¿¡…"
_DASHES = "–—"
_SIGNS = "€£¥§©®™°½¼¾²³ºªµ×÷†‡‰·•"
_NO_BREAK = "\u00a0\u00ad"

Place = tuple[int, int, int]


def likeliest(sample: bytes) -> tuple[str, float]:
    """The encoding that fits best, and how well: 1 is a text of one language, below 0.5 hardly a text."""
    places = Counter(islice(_places(sample), _MOST_PLACES))
    weights = {language: _weights(alphabet) for language, alphabet in _ALPHABETS.items()}
    fits = {
        encoding: max(_fit(places, encoding, weights.get(language)) for language in languages.split())
        for encoding, languages, _ in _ENCODINGS
    }
    costs = {encoding: cost for encoding, _, cost in _ENCODINGS}
    best = max(fits, key=lambda encoding: fits[encoding] - costs[encoding])
    return best, fits[best]


def _places(sample: bytes) -> Iterator[Place]:
    """Every byte beyond ASCII with its neighbours."""
    padded = b" " + sample + b" "
    for at, byte in enumerate(sample, 1):
        if byte >= 0x80:
            yield padded[at - 1], byte, padded[at + 1]


def _weights(alphabet: str) -> Mapping[str, float]:
    """What each letter of an alphabet counts."""
    step = (_RARE if len(alphabet) > 20 else _RARE / 6) / len(alphabet)  # of a Latin script most letters are in ASCII
    return {letter: 1.0 - step * rank for rank, letter in reversed(list(enumerate(alphabet)))}


def _fit(places: Mapping[Place, int], encoding: str, weights: Mapping[str, float] | None) -> float:
    """The mean of what each character counts, read in an encoding as a text of one language, None: of any."""
    characters = bytes(range(256)).decode(encoding, "replace")
    total = counted = letters = 0.0
    for (before, byte, after), times in places.items():
        character = characters[byte]
        around = characters[before], characters[after]
        if character.isalpha() or unicodedata.combining(character):
            letters += times
            foreign = around[0].isalpha() and around[0].isascii(), around[1].isalpha() and around[1].isascii()
            mixed = any(foreign) and character > _LAST_LATIN
            total += times * (_FOREIGN if mixed else _letter(character, around[0], weights))
        else:
            total += times * _mark(character, *around)
        counted += times
    if not counted or (encoding != "cp1252" and letters < _FEWEST):
        return _FOREIGN
    return total / counted


def _letter(character: str, before: str, weights: Mapping[str, float] | None) -> float:
    small = character.lower() if len(character.lower()) == 1 else "i"
    found = _ANY if weights is None else weights.get(small, _FOREIGN)
    inside = character.isupper() and (before.islower() or (before.isupper() and not before.isascii()))
    return found - _LARGE_INSIDE if inside else found


def _mark(character: str, before: str, after: str) -> float:
    """What a character counts that is no letter: 1 where it belongs, less than nothing inside a word."""
    if character in _NO_BREAK:
        return 0.5
    if character in _DASHES:
        return 1.0 if before.isspace() == after.isspace() else 0.0
    if character in "’…" and not before.isspace():
        return 1.0
    if character in _QUOTES and not (before.isalnum() and after.isalnum()):
        return 1.0
    if character in _SIGNS and not (before.isalpha() and after.isalpha()):
        return 0.5
    return _FOREIGN
