"""The only SQL: tables, queries, migrations. SQLite by default, PostgreSQL by URL."""
