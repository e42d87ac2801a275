"""Routes that read a request strictly: media type, JSON, and no query parameter that is not declared."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from service.errors import MediaTypeNotSupported, UnknownOrRepeatedField
from service.formats.strict_json import parse_json
from service.formats.texts import shown_name

# Read within a millisecond or so; a larger body would keep all other requests waiting.
SMALL_BODY_BYTES = 32 * 1024


class StrictRequest(Request):
    """A request whose JSON body is read by our own strict reader."""

    async def json(self) -> Any:
        """The body.

        Raises:
            MalformedJson, InputError: as in :func:`service.formats.strict_json.parse_json`.
        """
        if not hasattr(self, "_strict_json"):
            body = await self.body()
            is_small = len(body) <= SMALL_BODY_BYTES
            self._strict_json = parse_json(body) if is_small else await run_in_threadpool(parse_json, body)
        return self._strict_json


class StrictRoute(APIRoute):
    """A route that refuses what FastAPI would let pass."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler behind the checks."""
        handler = super().get_route_handler()
        known = _query_names(self.dependant)
        takes_body = self.body_field is not None

        async def checked(request: Request) -> Response:
            _check_query(request, known)
            strict = StrictRequest(request.scope, request.receive)
            if takes_body:
                _check_media_type(request)
                # Read here, because FastAPI puts one error of its own in the place of all that arise in reading,
                # and passes over a body that is empty.
                await strict.json()
            return await handler(strict)

        return checked


def _query_names(dependant: Dependant) -> frozenset[str]:
    own = {parameter.alias for parameter in dependant.query_params}
    return frozenset(own.union(*(_query_names(inner) for inner in dependant.dependencies)))


def _check_query(request: Request, known: frozenset[str]) -> None:
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if name not in known or names.count(name) > 1:
            raise UnknownOrRepeatedField(
                "This query parameter is not known here, or stands twice.", place=shown_name(name)
            )


def _check_media_type(request: Request) -> None:
    values = request.headers.getlist("content-type")
    essence, _, parameters = (values[0] if len(values) == 1 else "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if essence.strip().lower() != "application/json" or charset not in ("", "charset=utf-8", "charset=utf8"):
        raise MediaTypeNotSupported
    check_not_compressed(request)


def check_not_compressed(request: Request) -> None:
    """Passes a body that is sent as it is.

    Raises:
        MediaTypeNotSupported: it is compressed.
    """
    if any(coding.lower() != "identity" for coding in request.headers.getlist("content-encoding")):
        raise MediaTypeNotSupported("The body must not be compressed.")
