"""Which models there are to choose from: the one of the settings first, then those that an administrator connected."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol
from uuid import UUID

from ...config import Settings
from ...errors import InvalidInput
from .model import ChatModel
from .openai import OpenAIModel

FROM_SETTINGS = "settings"
"""The id of the model that DOCCHAT_MODEL_URL names."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A model as people choose it. `label` may be empty while its server was not asked for a name yet."""

    id: str
    label: str


class Models(Protocol):
    """What answers need of the models."""

    def choices(self) -> Sequence[Choice]:
        """The models that may be asked, the default first. Raises StoreError."""

    def choose(self, model_id: str | None = None) -> ChatModel | None:
        """The model of this id, the default without one; None when there is none at all.

        Raises InvalidInput (unknown_model), StoreError.
        """


@dataclass(frozen=True, slots=True)
class ConnectedModel:
    """A model that an administrator has connected. Its key is not here: `slot` says whether there is one."""

    id: UUID
    label: str
    url: str
    name: str
    context_tokens: int
    enabled: bool
    slot: int | None
    created_at: datetime


class Rows(Protocol):
    """Where connected models are kept."""

    def list(self) -> Sequence[ConnectedModel]:
        """All of them, in the administrator's order."""

    def open_key(self, model: ConnectedModel) -> str:
        """The key of its server, empty for none."""


class OneModel:
    """A single model, or none, under the id of the settings' model."""

    def __init__(self, model: ChatModel | None) -> None:
        self._model = model

    def choices(self) -> tuple[Choice, ...]:
        """The model."""
        return () if self._model is None else (Choice(FROM_SETTINGS, self._model.name),)

    def choose(self, model_id: str | None = None) -> ChatModel | None:
        """The model, for its id and for none."""
        if model_id not in (None, FROM_SETTINGS) or (model_id is not None and self._model is None):
            raise _unknown()
        return self._model


class Registry:
    """All models of an installation. Rows are read at each question: what the page changes holds from then on."""

    def __init__(self, settings: Settings, rows: Rows) -> None:
        self._rows = rows
        self._timeout = settings.model_timeout_seconds
        self._first = _of_settings(settings)
        # A model object learns its server's ways (names, what it accepts); it is kept while its row stays as it is.
        self._made: dict[UUID, tuple[ConnectedModel, OpenAIModel]] = {}

    def choices(self) -> tuple[Choice, ...]:
        """The model of the settings, then the enabled ones in their order."""
        first = () if self._first is None else (Choice(FROM_SETTINGS, self._first.name),)
        return (*first, *(Choice(str(row.id), row.label or row.name) for row in self._rows.list() if row.enabled))

    def choose(self, model_id: str | None = None) -> ChatModel | None:
        """The model of this id, the first without one; None when there is none at all."""
        if self._first is not None and model_id in (None, FROM_SETTINGS):
            return self._first
        for row in self._rows.list():
            if row.enabled and model_id in (None, str(row.id)):
                return self._model(row)
        if model_id is None:
            return None
        raise _unknown()

    def settings_model(self) -> OpenAIModel | None:
        """The model of the settings, which no page changes."""
        return self._first

    def _model(self, row: ConnectedModel) -> OpenAIModel:
        row_before, model = self._made.get(row.id, (None, None))
        if model is None or row_before != row:
            model = connect(row, key=partial(self._rows.open_key, row), timeout=self._timeout)
            self._made[row.id] = (row, model)
        return model


def connect(row: ConnectedModel, *, key: Callable[[], str], timeout: float) -> OpenAIModel:
    """The model behind a row; `key` is asked for each answer, and kept by nobody."""
    return OpenAIModel(url=row.url, name=row.name, label=row.label, key=key, timeout=timeout, window=row.context_tokens)


def _of_settings(settings: Settings) -> OpenAIModel | None:
    if not settings.model_url:
        return None
    return OpenAIModel(
        url=settings.model_url,
        name=settings.model_name,
        key=settings.model_key,
        timeout=settings.model_timeout_seconds,
        window=settings.model_context_tokens,
    )


def _unknown() -> InvalidInput:
    return InvalidInput("This model is not connected any more. Please choose another.", code="unknown_model")
