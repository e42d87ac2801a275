"""What routes need of the running service."""

from typing import Annotated

from fastapi import Depends, Request

from service.actions.suggest_codes import SuggestCodes
from service.encoders import Encoders


def _encoders(request: Request) -> Encoders:
    encoders: Encoders = request.state.encoders
    return encoders


def _suggest_codes(request: Request) -> SuggestCodes:
    suggest_codes: SuggestCodes = request.state.suggest_codes
    return suggest_codes


EncodersOfService = Annotated[Encoders, Depends(_encoders)]
SuggestCodesAction = Annotated[SuggestCodes, Depends(_suggest_codes)]
