"""Rows of the regulator's register and of its imports."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core.database import Base, WithId
from marketplace.providers.models.words import REGISTER_WORDS


class RegulatorProvider(Base):
    """A provider as the Care Quality Commission's register names it."""

    __tablename__ = "regulator_providers"

    provider_id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    brand_name: Mapped[str] = mapped_column(Text, default="")
    company_number: Mapped[str] = mapped_column(Text, default="")
    is_example: Mapped[bool] = mapped_column(default=False)
    updated_at: Mapped[datetime]


class RegulatorLocation(Base):
    """A place care is run from, as the register has it. Facts of the regulator only."""

    __tablename__ = "regulator_locations"
    __table_args__ = (
        Index("ix_regulator_locations_provider_id", "provider_id"),
        Index("ix_regulator_locations_name_postcode", "name_key", "postcode"),
        Index("ix_regulator_locations_lad_code", "lad_code"),
        Index("ix_regulator_locations_words", text(REGISTER_WORDS), postgresql_using="gin"),
        Index(
            "ix_regulator_locations_live",
            "location_id",
            postgresql_where=text("is_registered AND superseded_by IS NULL"),
        ),
    )

    location_id: Mapped[str] = mapped_column(Text, primary_key=True)
    provider_id: Mapped[str | None] = mapped_column(ForeignKey("regulator_providers.provider_id"))
    provider_name: Mapped[str] = mapped_column(Text, default="", server_default="")
    """The provider as the source named it; some name a provider without its id."""
    name: Mapped[str] = mapped_column(Text)
    name_key: Mapped[str] = mapped_column(Text)
    """Name without case, marks and spaces, to find re-registrations of one place."""
    also_known_as: Mapped[str] = mapped_column(Text, default="")
    is_care_home: Mapped[bool]
    service_types: Mapped[list[str]] = mapped_column(default=list)
    specialisms: Mapped[list[str]] = mapped_column(default=list)
    beds: Mapped[int | None]
    address_line: Mapped[str] = mapped_column(Text, default="")
    town: Mapped[str] = mapped_column(Text, default="")
    county: Mapped[str] = mapped_column(Text, default="")
    postcode: Mapped[str] = mapped_column(Text, default="")
    local_authority: Mapped[str] = mapped_column(Text, default="")
    region: Mapped[str] = mapped_column(Text, default="")
    lad_code: Mapped[str] = mapped_column(Text, default="")
    lat: Mapped[float | None]
    lon: Mapped[float | None]
    phone: Mapped[str] = mapped_column(Text, default="")
    website: Mapped[str] = mapped_column(Text, default="")
    rating_overall: Mapped[str] = mapped_column(Text, default="")
    """The register's word; empty is 'not rated', never a number."""
    ratings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """The five key questions by name, where published."""
    rated_on: Mapped[date | None]
    inspected_on: Mapped[date | None]
    is_registered: Mapped[bool]
    is_dormant: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Registered, but the provider told the regulator that no care is given at present."""
    registered_on: Mapped[date | None]
    closed_on: Mapped[date | None]
    successor_id: Mapped[str | None] = mapped_column(Text)
    """The successor that the register itself names, whether or not we hold it."""
    superseded_by: Mapped[str | None] = mapped_column(Text)
    """A newer registration of the same place, where there is one."""
    url: Mapped[str] = mapped_column(Text, default="")
    as_of: Mapped[str] = mapped_column(Text, default="")
    is_example: Mapped[bool] = mapped_column(default=False)
    content_hash: Mapped[bytes]
    first_import_id: Mapped[UUID | None] = mapped_column(ForeignKey("directory_imports.id"))
    last_import_id: Mapped[UUID | None] = mapped_column(ForeignKey("directory_imports.id"))
    updated_at: Mapped[datetime]


class DirectoryImport(Base, WithId):
    """One reading of a directory file."""

    __tablename__ = "directory_imports"

    file_name: Mapped[str] = mapped_column(Text)
    layout: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]
    counts: Mapped[dict[str, Any]]


class DirectoryImportNote(Base, WithId):
    """What was refused, corrected or skipped, by row."""

    __tablename__ = "directory_import_notes"
    __table_args__ = (Index("ix_directory_import_notes_import_id", "import_id", "row_number"),)

    import_id: Mapped[UUID] = mapped_column(ForeignKey("directory_imports.id", ondelete="CASCADE"))
    row_number: Mapped[int]
    location_id: Mapped[str] = mapped_column(Text, default="")
    kind: Mapped[str] = mapped_column(Text)
    field: Mapped[str] = mapped_column(Text, default="")
    message: Mapped[str] = mapped_column(Text)
    value: Mapped[str] = mapped_column(Text, default="")
