"""Which language a text is in, as far as it matters for stems: by its letters, or by its commonest words."""

# ruff: noqa: RUF001  (letters that look like others are what this is about)

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain

# The Snowball stemmer of a script that (nearly) one language is written in here.
_BY_LETTER = (
    (re.compile("[\u0400-\u052f]"), "russian"),
    (re.compile("[\u0600-\u06ff]"), "arabic"),
    (re.compile("[\u0370-\u03ff\u1f00-\u1fff]"), "greek"),
    (re.compile("[\u0900-\u097f]"), "hindi"),
    (re.compile("[\u0530-\u058f]"), "armenian"),
    (re.compile("[\u0b80-\u0bff]"), "tamil"),
)

# Words that stand in nearly every text of a language; those of several languages are listed with each.
_COMMON = {
    "english": """the of and to is that for it with as was on are by this be at from or have an not which but were
        has in a what who whom whose when where why how many much did does do can their its they he she
        his her other than into about called name most between during been would will there these those if
        you your i my""",
    "german": """der die das und ist nicht ein eine einer eines einem einen zu den dem des mit von auf für im sich
        auch als bei nach wie wird werden wurde wurden sind war aus durch oder dass über um zum zur hat
        haben wer was wann wo welche welcher welches wieviel viele warum es sie er an am in""",
    "french": """le la les de des du et est un une que qui dans pour pas sur au aux avec ce cette par plus ou sont
        il elle ne se son sa ses en été était fut quel quelle quels quelles comment pourquoi combien où
        quand d l qu à""",
    "spanish": """el la los las de del y es un una que en por para con no se su sus al lo como más fue era ha son
        este esta o cuál cuáles qué quién quiénes cuándo dónde cómo cuántos cuántas cuánto entre a""",
    "italian": """il la lo gli le di del della dei delle che e è un una in per con non si su come più sono al alla
        da dal dalla nel nella ha era fu anche quale quali chi quando dove perché quanti quante cosa i""",
    "portuguese": """o a os as de do da dos das e é um uma que em no na nos nas para com não se por mais como foi era
        são ao à seu sua ou qual quais quem quando onde quantos quantas quanto""",
    "dutch": """de het een en van is in dat op te zijn voor met niet aan er door als bij ook naar uit om wordt
        werd worden werden was heeft of maar wie wat wanneer waar welke hoe hoeveel waarom""",
    "swedish": """och att det som en ett är av för på med den till inte om har de var från kan i vid eller när vem
        vad hur vilken vilket vilka var varför många""",
    "danish": """og at det som en et er af for på med den til ikke om har de var fra kan i ved eller når hvem hvad
        hvordan hvilken hvilket hvilke hvor hvorfor mange blev""",
    "norwegian": """og at det som en et er av for på med den til ikke om har de var fra kan i ved eller når hvem hva
        hvordan hvilken hvilket hvilke hvor hvorfor mange ble""",
    "finnish": """ja on ei se että oli hän joka mutta tai kun niin myös ovat sen hänen kuin mikä mitä kuka missä
        milloin miksi kuinka monta mitkä ollut""",
    "hungarian": """a az és hogy nem is egy van volt meg de azt ez ezt mint csak el vagy mi ki hol mikor milyen melyik
        hány mennyi miért hogyan""",
    "romanian": """și in în de la cu pe nu un o care a al ale este sunt din mai că pentru prin ca fost sau ce cine
        când unde cum câte câți cât se le lui""",
    "turkish": """ve bir bu da de için ile olarak daha çok olan ne kim nerede hangi kaç nas\u0131l zaman niçin gibi
        kadar sonra en mi mu o""",
    "polish": """i w na z do nie się jest to że o po od za jak dla przez który która które był była było są ale czy
        kto co kiedy gdzie ile jaki jaka jakie dlaczego""",
    "czech": """a v na se je že z do o to s i jako za by který která které byl byla bylo jsou ale kdo co kdy kde
        kolik jaký jaká jaké proč pro od k""",
    "indonesian": """yang dan di itu dengan untuk dari pada dalam tidak ini adalah oleh ke akan ada sebagai atau apa
        siapa kapan mana bagaimana berapa mengapa""",
}
LATIN = tuple(language for language in _COMMON if language != "english")
"""Languages in Latin letters, other than English, that have a stemmer."""
COMMON_WORDS = {language: frozenset(words.split()) for language, words in _COMMON.items()}
_ELSEWHERE = """
    и в во не что он на я с со как а то все она так его но да к у же за бы по только ее её было вот от еще ещё
    нет о из ему когда даже ли если уже или ни быть был него до они где есть для мы их чем была без чего тоже
    под будет кто этот того этого какой какая какое какие каких каким какую каком ним этом чтобы были куда зачем
    почему сколько при об это эта эти который которая которое которые которых которой которого котором свой
    своей своих также после между і й та що як є це від який яка яке які скільки коли де хто чому або але його
    її був була було були ο η το οι τα του της των τον την τους τις και κι να δεν με σε από για ως στο στη στην
    στον στους στις στα είναι ήταν που πού ποιος ποια ποιο ποιοι ποιες ποιον πότε πώς πως γιατί πόσο πόσα πόσοι
    πόσες τι αν ότι θα μια μία ένα ένας αυτό αυτή αυτός αλλά ή κατά μετά πριν προς έχει έχουν είχε من في على إلى
    الى عن مع هذا هذه ذلك تلك التي الذي الذين اللذان اللتان ما ماذا لماذا متى أين كيف كم أي أية هل هو هي هم هما
    كان كانت كانوا يكون تكون قد لقد لم لن لا إن أن إنه أنه أو و ثم بعد قبل بين حتى عند كل بعض غير منذ خلال ضد تم
    يتم عليه عليها عليهم فيه فيها منه منها منهم له لها لهم به بها بهم بما مما إذا حيث كما أيضا أيضاً ليس ليست
    وقد بأن لأن دون هناك هنا وما وهو وهي ومن وفي وعلى كانا إليه إليها لدى در از که این را با است برای آن یک خود
    تا بر های می شد شده بود بودند چه کسی کجا چگونه چرا چند کدام آیا کا کی کے کو میں سے ہے ہیں اور نے پر کیا کون
    کب کہاں کیوں کیسے کتنے تھا تھی تھے का की के को में से है हैं था थे थी और एक यह वह जो कि पर ने तक भी नहीं ही
    हो होता होती होते हुआ हुई हुए गया गई गए गयी क्या कौन कौनसा कब कहाँ कहां कैसे कितने कितना कितनी किस किसे
    किसने किसके किसका किसकी किन किनके क्यों द्वारा लिए साथ बाद इस उस इन उन इसके उसके उनके इसकी उसकी उनकी इसका
    उसका उनका अपने अपनी अपना करने करना करता करती करते किया कर रहा रही रहे सकता सकते सकती जाता जाती जाते दिया तो
    या जब तब अब कुछ किसी कोई वाले वाली वाला של את על לא הוא היא זה זו עם כי או מה מי מתי איפה איך למה כמה האם
    אשר גם אל היה הייתה היו הם אם 什么 什麼 哪些 哪个 哪個 哪里 哪裡 如何 怎么 怎麼 多少 何时 何時 是谁 是誰
    です ます どこ いつ なぜ どの 누구 언제 어디 무엇 어떤
"""
COMMON_ELSEWHERE = frozenset(_ELSEWHERE.split())
"""The commonest words, and what questions ask with, in letters other than Latin ones."""
_OF = {word: tuple(one for one, words in COMMON_WORDS.items() if word in words) for word in
       frozenset().union(*COMMON_WORDS.values())}  # fmt: skip

