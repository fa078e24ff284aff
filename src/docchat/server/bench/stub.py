"""A model server that says nothing of use at a steady pace: `python -m docchat.server.bench.stub SECONDS`.

It speaks the OpenAI chat API as far as docchat asks for it. Answers are as long as those of people's chats, each is
streamed evenly over SECONDS in five pieces a second; one with `max_tokens` (a title) is two words at once. It prints
its port, tells under /sent how many characters of answers it has sent, and answers /quiet as soon as it says nothing.
One process serves thousands.
"""

import asyncio
import itertools
import json
import sys

PIECES_A_SECOND = 5
# Tokens of generated answers at 20 even quantiles of one hour of a conversation service:
# Azure/AzurePublicDataset, AzureLLMInferenceTrace_conv, CC BY 4.0 (Patel et al., ISCA 2024).
TOKENS = (28, 48, 60, 72, 82, 88, 93, 99, 108, 120, 139, 162, 195, 373, 391, 396, 406, 416, 430, 522)
_CHARACTERS = 4  # of a token
_WORD = "harbour "
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nConnection: close\r\n\r\n"


class Stub:
    """Counts what it sends."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lengths = itertools.cycle(TOKENS)
        self._sent = 0
        self._talking = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
            )
            asked = json.loads(await reader.readexactly(length)) if length else {}
            await self._answer(head.split()[1].decode(), asked, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # a reader that leaves
        finally:
            writer.close()

    async def _answer(
        self, path: str, asked: dict[str, object], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if not path.endswith("/chat/completions"):
            if path == "/quiet":
                await self._quiet.wait()
            told = {"sent": self._sent} if path == "/sent" else {"data": [{"id": "stub"}]}
            writer.write(_HEAD % b"application/json" + json.dumps(told).encode())
            await writer.drain()
            return
        writer.write(_HEAD % b"text/event-stream")
        if "max_tokens" in asked:
            writer.write(_event("The harbour"))
        else:
            self._talking += 1
            self._quiet.clear()
            try:
                await self._stream(next(self._lengths) * _CHARACTERS, reader, writer)
            finally:
                self._talking -= 1
                if not self._talking:
                    self._quiet.set()
        writer.write(_event("", reason="stop") + b"data: [DONE]\n\n")
        await writer.drain()

    async def _stream(self, characters: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        text = (_WORD * (characters // len(_WORD) + 1))[:characters]
        pieces = max(1, round(self._seconds * PIECES_A_SECOND))
        loop = asyncio.get_running_loop()
        start = loop.time()
        done = 0
        hung_up = asyncio.ensure_future(reader.read())
        for number in range(1, pieces + 1):
            end = characters * number // pieces
            if end > done:
                writer.write(_event(text[done:end]))
                self._sent += end - done
                done = end
                await writer.drain()
            gone, _ = await asyncio.wait({hung_up}, timeout=max(0.0, start + number / PIECES_A_SECOND - loop.time()))
            if gone:
                raise ConnectionResetError
        hung_up.cancel()


def _event(text: str, *, reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


async def _main(seconds: float) -> None:
    server = await asyncio.start_server(Stub(seconds).serve, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)  # read by the benchmark
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(float(sys.argv[1])))
