"""What Alembic runs: always on the connection and in the transaction of ``db.migrate.upgrade``."""

from alembic import context

from nightdrop.db.tables.partial import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    # SQLite rolls back changes of the schema too; our transaction is open already.
    transactional_ddl=True,
)
context.run_migrations()
