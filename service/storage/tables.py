"""The tables. What people did is only ever added to: decisions are never changed, what they made only ends."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

# SQLite counts up only what it calls INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")
Label = String(200)

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMES)


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=True)


def _of(table: str, name: str | None = None, *, optional: bool = False) -> Column[int]:
    return Column(name or f"{table[:-1]}_id", Id, ForeignKey(f"{table}.id"), nullable=optional)


def _one_of(column: str, *values: str) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


analysts = Table(
    "analysts",
    metadata,
    _id(),
    Column("name", Label, nullable=False, unique=True),
    Column("created_at", DateTime(timezone=True), nullable=False),
    sqlite_autoincrement=True,
)

projects = Table(
    "projects",
    metadata,
    _id(),
    Column("external_id", Label, unique=True),
    Column("name", Label, nullable=False),
    Column("note", Text, nullable=False, default=""),
    Column("version", Integer, nullable=False, default=1),
    Column("created_at", DateTime(timezone=True), nullable=False),
    sqlite_autoincrement=True,
)

# Codebooks grow: each version is kept whole, so that what was coded under it stays readable.
codebook_versions = Table(
    "codebook_versions",
    metadata,
    _id(),
    _of("projects"),
    Column("number", Integer, nullable=False),
    Column("digest", Label, nullable=False),
    Column("content", JSON, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("project_id", "number"),
    sqlite_autoincrement=True,
)

transcripts = Table(
    "transcripts",
    metadata,
    _id(),
    _of("projects"),
    Column("external_id", Label),
    Column("label", Label, nullable=False),
    Column("site", Label),
    Column("language", Label),
    Column("version", Integer, nullable=False, default=1),
    Column("created_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("project_id", "external_id"),
    UniqueConstraint("project_id", "label"),
    sqlite_autoincrement=True,
)

segments = Table(
    "segments",
    metadata,
    _id(),
    _of("projects"),
    _of("transcripts"),
    Column("external_id", Label),
    # Reading order in the transcript, from 0.
    Column("position", Integer, nullable=False),
    Column("paragraph", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("speaker", Label),
    Column("role", Label, nullable=False),
    Column("section", Label),
    Column("original_text", Text),
    Column("original_language", Label),
    _one_of("role", "participant", "moderator"),
    UniqueConstraint("transcript_id", "position"),
    Index(None, "project_id", "external_id"),
    sqlite_autoincrement=True,
)

rounds = Table(
    "rounds",
    metadata,
    _id(),
    _of("projects"),
    Column("number", Integer, nullable=False),
    Column("name", Label, nullable=False),
    Column("visibility", Label, nullable=False),
    Column("help", Label, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    _one_of("visibility", "open", "independent"),
    _one_of("help", "assisted", "blind"),
    UniqueConstraint("project_id", "number"),
    sqlite_autoincrement=True,
)

# The shared one of an open round has no analyst.
coding_sets = Table(
    "coding_sets",
    metadata,
    _id(),
    _of("projects"),
    _of("rounds"),
    _of("analysts", optional=True),
    # Counts decisions: whoever decides holds this row, so that two never decide at once.
    Column("last_decision", Integer, nullable=False, default=0),
    UniqueConstraint("round_id", "analyst_id"),
    sqlite_autoincrement=True,
)

suggestions = Table(
    "suggestions",
    metadata,
    _id(),
    _of("projects"),
    _of("coding_sets"),
    _of("segments"),
    Column("code", Label, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("score", Float, nullable=False),
    Column("basis", Label, nullable=False),
    # Name, path and evidence as they were when it was made, ready to be sent.
    Column("content", Text, nullable=False),
    Column("model_version", Label, nullable=False),
    _of("codebook_versions"),
    Column("status", Label, nullable=False, default="pending"),
    # The number of the decision that gave it this status; none while pending, or if newer suggestions withdrew it.
    Column("decision_number", Integer),
    # Whether newer ones have been made for its segment: then it never comes back.
    Column("renewed", Boolean, nullable=False, default=False),
    _one_of("status", "pending", "accepted", "rejected", "replaced", "withdrawn"),
    Index(None, "coding_set_id", "status", "id"),
    Index(None, "segment_id", "coding_set_id"),
    sqlite_autoincrement=True,
)

decisions = Table(
    "decisions",
    metadata,
    _id(),
    _of("projects"),
    _of("coding_sets"),
    # The order of decisions in their set, from 1; clocks may jump.
    Column("number", Integer, nullable=False),
    _of("analysts"),
    _of("segments"),
    _of("suggestions", optional=True),
    Column("kind", Label, nullable=False),
    Column("code", Label),
    Column("undoes_id", Id, ForeignKey("decisions.id"), unique=True),
    Column("suggestions_visible", Boolean, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    _one_of("kind", "accept", "reject", "replace", "code", "uncode", "no_code", "undo"),
    UniqueConstraint("coding_set_id", "number"),
    Index(None, "segment_id"),
    Index(None, "suggestion_id"),
    sqlite_autoincrement=True,
)

codings = Table(
    "codings",
    metadata,
    _id(),
    _of("projects"),
    _of("coding_sets"),
    _of("segments"),
    Column("code", Label, nullable=False),
    Column("origin", Label, nullable=False),
    # The decision that made it; none if it came with a file.
    _of("decisions", optional=True),
    # What the machine said of it, for good.
    Column("score", Float),
    Column("model_version", Label),
    _of("codebook_versions"),
    _of("decisions", "ended_by_id", optional=True),
    _one_of("origin", "accepted", "replaced", "hand", "file"),
    Index(None, "segment_id", "coding_set_id"),
    Index(None, "coding_set_id", "id"),
    sqlite_autoincrement=True,
)
# A code stands on a segment at most once at a time.
Index(
    "uq_codings_standing",
    codings.c.coding_set_id,
    codings.c.segment_id,
    codings.c.code,
    unique=True,
    sqlite_where=codings.c.ended_by_id.is_(None),
    postgresql_where=codings.c.ended_by_id.is_(None),
)

# That somebody looked and found no code to apply; without a row that stands, nobody has looked.
no_codes = Table(
    "no_codes",
    metadata,
    _id(),
    _of("projects"),
    _of("coding_sets"),
    _of("segments"),
    _of("decisions", optional=True),
    _of("decisions", "ended_by_id", optional=True),
    Index(None, "segment_id", "coding_set_id"),
    sqlite_autoincrement=True,
)
Index(
    "uq_no_codes_standing",
    no_codes.c.coding_set_id,
    no_codes.c.segment_id,
    unique=True,
    sqlite_where=no_codes.c.ended_by_id.is_(None),
    postgresql_where=no_codes.c.ended_by_id.is_(None),
)

vectors = Table(
    "vectors",
    metadata,
    Column("project_id", Id, ForeignKey("projects.id"), primary_key=True),
    Column("model_hash", Label, primary_key=True),
    # SHA-256 of the text as it was encoded.
    Column("text_hash", LargeBinary(32), primary_key=True),
    Column("vector", LargeBinary, nullable=False),
)

# Long work. What it rests on is pinned, so that doing any part of it twice comes to the same.
runs = Table(
    "runs",
    metadata,
    _id(),
    _of("projects"),
    Column("kind", Label, nullable=False),
    Column("state", Label, nullable=False, default="waiting"),
    Column("request", JSON, nullable=False),
    _of("coding_sets"),
    _of("codebook_versions"),
    # The last decision that counted, the model and the reference: none until the run has begun.
    Column("decision_number", Integer),
    Column("model_key", Label),
    Column("model_hash", Label),
    Column("model_version", Label),
    Column("reference_hash", Label),
    # Whatever else its kind rests on; ids and hashes, never text.
    Column("pinned", JSON),
    Column("step", Label),
    Column("step_began_at", DateTime(timezone=True)),
    # In segments, those of the step.
    Column("step_size", Integer, nullable=False, default=0),
    Column("step_done", Integer, nullable=False, default=0),
    Column("segments", Integer, nullable=False, default=0),
    Column("suggested", Integer, nullable=False, default=0),
    Column("abstained", Integer, nullable=False, default=0),
    Column("failed", Integer, nullable=False, default=0),
    Column("suggestions", Integer, nullable=False, default=0),
    Column("result", JSON),
    Column("failure", Label),
    # Counts changes, so that who watches knows what is new.
    Column("version", Integer, nullable=False, default=1),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("began_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    _one_of("state", "waiting", "working", "completed", "completed_with_failures", "cancelled", "failed"),
    Index(None, "project_id", "id"),
    sqlite_autoincrement=True,
)
# One run of a project is active at a time.
Index(
    "uq_runs_active",
    runs.c.project_id,
    unique=True,
    sqlite_where=runs.c.state.in_(("waiting", "working")),
    postgresql_where=runs.c.state.in_(("waiting", "working")),
)

# A part of a run that one worker does at a time and finishes in one transaction.
chunks = Table(
    "chunks",
    metadata,
    _id(),
    _of("projects"),
    _of("runs"),
    Column("step", Label, nullable=False),
    # Whether it works out the other chunks of its step.
    Column("is_plan", Boolean, nullable=False, default=False),
    Column("segment_ids", JSON, nullable=False),
    Column("size", Integer, nullable=False),
    Column("state", Label, nullable=False, default="waiting"),
    Column("attempt", Integer, nullable=False, default=0),
    # Counts claims: who holds an older one writes nothing any more.
    Column("fence", Integer, nullable=False, default=0),
    # Seconds of the database's clock.
    Column("lease_until", Float),
    Column("worker", Label),
    Column("failure", Label),
    _one_of("state", "waiting", "working", "done", "set_aside", "split", "dropped"),
    Index(None, "state", "id"),
    Index(None, "run_id", "state"),
    sqlite_autoincrement=True,
)

failed_segments = Table(
    "failed_segments",
    metadata,
    _id(),
    _of("projects"),
    _of("runs"),
    _of("segments"),
    Column("reason", Label, nullable=False),
    UniqueConstraint("run_id", "segment_id"),
    Index(None, "segment_id"),
    sqlite_autoincrement=True,
)

# Attempts to fit a model to a project's codes, each told of by a run; those that did not help have no weights.
adaptations = Table(
    "adaptations",
    metadata,
    _id(),
    _of("projects"),
    _of("runs"),
    _of("codebook_versions"),
    # In the project, from 1.
    Column("number", Integer, nullable=False),
    Column("decision_number", Integer, nullable=False),
    Column("base_key", Label, nullable=False),
    Column("base_hash", Label, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("comparison", JSON, nullable=False),
    # Of the folder of the fitted model, which is also its name; none where it was not kept.
    Column("model_hash", Label),
    Column("made_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("project_id", "number"),
    sqlite_autoincrement=True,
)

# Which model a project uses: the newest row holds, without an adaptation it is the default model.
model_choices = Table(
    "model_choices",
    metadata,
    _id(),
    _of("projects"),
    _of("adaptations", optional=True),
    Column("chosen_at", DateTime(timezone=True), nullable=False),
    Index(None, "project_id", "id"),
    sqlite_autoincrement=True,
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("key", Label, primary_key=True),
    # SHA-256 of method, address and body.
    Column("request_hash", LargeBinary(32), nullable=False),
    Column("status", Integer, nullable=False),
    Column("answer", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
