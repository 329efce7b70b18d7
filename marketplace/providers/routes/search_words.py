"""Pages of council staff about the words that search takes to mean the same."""

from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.providers.models import SynonymGroup
from marketplace.providers.routes.market import search_of
from marketplace.providers.service.market import MarketService
from marketplace.providers.service.market_query import MarketQuery
from marketplace.providers.service.synonyms import LONGEST_PHRASE, MOST_PHRASES, GroupForm, SynonymService
from search.synonym_groups import DEFAULT_GROUPS

PATH: Final = "/search-words"
TRIED_RESULTS: Final = 5
IN_A_MOMENT: Final = "Search uses it in a minute or two"


class SearchWordsController(Controller):
    """Groups of words that mean the same."""

    path = PATH

    @get("/", permission=Permission.SYNONYMS_EDIT)
    async def show_all(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        word: FromQuery[str | None] = None,
    ) -> Template:
        """Show the council's groups and the built-in ones, and what a word would find."""
        form = FormReader({"word": word or ""})
        text = form.text("word", "the word", required=False, longest=LONGEST_PHRASE)
        service = SynonymService(db)
        groups = await service.own(principal)
        trial = await service.trial(text) if text and not form.errors else None
        results = None
        if trial is not None:
            query = MarketQuery(words=text, per_page=TRIED_RESULTS)
            results = await MarketService(db, search_of(request)).search(query)
        context = {
            "values": typed({"word": (word or "")[:LONGEST_PHRASE]}),
            "errors": form.errors,
            "groups": groups,
            "overlaps": await service.overlaps(principal, groups) if groups else {},
            "built_in": DEFAULT_GROUPS,
            "trial": trial,
            "results": results,
        }
        return Template("providers/search_words.html", context=context, status_code=422 if form.errors else 200)

    @get("/new", permission=Permission.SYNONYMS_EDIT)
    async def new(self) -> Template:
        """Show the form for a new group."""
        return _form_page(None, {}, {})

    @post("/", permission=Permission.SYNONYMS_EDIT)
    async def add(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Add a group."""
        try:
            form = GroupForm.read(data)
        except InvalidInput as error:
            return _form_page(None, data, error.fields)

        async def act() -> str:
            await SynonymService(db).add(principal, form)
            return PATH

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, f"Words added. {IN_A_MOMENT}")
        return answer

    @get("/{group_id:str}", permission=Permission.SYNONYMS_EDIT)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], group_id: FromPath[str]
    ) -> Template:
        """Show the form of a group."""
        service = SynonymService(db)
        group = await service.find(principal, _id(group_id))
        values = {"phrases": "\n".join(group.phrases), "note": group.note, "version": str(group.version)}
        overlaps = (await service.overlaps(principal, [group]))[group.id]
        return _form_page(group, values, {}, overlaps)

    @post("/{group_id:str}", permission=Permission.SYNONYMS_EDIT)
    async def change(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        group_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Change a group."""
        service = SynonymService(db)
        group = await service.find(principal, _id(group_id))
        try:
            form = GroupForm.read(data)
        except InvalidInput as error:
            return _form_page(group, data, error.fields)

        async def act() -> str:
            await service.change(principal, group.id, form)
            return PATH

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, f"Words changed. {IN_A_MOMENT}")
        return answer

    @post("/{group_id:str}/switch", permission=Permission.SYNONYMS_EDIT)
    async def switch(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        group_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Take a group out of use, or into use again."""
        is_off = FormReader(data).raw("off") == "yes"
        wanted, version = _id(group_id), _version(data)

        async def act() -> str:
            await SynonymService(db).switch(principal, wanted, version, is_off=is_off)
            return PATH

        said = "Words switched off. Search forgets them in a minute or two" if is_off else "Words switched on"
        return await _done(request, db, principal, data, act, said)

    @get("/{group_id:str}/remove", permission=Permission.SYNONYMS_EDIT)
    async def ask_to_remove(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], group_id: FromPath[str]
    ) -> Template:
        """Ask whether a group is to go."""
        group = await SynonymService(db).find(principal, _id(group_id))
        return Template("providers/search_words_remove.html", context={"group": group})

    @post("/{group_id:str}/remove", permission=Permission.SYNONYMS_EDIT)
    async def remove(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        group_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Remove a group."""
        wanted, version = _id(group_id), _version(data)

        async def act() -> str:
            await SynonymService(db).remove(principal, wanted, version)
            return PATH

        return await _done(request, db, principal, data, act, "Words removed")


async def _done(
    request: Request[Any, Any, Any],
    db: AsyncSession,
    principal: Principal,
    data: FormData,
    act: Callable[[], Awaitable[str]],
    said: str,
) -> Redirect:
    answer = await submit(request, db, principal.actor, data, act)
    flash(request, said)
    return answer


def _form_page(
    group: SynonymGroup | None, values: FormData, errors: dict[str, str], overlaps: list[Any] | None = None
) -> Template:
    context = {
        "group": group,
        "values": typed(values),
        "errors": errors,
        "overlaps": overlaps or [],
        "most": MOST_PHRASES,
        "longest": LONGEST_PHRASE,
    }
    return Template("providers/search_words_form.html", context=context, status_code=422 if errors else 200)


def _version(data: FormData) -> int:
    form = FormReader(data)
    version = form.number("version", "the version", least=1, most=1_000_000)
    form.done()
    return version


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found
