"""The operator's numbers over HTTP: right, for administrators alone, and never a word of anybody."""

import json
import time
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from docchat.types import Draft

from .conftest import Host
from .test_mine import MINE, OTHERS, SECRET, add, fill

READS = ("/api/operate", "/api/operate/use", "/api/operate/people", "/operate")


def told(host: Host, path: str) -> Any:
    answer = host.client("test").get(path)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def test_numbers_of_everything_and_no_words(host: Host) -> None:
    services = host.services
    fill(services, MINE, OTHERS)
    services.worker.run_due()
    services.store.create(owner="id-of-nobody-else")  # never written to: not worth a number
    now = told(host, "/api/operate")
    assert (now["totals"]["people"], now["totals"]["sessions"], now["totals"]["messages"]) == (1, 2, 2)
    assert (now["totals"]["documents"], now["totals"]["attachments"], now["totals"]["collections"]) == (2, 1, 1)
    assert now["storage"]["database"] > 100_000
    assert now["storage"]["originals"] == sum(
        one.size for one in services.library.list(owner=MINE, collection=None).items
    )
    assert now["health"]["database_ms"] is not None
    assert now["retention"] == {"days": 0, "idle_days": 0, "undo_seconds": 0, "answers_per_day": 0}
    assert now["clears"] == {"running": 0, "pending": 0}
    people = told(host, "/api/operate/people")["people"]
    assert [(one["owner"], one["sessions"], one["messages"], one["documents"]) for one in people] == [(MINE, 2, 2, 2)]
    for path in READS:
        assert SECRET not in host.client("test").get(path).text
        assert host.client("other").get(path).status_code == 403
        assert host.client().get(path).status_code == 401
    assert host.client("other").post("/api/operate/jobs/retry").status_code == 403


def test_days_are_those_of_utc_and_none_is_left_out(host: Host) -> None:
    services, today = host.services, int(time.time()) // 86_400
    chat = services.store.create(owner=MINE, title="one")
    services.store.append(owner=MINE, session_id=chat.id, drafts=[Draft("user", "one")])
    with services.database.write() as connection:
        connection.execute(
            text("UPDATE chat_session SET created_at = :at"), {"at": ((today - 2) * 86_400 + 86_399) * 1_000_000}
        )
        rows = [{"owner": owner, "day": today - 1} for owner in (MINE, OTHERS)]
        connection.execute(text("INSERT INTO usage (owner, day, answers, tokens) VALUES (:owner, :day, 2, 5)"), rows)
    add(services, MINE, "added")
    services.clearing.delete(owner=MINE, session_id=chat.id)
    days = told(host, "/api/operate/use?days=4")["days"]
    wanted = [datetime.fromtimestamp((today - back) * 86_400, UTC).date().isoformat() for back in (3, 2, 1, 0)]
    assert [day["day"] for day in days] == wanted
    assert [day["sessions"] for day in days] == [0, 1, 0, 0]  # cleared since, and counted all the same
    assert [(day["answers"], day["tokens"]) for day in days] == [(0, 0), (0, 0), (4, 10), (0, 0)]
    assert [day["documents"] for day in days] == [0, 0, 0, 1]
    assert [day["cleared"] for day in days] == [0, 0, 0, 1]
    for wrong in ("0", "367", "x", "-1"):
        assert host.client("test").get(f"/api/operate/use?days={wrong}").status_code == 400


def test_jobs_that_were_given_up_are_tried_again(host: Host) -> None:
    services = host.services
    add(services, MINE, "to be read")
    with services.database.write() as connection:
        connection.execute(
            text("UPDATE job SET failed_at = 1, error = 'unreadable', attempts = 5 WHERE kind = 'ingest'")
        )
    jobs = {job["kind"]: job for job in told(host, "/api/operate")["jobs"]}
    assert (jobs["ingest"]["failed"], jobs["ingest"]["errors"], jobs["ingest"]["waiting"]) == (1, ["unreadable"], 0)
    answer = host.client("test").post("/api/operate/jobs/retry")
    assert answer.get_json() == {"success": True, "jobs": 1}
    services.worker.run_due()
    assert [one.state for one in services.library.list(owner=MINE).items] == ["ready"]


def test_people_come_a_page_at_a_time(host: Host) -> None:
    services = host.services
    for number in range(5):
        services.store.create(owner=f"person {number}", title="a title")
    add(services, "person 9", "only a document")
    seen: list[str] = []
    cursor = ""
    while True:
        page = told(host, f"/api/operate/people?limit=2{cursor}")
        seen += [one["owner"] for one in page["people"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == [f"person {number}" for number in (0, 1, 2, 3, 4, 9)]
    assert "a title" not in json.dumps(told(host, "/api/operate/people"))
