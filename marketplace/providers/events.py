"""Facts that providers publishes."""

from typing import Final
from uuid import UUID

from marketplace.core.events import Event

EVERYWHERE: Final = UUID(int=0)
"""The `council_id` of a fact that concerns the whole installation: organisations, listings and the register are shared
by all councils, so such a fact has no council of its own."""


class ListingChanged(Event, frozen=True, kw_only=True):
    """A listing was written, changed, published or taken down."""

    listing_id: UUID


class WorkerTimeChanged(Event, frozen=True, kw_only=True):
    """A worker is away, back, gone, or works more or less: what was given to them may not hold.

    `council_id` is that of whoever noted it; the worker's work may be for any council.
    """

    organisation_id: UUID
    worker_id: UUID


class AccreditationChanged(Event, frozen=True, kw_only=True):
    """A council accredited an organisation for a service, or suspended, reinstated, removed or extended that."""

    organisation_id: UUID
    accreditation_id: UUID
    service_line: str
    status: str


class DirectoryImported(Event, frozen=True, kw_only=True):
    """A file of the regulator's directory was read in. `council_id` is `EVERYWHERE`."""

    import_id: UUID


class DirectoryFailed(Event, frozen=True, kw_only=True):
    """A file of the register could not be read, and nothing was changed. `council_id` is `EVERYWHERE`."""

    import_id: UUID


class SearchIndexLost(Event, frozen=True, kw_only=True):
    """A search found no usable index. `council_id` is `EVERYWHERE`."""


class DraftSubmitted(Event, frozen=True, kw_only=True):
    """A provider sent a listing, or changes to one, to the council for its check."""

    draft_id: UUID
    organisation_id: UUID


class DraftDecided(Event, frozen=True, kw_only=True):
    """The council let a draft onto the market, or sent it back."""

    draft_id: UUID
    organisation_id: UUID
    is_published: bool


class ListingWentStale(Event, frozen=True, kw_only=True):
    """Nobody confirmed a listing for long: its provider is asked (`is_hidden` false), later it is taken off."""

    listing_id: UUID
    organisation_id: UUID
    is_hidden: bool


class ListingTakenOff(Event, frozen=True, kw_only=True):
    """A council took a listing off the market, with a reason, or put it back (`is_off` false)."""

    listing_id: UUID
    organisation_id: UUID
    is_off: bool
    reason: str


class EvidenceEnding(Event, frozen=True, kw_only=True):
    """A piece of evidence ends in `days_left` days: 30, 14 or 0 (V4)."""

    evidence_id: UUID
    organisation_id: UUID
    days_left: int


class JoiningSubmitted(Event, frozen=True, kw_only=True):
    """Somebody registered a provider and is to confirm their e-mail address. `council_id` is that of the base."""

    joining_id: UUID


class CoverChanged(Event, frozen=True, kw_only=True):
    """Listings of an organisation left the market or came back, because evidence or its registration ended or returned.

    Visits that are agreed go on. `council_id` is the organisation's home council, or `EVERYWHERE`.
    """

    organisation_id: UUID
    why: str
    """A `HiddenWhy`: "evidence" or "register"."""
    is_hidden: bool
    listings: int
    """How many were taken off or put back."""


class RegulatorLinkDecided(Event, frozen=True, kw_only=True):
    """A link to the register was confirmed or refused by the council, or ended with the registration."""

    link_id: UUID
    organisation_id: UUID
    status: str


class EvidenceDecided(Event, frozen=True, kw_only=True):
    """The council saw a piece of evidence, or refused it."""

    evidence_id: UUID
    organisation_id: UUID
    is_seen: bool


class OrganisationJoined(Event, frozen=True, kw_only=True):
    """A new organisation registered itself. `council_id` is the council of its base."""

    organisation_id: UUID
    user_id: UUID


class RegulatorLinkMade(Event, frozen=True, kw_only=True):
    """An organisation named its entry in the register; `status` says whether somebody must look."""

    link_id: UUID
    organisation_id: UUID
    status: str


class EnquiryChanged(Event, frozen=True, kw_only=True):
    """Somebody asked, answered, agreed, declined or called off. `for_provider` says which side is to be told."""

    enquiry_id: UUID
    organisation_id: UUID
    listing_id: UUID
    status: str
    for_provider: bool


class EnquiryReported(Event, frozen=True, kw_only=True):
    """One side of an enquiry reported a message of the other to the council."""

    enquiry_id: UUID
    message_id: UUID


