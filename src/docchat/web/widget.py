"""A small chat in any page of the host: `{{ docchat_widget() }}` in its templates."""

from typing import Literal

from flask import render_template
from markupsafe import Markup

from ..errors import NotSignedIn
from . import auth
from .words import t


def docchat_widget(place: Literal["corner", "box"] = "corner", label: str = "") -> Markup:
    """The chat as a part of a page: in a corner behind a button, or as a box where it stands.

    `label` is written on the button, or names the box. Whoever is signed in at the host chats there; for a stranger it
    is a link to the chat, which leads to the host's sign-in. It may stand in a page once.
    """
    try:
        auth.owner()
    except NotSignedIn:
        signed_in = False
    else:
        signed_in = True
    words = label or t("Ask your documents")
    return Markup(render_template("docchat/widget.html", place=place, label=words, signed_in=signed_in))  # noqa: S704
