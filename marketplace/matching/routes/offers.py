"""A planner's pages: offers to answer, and what was taken on."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.matching.basis import planners_basis
from marketplace.matching.errors import NotAccredited
from marketplace.matching.forms import DeclineForm
from marketplace.matching.models import Offer
from marketplace.matching.packs import anonymous_pack, full_pack
from marketplace.matching.pages import week_words
from marketplace.matching.repository import OfferRepository, ReferralRepository, ShortlistRepository
from marketplace.matching.service import OfferService
from marketplace.matching.states import OfferStatus
from marketplace.matching.words import DECLINE_REASONS, OFFER_LABELS, URGENCY_LABELS
from marketplace.people import PeopleRepository
from marketplace.providers.repository.planners import PlannerRepository

OFFERS_PAGE = 25


class OfferController(Controller):
    """Offers to one planner. An offer of somebody else looks like none."""

    @get("/offers", permission=Permission.OFFERS_ANSWER)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: Annotated[str, QueryParameter(name="after", max_length=36)] = "",
    ) -> Template:
        """List what waits for an answer, then what was answered."""
        worker_id, offers = _worker(principal), OfferRepository(db)
        waiting = await offers.of_worker(worker_id, principal.councils, is_open=True, limit=50)
        past = await offers.of_worker(
            worker_id, principal.councils, is_open=False, after=parse_id(after), limit=OFFERS_PAGE + 1
        )
        context = {
            "waiting": [(row[0], row[1]) for row in waiting],
            "past": [(row[0], row[1]) for row in past[:OFFERS_PAGE]],
            "next": past[OFFERS_PAGE - 1][0].id if len(past) > OFFERS_PAGE else None,
            "offer_labels": OFFER_LABELS,
            "urgency_labels": URGENCY_LABELS,
        }
        return Template("matching/offers.html", context=context)

    @get("/offers/{offer_id:str}", permission=Permission.OFFERS_ANSWER)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        offer_id: FromPath[str],
    ) -> Template:
        """Show one offer: without the person's identity until it is accepted."""
        offer = await OfferRepository(db).for_worker(_id(offer_id), _worker(principal), principal.councils)
        return await _page(db, principal, offer, {}, {})

    @post("/offers/{offer_id:str}/accept", permission=Permission.OFFERS_ANSWER)
    async def accept(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        offer_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take the referral on."""
        wanted = _id(offer_id)

        async def action() -> str:
            await OfferService(db).accept(principal, wanted)
            flash(request, "You have taken this referral on. Get in touch with the person")
            return f"/offers/{wanted}"

        try:
            # A refusal undoes what the action began; taking the offer back is its own change, which is kept.
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except NotAccredited as refusal:
            offer = await OfferRepository(db).for_worker(wanted, _worker(principal), principal.councils)
            await OfferService(db).withdraw_stopped(offer.council_id, offer.id)
            return await _page(db, principal, offer, {}, {}, refusal=refusal)

    @post("/offers/{offer_id:str}/decline", permission=Permission.OFFERS_ANSWER)
    async def decline(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        offer_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Say no, with the reason."""
        offer = await OfferRepository(db).for_worker(_id(offer_id), _worker(principal), principal.councils)
        try:
            form = DeclineForm.read(data)
        except InvalidInput as error:
            return await _page(db, principal, offer, data, error.fields)

        async def action() -> str:
            await OfferService(db).decline(principal, offer.id, form.reason)
            flash(request, "You have said no. Thank you for answering")
            return "/offers"

        return await submit(request, db, principal.actor, data, action)


def _worker(principal: Principal) -> UUID:
    if principal.worker_id is None:
        raise NotFound
    return principal.worker_id


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


async def _page(
    db: AsyncSession,
    principal: Principal,
    offer: Offer,
    values: FormData,
    errors: dict[str, str],
    refusal: NotAccredited | None = None,
) -> Template:
    referral = await ReferralRepository(db).find(offer.council_id, offer.referral_id)
    person = await PeopleRepository(db).find(offer.council_id, referral.person_id)
    row = (await PlannerRepository(db).with_organisation([offer.worker_id]))[offer.worker_id]
    council = await AccountRepository(db).council(offer.council_id)
    places = await OfferRepository(db).place_of(offer.council_id, [offer.id])
    is_accepted = offer.status is OfferStatus.ACCEPTED
    stored = await ShortlistRepository(db).find(offer.council_id, offer.shortlist_id)
    if is_accepted:
        audit.record(
            db,
            principal,
            "people.read",
            council_id=offer.council_id,
            subject_kind="person",
            subject_id=person.id,
            why="Took the referral on",
        )
    context = {
        "offer": offer,
        "pack": anonymous_pack(referral, person, row[0]),
        "full": full_pack(referral, person) if is_accepted else None,
        "week": week_words(places.get(offer.id)),
        "council": council.name if council else "",
        "basis": planners_basis(stored, offer, is_accepted=is_accepted),
        "council_slug": council.slug if council else "",
        "offer_labels": OFFER_LABELS,
        "reasons": list(DECLINE_REASONS.items()),
        "may_hand_back": is_accepted and referral.planned_at is None,
        "is_open": offer.status is OfferStatus.OFFERED,
        "is_late": offer.status is OfferStatus.OFFERED and clock_of(db).now() >= offer.answer_by,
        "values": typed(values),
        "errors": errors,
        "refusal": refusal.detail if refusal else "",
    }
    status = 422 if errors else refusal.status if refusal else 200
    return Template("matching/offer.html", context=context, status_code=int(status))
