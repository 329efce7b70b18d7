"""Makes what waits around joining: a request to be let in, an invitation, and a copy of an organisation to find."""

from datetime import timedelta
from uuid import UUID

from marketplace.accounts.models import User
from marketplace.accounts.permissions import Role
from marketplace.providers.models import (
    Joining,
    JoinRequest,
    JoinRequestStatus,
    Organisation,
    OrganisationInvitation,
    OrganisationKind,
)
from marketplace.providers.service.invitations import LIFE, hash_of, secret_of
from marketplace.reporting.demo.world import Council, Shop, World


def make_joining(world: World, council: Council, secret_key: str) -> None:
    """Keep for a council: a copy that nobody can sign in for, a request to join it, and one to join a provider."""
    shop = shop_of_provider(world, council)
    copied = next(
        (one for one in council.shops if one.body.kind is OrganisationKind.COMMUNITY and one.id != shop.id), shop
    )
    copy_id = _copy(world, council, copied)
    _ask(world, council, shop.id, "Pat Example", f"pat@{shop.body.key}.example", "I started in the office last week.")
    _ask(world, council, copy_id, "Chris Example", f"chris@{copied.body.key}.example", "I chair the group.")
    at = world.now - timedelta(days=3)
    invitation_id = world.book.id(at)
    world.book.put(
        OrganisationInvitation,
        id=invitation_id,
        council_id=council.id,
        organisation_id=shop.id,
        email=f"robin@{shop.body.key}.example",
        role=Role.PROVIDER.value,
        worker_id=None,
        secret_hash=hash_of(secret_of(secret_key, invitation_id, is_letter=False)),
        invited_by_user_id=shop.user_id,
        invited_at=at,
        expires_at=at + LIFE,
        accepted_by_user_id=None,
        accepted_at=None,
        revoked_at=None,
    )


def shop_of_provider(world: World, council: Council) -> Shop:
    """Return the organisation behind `provider@`."""
    email = f"provider@{council.text.slug}.example"
    user_id = next((row["id"] for row in world.book.of(User) if row["email"] == email), None)
    return next((shop for shop in council.shops if shop.user_id == user_id), council.shops[0])


def _copy(world: World, council: Council, shop: Shop) -> UUID:
    """Keep the same organisation once more, as an officer who did not look entered it last week."""
    at = world.now - timedelta(days=8)
    original = next(row for row in world.book.of(Organisation) if row["id"] == shop.id)
    values = {name: value for name, value in original.items() if name != "id"}
    values.update(
        name=f"{shop.body.name} Ltd",
        summary="",
        address_line="",
        cqc_provider_id=None,
        email=f"office@{shop.body.key}.example",
        website="",
        created_at=at,
    )
    copy_id = world.book.add(Organisation, at, **values)
    world.book.add(
        Joining,
        at,
        secret_hash=None,
        answers={"told_by": "Chris Example", "told_how": "telephone", "told_on": at.date().isoformat()},
        email="",
        password_hash="",
        organisation_id=copy_id,
        entered_by_user_id=council.staff["accreditor"],
        entered_council_id=council.id,
        created_at=at,
        updated_at=at,
        submitted_at=at,
        confirmed_at=at,
    )
    return copy_id


def _ask(world: World, council: Council, organisation_id: UUID, name: str, email: str, message: str) -> None:
    """Keep a request to be let into an organisation that waits since the day before yesterday."""
    at = world.now - timedelta(days=2)
    world.book.add(
        JoinRequest,
        at,
        council_id=council.id,
        organisation_id=organisation_id,
        status=JoinRequestStatus.WAITING,
        name=name,
        email=email,
        password_hash=world.secret,
        message=message,
        reason="",
        asked_at=at,
        decided_by_user_id=None,
        decided_at=None,
        version=1,
    )
