"""Texts of many languages in the encodings of before UTF-8, told apart by their bytes alone."""

# ruff: noqa: RUF001  (letters that look like others are what this is about)

import codecs
import unicodedata

import pytest

from docchat.documents.formats import read
from docchat.documents.formats.encoding import decode

_TEXTS = {
    "german": (
        "Die Größe der Übung ändert sich jährlich: im Frühling fährt die Fähre öfter, weil die Straßen über "
        "die Brücke gesperrt sind. „Natürlich“, sagte der Kapitän, „hören wir auf die Gäste.“ Für Schüler ist "
        "die Überfahrt günstiger."
    ),
    "french": (
        "Le musée du Louvre, installé dans un ancien palais royal, est l'un des plus grands musées du monde. "
        "Les élèves de l'école étaient très contents d'y être allés, car la journée fut agréable et l'entrée "
        "était gratuite jusqu'à dix-huit heures. Où étiez-vous ? Ça dépend, répondit-il, des œuvres et des "
        "goûts de chacun."
    ),
    "spanish": (
        "El pequeño museo de Logroño abre mañana a las nueve. ¿Cuántos años tiene la colección? Según el "
        "catálogo, más de cien; allí están también los cuadros que pintó Núñez después de la guerra. ¡Qué "
        "lástima que cierre temprano!"
    ),
    "portuguese": (
        "A cidade de São Paulo é a maior do país e também uma das maiores do mundo. A população não para de "
        "crescer, e a administração tenta melhorar a circulação nas avenidas. As crianças estão em férias até "
        "o mês de março, então há menos trânsito pela manhã."
    ),
    "italian": (
        "La città di Torino è stata la prima capitale d'Italia. Perché è così bella? La qualità della vita è "
        "alta, e più di un milione di turisti la visita ogni anno. Già nel Medioevo c'era un'università, e là "
        "studiò anche Erasmo."
    ),
    "swedish": (
        "Göteborg är en stad på västkusten. Där finns många öar, och på sommaren åker folk båt till "
        "skärgården. Även på vintern är det vackert när snön ligger över klipporna, säger en kvinna som bott "
        "där hela sitt liv."
    ),
    "polish": (
        "Kraków jest jednym z najstarszych miast w Polsce. Ludność miasta wynosi około ośmiuset tysięcy "
        "mieszkańców. Każdego roku przyjeżdżają tu miliony turystów, którzy chcą zobaczyć Wawel, Sukiennice i "
        "kościół Mariacki. Źródła mówią, że pierwsza wzmianka pochodzi z dziesiątego wieku, gdy żydowski "
        "kupiec opisał gród."
    ),
    "czech": (
        "Praha je hlavní město České republiky a leží na řece Vltavě. Žije v ní více než milion obyvatel. "
        "Nejznámější památkou je Karlův most, který byl založen ve čtrnáctém století. Příští týden začíná "
        "hudební festival, na který přijedou umělci z celého světa. Děti se těší na prázdniny."
    ),
    "hungarian": (
        "Budapest Magyarország fővárosa és legnagyobb városa. A Duna két partján fekszik, és több mint másfél "
        "millió ember él benne. Az első híd a folyó fölött a Széchenyi lánchíd volt, amelyet "
        "ezernyolcszáznegyvenkilencben nyitottak meg. Győr és Pécs szintén fontos egyetemi városok, ahol sok "
        "külföldi diák tanul."
    ),
    "romanian": (
        "Bucureşti este capitala României şi cel mai mare oraş al ţării. Populaţia oraşului depăşeşte un "
        "milion opt sute de mii de locuitori. În fiecare an, mii de turişti vizitează muzeele şi bisericile "
        "vechi, iar tinerii îşi petrec timpul în parcuri. Această stradă a fost construită în secolul trecut."
    ),
    "turkish": (
        "İstanbul, Türkiye'nin en kalabalık şehridir ve iki kıtada yer alır. Boğaz'ın iki yakasını birbirine "
        "bağlayan köprüler vardır. Her yıl milyonlarca turist şehri ziyaret eder, çünkü tarihî camileri, "
        "sarayları ve çarşıları çok ünlüdür. Kışın hava soğuk olur, yazın ise güneşli günler çoktur. "
        "Öğrenciler üniversiteye otobüsle gidiyorlar."
    ),
    "lithuanian": (
        "Vilnius yra Lietuvos sostinė ir didžiausias šalies miestas. Jame gyvena daugiau nei penki šimtai "
        "tūkstančių žmonių. Senamiestis įtrauktas į pasaulio paveldo sąrašą, o kiekvieną vasarą čia vyksta "
        "įvairūs renginiai, kuriuose dalyvauja žymūs šalies ir užsienio atlikėjai."
    ),
    "russian": (
        "Москва является столицей России и крупнейшим городом страны. Население города превышает двенадцать "
        "миллионов человек. Каждый год сюда приезжают миллионы туристов, чтобы увидеть Красную площадь, "
        "Кремль и другие достопримечательности. Метро было открыто в тысяча девятьсот тридцать пятом году."
    ),
    "ukrainian": (
        "Київ є столицею України та найбільшим містом країни. Населення міста перевищує три мільйони осіб. "
        "Щороку сюди приїжджають тисячі туристів, щоб побачити Софійський собор і Києво-Печерську лавру. "
        "Метрополітен було відкрито у шістдесятому році, і він досі є найзручнішим видом транспорту."
    ),
    "bulgarian": (
        "София е столицата на България и най-големият град в страната. Населението на града е повече от един "
        "милион души. Всяка година хиляди туристи посещават църквите и музеите, а през зимата много хора "
        "ходят на ски в планината Витоша, която е съвсем близо до центъра."
    ),
    "greek": (
        "Η Αθήνα είναι η πρωτεύουσα της Ελλάδας και η μεγαλύτερη πόλη της χώρας. Ο πληθυσμός της ξεπερνά τα "
        "τρία εκατομμύρια κατοίκους. Κάθε χρόνο εκατομμύρια τουρίστες επισκέπτονται την Ακρόπολη και τα "
        "μουσεία της πόλης, ενώ το καλοκαίρι πολλοί ταξιδεύουν στα νησιά."
    ),
    "hebrew": (
        "ירושלים היא בירת ישראל והעיר הגדולה ביותר במדינה. מספר התושבים בעיר עולה על תשע מאות אלף איש. בכל "
        "שנה מגיעים אליה מיליוני תיירים כדי לראות את העיר העתיקה ואת המוזיאונים. העיר שוכנת בהרי יהודה, ומזג "
        "האוויר בה קריר יותר מאשר בתל אביב."
    ),
    "arabic": (
        "القاهرة هي عاصمة جمهورية مصر العربية وأكبر مدنها. يبلغ عدد سكانها أكثر من عشرة ملايين نسمة. يزور "
        "المدينة كل عام ملايين السياح لرؤية الأهرامات والمتاحف القديمة، وفيها جامعات كثيرة ومستشفيات حديثة."
    ),
    "persian": (
        "تهران پايتخت ايران و بزرگترين شهر اين کشور است. جمعيت اين شهر بيش از هشت ميليون نفر است. هر سال "
        "گردشگران زيادي از موزه ها و کاخ هاي آن ديدن مي کنند. اين شهر در دامنه کوه هاي البرز قرار دارد و "
        "زمستان هاي سردي دارد."
    ),
    "thai": (
        "กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทยและเป็นเมืองที่ใหญ่ที่สุดของประเทศ มีประชากรมากกว่าแปดล้านคน "
        "ทุกปีมีนักท่องเที่ยวหลายล้านคนเดินทางมาเยี่ยมชมวัดและพระราชวัง "
        "อาหารไทยมีชื่อเสียงไปทั่วโลกเพราะมีรสชาติอร่อยและหลากหลาย"
    ),
    "vietnamese": (
        "Hà Nội là thủ đô của Việt Nam và là thành phố lớn thứ hai của đất nước. Dân số của thành phố vượt "
        "quá tám triệu người. Mỗi năm có hàng triệu du khách đến thăm các ngôi chùa cổ và hồ Hoàn Kiếm."
    ),
    "japanese": (
        "東京は日本の首都であり、世界で最も人口の多い都市の一つである。毎年多くの観光客が訪れ、寺"
        "や神社、博物館などを見学する。地下鉄は一九二七年に開業し、現在では市内のほとんどの場所に"
        "行くことができる。春には桜が咲き、公園はたくさんの人でにぎわう。"
    ),
    "korean": (
        "서울은 대한민국의 수도이며 가장 큰 도시이다. 인구는 약 천만 명에 이른다. 매"
        "년 수백만 명의 관광객이 고궁과 박물관을 방문한다. 지하철은 천구백칠십사년에 개"
        "통되었으며, 지금은 시내 거의 모든 곳에 갈 수 있다. 가을에는 단풍이 아름답다"
        "."
    ),
    "chinese": (
        "北京是中华人民共和国的首都，也是全国的政治、文化中心。每年有许多游客来参观故宫和长城。地"
        "铁于一九六九年开始运营，现在可以到达市区的大部分地方。春天的时候，公园里的花开得很漂亮。"
    ),
    "taiwanese": (
        "臺北是中華民國的首都，也是臺灣的政治、經濟與文化中心。每年有許多遊客前來參觀故宮博物院和"
        "各地的夜市。捷運於一九九六年開始營運，現在可以到達市區的大部分地方。春天的時候，陽明山上"
        "的花開得很漂亮。"
    ),
}
_ENCODINGS = {
    "german": "cp1252 iso8859-15 cp850 mac_roman",
    "french": "cp1252",
    "spanish": "cp1252",
    "portuguese": "cp1252",
    "italian": "cp1252",
    "swedish": "cp1252",
    "polish": "cp1250 iso8859-2",
    "czech": "cp1250 iso8859-2 cp852",
    "hungarian": "cp1250 iso8859-2",
    "romanian": "cp1250",
    "turkish": "cp1254",
    "lithuanian": "cp1257",
    "russian": "cp1251 koi8-r iso8859-5 cp866",
    "ukrainian": "cp1251 koi8-u",
    "bulgarian": "cp1251",
    "greek": "cp1253 iso8859-7",
    "hebrew": "cp1255 iso8859-8",
    "arabic": "cp1256 iso8859-6",
    "persian": "cp1256",
    "thai": "cp874",
    "vietnamese": "cp1258",
    "japanese": "cp932 euc_jp iso2022_jp",
    "korean": "cp949 iso2022_kr",
    "chinese": "gb18030 hz",
    "taiwanese": "big5",
}
_CASES = [(language, encoding) for language, names in _ENCODINGS.items() for encoding in names.split()]


