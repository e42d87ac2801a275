"""Every error of the service side, as one tree.

    ServiceError
    ├── RequestError                        the request cannot be read
    │   ├── MalformedRequest          400   malformed_request
    │   ├── MalformedJson             400   malformed_json
    │   ├── TokenRequired             401   token_required
    │   ├── CrossSiteRequest          403   cross_site_request
    │   ├── NotFound                  404   not_found
    │   ├── MethodNotAllowed          405   method_not_allowed
    │   ├── RequestTooSlow            408   request_too_slow
    │   ├── Conflict                  409   conflict
    │   │   ├── SuggestionAlreadyDecided    suggestion_already_decided
    │   │   ├── DecisionBuiltUpon           decision_built_upon
    │   │   ├── SegmentHasDecisions         segment_has_decisions
    │   │   ├── AlreadyThere                already_there
    │   │   ├── RunAlreadyActive            run_already_active
    │   │   ├── TooFewDecisions             too_few_decisions
    │   │   ├── AdaptationNotKept           adaptation_not_kept
    │   │   └── StillRunning                still_running
    │   ├── VersionChanged            412   version_changed
    │   ├── BodyTooLarge              413   body_too_large
    │   ├── MediaTypeNotSupported     415   media_type_not_supported
    │   ├── HostNotServed             421   host_not_served
    │   ├── TooManyRuns               429   too_many_runs
    │   └── HeadersTooLarge           431   headers_too_large
    ├── InputError                  422     the request can be read, and something in it is wrong
    │   ├── FieldNotValid                   field_not_valid
    │   ├── UnknownOrRepeatedField          unknown_or_repeated_field
    │   ├── NumberNotFinite                 number_not_finite
    │   ├── InvalidId                       invalid_id
    │   ├── TextNotValidUnicode             text_not_valid_unicode
    │   ├── TextHasControlCharacters        text_has_control_characters
    │   ├── SegmentEmpty                    segment_empty
    │   ├── SegmentTooLong                  segment_too_long
    │   ├── ModelUnknown                    model_unknown
    │   ├── CodebookUnknown                 codebook_unknown
    │   ├── AnswerTooLarge                  answer_too_large
    │   ├── CodeUnknown                     code_unknown
    │   ├── IdempotencyKeyReused            idempotency_key_reused
    │   ├── CsvNotAccepted                  csv_not_accepted
    │   └── FileNotAccepted                 file_not_accepted
    ├── Unavailable                 503     try again later
    │   ├── ModelNotReady                   model_unavailable
    │   ├── AdaptationUnavailable           adaptation_unavailable
    │   ├── ServiceBusy                     service_busy
    │   └── StorageUnavailable              storage_unavailable
    ├── InternalError               500     internal_error
    └── CannotStart                         the service refuses to start

A class's docstring is its default message. ``place`` says where in the input, e.g. ``segments[3].text``
(counted from 0) or ``line 12``; ``extra`` are further fields of the problem document. No message holds text of
the user.
"""

import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar


class ServiceError(Exception):
    """The service could not do what it was asked."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"

    def __init__(
        self,
        message: str | None = None,
        *,
        place: str | None = None,
        extra: Mapping[str, str | int | None] = MappingProxyType({}),
    ) -> None:
        self.detail = message or inspect.getdoc(type(self)) or ""
        self.place = place
        self.extra = extra
        super().__init__(self.detail)

    def __str__(self) -> str:
        return f"{self.detail} ({self.place})" if self.place else self.detail


class RequestError(ServiceError):
    """The request cannot be read."""

    status: ClassVar[int] = 400


class MalformedRequest(RequestError):
    """The request is not well-formed HTTP."""

    code: ClassVar[str] = "malformed_request"


class MalformedJson(RequestError):
    """The body is not well-formed JSON in UTF-8."""

    code: ClassVar[str] = "malformed_json"


class TokenRequired(RequestError):
    """This service answers only requests with a valid bearer token."""

    status: ClassVar[int] = 401
    code: ClassVar[str] = "token_required"


class CrossSiteRequest(RequestError):
    """Requests that change or compute something are not taken from other sites' pages."""

    status: ClassVar[int] = 403
    code: ClassVar[str] = "cross_site_request"


class NotFound(RequestError):
    """There is nothing at this address."""

    status: ClassVar[int] = 404
    code: ClassVar[str] = "not_found"


class MethodNotAllowed(RequestError):
    """This address does not take this method."""

    status: ClassVar[int] = 405
    code: ClassVar[str] = "method_not_allowed"


class RequestTooSlow(RequestError):
    """The request did not arrive in time."""

    status: ClassVar[int] = 408
    code: ClassVar[str] = "request_too_slow"


