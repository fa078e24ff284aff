"""C3: a cookie that comes late, from an answer that was asked for before the clear, leads back to nothing."""

from collections.abc import Callable

from .hosts import Hosts
from .scale import SCALE


def test_c03_a_late_cookie_leads_back_to_nothing(hosts: Hosts, tally: Callable[..., None]) -> None:
    late = 0
    for number in range(SCALE.cookies):
        host = number % len(hosts.servers)
        client, other = hosts.client(host, "user3"), hosts.clients("user3", host + 2)[-1]
        _, session = client.call("POST", "/api/sessions", {"title": "SECRETcookie"})
        base = f"/api/sessions/{session['id']}"
        asked = client.open("POST", f"{base}/ask", {"question": "Which river?", "mode": "quotes"})
        asked.read()
        old = client.cookie
        client.cookie = hosts.hinted(host, old, session["id"])
        assert client.call("GET", "/api/status")[1]["current"] == session["id"]
        assert other.call("POST", f"{base}/clear")[0] == 200
        # What was sent before the clear and is answered after it sets no cookie.
        for method, path, body in (
            ("GET", "/api/status", None),
            ("GET", "/api/sessions", None),
            ("GET", base, None),
            ("GET", f"{base}/messages", None),
            ("PATCH", base, {"title": "late"}),
            ("PUT", f"{base}/draft", {"text": "late"}),
            ("POST", f"{base}/ask", {"question": "late", "mode": "quotes"}),
            ("GET", f"{base}/export", None),
            ("GET", "/", None),
        ):
            response = client.open(method, path, body)
            response.read()
            assert response.headers.get_all("Set-Cookie") is None, f"{method} {path} sets a cookie"
            late += 1
        # And the cookie of before, come late or kept, names what took its place.
        for cookie in (old, hosts.hinted(host, old, session["id"])):
            client.cookie = cookie
            _, status = client.call("GET", "/api/status")
            assert status["current"] != session["id"]
            assert client.call("GET", base)[0] == 410
            assert "SECRET" not in client.call("GET", "/")[1]
            late += 1
    tally(f"late cookies, {hosts.place}", late, "none leads back")
