"""The first words of a plan: what the person has said before, told once and used again (L2, P2)."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.database import clock_of
from marketplace.people.assessments import AssessedFacts, assessment_for_plan
from marketplace.people.models import MetBy, ProfileTool
from marketplace.people.profile import profile_sections
from marketplace.people.profile_words import TOOLS
from marketplace.plans.content import LONGEST_OUTCOME, ItemContent
from marketplace.plans.models import PlanVersion
from marketplace.plans.own import numbered
from marketplace.plans.repository import PlanRepository
from marketplace.plans.repository.sections import SectionRepository, Writing
from marketplace.plans.sections import LONGEST_TEXT

FROM_PROFILE: dict[str, tuple[ProfileTool, ...]] = {
    "about_me": (ProfileTool.APPRECIATED, ProfileTool.IMPORTANT, ProfileTool.SUPPORT, ProfileTool.WISHES),
    "people": (ProfileTool.PEOPLE, ProfileTool.COMMUNITY),
    "good_days": (ProfileTool.GOOD_DAYS, ProfileTool.BAD_DAYS),
    "week": (ProfileTool.ROUTINES, ProfileTool.WEEK),
}
"""Which parts of the profile a section begins with."""

MET: dict[MetBy, str] = {
    MetBy.COUNCIL: "",
    MetBy.INFORMAL: " (family or friends help with this)",
    MetBy.COMMUNITY: " (a group or service near you helps with this)",
    MetBy.NOT_ELIGIBLE: " (the council gives advice on this)",
}
"""Said behind a need that the council does not meet itself."""


async def fill_in(db: AsyncSession, version: PlanVersion, person_id: UUID) -> list[str]:
    """Fill a new version from the person's profile and from their assessment; returns the keys of the sections.

    Each keeps where it came from until somebody changes it. What a person keeps to themselves stays out.
    """
    at, sections = clock_of(db).now(), SectionRepository(db)
    said = await profile_sections(db, version.council_id, person_id)
    words = {key: text for key, tools in FROM_PROFILE.items() if (text := _text(said, tools))}
    filled = await sections.write_all(version, words, Writing(at, source="profile"))
    found = await assessment_for_plan(db, version.council_id, person_id)
    if found is None:
        return filled
    by = Writing(at, source="assessment")
    filled += await sections.write_all(version, {"needs": _needs(found)}, by)
    if found.agreed_outcomes:
        wanted = numbered([ItemContent(row=1, outcome=words[:LONGEST_OUTCOME]) for words in found.agreed_outcomes])
        await PlanRepository(db).replace_items(version, wanted)
        await sections.write(version, "outcomes", "", by)
        filled.append("outcomes")
    return filled


def _needs(found: AssessedFacts) -> str:
    """Write the needs that were found as lines; who meets them is part of it, because a plan says so (s.25)."""
    lines = [f"{need.outcome_words}: {need.words}{MET[need.met_by]}" for need in found.needs]
    return "\n\n".join([part for part in (found.in_my_words, "\n".join(lines)) if part])[:LONGEST_TEXT]


def _text(said: dict[str, str], tools: tuple[ProfileTool, ...]) -> str:
    blocks = [f"{TOOLS[tool].title}:\n{said[tool.value]}" for tool in tools if said.get(tool.value)]
    return "\n\n".join(blocks)[:LONGEST_TEXT]