class SavedSearchMatched(Event, frozen=True, kw_only=True):
    """A saved search found something new."""

    saved_search_id: UUID
    user_id: UUID
    found: int


class SavedListShared(Event, frozen=True, kw_only=True):
    """Somebody was given the link to a saved list by e-mail."""

    share_id: UUID


class SynonymsChanged(Event, frozen=True, kw_only=True):
    """A council changed its list of words that mean the same."""


class RoundAnnounced(Event, frozen=True, kw_only=True):
    """A round opened, is about to close, closes later, or was cancelled.

    `what` is "open", "closing", "extended" or "cancelled".
    """

    round_id: UUID
    what: str


class FrameworkQuestionChanged(Event, frozen=True, kw_only=True):
    """A question about a round was asked (`is_answered` false) or answered in public."""

    question_id: UUID
    round_id: UUID
    is_answered: bool


class ApplicationMoved(Event, frozen=True, kw_only=True):
    """An application took a step; `status` is where it is now."""

    application_id: UUID
    organisation_id: UUID
    status: str


class EvaluatorAsked(Event, frozen=True, kw_only=True):
    """Somebody was asked to score an application."""

    evaluation_id: UUID
    application_id: UUID


class EvaluatorStoodDown(Event, frozen=True, kw_only=True):
    """An evaluator has an interest in an application, or was taken off it: somebody else is to be chosen."""

    evaluation_id: UUID
    application_id: UUID


class EvaluationsComplete(Event, frozen=True, kw_only=True):
    """Every evaluator of an application has sent in their scores: it can be moderated."""

    application_id: UUID


class AppealMoved(Event, frozen=True, kw_only=True):
    """An applicant appealed, or the appeal was decided."""

    appeal_id: UUID
    application_id: UUID
    organisation_id: UUID
    status: str


class AgreementMoved(Event, frozen=True, kw_only=True):
    """An agreement was offered, signed by one side or both, declined, replaced, or ended."""

    agreement_id: UUID
    organisation_id: UUID
    status: str


class AccreditationActed(Event, frozen=True, kw_only=True):
    """A council awarded, suspended, reinstated, extended or removed an accreditation; the provider is told."""

    action_id: UUID
    accreditation_id: UUID
    organisation_id: UUID
    kind: str


class ReplyGiven(Event, frozen=True, kw_only=True):
    """A provider used its right to reply (`is_answer` false), or the council answered it."""

    action_id: UUID
    organisation_id: UUID
    is_answer: bool


class StandingChanged(Event, frozen=True, kw_only=True):
    """Evidence or registration that an accreditation rests on ended or came back: it stopped or started to count.

    Current work goes on; the brokers of the council are told (V4).
    """

    accreditation_id: UUID
    organisation_id: UUID
    counts: bool
    why: str


class RegistrationChanged(Event, frozen=True, kw_only=True):
    """The regulator's register no longer has an organisation that was linked to it, or has it again.

    Published once for each council that has to do with the organisation: that of its base, those that accredited it,
    the one that keeps its link.
    """

    organisation_id: UUID
    is_registered: bool
    why: str


class PassportShareMoved(Event, frozen=True, kw_only=True):
    """An organisation let a council use its evidence, or took that back."""

    organisation_id: UUID
    status: str


class InvitationSent(Event, frozen=True, kw_only=True):
    """Somebody was invited to join an organisation."""

    invitation_id: UUID
    organisation_id: UUID


class JoinRequestMoved(Event, frozen=True, kw_only=True):
    """Somebody asked to be let into an organisation that is here, or was answered."""

    request_id: UUID
    organisation_id: UUID
    status: str


class OrganisationsMerged(Event, frozen=True, kw_only=True):
    """One organisation took the place of another."""

    from_organisation_id: UUID
    into_organisation_id: UUID


class OrganisationRenamed(Event, frozen=True, kw_only=True):
    """An organisation changed its name; `was` is the one before. Councils that accredit it are told."""

    organisation_id: UUID
    was: str


class PaApprovalMoved(Event, frozen=True, kw_only=True):
    """A personal assistant applied to a council's register, or it was decided, renewed, lapsed or removed."""

    approval_id: UUID
    organisation_id: UUID
    status: str


class NominationMoved(Event, frozen=True, kw_only=True):
    """A planner was nominated, selected or not, or the nomination was taken back."""

    nomination_id: UUID
    organisation_id: UUID
    status: str
