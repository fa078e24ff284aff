"""`{{ docchat_widget() }}` in a page of the host."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask, render_template_string
from flask_login import LoginManager, UserMixin, login_user

from docchat import DocChat


class Somebody(UserMixin):  # type: ignore[misc]  # Flask-Login has no types
    id = "ada"


@pytest.fixture
def app(tmp_path: Path, closing: Callable[[Flask], Flask]) -> Flask:
    """A host with a sign-in, a page with the chat in a corner and one with it in a box."""
    app = Flask(__name__, instance_path=str(tmp_path))
    app.config.update(SECRET_KEY="test", DOCCHAT_URL_PREFIX="/chat", TESTING=True)
    LoginManager(app).user_loader(lambda user_id: Somebody())
    DocChat(app)
    app.add_url_rule("/in", "in", lambda: str(login_user(Somebody())))
    app.add_url_rule("/", "page", lambda: render_template_string("<h1>Host</h1>{{ docchat_widget() }}"))
    box = "{{ docchat_widget('box', label='Ask <us> & them') }}"
    app.add_url_rule("/box", "box", lambda: render_template_string(box))
    return closing(app)


def test_who_is_signed_in_gets_the_chat(app: Flask) -> None:
    client = app.test_client()
    client.get("/in")
    page = client.get("/").text
    assert page.startswith("<h1>Host</h1>")
    assert 'data-place="corner"' in page
    assert 'data-src="/chat/"' in page
    assert "Ask your documents" in page
    for name in ("css/widget.css", "js/widget.js"):
        assert f"/chat/docchat-static/{name}" in page
        with client.get(f"/chat/docchat-static/{name}") as file:
            assert file.status_code == 200
    assert "style=" not in page
    assert "frame-ancestors 'self'" in client.get("/chat/").headers["Content-Security-Policy"]


def test_a_stranger_gets_a_link_alone(app: Flask) -> None:
    page = app.test_client().get("/").text
    assert 'href="/chat/"' in page
    assert "data-src" not in page
    assert "<script" not in page


def test_a_label_is_text(app: Flask) -> None:
    client = app.test_client()
    client.get("/in")
    page = client.get("/box").text
    assert "<span>Ask &lt;us&gt; &amp; them</span>" in page
    assert 'data-label="Ask &lt;us&gt; &amp; them"' in page
    assert 'data-place="box"' in page
