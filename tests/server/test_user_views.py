"""Accounts over HTTP: administrators add, shut out and give passwords; nobody else, and not from another site."""

from uuid import uuid4

from flask import Flask

from docchat.server.accounts import Accounts

from .conftest import PASSWORD
from .test_app import sign_in, signed_in

URL = "/api/operate/users"


def test_administrators_look_after_users(app: Flask, accounts: Accounts) -> None:
    accounts.add(name="root", password=PASSWORD, admin=True)
    admin, ann = app.test_client(), app.test_client()
    sign_in(admin, "root")
    sign_in(ann, "ann")
    assert [one["name"] for one in admin.get(URL).get_json()["users"]] == ["ann", "root"]
    assert "password" not in admin.get(URL).text

    assert admin.post(URL, json={"name": "bob", "password": "short"}).get_json()["code"] == "password_short"
    made = admin.post(URL, json={"name": "bob", "password": PASSWORD})
    assert (made.status_code, made.get_json()["admin"], made.get_json()["sessions"]) == (201, False, 0)
    assert admin.post(URL, json={"name": "bob", "password": PASSWORD}).get_json()["code"] == "name_taken"
    assert accounts.verify(name="bob", password=PASSWORD) is not None

    one = f"{URL}/{accounts.named(name='ann').id}"
    assert signed_in(ann)
    assert admin.patch(one, json={"disabled": True}).get_json()["disabled"] is True
    assert not signed_in(ann)
    assert accounts.verify(name="ann", password=PASSWORD) is None
    assert admin.patch(one, json={"disabled": False}).get_json()["disabled"] is False
    sign_in(ann, "ann")
    assert admin.patch(one, json={"password": f"{PASSWORD} anew"}).status_code == 200
    assert not signed_in(ann)
    assert accounts.verify(name="ann", password=f"{PASSWORD} anew") is not None

    own = f"{URL}/{accounts.named(name='root').id}"
    assert admin.patch(own, json={"disabled": True}).get_json()["code"] == "own_account"
    assert admin.patch(one, json={"disabled": "yes"}).status_code == 400
    assert admin.patch(one, json={"admin": True}).status_code == 400
    for unknown in (f"{URL}/{uuid4()}", f"{URL}/1"):
        assert admin.patch(unknown, json={"disabled": True}).status_code == 404


def test_nobody_else_does(app: Flask, accounts: Accounts) -> None:
    ann = app.test_client()
    sign_in(ann, "ann")
    one = f"{URL}/{accounts.named(name='ann').id}"
    for client, status in ((ann, 403), (app.test_client(), 401)):
        assert client.get(URL).status_code == status
        assert client.post(URL, json={"name": "eve", "password": PASSWORD, "admin": True}).status_code == status
        assert client.patch(one, json={"password": f"{PASSWORD} anew"}).status_code == status
    accounts.add(name="root", password=PASSWORD, admin=True)
    admin = app.test_client()
    sign_in(admin, "root")
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    assert admin.patch(one, json={"disabled": True}, headers=elsewhere).status_code == 403
    assert [one.name for one in accounts.list()] == ["ann", "root"]
    assert not accounts.named(name="ann").disabled
