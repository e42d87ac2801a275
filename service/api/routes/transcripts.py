"""``/v1/projects/{p}/transcripts`` and ``/segments``: material in, and read again."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from models.codebook import codebook_from_json
from service import limits
from service.actions.import_transcripts import Defaults, import_transcripts
from service.actions.put_transcript import NewState, put_transcript
from service.api.dependencies import DatabaseOfService, in_thread, read_in_thread
from service.api.idempotency import answer_once
from service.api.references import cursor_number, cursor_place, etag, external_id, reference, wanted_version
from service.api.routes.projects import find_project, page
from service.api.schemas.pages import Cursor, Limit
from service.api.schemas.transcripts import (
    ImportedOut,
    SegmentOut,
    SegmentPage,
    TranscriptIn,
    TranscriptOut,
    TranscriptPage,
    TranscriptSegmentIn,
)
from service.api.strict_route import StrictRoute, check_not_compressed
from service.errors import MediaTypeNotSupported
from service.formats.texts import check_segment, check_text, with_lf
from service.formats.transcript_files import read_transcripts
from service.formats.transcripts import ImportedSegment
from service.storage.projects import codebook_content
from service.storage.transcripts import (
    Segment,
    SegmentFilter,
    Transcript,
    list_segments,
    list_transcripts,
    segment,
    transcript,
)

router = APIRouter(prefix="/v1/projects/{project_id}", route_class=StrictRoute, tags=["transcripts"])

Format = Literal["txt", "csv", "jsonl"]
MEDIA_TYPES: dict[str, Format] = {
    "text/plain": "txt",
    "text/csv": "csv",
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
}
PARAMETERS = ("", "charset=utf-8", "charset=utf8", "header=present")
UPLOAD = {
    "requestBody": {
        "required": True,
        "description": "The file itself, in UTF-8.",
        "content": {media_type: {"schema": {"type": "string"}} for media_type in MEDIA_TYPES},
    }
}
Name = Annotated[str | None, Query(min_length=1, max_length=limits.MAX_LABEL_CHARACTERS)]


@router.post(
    "/transcripts", response_model=ImportedOut, status_code=201, summary="Upload transcripts", openapi_extra=UPLOAD
)
async def upload(
    request: Request,
    project_id: str,
    database: DatabaseOfService,
    transcript_id: Annotated[Name, Query(alias="external_id", description="An id of yours for the transcript.")] = None,
    label: Annotated[Name, Query(description="Unique in the project; by default the site.")] = None,
    site: Annotated[Name, Query(description="The study site, where the file does not say.")] = None,
    language: Annotated[Name, Query(description="Of the texts, where the file does not say.")] = None,
) -> Response:
    """Brings in a file of transcripts: text with speaker turns, csv or jsonl; all of it or nothing.

    Rows of jsonl with `codes` and `coder` become codings of that analyst.
    """
    format = _format(request)
    data = await request.body()
    defaults = Defaults(external_id=transcript_id, label=label, site=site, language=language)
    for name, value in (("external_id", transcript_id), ("label", label), ("site", site), ("language", language)):
        check_text(value or "", place=name)

    def act() -> dict[str, Any]:
        found = find_project(database, project_id)
        imported = read_transcripts(data, format)
        with database.read() as connection:
            codebook = codebook_from_json(codebook_content(connection, found.codebook_version_id))
        stored = import_transcripts(database, found, codebook, imported, defaults)
        return {"transcripts": [transcript_row(one) for one in stored]}

    return await answer_once(request, act, status=201)


@router.put("/transcripts/{transcript_id}", response_model=TranscriptOut, summary="Put a transcript")
async def put(
    request: Request, project_id: str, transcript_id: str, body: TranscriptIn, database: DatabaseOfService
) -> Response:
    """Adds the transcript of this external id, or brings it to this state.

    Segments that stay the same keep their codings and decisions; one that people worked on can neither vanish
    nor get another text.
    """
    wanted = NewState(
        external_id=external_id(transcript_id.removeprefix("ext:"), "transcript_id").value,
        label=body.label,
        site=body.site,
        language=body.language,
        segments=[_given(one, f"segments[{index}].") for index, one in enumerate(body.segments)],
    )
    if_version = wanted_version(request)

    def act() -> tuple[Transcript, bool]:
        return put_transcript(database, find_project(database, project_id), wanted, if_version=if_version)

    stored, is_new = await in_thread(request, act)
    headers = {"ETag": etag(stored.version)}
    return JSONResponse(transcript_row(stored), 201 if is_new else 200, headers)


@router.get("/transcripts", response_model=TranscriptPage, summary="List transcripts")
async def list_all(
    request: Request,
    project_id: str,
    database: DatabaseOfService,
    limit: Limit = limits.MAX_PAGE,
    cursor: Cursor = None,
) -> JSONResponse:
    """The project's transcripts in the order in which they came in."""
    after = cursor_number(cursor)

    def read() -> list[Transcript]:
        found = find_project(database, project_id)
        with database.read() as connection:
            return list_transcripts(connection, found.id, after=after, limit=limit + 1)

    found = await read_in_thread(request, read)
    return JSONResponse(page([transcript_row(one) for one in found], limit))