_WORD = re.compile(r"[^\W\d_]+")
_SAMPLE = 2000
_LEAST_SHARE = 0.12
_LEAD = 1.25


def of_word(word: str) -> str:
    """The language of a word by its letters; empty when they do not tell."""
    if word.isascii():
        return ""
    return next((language for letter, language in _BY_LETTER if letter.match(word)), "")


def of_text(text: str) -> str:
    """The language of a text in Latin letters by its commonest words; empty when they do not tell."""
    words = _WORD.findall(text[:_SAMPLE].casefold())
    ranked = _ranked(words)
    if not ranked or ranked[0][1] < max(2, _LEAST_SHARE * len(words)):
        return ""
    return ranked[0][0] if len(ranked) == 1 or ranked[0][1] >= _LEAD * ranked[1][1] else ""


def are_english(words: Sequence[str]) -> bool:
    """Whether words in lower case are English beyond doubt, which is told sooner than another language."""
    ranked = _ranked(words)
    if not ranked or ranked[0][0] != "english" or ranked[0][1] < max(4, 2 * _LEAST_SHARE * len(words)):
        return False
    return len(ranked) == 1 or ranked[0][1] >= 2 * _LEAD * ranked[1][1]


def of_question(text: str) -> tuple[str, ...]:
    """The languages in Latin letters that a question may be in, so far as they have stems of their own.

    One when its words tell (none for English), else all of them.
    """
    words = _WORD.findall(text.casefold())
    if not any(word[0] <= "\u024f" for word in words):
        return ()
    ranked = _ranked(words)
    if ranked and (len(ranked) == 1 or ranked[0][1] > ranked[1][1]):
        return () if ranked[0][0] == "english" else (ranked[0][0],)
    best = [language for language, count in ranked if count == ranked[0][1]]
    return tuple(language for language in best or LATIN if language != "english")


def _ranked(words: Sequence[str]) -> list[tuple[str, int]]:
    common = filter(_OF.__contains__, words)
    return Counter(chain.from_iterable(map(_OF.__getitem__, common))).most_common()
