from flask import Flask, redirect
from flask_login import LoginManager, UserMixin, login_user

from docchat import DocChat


class User(UserMixin):
    id = "ada"


app = Flask(__name__)
app.config.update(SECRET_KEY="change me", DOCCHAT_URL_PREFIX="/chat")  # noqa: S106
LoginManager(app).user_loader(lambda user_id: User())
app.add_url_rule("/", view_func=lambda: login_user(User()) and redirect("/chat/"))  # instead of a real sign-in
DocChat(app)