@router.get("/transcripts/{transcript_id}", response_model=TranscriptOut, summary="Read a transcript")
async def read_one(request: Request, project_id: str, transcript_id: str, database: DatabaseOfService) -> JSONResponse:
    """One transcript without its segments, by our id or `ext:` and yours."""
    ref = reference(transcript_id, "transcript_id")

    def read() -> Transcript:
        found = find_project(database, project_id)
        with database.read() as connection:
            return transcript(connection, found.id, ref)

    found = await in_thread(request, read)
    return JSONResponse(transcript_row(found), headers={"ETag": etag(found.version)})


@router.get("/segments", response_model=SegmentPage, summary="List segments")
async def list_segments_of_project(  # noqa: PLR0913 - each is one parameter of the address
    request: Request,
    project_id: str,
    database: DatabaseOfService,
    transcript_id: Annotated[Name, Query(alias="transcript", description="Id of a transcript, or `ext:…`.")] = None,
    site: Annotated[Name, Query(description="Of this site only.")] = None,
    speaker: Annotated[Name, Query(description="By this speaker only.")] = None,
    role: Annotated[Literal["participant", "moderator"] | None, Query(description="Of this role only.")] = None,
    limit: Limit = limits.MAX_PAGE,
    cursor: Cursor = None,
) -> JSONResponse:
    """The project's segments in reading order, one transcript after another."""
    for name, value in (("site", site), ("speaker", speaker)):
        check_text(value or "", place=name)
    after = cursor_place(cursor)
    ref = reference(transcript_id, "transcript") if transcript_id is not None else None

    def read() -> list[Segment]:
        found = find_project(database, project_id)
        with database.read() as connection:
            of_transcript = transcript(connection, found.id, ref).id if ref is not None else None
            wanted = SegmentFilter(transcript_id=of_transcript, site=site, speaker=speaker, role=role)
            return list_segments(connection, found.id, wanted, after=after, limit=limit + 1)

    found = await read_in_thread(request, read)
    last = found[limit - 1] if len(found) > limit else None
    next_cursor = None if last is None else f"{last.transcript_id}.{last.position}"
    return JSONResponse({"items": [segment_row(one) for one in found[:limit]], "next_cursor": next_cursor})


@router.get("/segments/{segment_id}", response_model=SegmentOut, summary="Read a segment")
async def read_segment(request: Request, project_id: str, segment_id: str, database: DatabaseOfService) -> JSONResponse:
    """One segment, by our id or `ext:` and yours."""
    ref = reference(segment_id, "segment_id")

    def read() -> Segment:
        found = find_project(database, project_id)
        with database.read() as connection:
            return segment(connection, found.id, ref)

    return JSONResponse(segment_row(await in_thread(request, read)))


def transcript_row(one: Transcript) -> dict[str, Any]:
    """A transcript as it is answered."""
    return {
        "id": one.id,
        "external_id": one.external_id,
        "label": one.label,
        "site": one.site,
        "language": one.language,
        "version": one.version,
        "created_at": one.created_at.isoformat(),
        "segments": one.segments,
    }


def segment_row(one: Segment) -> dict[str, Any]:
    """A segment as it is answered."""
    return {
        "id": one.id,
        "external_id": one.external_id,
        "reference": one.reference,
        "transcript": one.transcript_id,
        "site": one.site,
        "position": one.position,
        "paragraph": one.paragraph,
        "speaker": one.speaker,
        "role": one.role,
        "section": one.section,
        "text": one.text,
        "original_text": one.original_text,
        "original_language": one.original_language,
    }


def _format(request: Request) -> Format:
    values = request.headers.getlist("content-type")
    essence, *parameters = (values[0] if len(values) == 1 else "").lower().split(";")
    format = MEDIA_TYPES.get(essence.strip())
    if format is None or any(one.strip().replace('"', "") not in PARAMETERS for one in parameters):
        raise MediaTypeNotSupported(f"A file must be sent as one of {', '.join(MEDIA_TYPES)}, in UTF-8.")
    check_not_compressed(request)
    return format


def _given(one: TranscriptSegmentIn, prefix: str) -> ImportedSegment:
    """A segment of a JSON body, its line ends as LF like those of files."""
    for name in ("external_id", "speaker", "section", "original_text", "original_language"):
        check_text(getattr(one, name) or "", place=prefix + name)
    check_text(one.text, place=f"{prefix}text")
    check_segment(one.text, place=f"{prefix}text")
    check_segment(one.original_text or "", place=f"{prefix}original_text", may_be_empty=True)
    original = None if one.original_text is None else with_lf(one.original_text)
    values = one.model_dump(exclude={"text", "original_text"})
    return ImportedSegment(**values, text=with_lf(one.text), original_text=original, place=prefix)
