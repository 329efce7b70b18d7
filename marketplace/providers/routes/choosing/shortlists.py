"""Pages of one's own shortlists."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData, typed
from marketplace.providers.routes.choosing.common import attempt, id_of
from marketplace.providers.service.comparing import MOST_COMPARED, ComparingService, read_found_ids
from marketplace.providers.service.list_shares import ListShareService
from marketplace.providers.service.saved_lists import LONGEST_NOTE, NEW_LIST, AddForm, ListForm, SavedListService


class ShortlistController(Controller):
    """One's own shortlists."""

    path = "/shortlists"

    @get("/", permission=Permission.SAVED_OWN)
    async def show_all(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List them."""
        return await _index(db, principal, {}, {})

    @post("/", permission=Permission.SAVED_OWN)
    async def create(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Make one."""

        async def act() -> str:
            form = ListForm.read(data)
            saved = await SavedListService(db).create(principal, form.name, form.note)
            flash(request, "Shortlist made. Search for support and save what you like to it")
            return f"/shortlists/{saved.id}"

        try:
            return await attempt(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _index(db, principal, typed(data), error.fields)

    @get("/add", permission=Permission.SAVED_OWN)
    async def choose(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """Ask which list one or more offers go to."""
        return await _add_page(db, principal, request.query_params.getall("found", []), {}, {})

    @post("/add", permission=Permission.SAVED_OWN)
    async def add(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Put offers on a list."""

        async def act() -> str:
            saved = await SavedListService(db).add(principal, AddForm.read(data))
            flash(request, "Saved to your shortlist")
            return f"/shortlists/{saved.id}"

        try:
            return await attempt(request, db, principal.actor, data, act)
        except InvalidInput as error:
            given = data.get("found", [])
            found = given if isinstance(given, list) else [str(given)]
            return await _add_page(db, principal, found, typed(data), error.fields)

    @get("/{list_id:str}", permission=Permission.SAVED_OWN)
    async def show(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        list_id: FromPath[str],
    ) -> Template:
        """Show one."""
        settings = request.app.state.settings
        page = await SavedListService(db).page(principal, id_of(list_id))
        context = {
            "page": page,
            "names": {item.row.found_id: item.offer.name if item.offer else item.row.name for item in page.items},
            "shares": await ListShareService(db).own(principal, page.saved, settings.secret_key),
            "public_url": settings.public_url,
            "most_compared": MOST_COMPARED,
            "may_record": principal.may(Permission.CHOICES_RECORD),
        }
        return Template("providers/choosing/shortlist.html", context=context)

    @get("/{list_id:str}/edit", permission=Permission.SAVED_OWN)
    async def edit(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], list_id: FromPath[str]
    ) -> Template:
        """Show the form for its name and note."""
        saved = await SavedListService(db).find(principal, id_of(list_id))
        values = {"name": saved.name, "note": saved.note, "version": saved.version}
        context = {"saved": saved, "values": values, "errors": {}}
        return Template("providers/choosing/shortlist_edit.html", context=context)

    @post("/{list_id:str}/edit", permission=Permission.SAVED_OWN)
    async def change(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        list_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Change its name and note; when it was changed meanwhile, show what was typed beside what it is now."""
        wanted = id_of(list_id)

        async def act() -> str:
            await SavedListService(db).change(principal, wanted, ListForm.read(data))
            flash(request, "Shortlist changed")
            return f"/shortlists/{wanted}"

        try:
            return await attempt(request, db, principal.actor, data, act)
        except (InvalidInput, Conflict) as error:
            saved = await SavedListService(db).find(principal, wanted)
            is_wrong = isinstance(error, InvalidInput)
            values = {**typed(data), "version": data.get("version", "") if is_wrong else saved.version}
            context = {
                "saved": saved,
                "values": values,
                "errors": error.fields if isinstance(error, InvalidInput) else {},
                "is_changed": not is_wrong,
            }
            return Template("providers/choosing/shortlist_edit.html", context=context, status_code=error.status)

    @get("/{list_id:str}/delete", permission=Permission.SAVED_OWN)
    async def ask_delete(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], list_id: FromPath[str]
    ) -> Template:
        """Ask whether to delete it."""
        page = await SavedListService(db).page(principal, id_of(list_id))
        return Template("providers/choosing/shortlist_delete.html", context={"page": page})

    @post("/{list_id:str}/delete", permission=Permission.SAVED_OWN)
    async def delete(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        list_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Delete it."""
        wanted = id_of(list_id)

        async def act() -> str:
            await SavedListService(db).delete(principal, wanted)
            flash(request, "Shortlist deleted")
            return "/shortlists"

        return await attempt(request, db, principal.actor, data, act)

    @get("/{list_id:str}/offers/{item_id:str}", permission=Permission.SAVED_OWN)
    async def show_offer(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        list_id: FromPath[str],
        item_id: FromPath[str],
    ) -> Template:
        """Show the form for the note of an offer, and the button that takes it off."""
        return await _offer_page(db, principal, id_of(list_id), id_of(item_id), None, {})

    @post("/{list_id:str}/offers/{item_id:str}", permission=Permission.SAVED_OWN)
    async def write_note(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        list_id: FromPath[str],
        item_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Keep the note."""
        wanted, item = id_of(list_id), id_of(item_id)

        async def act() -> str:
            form = FormReader(data)
            note = form.text("note", "your note", required=False, longest=LONGEST_NOTE)
            form.done()
            await SavedListService(db).write_note(principal, wanted, item, note, form.raw("before"))
            flash(request, "Note saved")
            return f"/shortlists/{wanted}"

        try:
            return await attempt(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _offer_page(db, principal, wanted, item, typed(data), error.fields)

    @post("/{list_id:str}/offers/{item_id:str}/remove", permission=Permission.SAVED_OWN)
    async def remove(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        list_id: FromPath[str],
        item_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Take an offer off the list."""
        wanted, item = id_of(list_id), id_of(item_id)

        async def act() -> str:
            await SavedListService(db).remove(principal, wanted, item)
            flash(request, "Offer removed from your shortlist")
            return f"/shortlists/{wanted}"

        return await attempt(request, db, principal.actor, data, act)


async def _index(db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str]) -> Template:
    context = {"lines": await SavedListService(db).mine(principal), "values": values, "errors": errors}
    return Template("providers/choosing/shortlists.html", context=context, status_code=422 if errors else 200)


async def _add_page(
    db: AsyncSession, principal: Principal, given: list[str], values: FormData, errors: dict[str, str]
) -> Template:
    try:
        found_ids = read_found_ids(given)
    except InvalidInput as error:
        found_ids, errors = [], {"form": error.fields["ids"], **errors}
    cards = await ComparingService(db).cards(found_ids)
    offers = [cards[found_id] for found_id in found_ids if found_id in cards]
    if not offers and not errors:
        errors = {"form": "Choose an offer from the search first. This one may have left the market"}
    lists = [(str(line.saved.id), line.saved.name) for line in await SavedListService(db).mine(principal)]
    if "list" in errors and not lists:
        # Without a list there is nothing to choose, so the message has no field to lead to.
        errors = {"form": errors["list"], **errors}
        del errors["list"]
    context = {
        "offers": offers,
        "lists": [*lists, (NEW_LIST, "A new shortlist")],
        "values": {"list": lists[0][0] if lists else NEW_LIST, **values},
        "errors": errors,
    }
    return Template("providers/choosing/shortlist_add.html", context=context, status_code=422 if errors else 200)


async def _offer_page(
    db: AsyncSession,
    principal: Principal,
    list_id: UUID,
    item_id: UUID,
    values: FormData | None,
    errors: dict[str, str],
) -> Template:
    saved, item = await SavedListService(db).find_item(principal, list_id, item_id)
    card = (await ComparingService(db).cards([item.found_id])).get(item.found_id)
    context = {
        "saved": saved,
        "item": item,
        "offer": card,
        "name": card.name if card else item.name,
        "values": {"note": item.note, "before": item.note} if values is None else values,
        "errors": errors,
    }
    return Template("providers/choosing/shortlist_offer.html", context=context, status_code=422 if errors else 200)
