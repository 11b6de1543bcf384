"""An index for the search: which secrets have three characters in a row in their name or description.

Triggers keep it, so that it is right whoever writes: a process of the version before goes on as it did.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

# A migration stays as it is: it does not import what db.tables says today.
ORDERED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# On PostgreSQL a statement may take 5 seconds.
_BATCH = 200
_BATCH_END = sa.text("SELECT max(id) FROM (SELECT id FROM secrets WHERE id > :after ORDER BY id LIMIT :batch) AS b")
_NUMBER = sa.text(
    "INSERT INTO secret_numbers (secret_id) SELECT id FROM secrets WHERE id > :after AND id <= :last ORDER BY id"
)

_SQLITE = (
    """
CREATE TRIGGER secret_numbers_added AFTER INSERT ON secret_numbers BEGIN
  INSERT OR IGNORE INTO secret_grams (site, gram, number)
  SELECT substr(s.site_id, -4), substr(s.search, p.i, 3), NEW.number
  FROM secrets s JOIN (
    WITH RECURSIVE place(i) AS (
      SELECT 1 UNION ALL SELECT i + 1 FROM place
      WHERE i < (SELECT length(search) - 2 FROM secrets WHERE id = NEW.secret_id)
    ) SELECT i FROM place
  ) p ON p.i <= length(s.search) - 2
  WHERE s.id = NEW.secret_id;
END""",
    """
CREATE TRIGGER secret_numbers_removed BEFORE DELETE ON secret_numbers BEGIN
  DELETE FROM secret_grams
  WHERE site = (SELECT substr(site_id, -4) FROM secrets WHERE id = OLD.secret_id)
  AND gram IN (
    WITH RECURSIVE place(i) AS (
      SELECT 1 UNION ALL SELECT i + 1 FROM place
      WHERE i < (SELECT length(search) - 2 FROM secrets WHERE id = OLD.secret_id)
    ) SELECT substr((SELECT search FROM secrets WHERE id = OLD.secret_id), i, 3) FROM place
  )
  AND number = OLD.number;
END""",
    """
CREATE TRIGGER secrets_added AFTER INSERT ON secrets BEGIN
  INSERT INTO secret_numbers (secret_id) VALUES (NEW.id);
END""",
    """
CREATE TRIGGER secrets_search_left BEFORE UPDATE OF search ON secrets WHEN OLD.search IS NOT NEW.search BEGIN
  DELETE FROM secret_numbers WHERE secret_id = OLD.id;
END""",
    """
CREATE TRIGGER secrets_search_set AFTER UPDATE OF search ON secrets WHEN OLD.search IS NOT NEW.search BEGIN
  INSERT INTO secret_numbers (secret_id) VALUES (NEW.id);
END""",
    """
CREATE TRIGGER secrets_removed BEFORE DELETE ON secrets BEGIN
  DELETE FROM secret_numbers WHERE secret_id = OLD.id;
END""",
)

_POSTGRESQL = (
    """
CREATE OR REPLACE FUNCTION nightdrop_gram_secret() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO secret_grams (site, gram, number)
    SELECT DISTINCT right(s.site_id, 4), substr(s.search, i, 3), NEW.number
    FROM secrets s, generate_series(1, length(s.search) - 2) i WHERE s.id = NEW.secret_id;
    RETURN NEW;
  END IF;
  DELETE FROM secret_grams g USING (
    SELECT DISTINCT right(s.site_id, 4) AS site, substr(s.search, i, 3) AS gram
    FROM secrets s, generate_series(1, length(s.search) - 2) i WHERE s.id = OLD.secret_id
  ) o WHERE g.site = o.site AND g.gram = o.gram AND g.number = OLD.number;
  RETURN OLD;
END $$""",
    """
CREATE OR REPLACE FUNCTION nightdrop_number_secret() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_WHEN = 'AFTER' THEN
    INSERT INTO secret_numbers (secret_id) VALUES (NEW.id);
    RETURN NEW;
  END IF;
  DELETE FROM secret_numbers WHERE secret_id = OLD.id;
  IF TG_OP = 'DELETE' THEN
    RETURN OLD;
  END IF;
  RETURN NEW;
END $$""",
    """
CREATE TRIGGER secret_numbers_added AFTER INSERT ON secret_numbers
FOR EACH ROW EXECUTE FUNCTION nightdrop_gram_secret()""",
    """
CREATE TRIGGER secret_numbers_removed BEFORE DELETE ON secret_numbers
FOR EACH ROW EXECUTE FUNCTION nightdrop_gram_secret()""",
    """
CREATE TRIGGER secrets_added AFTER INSERT ON secrets
FOR EACH ROW EXECUTE FUNCTION nightdrop_number_secret()""",
    """
CREATE TRIGGER secrets_search_left BEFORE UPDATE OF search ON secrets
FOR EACH ROW WHEN (OLD.search IS DISTINCT FROM NEW.search) EXECUTE FUNCTION nightdrop_number_secret()""",
    """
CREATE TRIGGER secrets_search_set AFTER UPDATE OF search ON secrets
FOR EACH ROW WHEN (OLD.search IS DISTINCT FROM NEW.search) EXECUTE FUNCTION nightdrop_number_secret()""",
    """
CREATE TRIGGER secrets_removed BEFORE DELETE ON secrets
FOR EACH ROW EXECUTE FUNCTION nightdrop_number_secret()""",
)


def upgrade() -> None:
    op.create_table(
        "secret_numbers",
        sa.Column("number", BIG, nullable=False),
        sa.Column("secret_id", ORDERED, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_secret_numbers"),
        sa.UniqueConstraint("secret_id", name="uq_secret_numbers_secret_id"),
        sa.ForeignKeyConstraint(["secret_id"], ["secrets.id"], name="fk_secret_numbers_secret_id", ondelete="CASCADE"),
    )
    op.create_table(
        "secret_grams",
        sa.Column("site", ORDERED, nullable=False),
        sa.Column("gram", ORDERED, nullable=False),
        sa.Column("number", BIG, nullable=False),
        sa.PrimaryKeyConstraint("site", "gram", "number", name="pk_secret_grams"),
        sqlite_with_rowid=False,
    )
    connection = op.get_bind()
    for statement in _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL:
        connection.exec_driver_sql(statement)
    _number_all(connection)


def _number_all(connection: sa.Connection) -> None:
    on_sqlite = connection.dialect.name == "sqlite"
    if on_sqlite:
        # Its 2 MB hold a small part of the index, which grows everywhere at once.
        connection.exec_driver_sql("PRAGMA cache_size=-262144")
    after = ""
    while last := connection.execute(_BATCH_END, {"after": after, "batch": _BATCH}).scalar():
        connection.execute(_NUMBER, {"after": after, "last": last})
        after = last
    if on_sqlite:
        connection.exec_driver_sql("PRAGMA cache_size=-2000")
