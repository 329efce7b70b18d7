"""One referral: what it says, who is best placed and why, what has happened."""

from collections.abc import Sequence
from typing import Annotated, Any

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.matching.models import Conflict, Offer, Referral
from marketplace.matching.packs import anonymous_pack
from marketplace.matching.pages import (
    LONG_LIST,
    SHOWN,
    ShortlistView,
    due_words,
    history,
    lapse_notes,
    offer_rows,
    published_parts,
    referral_rows,
    shortlist_view,
    week_words,
)
from marketplace.matching.repository import (
    ConflictRepository,
    ContestRepository,
    OfferRepository,
    PreferenceRepository,
    ReferralRepository,
    ShortlistRepository,
)
from marketplace.matching.routes.referrals.shared import planners_of, read_id
from marketplace.matching.service import Shortlisted, ShortlistService
from marketplace.matching.service.referrals import CHANGEABLE, missing_points
from marketplace.matching.states import OfferStatus, ReferralStatus
from marketplace.matching.words import HEARD_LABELS, STATUS_LABELS, URGENCY_LABELS
from marketplace.people import PeopleRepository, may_plan_long_term
from marketplace.providers.repository.planners import PlannerRepository


class ReferralController(Controller):
    """A referral of a council."""

    @get("/referrals/{referral_id:str}", permission=Permission.REFERRALS_READ)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        referral_id: FromPath[str],
        show: Annotated[str, QueryParameter(name="show", max_length=10)] = "",
    ) -> Template:
        """Show one referral: what it says, who is best placed and why, what has happened."""
        referral = await ReferralRepository(db).find(principal.council_id, read_id(referral_id))
        context = await _page(db, principal, referral, LONG_LIST if show == "all" else SHOWN)
        return Template("matching/show.html", context=context)


async def _page(db: AsyncSession, principal: Principal, referral: Referral, most: int) -> dict[str, Any]:
    """Put together the page of one referral."""
    council_id, on = principal.council_id, today(clock_of(db))
    person = await PeopleRepository(db).find(council_id, referral.person_id)
    offers = await OfferRepository(db).of_referral(council_id, referral.id)
    made: Shortlisted | None = None
    # One that waits for a planner was let through; a crisis may have begun since.
    is_waiting = referral.status in (ReferralStatus.INCOMPLETE, ReferralStatus.RECEIVED)
    waits = await may_plan_long_term(db, council_id, person.id) if is_waiting else None
    missing = missing_points(referral, person)
    if referral.status is ReferralStatus.RECEIVED and not missing and waits is None:
        made = await ShortlistService(db).rank(referral, person, principal.council_name)
    names, organisations = await _names(db, principal, referral, offers, made)
    steps, users = await ReferralRepository(db).steps(council_id, [referral.id, *(offer.id for offer in offers)])
    current = next((offer for offer in offers if offer.status in (OfferStatus.OFFERED, OfferStatus.ACCEPTED)), None)
    places = await OfferRepository(db).place_of(council_id, [current.id]) if current else {}
    last = offers[0] if offers else None
    return {
        "referral": referral,
        "person": person,
        "due": due_words(referral, on),
        "status_labels": STATUS_LABELS,
        "urgency_label": URGENCY_LABELS[referral.urgency],
        "rows": referral_rows(referral, names, organisations),
        "missing": missing,
        "waits": waits,
        "may_record_stages": principal.may(Permission.CONTACTS_TAKE),
        "shortlist": _view(made, names, offers, most) if made else None,
        "weights": published_parts(made.weights) if made else [],
        "current": current,
        "current_name": ", ".join(names.get(str(current.worker_id), ("",))) if current else "",
        "current_week": week_words(places.get(current.id)) if current else "",
        "last_ended": last if last is not None and current is None else None,
        "last_name": names.get(str(last.worker_id), ("Somebody", ""))[0] if last is not None else "",
        "offers": offer_rows(offers, names),
        "stored": await ShortlistRepository(db).of_referral(council_id, referral.id),
        "timeline": history(steps, users),
        "pack": anonymous_pack(referral, person, None),
        "may_match": principal.may(Permission.REFERRALS_MATCH),
        "contest": await ContestRepository(db).open_of(council_id, referral.id) if current else None,
        "conflict": await _conflict(db, referral, current) if current else None,
        "heard": await PreferenceRepository(db).latest(council_id, referral_id=referral.id),
        "heard_labels": HEARD_LABELS,
        "may_record": principal.may(Permission.REFERRALS_RECORD),
        "changeable": referral.status in CHANGEABLE,
    }


async def _names(
    db: AsyncSession,
    principal: Principal,
    referral: Referral,
    offers: Sequence[Offer],
    made: Shortlisted | None,
) -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
    """Return names of planners and organisations that the page mentions."""
    if made is not None:
        planners = made.planners.values()
        names = {str(item.worker_id): (item.name, item.organisation_name) for item in planners}
        organisations = {str(item.organisation_id): item.organisation_name for item in planners}
    elif referral.excluded_organisation_ids:
        rows = await planners_of(db, principal)
        names = {row[0]: (row[1], row[3]) for row in rows}
        organisations = {row[2]: row[3] for row in rows}
    else:
        names, organisations = {}, {}
    mentioned = {offer.worker_id for offer in offers} | {referral.chosen_worker_id, referral.previous_worker_id}
    others = {item for item in mentioned if item is not None and str(item) not in names}
    if others:
        for worker_id, row in (await PlannerRepository(db).with_organisation(others)).items():
            names[str(worker_id)] = (row[0].name, row[1].name)
    return names, organisations


async def _conflict(db: AsyncSession, referral: Referral, offer: Offer) -> Conflict | None:
    """Return a conflict of interest that was declared between who has the offer and the person."""
    return next(
        (
            row
            for row in await ConflictRepository(db).live(referral.council_id)
            if row.person_id in (None, referral.person_id)
            and (row.worker_id == offer.worker_id or row.organisation_id == offer.organisation_id)
        ),
        None,
    )


def _view(made: Shortlisted, names: dict[str, tuple[str, str]], offers: Sequence[Offer], most: int) -> ShortlistView:
    return shortlist_view(
        made.ranking,
        made.candidates,
        names,
        declined=made.declined,
        without_base=made.without_base,
        notes=lapse_notes(offers),
        what_ifs=made.what_would_make_first(entry.id for entry in made.ranking.entries[1:most]),
        most=most,
        choice=made.choice,
    )
