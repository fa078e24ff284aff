"""The language of pages: which one it is, what is shown in it, and that the files fit the texts they translate."""

import dataclasses
import json
import re
from pathlib import Path
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

import docchat.web
from docchat.web import words

from .conftest import Host

STATIC = Path(docchat.web.__file__).parent / "static"
PLACE = re.compile(r"\{\w+\}")


@pytest.mark.parametrize(
    ("cookie", "browser", "language"),
    [
        (None, "", "en"),
        (None, "pt, it;q=.5", "en"),
        (None, "de-AT,en;q=.5", "de"),
        (None, "zh-Hant-TW", "zh"),
        (None, "fr;q=0, es;q=0.4", "es"),
        ("ar", "de", "ar"),
        ("../../x", "de", "de"),
    ],
)
def test_the_page_is_in_the_language_chosen_or_asked_for(
    client: FlaskClient, cookie: str | None, browser: str, language: str
) -> None:
    if cookie:
        client.set_cookie(words.COOKIE, cookie)
    page = client.get("/documents", headers={"Accept-Language": browser}).text
    assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}"' in page
    assert (f"js/words/{language}.js" in page) == (language != "en")
    expected = {"en": "Add documents", "de": "Dokumente hinzufügen", "zh": "添加文档", "es": "Añadir documentos"}
    assert expected.get(language, "إضافة مستندات") in page


def test_an_error_is_told_in_the_language_and_keeps_its_code(client: FlaskClient) -> None:
    answer = client.get(f"/api/documents/{uuid4()}", headers={"Accept-Language": "de"})
    assert (answer.status_code, (answer.json or {})["error"], (answer.json or {})["code"]) == (
        404,
        "Hier ist nichts.",
        "not_found",
    )


def test_errors_with_figures_and_of_several_sentences_are_told(client: FlaskClient) -> None:
    german = {"Accept-Language": "de"}
    session = client.post("/api/sessions").get_json()["id"]
    answer = client.patch(f"/api/sessions/{session}", json={"title": "x" * 1000}, headers=german)
    assert (answer.status_code, answer.get_json()["error"]) == (413, "Ein Titel hat höchstens 200 Zeichen.")
    app = client.application
    with app.test_request_context(headers=german):
        assert words.told(
            "This is too long for the model. Please ask a shorter question. Strange. This file is empty."
        ) == ("Das ist zu lang für das Modell. Bitte stellen Sie eine kürzere Frage. Strange. Diese Datei ist leer.")
    with app.test_request_context():
        assert words.told("This file is empty.") == "This file is empty."


def test_a_host_names_the_language_and_the_person_still_chooses(host: Host, client: FlaskClient) -> None:
    host.replace(user=dataclasses.replace(host.services.user, language=lambda: "fr_CA"))
    assert '<html lang="fr"' in client.get("/documents", headers={"Accept-Language": "de"}).text
    client.set_cookie(words.COOKIE, "zh")
    assert '<html lang="zh"' in client.get("/documents").text


def texts_of_the_pages() -> dict[str, bool]:
    """Every text in t() and n() of scripts, templates and pages of accounts; whether it is for a number of things."""
    literal = r'"((?:[^"\\]|\\.)*)"'
    found = {}
    for script in (STATIC / "js").glob("*.js"):
        source = script.read_text(encoding="utf-8")
        found |= dict.fromkeys(re.findall(rf"(?<![\w.$])t\(\s*{literal}", source), False)
        found |= dict.fromkeys(re.findall(rf"(?<![\w.$])n\([^\"`]*?,\s*{literal}", source), True)
        found |= {f"{{count}} {noun}": True for noun in re.findall(rf"(?<![\w.$])plural\([^\"]*?, {literal}\)", source)}
    package = STATIC.parent.parent
    for page in [*(STATIC.parent / "templates").rglob("*.html"), package / "server" / "account_views.py"]:
        source = page.read_text(encoding="utf-8")
        found |= {one or other: False for one, other in re.findall(rf"(?<![\w.])t\((?:{literal}|'([^']*)')", source)}
    return found


@pytest.mark.parametrize("language", sorted(set(words.NAMES) - {words.DEFAULT}))
def test_every_text_is_translated_with_its_places_and_without_markup(language: str) -> None:
    texts = json.loads((STATIC / "locales" / f"{language}.json").read_text(encoding="utf-8"))
    wanted = texts_of_the_pages()
    assert len(wanted) > 500
    assert sorted(set(wanted) - set(texts)) == []
    assert [key for key, of_number in wanted.items() if isinstance(texts[key], dict) != of_number] == []
    for key, text in texts.items():
        # A form for exactly one or two may say so in a word.
        of_number = {"{count}"} if isinstance(text, dict) else set()
        for form in [text] if isinstance(text, str) else text.values():
            assert set(PLACE.findall(form)) - of_number == set(PLACE.findall(key)) - of_number, key
            assert form.strip()
            assert "<" not in form
    assert (STATIC / "js" / "words" / f"{language}.js").exists()


def test_the_languages_translate_the_same_texts() -> None:
    files = {name: set(words.texts(name)) for name in words.NAMES if name != words.DEFAULT}
    assert all(keys == files["de"] for keys in files.values())


def test_no_word_of_a_template_stands_outside_of_t() -> None:
    bare = re.compile(r">\s*([A-Z][a-z]+(?: [a-z]+)*)[.…]?\s*<|(?:title|aria-label|placeholder)=\"([A-Z][^\"{]*)\"")
    for page in (STATIC.parent / "templates" / "docchat").rglob("*.html"):
        source = re.sub(r"\{#.*?#\}", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert [found[0] for found in bare.finditer(source)] == [], page.name