class Conflict(RequestError):
    """This contradicts what has been done meanwhile."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "conflict"


class SuggestionAlreadyDecided(Conflict):
    """Somebody has decided on this suggestion already, or it has been withdrawn."""

    code: ClassVar[str] = "suggestion_already_decided"

    def __init__(
        self, *, decided_by: str | None = None, decided_at: str | None = None, decision: str | None = None
    ) -> None:
        """Says who decided, when and how; nothing of it if the suggestion was withdrawn."""
        super().__init__(extra={"decided_by": decided_by, "decided_at": decided_at, "decision": decision})


class DecisionBuiltUpon(Conflict):
    """A later decision on the same segment builds on this one; undo that one first."""

    code: ClassVar[str] = "decision_built_upon"


class SegmentHasDecisions(Conflict):
    """A segment that people have decided on cannot be changed or left out."""

    code: ClassVar[str] = "segment_has_decisions"


class AlreadyThere(Conflict):
    """There is already one of this name."""

    code: ClassVar[str] = "already_there"


class RunAlreadyActive(Conflict):
    """The project has a run that has not ended; wait for it or cancel it."""

    code: ClassVar[str] = "run_already_active"


class TooFewDecisions(Conflict):
    """There are too few coded segments, or codes on them, to tell whether fitting the model helps."""

    code: ClassVar[str] = "too_few_decisions"


class AdaptationNotKept(Conflict):
    """This adaptation was no better than the model before, so it was not kept."""

    code: ClassVar[str] = "adaptation_not_kept"


class StillRunning(Conflict):
    """A request with this Idempotency-Key is still being worked on."""

    code: ClassVar[str] = "still_running"


class VersionChanged(RequestError):
    """It has been changed since the version that If-Match names."""

    status: ClassVar[int] = 412
    code: ClassVar[str] = "version_changed"


class BodyTooLarge(RequestError):
    """The body is larger than this address takes."""

    status: ClassVar[int] = 413
    code: ClassVar[str] = "body_too_large"


class MediaTypeNotSupported(RequestError):
    """The body must be sent as application/json in UTF-8."""

    status: ClassVar[int] = 415
    code: ClassVar[str] = "media_type_not_supported"


class HostNotServed(RequestError):
    """This service does not answer for the host named in the request."""

    status: ClassVar[int] = 421
    code: ClassVar[str] = "host_not_served"


class TooManyRuns(RequestError):
    """Too many runs have been asked for in a short time."""

    status: ClassVar[int] = 429
    code: ClassVar[str] = "too_many_runs"


class HeadersTooLarge(RequestError):
    """The address or the headers are too long."""

    status: ClassVar[int] = 431
    code: ClassVar[str] = "headers_too_large"


class InputError(ServiceError):
    """Something in the request is not valid."""

    status: ClassVar[int] = 422


class FieldNotValid(InputError):
    """A field has a value that it cannot have."""

    code: ClassVar[str] = "field_not_valid"


class UnknownOrRepeatedField(InputError):
    """A field is not known here, or stands twice in one object."""

    code: ClassVar[str] = "unknown_or_repeated_field"


class NumberNotFinite(InputError):
    """A number is not finite."""

    code: ClassVar[str] = "number_not_finite"


class InvalidId(InputError):
    """An id is not valid."""

    code: ClassVar[str] = "invalid_id"


class TextNotValidUnicode(InputError):
    """A text holds half of a surrogate pair."""

    code: ClassVar[str] = "text_not_valid_unicode"


class TextHasControlCharacters(InputError):
    """A text holds control characters other than tab and line ends."""

    code: ClassVar[str] = "text_has_control_characters"


class SegmentEmpty(InputError):
    """A segment has no text."""

    code: ClassVar[str] = "segment_empty"


class SegmentTooLong(InputError):
    """A segment is longer than the limit; divide it rather than have it cut."""

    code: ClassVar[str] = "segment_too_long"


class ModelUnknown(InputError):
    """No model of this name is configured."""

    code: ClassVar[str] = "model_unknown"


class CodebookUnknown(InputError):
    """No codebook of this name is built in."""

    code: ClassVar[str] = "codebook_unknown"


class AnswerTooLarge(InputError):
    """The answer would be too large; ask for fewer segments or fewer leaves at a time."""

    code: ClassVar[str] = "answer_too_large"


class CodeUnknown(InputError):
    """The project's codebook has no active code of this id."""

    code: ClassVar[str] = "code_unknown"


class IdempotencyKeyReused(InputError):
    """This Idempotency-Key was used with another request."""

    code: ClassVar[str] = "idempotency_key_reused"


class CsvNotAccepted(InputError):
    """The file is not a csv file that can be read without doubt."""

    code: ClassVar[str] = "csv_not_accepted"


class FileNotAccepted(InputError):
    """The file cannot be read."""

    code: ClassVar[str] = "file_not_accepted"


class Unavailable(ServiceError):
    """The service cannot do this at the moment."""

    status: ClassVar[int] = 503


class ModelNotReady(Unavailable):
    """The model is not loaded."""

    code: ClassVar[str] = "model_unavailable"


class AdaptationUnavailable(Unavailable):
    """The folder of the adaptation that the project uses is missing or damaged; have it use another model."""

    code: ClassVar[str] = "adaptation_unavailable"


class ServiceBusy(Unavailable):
    """Too many requests are waiting already."""

    code: ClassVar[str] = "service_busy"


class StorageUnavailable(Unavailable):
    """The database cannot be used at the moment; nothing was changed."""

    code: ClassVar[str] = "storage_unavailable"


class InternalError(ServiceError):
    """Something went wrong inside the service; its log says more under the request id."""

    code: ClassVar[str] = "internal_error"


class CannotStart(ServiceError):
    """The service refuses to start with this configuration."""

    code: ClassVar[str] = "cannot_start"
