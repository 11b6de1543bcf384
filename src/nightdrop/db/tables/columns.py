"""What every table is made of."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Byte order on both databases: pages are cut and cursors compared by it, and a locale may change with the system.
Ordered = Text().with_variant(Text(collation="C"), "postgresql")
# SQLite's INTEGER holds 64 bits, and as a primary key it is the row id itself.
Big = BigInteger().with_variant(Integer(), "sqlite")


def site_column() -> Column[str]:
    """Return the column that says which site a row belongs to."""
    return Column("site_id", Ordered, ForeignKey("sites.id"), nullable=False)
