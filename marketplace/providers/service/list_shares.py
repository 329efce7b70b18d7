"""Sharing a shortlist by a secret link: until a day, revoked at once, with or without leave to comment.

The link's secret is a keyed hash of the share's id, of 256 bits; only the hash of the secret is stored. So nobody who
reads the database can open a list, while the owner can be shown the link again and a task can put it into an e-mail
without its ever standing in a queue.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final, Self
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of, scope_to
from marketplace.core.errors import InvalidInput, NotFound, TooMany
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.providers.events import SavedListShared
from marketplace.providers.models import SavedList, SavedListComment, SavedListShare
from marketplace.providers.repository.choosing import SavedListRepository, ShareRepository
from marketplace.providers.service.comparing import read_found_id
from marketplace.providers.service.saved_lists import MOST_COMMENTS, ListPage, SavedListService

USUAL_DAYS: Final = 30
MOST_DAYS: Final = 180
MOST_OPEN: Final = 20
"""Links of one list that open at a time."""
MAILS_A_DAY: Final = 20
"""Links that one user may have sent by e-mail in a day: this is no way to write to strangers."""
COMMENTS_AN_HOUR: Final = 20
LONGEST_LABEL: Final = 80
LONGEST_COMMENT: Final = 1_000

_TOKEN = re.compile(r"[0-9a-f]{64}", re.ASCII)


class ShareForm(msgspec.Struct, frozen=True, kw_only=True):
    """Who is to see a list, until when, and what they may do."""

    shared_with: str
    email: str
    may_comment: bool
    shows_notes: bool
    last_day: date

    @classmethod
    def read(cls, data: Mapping[str, Any], day: date) -> Self:
        """Read the form on a day.

        Raises:
            InvalidInput: By field.
        """
        form = FormReader(data)
        shared_with = form.text("shared_with", "who it is for", longest=LONGEST_LABEL)
        email = form.email("email", "the email address", required=False)
        may = form.option("may", "what they may do", ("look", "comment"))
        last_day = form.day("until", "the last day the link works") or day
        if "until" not in form.errors and not day <= last_day <= day + timedelta(days=MOST_DAYS):
            form.wrong("until", f"The last day must be today or later, and at most {MOST_DAYS} days from now")
        form.done()
        return cls(
            shared_with=shared_with,
            email=email,
            may_comment=may == "comment",
            shows_notes=form.ticked("shows_notes"),
            last_day=last_day,
        )


class CommentForm(msgspec.Struct, frozen=True, kw_only=True):
    """A comment of somebody with the link."""

    written_by: str
    words: str
    found_id: str

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Self:
        """Read the form.

        Raises:
            InvalidInput: By field.
        """
        form = FormReader(data)
        found = cls(
            written_by=form.text("written_by", "your name", longest=LONGEST_LABEL),
            words=form.text("words", "your comment", longest=LONGEST_COMMENT),
            found_id=form.raw("about"),
        )
        if found.found_id and read_found_id(found.found_id) is None:
            form.wrong("about", "Select what your comment is about from the list")
        form.done()
        return found


class OwnShare(msgspec.Struct, frozen=True, kw_only=True):
    """A link as its owner sees it."""

    row: SavedListShare
    is_open: bool
    token: str
    """For the address; "" when it can no longer be shown (the installation's key has changed)."""


class SharedPage(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody with a link sees: nothing of the owner but the list."""

    share: SavedListShare
    content: ListPage


def share_token(secret_key: str, share_id: UUID) -> str:
    """Return the secret of a link: 64 hexadecimal digits."""
    return hmac.new(secret_key.encode(), b"saved-list-share:" + share_id.bytes, hashlib.sha256).hexdigest()


def token_hash(token: str) -> bytes:
    """Return what is stored of a link's secret."""
    return hashlib.sha256(token.encode()).digest()


class ListShareService:
    """The verbs of sharing."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.shares = ShareRepository(db)
        self.lists = SavedListRepository(db)

    # For the owner

    async def own(self, principal: Principal, saved: SavedList, secret_key: str) -> list[OwnShare]:
        """Return the links of one's own list, those that open first."""
        principal.require(Permission.SAVED_OWN)
        day = today(self.clock)
        rows = await self.shares.of_list(saved.id)
        found = [_own(row, day, secret_key) for row in rows]
        return sorted(found, key=lambda share: not share.is_open)

    async def share(self, principal: Principal, list_id: UUID, form: ShareForm, secret_key: str) -> SavedListShare:
        """Make a link to one's own list; with an address it is sent there.

        Raises:
            InvalidInput: The list has twenty links that open, or too many were sent today.
            NotFound: The list is not one's own.
        """
        saved = await SavedListService(self.db).find(principal, list_id, locked=True)
        now = self.clock.now()
        if await self.shares.count_open(saved.id, today(self.clock)) >= MOST_OPEN:
            raise InvalidInput({"form": f"This shortlist has {MOST_OPEN} links that work. Stop one of them first"})
        if form.email:
            sent = await self.shares.count_mailed(principal.council_id, principal.user_id, now - timedelta(days=1))
            if sent >= MAILS_A_DAY:
                words = "You have sent many links today. Leave the address empty and send the link yourself"
                raise InvalidInput({"email": words})
        share_id = new_id()
        row = SavedListShare(
            id=share_id,
            council_id=saved.council_id,
            list_id=saved.id,
            shared_with=form.shared_with,
            email=form.email,
            may_comment=form.may_comment,
            shows_notes=form.shows_notes,
            token_hash=token_hash(share_token(secret_key, share_id)),
            expires_on=form.last_day + timedelta(days=1),
            created_at=now,
        )
        self.db.add(row)
        await self.db.flush()
        self._note(principal, "providers.share_saved_list", row)
        if form.email:
            publish(self.db, SavedListShared(council_id=saved.council_id, share_id=row.id))
        return row

    async def revoke(self, principal: Principal, list_id: UUID, share_id: UUID) -> None:
        """Stop a link at once; stopping it again changes nothing.

        Raises:
            NotFound: There is none, or the list is not one's own.
        """
        saved = await SavedListService(self.db).find(principal, list_id, locked=True)
        row = await self.shares.one_of(saved.id, share_id)
        if row.revoked_at is None:
            row.revoked_at = self.clock.now()
            await self.db.flush()
            self._note(principal, "providers.revoke_list_share", row)

    # For who has the link

    async def open(self, token: str) -> SharedPage:
        """Return the list behind a link and note that it was opened.

        Raises:
            NotFound: The link is wrong, has run out or was revoked: all look the same.
        """
        share = await self._find(token)
        await self.shares.note_opening(share.id, self.clock.now())
        saved = await self.lists.find(share.council_id, share.list_id)
        return SharedPage(share=share, content=await SavedListService(self.db).content(saved))

    async def comment(self, token: str, form: CommentForm) -> SavedListComment:
        """Write a comment on the list behind a link.

        Raises:
            NotFound: The link does not open, or gives no leave to comment.
            TooMany: The list got many comments within the hour, or has two hundred.
        """
        share = await self._find(token)
        if not share.may_comment:
            raise NotFound
        # Locked, so that comments sent at one moment are counted one after the other.
        saved = await self.lists.find(share.council_id, share.list_id, locked=True)
        now = self.clock.now()
        lately = await self.lists.count_comments(saved.id, now - timedelta(hours=1))
        if lately >= COMMENTS_AN_HOUR or await self.lists.count_comments(saved.id) >= MOST_COMMENTS:
            raise TooMany("This shortlist has had many comments. Wait an hour, or speak to the person who sent it.")
        items: Sequence[Any] = await self.lists.items(saved.id) if form.found_id else ()
        row = SavedListComment(
            council_id=saved.council_id,
            list_id=saved.id,
            # About an offer that was taken off meanwhile: then it is about the list.
            found_id=form.found_id if any(item.found_id == form.found_id for item in items) else "",
            written_by=form.written_by,
            words=form.words,
            written_at=now,
        )
        self.db.add(row)
        await self.db.flush()
        audit.record(
            self.db,
            None,
            "providers.comment_on_saved_list",
            council_id=saved.council_id,
            subject_kind="saved_list",
            subject_id=saved.id,
            after={"share_id": share.id, "comment_id": row.id},
        )
        return row

    async def _find(self, token: str) -> SavedListShare:
        """Find a link by its secret, whosever council it is, then reach no further than that council."""
        share = None
        if _TOKEN.fullmatch(token):
            await scope_to(self.db, "every")
            share = await self.shares.by_token(token_hash(token), today(self.clock))
            await scope_to(self.db, [share.council_id] if share is not None else [])
        if share is None:
            raise NotFound
        return share

    def _note(self, principal: Principal, action: str, row: SavedListShare) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="saved_list",
            subject_id=row.list_id,
            after={"share_id": row.id, "may_comment": row.may_comment, "expires_on": row.expires_on},
        )


def _own(row: SavedListShare, day: date, secret_key: str) -> OwnShare:
    is_open = row.revoked_at is None and row.expires_on > day
    token = share_token(secret_key, row.id)
    is_known = hmac.compare_digest(token_hash(token), row.token_hash)
    return OwnShare(row=row, is_open=is_open, token=token if is_open and is_known else "")
