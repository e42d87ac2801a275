"""Settings, each from an environment variable ``THEMECODER_…``."""

import ipaddress
import re
from pathlib import Path
from typing import Self

from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from service import limits
from service.errors import CannotStart

BUNDLED_MODEL = "all-minilm-l6-v2"
HASHING_MODEL = "hashing"
DATABASE_FILE = "themecoder.sqlite3"
FITTED_MODELS = "models"
MODEL_KEY = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class Settings(BaseSettings):
    """The service's settings; unknown ``THEMECODER_`` variables do nothing.

    Raises:
        pydantic.ValidationError: a value is out of range or two contradict each other.
    """

    model_config = SettingsConfigDict(
        env_prefix="THEMECODER_", extra="ignore", hide_input_in_errors=True, populate_by_name=True
    )

    host: str = Field(
        default="127.0.0.1", description="Address to listen on; other than loopback only with a token file."
    )
    port: int = Field(default=8000, ge=0, le=65_535, description="Port to listen on; 0 lets the system choose one.")
    hosts: list[str] = Field(
        default=[],
        description='Further host names under which the service is reached, as JSON: ["coding.example.org"].',
    )
    token_file: Path | None = Field(
        default=None,
        description="File with the bearer token that every request to /v1 must carry, at least 32 characters.",
    )
    model: str = Field(default=BUNDLED_MODEL, description="Key of the model that is used when a request names none.")
    models: dict[str, Path] = Field(
        default={},
        description='Further sentence-transformers folders by key, as JSON: {"mpnet": "/models/all-mpnet-base-v2"}.',
    )

    data: Path = Field(
        default=Path("~/.local/share/themecoder"),
        description="Folder of the database and of fitted models; made for its owner alone if it is not there.",
    )
    database: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("THEMECODER_DATABASE", "THEMECODER_DATABASE_URL"),
        description="URL of the database, sqlite:///… or postgresql://…, instead of a file in the data folder.",
    )

    @field_validator("data")
    @classmethod
    def _folder_can_be_named(cls, data: Path) -> Path:
        if "?" in str(data):
            raise ValueError("a name with a question mark cannot stand in the URL of a database")
        try:
            return data.expanduser()
        except RuntimeError:
            raise ValueError("the home folder that '~' stands for is not known") from None

    @field_validator("models")
    @classmethod
    def _keys_are_plain(cls, models: dict[str, Path]) -> dict[str, Path]:
        if any(not MODEL_KEY.fullmatch(key) or key in (BUNDLED_MODEL, HASHING_MODEL) for key in models):
            raise ValueError("a model key must be lower-case letters, digits, '.', '_' or '-', and not a built-in one")
        return models

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.model not in (BUNDLED_MODEL, HASHING_MODEL, *self.models):
            raise ValueError("THEMECODER_MODEL names no configured model")
        if not self.is_loopback and self.token_file is None:
            raise ValueError("listening on an address other than loopback needs THEMECODER_TOKEN_FILE")
        return self

    @property
    def model_keys(self) -> tuple[str, ...]:
        """The keys that a request may name, the default one first."""
        return tuple(dict.fromkeys((self.model, BUNDLED_MODEL, HASHING_MODEL, *self.models)))

    @property
    def is_loopback(self) -> bool:
        """Whether only programs on this machine can reach the service."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def served_hosts(self) -> frozenset[str]:
        """The host names, without port, that requests may name."""
        return frozenset({"localhost", "127.0.0.1", "[::1]", self.host.lower(), *(host.lower() for host in self.hosts)})

    @property
    def fitted_models(self) -> Path:
        """The folder of the models that were fitted to projects."""
        return self.data.absolute() / FITTED_MODELS

    @property
    def database_url(self) -> str:
        """Where everything is kept; it may hold a password, and so is never shown."""
        if self.database is not None:
            return self.database.get_secret_value()
        return f"sqlite:///{self.data.absolute() / DATABASE_FILE}"

    def read_token(self) -> SecretStr | None:
        """The token, or None if none is configured.

        Raises:
            CannotStart: the file cannot be read, or what it holds is no good token.
        """
        if self.token_file is None:
            return None
        try:
            token = self.token_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CannotStart("The token file cannot be read as plain ASCII text.") from error
        if not limits.MIN_TOKEN_CHARACTERS <= len(token) <= limits.MAX_TOKEN_CHARACTERS or not token.isprintable():
            raise CannotStart(
                f"The token file must hold one token of {limits.MIN_TOKEN_CHARACTERS} to "
                f"{limits.MAX_TOKEN_CHARACTERS} printable characters."
            )
        return SecretStr(token)
