"""Triggers that keep the index of the search: which secrets have three characters in a row in name or description.

In the database, not in the store: so the index is right whoever writes, an older version too. A secret has a number,
which its grams refer to; it gets another one with another text. Of a site only the end of its id is kept: what is found
is looked at again in table ``secrets``.
"""

from sqlalchemy import DDL, MetaData, event

SQLITE = (
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

POSTGRESQL = (
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


def declare(metadata: MetaData) -> None:
    """Make ``metadata`` create the triggers after its tables."""
    for dialect, statements in (("sqlite", SQLITE), ("postgresql", POSTGRESQL)):
        for statement in statements:
            # DDL replaces what stands after a percent sign.
            create = DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
            event.listen(metadata, "after_create", create.execute_if(dialect=dialect))
