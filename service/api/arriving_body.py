"""A request's body on its way in: within the limit, in time, and known to be complete or not."""

import asyncio

from starlette.types import Message, Receive

from service import limits
from service.errors import BodyTooLarge, RequestTooSlow


class ArrivingBody:
    """The messages of a request, as long as they keep to the limits.

    Args:
        receive: gives the messages as they arrive. Its time begins now.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._deadline = asyncio.get_running_loop().time() + limits.REQUEST_SECONDS
        self._bytes = 0
        self._is_complete = False

    async def receive(self) -> Message:
        """The next message, in place of the server's ``receive``.

        Raises:
            RequestTooSlow: the body is not complete in time.
            BodyTooLarge: more has arrived than a body may have, whatever length was declared.
        """
        if self._is_complete:
            # Nothing more can come but the end of the connection, which has all the time there is.
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._next()
        except TimeoutError as error:
            raise RequestTooSlow from error
        self._bytes += len(message.get("body", b""))
        if self._bytes > limits.MAX_BODY_BYTES:
            raise BodyTooLarge
        return message

    async def throw_away(self) -> None:
        """Reads what is still coming, for a moment.

        A connection that is closed while its client still sends is reset, and the client may never see the answer.
        """
        try:
            async with asyncio.timeout(limits.LINGER_SECONDS):
                while not self._is_complete:
                    await self._next()
        except TimeoutError:
            pass

    async def _next(self) -> Message:
        message = await self._receive()
        self._is_complete = not message.get("more_body", False)
        return message