def _written(language: str, encoding: str) -> bytes:
    # The Vietnamese code page has marks apart from their letters.
    form = "NFD" if encoding == "cp1258" else "NFC"
    return unicodedata.normalize(form, _TEXTS[language]).encode(encoding, "ignore")


@pytest.mark.parametrize(("language", "encoding"), _CASES)
def test_a_text_is_read_in_its_encoding(language: str, encoding: str) -> None:
    data = _written(language, encoding)
    assert decode(data) == data.decode(encoding)
    assert decode(data * 40) == data.decode(encoding) * 40


@pytest.mark.parametrize(("language", "encoding"), [case for case in _CASES if case[1].startswith("cp12")])
def test_some_words_in_an_english_text_are_enough(language: str, encoding: str) -> None:
    words = _written(language, encoding)[:90]
    data = b"The harbour office opens at 07:15, and its sign says: " + words + b". It closes at noon.\n"
    assert decode(data).encode(encoding, "replace") == data


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-8"])
@pytest.mark.parametrize("language", _TEXTS)
def test_wide_forms_need_no_mark(language: str, encoding: str) -> None:
    text = (_TEXTS[language] + "\r\n") * 5
    assert decode(text.encode(encoding)) == text
    assert decode(codecs.BOM_UTF8 + text.encode()) == text


def test_a_stray_byte_does_not_spoil_a_text() -> None:
    text = _TEXTS["polish"]
    data = text.encode()
    assert decode(data[:200] + b"\xe9" + data[200:]).replace("\ufffd", "") == text


def test_zeros_alone_make_no_wide_text() -> None:
    assert decode(b"begin\x00middle\x07 end") == "begin\x00middle\x07 end"
    assert read("Größe".encode("utf-16-le") * 4, "a.txt")[0].text == "Größe" * 4
