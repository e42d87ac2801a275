"""projects transcripts decisions codings."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies this step."""
    op.create_table(
        "analysts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_analysts")),
        sa.UniqueConstraint("name", name=op.f("uq_analysts_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_idempotency_keys")),
    )
    op.create_table(
        "projects",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projects")),
        sa.UniqueConstraint("external_id", name=op.f("uq_projects_external_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "codebook_versions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("project_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=200), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_codebook_versions_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_codebook_versions")),
        sa.UniqueConstraint("project_id", "number", name=op.f("uq_codebook_versions_project_id_number")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "rounds",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("project_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("visibility", sa.String(length=200), nullable=False),
        sa.Column("help", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("help IN ('assisted', 'blind')", name=op.f("ck_rounds_help")),
        sa.CheckConstraint("visibility IN ('open', 'independent')", name=op.f("ck_rounds_visibility")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_rounds_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rounds")),
        sa.UniqueConstraint("project_id", "number", name=op.f("uq_rounds_project_id_number")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "transcripts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("project_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=True),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("site", sa.String(length=200), nullable=True),
        sa.Column("language", sa.String(length=200), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_transcripts_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transcripts")),
        sa.UniqueConstraint("project_id", "external_id", name=op.f("uq_transcripts_project_id_external_id")),
        sa.UniqueConstraint("project_id", "label", name=op.f("uq_transcripts_project_id_label")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "vectors",
        sa.Column("project_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("model_hash", sa.String(length=200), nullable=False),
        sa.Column("text_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_vectors_project_id")),
        sa.PrimaryKeyConstraint("project_id", "model_hash", "text_hash", name=op.f("pk_vectors")),
    )
    op.create_table(
        "coding_sets",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("project_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("round_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("analyst_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("last_decision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["analyst_id"], ["analysts.id"], name=op.f("fk_coding_sets_analyst_id")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_coding_sets_project_id")),
        sa.ForeignKeyConstraint(["round_id"], ["rounds.id"], name=op.f("fk_coding_sets_round_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coding_sets")),
        sa.UniqueConstraint("round_id", "analyst_id", name=op.f("uq_coding_sets_round_id_analyst_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "segments",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("project_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("transcript_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("paragraph", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("speaker", sa.String(length=200), nullable=True),
        sa.Column("role", sa.String(length=200), nullable=False),
        sa.Column("section", sa.String(length=200), nullable=True),
        sa.Column("original_text", sa.Text(), nullable=True),
        sa.Column("original_language", sa.String(length=200), nullable=True),
        sa.CheckConstraint("role IN ('participant', 'moderator')", name=op.f("ck_segments_role")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_segments_project_id")),
        sa.ForeignKeyConstraint(["transcript_id"], ["transcripts.id"], name=op.f("fk_segments_transcript_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segments")),
        sa.UniqueConstraint("transcript_id", "position", name=op.f("uq_segments_transcript_id_position")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_segments_project_id_external_id"), "segments", ["project_id", "external_id"], unique=False)
    op.create_table(
        "suggestions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("project_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("coding_set_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("segment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=200), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("basis", sa.String(length=200), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("model_version", sa.String(length=200), nullable=False),
        sa.Column("codebook_version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("status", sa.String(length=200), nullable=False),
        sa.Column("decision_number", sa.Integer(), nullable=True),
        sa.Column("renewed", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'accepted', 'rejected', 'replaced', 'withdrawn')", name=op.f("ck_suggestions_status")
        ),
        sa.ForeignKeyConstraint(
            ["codebook_version_id"], ["codebook_versions.id"], name=op.f("fk_suggestions_codebook_version_id")
        ),
        sa.ForeignKeyConstraint(["coding_set_id"], ["coding_sets.id"], name=op.f("fk_suggestions_coding_set_id")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_suggestions_project_id")),
        sa.ForeignKeyConstraint(["segment_id"], ["segments.id"], name=op.f("fk_suggestions_segment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suggestions")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_suggestions_coding_set_id_status_id"), "suggestions", ["coding_set_id", "status", "id"], unique=False
    )
    op.create_index(
        op.f("ix_suggestions_segment_id_coding_set_id"), "suggestions", ["segment_id", "coding_set_id"], unique=False
    )
    op.create_table(
        "decisions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("project_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("coding_set_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("analyst_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("segment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("suggestion_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("kind", sa.String(length=200), nullable=False),
        sa.Column("code", sa.String(length=200), nullable=True),
        sa.Column("undoes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("suggestions_visible", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('accept', 'reject', 'replace', 'code', 'uncode', 'no_code', 'undo')",
            name=op.f("ck_decisions_kind"),
        ),
        sa.ForeignKeyConstraint(["analyst_id"], ["analysts.id"], name=op.f("fk_decisions_analyst_id")),
        sa.ForeignKeyConstraint(["coding_set_id"], ["coding_sets.id"], name=op.f("fk_decisions_coding_set_id")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_decisions_project_id")),
        sa.ForeignKeyConstraint(["segment_id"], ["segments.id"], name=op.f("fk_decisions_segment_id")),
        sa.ForeignKeyConstraint(["suggestion_id"], ["suggestions.id"], name=op.f("fk_decisions_suggestion_id")),
        sa.ForeignKeyConstraint(["undoes_id"], ["decisions.id"], name=op.f("fk_decisions_undoes_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
        sa.UniqueConstraint("coding_set_id", "number", name=op.f("uq_decisions_coding_set_id_number")),
        sa.UniqueConstraint("undoes_id", name=op.f("uq_decisions_undoes_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_decisions_segment_id"), "decisions", ["segment_id"], unique=False)
    op.create_index(op.f("ix_decisions_suggestion_id"), "decisions", ["suggestion_id"], unique=False)
    op.create_table(
        "codings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("project_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("coding_set_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("segment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=200), nullable=False),
        sa.Column("origin", sa.String(length=200), nullable=False),
        sa.Column("decision_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("model_version", sa.String(length=200), nullable=True),
        sa.Column("codebook_version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ended_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("origin IN ('accepted', 'replaced', 'hand', 'file')", name=op.f("ck_codings_origin")),
        sa.ForeignKeyConstraint(
            ["codebook_version_id"], ["codebook_versions.id"], name=op.f("fk_codings_codebook_version_id")
        ),
        sa.ForeignKeyConstraint(["coding_set_id"], ["coding_sets.id"], name=op.f("fk_codings_coding_set_id")),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=op.f("fk_codings_decision_id")),
        sa.ForeignKeyConstraint(["ended_by_id"], ["decisions.id"], name=op.f("fk_codings_ended_by_id")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_codings_project_id")),
        sa.ForeignKeyConstraint(["segment_id"], ["segments.id"], name=op.f("fk_codings_segment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_codings")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_codings_coding_set_id_id"), "codings", ["coding_set_id", "id"], unique=False)
    op.create_index(
        op.f("ix_codings_segment_id_coding_set_id"), "codings", ["segment_id", "coding_set_id"], unique=False
    )
    op.create_index(
        "uq_codings_standing",
        "codings",
        ["coding_set_id", "segment_id", "code"],
        unique=True,
        sqlite_where=sa.text("ended_by_id IS NULL"),
        postgresql_where=sa.text("ended_by_id IS NULL"),
    )
    op.create_table(
        "no_codes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("project_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("coding_set_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("segment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("decision_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("ended_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["coding_set_id"], ["coding_sets.id"], name=op.f("fk_no_codes_coding_set_id")),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=op.f("fk_no_codes_decision_id")),
        sa.ForeignKeyConstraint(["ended_by_id"], ["decisions.id"], name=op.f("fk_no_codes_ended_by_id")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_no_codes_project_id")),
        sa.ForeignKeyConstraint(["segment_id"], ["segments.id"], name=op.f("fk_no_codes_segment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_no_codes")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_no_codes_segment_id_coding_set_id"), "no_codes", ["segment_id", "coding_set_id"], unique=False
    )
    op.create_index(
        "uq_no_codes_standing",
        "no_codes",
        ["coding_set_id", "segment_id"],
        unique=True,
        sqlite_where=sa.text("ended_by_id IS NULL"),
        postgresql_where=sa.text("ended_by_id IS NULL"),
    )


def downgrade() -> None:
    """Takes it back."""
    op.drop_index(
        "uq_no_codes_standing",
        table_name="no_codes",
        sqlite_where=sa.text("ended_by_id IS NULL"),
        postgresql_where=sa.text("ended_by_id IS NULL"),
    )
    op.drop_index(op.f("ix_no_codes_segment_id_coding_set_id"), table_name="no_codes")
    op.drop_table("no_codes")
    op.drop_index(
        "uq_codings_standing",
        table_name="codings",
        sqlite_where=sa.text("ended_by_id IS NULL"),
        postgresql_where=sa.text("ended_by_id IS NULL"),
    )
    op.drop_index(op.f("ix_codings_segment_id_coding_set_id"), table_name="codings")
    op.drop_index(op.f("ix_codings_coding_set_id_id"), table_name="codings")
    op.drop_table("codings")
    op.drop_index(op.f("ix_decisions_suggestion_id"), table_name="decisions")
    op.drop_index(op.f("ix_decisions_segment_id"), table_name="decisions")
    op.drop_table("decisions")
    op.drop_index(op.f("ix_suggestions_segment_id_coding_set_id"), table_name="suggestions")
    op.drop_index(op.f("ix_suggestions_coding_set_id_status_id"), table_name="suggestions")
    op.drop_table("suggestions")
    op.drop_index(op.f("ix_segments_project_id_external_id"), table_name="segments")
    op.drop_table("segments")
    op.drop_table("coding_sets")
    op.drop_table("vectors")
    op.drop_table("transcripts")
    op.drop_table("rounds")
    op.drop_table("codebook_versions")
    op.drop_table("projects")
    op.drop_table("idempotency_keys")
    op.drop_table("analysts")
