"""Many readers of answers at once, and a ping beside them: one asyncio process with bare connections."""

import asyncio
import json
import time
from dataclasses import dataclass, field

_TEXT = b'data: {"text":'
_PING_SECONDS = 0.05


@dataclass(slots=True)
class Seen:
    """What all readers have got: characters, the seconds to each one's first text, pings (ms), what went wrong."""

    characters: int = 0
    first: list[float] = field(default_factory=list)
    pings: list[float] = field(default_factory=list)
    done: int = 0
    failures: list[str] = field(default_factory=list)


class Readers:
    """Readers of one server, signed in by a cookie. `rate` of them begin in a second."""

    def __init__(self, port: int, cookie: str, *, count: int, rate: float, mode: str = "model") -> None:
        self._port = port
        self._cookie = cookie
        self._count = count
        self._rate = rate
        self._mode = mode
        self.seen = Seen()

    async def run(self, *, calm: float, seconds: float) -> None:
        """All of them begin; pings count for `calm` seconds from when they have; nobody waits beyond `seconds`."""
        tasks = []
        for number in range(self._count):
            tasks.append(asyncio.create_task(self._read(number)))
            await asyncio.sleep(1 / self._rate)
        pinging = asyncio.create_task(self._ping(time.monotonic() + calm))
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            self.seen.failures.append(f"{len(late)} were not answered in time")
        await pinging

    async def _read(self, number: int) -> None:
        try:
            reader, writer = await self._call("POST", "/api/sessions", {"title": f"Chat {number}"})
            body = (await reader.read()).partition(b"\r\n\r\n")[2]
            writer.close()
            session = json.loads(body[body.index(b"{") : body.rindex(b"}") + 1])["id"]
            begun = time.monotonic()
            asked = {"question": "When does the harbour open?", "mode": self._mode}
            reader, writer = await self._call("POST", f"/api/sessions/{session}/ask", asked)
            await self._follow(reader, begun)
            writer.close()
        except (OSError, ValueError, KeyError, asyncio.IncompleteReadError) as error:
            self.seen.failures.append(f"{type(error).__name__}: {error}"[:200])

    async def _follow(self, reader: asyncio.StreamReader, begun: float) -> None:
        status = await reader.readline()
        if b" 200 " not in status:
            raise ValueError(status.decode("latin-1").strip())
        started = False
        while line := await reader.readline():
            if line.startswith(_TEXT):
                if not started:
                    started = True
                    self.seen.first.append(time.monotonic() - begun)
                self.seen.characters += len(json.loads(line[6:])["text"])
            elif line.startswith(b"event: "):
                if line.startswith(b"event: done"):
                    self.seen.done += 1
                    return
                if line.startswith((b"event: error", b"event: cleared")):
                    raise ValueError((await reader.readline()).decode()[:150])

    async def _call(
        self, method: str, path: str, body: dict[str, str]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 20)
        data = json.dumps(body).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nCookie: {self._cookie}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + data)
        await writer.drain()
        return reader, writer

    async def _ping(self, until: float) -> None:
        while time.monotonic() < until:
            start = time.perf_counter()
            try:
                reader, writer = await self._call("GET", "/healthz", {})
                await reader.read()
                writer.close()
            except OSError as error:
                self.seen.failures.append(f"ping: {error}")
            self.seen.pings.append((time.perf_counter() - start) * 1000)
            await asyncio.sleep(_PING_SECONDS)
