"""Roles and what each may do: one enum, one table. Routes and services name a permission, never a role."""

from enum import StrEnum


class Role(StrEnum):
    """What somebody is on the platform. A person may hold several, one at a time."""

    PERSON = "person"
    REPRESENTATIVE = "representative"
    PLANNER = "planner"
    PROVIDER = "provider"
    PA = "pa"
    CARE_WORKER = "care_worker"
    SOCIAL_WORKER = "social_worker"
    BROKER = "broker"
    QUALITY_CHECKER = "quality_checker"
    ACCREDITOR = "accreditor"
    FINANCE = "finance"
    FINANCE_CHECKER = "finance_checker"
    MANAGER = "manager"
    ADMIN = "admin"


ROLE_LABELS: dict[Role, str] = {
    Role.PERSON: "Person with a budget",
    Role.REPRESENTATIVE: "Representative",
    Role.PLANNER: "Support planner",
    Role.PROVIDER: "Provider",
    Role.PA: "Personal assistant",
    Role.CARE_WORKER: "Care worker",
    Role.SOCIAL_WORKER: "Social worker",
    Role.BROKER: "Broker",
    Role.QUALITY_CHECKER: "Quality checker",
    Role.ACCREDITOR: "Accreditor",
    Role.FINANCE: "Finance officer",
    Role.FINANCE_CHECKER: "Finance approver",
    Role.MANAGER: "Team manager",
    Role.ADMIN: "Administrator",
}


class Permission(StrEnum):
    """What may be done, as `package:verb`."""

    SIGNED_IN = "accounts:signed_in"
    AUDIT_READ = "accounts:audit_read"
    USERS_MANAGE = "accounts:users_manage"
    SETTINGS_READ = "accounts:settings_read"
    """See what the council decides for itself, since when and why."""
    SETTINGS_SET = "accounts:settings_set"
    OPERATIONS_READ = "core:operations_read"
    PEOPLE_READ = "people:read"
    PEOPLE_RECORD = "people:record"
    PROFILE_OWN = "people:profile_own"
    CONTACTS_TAKE = "people:contacts_take"
    """Record who asks at the front door, and how it ended; lead people through the three stages."""
    STAGES_EXCEPT = "people:stages_except"
    """Let an earlier stage be left out, or long-term planning begin in a crisis, with a reason."""
    ASSESS = "people:assess"
    """Write assessments and complete them."""
    CHARGES_DECIDE = "people:charges_decide"
    """Decide what somebody pays: always the council (domain.md 4.1)."""
    RAS_READ = "people:ras_read"
    RAS_DRAFT = "people:ras_draft"
    """Calibrate the resource allocation system and propose a version."""
    RAS_PUBLISH = "people:ras_publish"
    """Publish what another role proposed."""
    BUDGET_OWN = "people:budget_own"
    """See one's own budget, its working, and challenge it."""
    CHALLENGES_ANSWER = "people:challenges_answer"
    PROTECTIONS_DECIDE = "people:protections_decide"
    """End what somebody is paid beyond their points, or let it go on for longer (R5)."""
    ORGANISATIONS_READ = "providers:read"
    ACCREDITATION_DECIDE = "providers:accredit"
    ORGANISATION_OWN = "providers:own"
    CAPACITY_OWN = "providers:capacity_own"
    EVIDENCE_SEE = "providers:evidence_see"
    """Look at the evidence and the register links of organisations and say what was seen."""
    LISTINGS_CHECK = "providers:listings_check"
    """Let drafts of listings onto the market or send them back; take listings off."""
    SYNONYMS_EDIT = "providers:synonyms_edit"
    SAVED_OWN = "providers:saved_own"
    """Keep own shortlists and saved searches."""
    CHOICES_RECORD = "providers:choices_record"
    """Keep a result list as evidence of fair choice."""
    ENQUIRIES_OWN = "providers:enquiries_own"
    """Ask providers, and ask for first meetings."""
    ENQUIRIES_ANSWER = "providers:enquiries_answer"
    ENQUIRIES_READ = "providers:enquiries_read"
    """Read a thread that one side reported, with a reason."""
    FRAMEWORKS_EDIT = "providers:frameworks_edit"
    """Write specifications, publish them, open rounds, answer questions, keep the engagement log."""
    APPLICATIONS_OWN = "providers:applications_own"
    """Apply for lots, sign agreements, appeal, reply to suspensions."""
    APPLICATIONS_READ = "providers:applications_read"
    APPLICATIONS_SCORE = "providers:applications_score"
    """Score applications that one was asked to score."""
    APPLICATIONS_DECIDE = "providers:applications_decide"
    """Choose evaluators, moderate, decide, and decide appeals one had no part in."""
    AGREEMENTS_SIGN = "providers:agreements_sign"
    """Sign for the council."""
    WORKERS_OWN = "providers:workers_own"
    """Keep the workers of one's organisation, their training, nominations and invitations."""
    WORKFORCE_DECIDE = "providers:workforce_decide"
    """Approve personal assistants, choose among nominated planners."""
    ORGANISATIONS_ENTER = "providers:organisations_enter"
    """Register a group on its behalf."""
    ORGANISATIONS_MERGE = "providers:organisations_merge"
    """Join copies and merged firms; decide who may join an organisation nobody answers for."""
    REFERRALS_READ = "matching:read"
    REFERRALS_RECORD = "matching:record"
    REFERRALS_MATCH = "matching:match"
    OFFERS_ANSWER = "matching:answer"
    MATCH_RUNS = "matching:runs"
    """Ask for proposals for the waiting list and decide on them."""
    MATCH_READ = "matching:runs_read"
    """See waiting-list runs, weights, fairness and how often proposals are followed."""
    WEIGHTS_PUBLISH = "matching:weights_publish"
    """Draft and publish the council's weights."""
    CONTESTS_OWN = "matching:contests_own"
    """See who was proposed for oneself and why, say what one wants, contest."""
    CONTESTS_ANSWER = "matching:contests_answer"
    REQUIREMENTS_WRITE = "matching:requirements_write"
    """Write requirements for care, ask providers, award."""
    REQUIREMENTS_READ = "matching:requirements_read"
    CEILING_RAISE = "matching:ceiling_raise"
    """Raise what a requirement may cost beyond a broker's limit."""
    REQUIREMENTS_ANSWER = "matching:requirements_answer"
    """Offer for anonymised requirements; say which hours of care are free."""
    PLANS_WRITE = "plans:write"
    PLANS_READ = "plans:read"
    PLAN_OWN = "plans:own"
    """Write one's own plan, ask helpers, share it."""
    PLANS_SHARED_READ = "plans:shared_read"
    """Read what people shared with one's organisation."""
    LIMITS_SET = "plans:limits_set"
    """Say up to what cost each role signs plans off."""
    ASKS_DECIDE = "plans:asks_decide"
    """Agree to more than the indicative budget; decide cases of the risk panel."""
    SETUPS_DECIDE = "plans:setups_decide"
    """Check the conditions of a direct payment and start it."""
    SHOWCASE = "plans:showcase"
    """Nominate and publish the plan of the month."""
    REVIEWS_HOLD = "plans:reviews_hold"
    """Hold reviews for the council, ask for others, hand them on."""
    EXCHANGE = "plans:exchange"
    """Hand data over with the council's case system."""
    PLANS_CHECK = "plans:check"
    PLANS_AGREE = "plans:agree"
    PLANS_SIGN_OFF = "plans:sign_off"
    REVIEWS_READ = "plans:reviews_read"
    BOOKINGS_REQUEST = "bookings:request"
    BOOKINGS_OWN = "bookings:own"
    BOOKINGS_ANSWER = "bookings:answer"
    BOOKINGS_APPROVE = "bookings:approve"
    ESTATE_SETTLE = "bookings:estate_settle"
    """Say what is paid for delivered visits of somebody who died."""
    VISITS_DELIVER = "bookings:deliver"
    """See one's own visits of the day, start and finish them."""
    REPRESENTATIVES_OWN = "accounts:representatives_own"
    """Name people who act for oneself, say for what, and end it."""
    REPRESENTATIVES_CHECK = "accounts:representatives_check"
    """Look at the papers of deputies, attorneys and authorised persons."""
    EMPLOYER_OWN = "bookings:employer_own"
    """Take on a personal assistant: duties, costs, timesheets."""
    EXCEPTIONS_DECIDE = "bookings:exceptions_decide"
    """Decide whether a relative in the same home may be paid."""
    MONEY_OWN = "payments:own"
    MONEY_ASKS_ANSWER = "payments:asks_answer"
    """Answer people who ask for more money in their direct payment."""
    EARNINGS_OWN = "payments:earnings_own"
    BANK_DETAILS_OWN = "payments:bank_details_own"
    TARIFFS_READ = "payments:tariffs_read"
    TARIFFS_SET = "payments:tariffs_set"
    INVOICES_READ = "payments:invoices_read"
    INVOICES_APPROVE = "payments:invoices_approve"
    RUNS_MAKE = "payments:runs_make"
    RUNS_RELEASE = "payments:runs_release"
    PAYMENTS_HANDLE = "payments:handle"
    """Check payees' bank details, take payment files to the bank, cancel runs: finance alone."""
    CLAIMS_DECIDE = "payments:claims_decide"
    """Agree or refuse what suppliers claim beside plans and visits: managers and brokers, who know the case."""
    BOOKS_KEEP = "payments:books_keep"
    """Keep budget teams, cost codes, block contracts; hand journals to the council's finance system."""
    BOOKS_READ = "payments:books_read"
    """See the council's books: what is committed, accrued, billed and paid, by team."""
    BUDGETS_SET = "payments:budgets_set"
    MONEY_AUDIT = "payments:money_audit"
    """Look at direct payments by risk and ask about what no visit proves."""
    FUNDS_OWN = "payments:funds_own"
    """Keep Individual Service Funds for people."""
    REFUNDS_ASK = "payments:refunds_ask"
    REFUNDS_AGREE = "payments:refunds_agree"
    """Agree to refunds above the limit that somebody else asked for."""
    CARDS_RECONCILE = "payments:cards_reconcile"
    """See how ledger and Stripe compare, and settle differences."""
    FEEDBACK_GIVE = "quality:give"
    FEEDBACK_REPLY = "quality:reply"
    FEEDBACK_CHECK = "quality:check"
    MONITORING_OWN = "quality:monitoring_own"
    MONITORING_READ = "quality:monitoring_read"
    """Read and review the returns of contract monitoring."""
    DEMAND_READ = "reporting:demand_read"
    """See what was looked for and not found."""
    DASHBOARD = "reporting:dashboard"


_EVERYBODY = frozenset({Permission.SIGNED_IN, Permission.DASHBOARD})
_COUNCIL_READS = frozenset(
    {
        Permission.PEOPLE_READ,
        Permission.ORGANISATIONS_READ,
        Permission.REFERRALS_READ,
        Permission.PLANS_READ,
        Permission.REVIEWS_READ,
    }
)
_FINANCE_READS = frozenset(
    {Permission.TARIFFS_READ, Permission.INVOICES_READ, Permission.BOOKS_READ, Permission.ORGANISATIONS_READ}
)
_PERSON = frozenset(
    {
        Permission.PROFILE_OWN,
        Permission.BUDGET_OWN,
        Permission.PLAN_OWN,
        Permission.PLANS_AGREE,
        Permission.BOOKINGS_REQUEST,
        Permission.BOOKINGS_OWN,
        Permission.BOOKINGS_APPROVE,
        Permission.MONEY_OWN,
        Permission.SAVED_OWN,
        Permission.ENQUIRIES_OWN,
        Permission.FEEDBACK_GIVE,
        Permission.CONTESTS_OWN,
        Permission.REPRESENTATIVES_OWN,
        Permission.EMPLOYER_OWN,
    }
)
_ORGANISATION = frozenset(
    {
        Permission.APPLICATIONS_OWN,
        Permission.WORKERS_OWN,
        Permission.MONITORING_OWN,
        Permission.PLANS_SHARED_READ,
        Permission.REQUIREMENTS_ANSWER,
        Permission.VISITS_DELIVER,
        Permission.FUNDS_OWN,
        Permission.REFUNDS_ASK,
    }
)
_CHOOSES_FOR_OTHERS = frozenset({Permission.SAVED_OWN, Permission.CHOICES_RECORD})

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.PERSON: _EVERYBODY | _PERSON,
    # At most: `granted` leaves what the person gave. Whom else the person names is the person's own affair.
    Role.REPRESENTATIVE: _EVERYBODY | (_PERSON - {Permission.REPRESENTATIVES_OWN}),
    Role.PLANNER: _EVERYBODY
    | {
        Permission.OFFERS_ANSWER,
        Permission.PLANS_WRITE,
        Permission.PLANS_READ,
        Permission.PLANS_SHARED_READ,
        Permission.REVIEWS_READ,
        Permission.EARNINGS_OWN,
        Permission.CAPACITY_OWN,
        Permission.SAVED_OWN,
    },
    Role.PROVIDER: _EVERYBODY
    | _ORGANISATION
    | {
        Permission.ORGANISATION_OWN,
        Permission.BOOKINGS_ANSWER,
        Permission.EARNINGS_OWN,
        Permission.BANK_DETAILS_OWN,
        Permission.CAPACITY_OWN,
        Permission.ENQUIRIES_ANSWER,
        Permission.FEEDBACK_REPLY,
    },
    Role.PA: _EVERYBODY
    | _ORGANISATION
    | {
        Permission.ORGANISATION_OWN,
        Permission.BOOKINGS_ANSWER,
        Permission.EARNINGS_OWN,
        Permission.BANK_DETAILS_OWN,
        Permission.CAPACITY_OWN,
        Permission.ENQUIRIES_ANSWER,
        Permission.FEEDBACK_REPLY,
    },
    Role.CARE_WORKER: _EVERYBODY | {Permission.VISITS_DELIVER, Permission.CAPACITY_OWN},
    Role.SOCIAL_WORKER: _EVERYBODY
    | _COUNCIL_READS
    | _CHOOSES_FOR_OTHERS
    | {
        Permission.PEOPLE_RECORD,
        Permission.CONTACTS_TAKE,
        Permission.ASSESS,
        Permission.SETUPS_DECIDE,
        Permission.REVIEWS_HOLD,
        Permission.REFERRALS_RECORD,
        Permission.PLANS_SIGN_OFF,
        Permission.REQUIREMENTS_READ,
        Permission.REPRESENTATIVES_CHECK,
    },
    Role.BROKER: _EVERYBODY
    | _COUNCIL_READS
    | _CHOOSES_FOR_OTHERS
    | {
        Permission.PEOPLE_RECORD,
        Permission.CONTACTS_TAKE,
        Permission.EXCHANGE,
        Permission.REFERRALS_RECORD,
        Permission.REFERRALS_MATCH,
        Permission.MATCH_RUNS,
        Permission.CLAIMS_DECIDE,
        Permission.MATCH_READ,
        Permission.REQUIREMENTS_WRITE,
        Permission.REQUIREMENTS_READ,
        Permission.CONTESTS_ANSWER,
        Permission.ENQUIRIES_READ,
        Permission.DEMAND_READ,
        Permission.APPLICATIONS_SCORE,
        Permission.ORGANISATIONS_ENTER,
    },
    Role.QUALITY_CHECKER: _EVERYBODY
    | {
        Permission.PLANS_READ,
        Permission.PLANS_CHECK,
        Permission.SHOWCASE,
        Permission.REVIEWS_READ,
        Permission.APPLICATIONS_SCORE,
    },
    Role.ACCREDITOR: _EVERYBODY
    | {
        Permission.ORGANISATIONS_READ,
        Permission.ACCREDITATION_DECIDE,
        Permission.EVIDENCE_SEE,
        Permission.LISTINGS_CHECK,
        Permission.SYNONYMS_EDIT,
        Permission.FEEDBACK_CHECK,
        Permission.DEMAND_READ,
        Permission.FRAMEWORKS_EDIT,
        Permission.APPLICATIONS_READ,
        Permission.APPLICATIONS_SCORE,
        Permission.APPLICATIONS_DECIDE,
        Permission.AGREEMENTS_SIGN,
        Permission.WORKFORCE_DECIDE,
        Permission.ORGANISATIONS_ENTER,
        Permission.ORGANISATIONS_MERGE,
        Permission.MONITORING_READ,
    },
    Role.FINANCE: _EVERYBODY
    | _FINANCE_READS
    | {
        Permission.INVOICES_APPROVE,
        Permission.RUNS_MAKE,
        Permission.PAYMENTS_HANDLE,
        Permission.TARIFFS_SET,
        Permission.BOOKS_KEEP,
        Permission.BUDGETS_SET,
        Permission.CHARGES_DECIDE,
        Permission.RAS_READ,
        Permission.RAS_PUBLISH,
        Permission.PROTECTIONS_DECIDE,
        Permission.MONEY_AUDIT,
        Permission.REFUNDS_ASK,
        Permission.CARDS_RECONCILE,
        Permission.ESTATE_SETTLE,
    },
    Role.FINANCE_CHECKER: _EVERYBODY
    | _FINANCE_READS
    | {
        Permission.RUNS_RELEASE,
        Permission.PAYMENTS_HANDLE,
        Permission.REFUNDS_AGREE,
        Permission.CARDS_RECONCILE,
    },
    Role.MANAGER: _EVERYBODY
    | _COUNCIL_READS
    | _FINANCE_READS
    | {
        Permission.PEOPLE_RECORD,
        Permission.CONTACTS_TAKE,
        Permission.STAGES_EXCEPT,
        Permission.ASSESS,
        Permission.RAS_READ,
        Permission.RAS_DRAFT,
        Permission.CHALLENGES_ANSWER,
        Permission.PROTECTIONS_DECIDE,
        Permission.LIMITS_SET,
        Permission.ASKS_DECIDE,
        Permission.SETUPS_DECIDE,
        Permission.SHOWCASE,
        Permission.REVIEWS_HOLD,
        Permission.EXCHANGE,
        Permission.REFERRALS_RECORD,
        Permission.PLANS_SIGN_OFF,
        Permission.PLANS_CHECK,
        Permission.AUDIT_READ,
        Permission.SETTINGS_READ,
        Permission.REPRESENTATIVES_CHECK,
        Permission.CLAIMS_DECIDE,
        Permission.EXCEPTIONS_DECIDE,
        Permission.MONEY_ASKS_ANSWER,
        Permission.ESTATE_SETTLE,
        Permission.MATCH_READ,
        Permission.WEIGHTS_PUBLISH,
        Permission.CONTESTS_ANSWER,
        Permission.REQUIREMENTS_READ,
        Permission.CEILING_RAISE,
        Permission.CHOICES_RECORD,
        Permission.FEEDBACK_CHECK,
        Permission.DEMAND_READ,
        Permission.APPLICATIONS_READ,
        Permission.APPLICATIONS_SCORE,
        Permission.APPLICATIONS_DECIDE,
        Permission.AGREEMENTS_SIGN,
        Permission.MONITORING_READ,
    },
    Role.ADMIN: _EVERYBODY
    | {
        Permission.USERS_MANAGE,
        Permission.AUDIT_READ,
        Permission.SETTINGS_READ,
        Permission.SETTINGS_SET,
        Permission.OPERATIONS_READ,
        Permission.ORGANISATIONS_READ,
        Permission.TARIFFS_READ,
        Permission.SYNONYMS_EDIT,
        Permission.DEMAND_READ,
    },
}

COUNCIL_ROLES = frozenset(
    {
        Role.SOCIAL_WORKER,
        Role.BROKER,
        Role.QUALITY_CHECKER,
        Role.ACCREDITOR,
        Role.FINANCE,
        Role.FINANCE_CHECKER,
        Role.MANAGER,
        Role.ADMIN,
    }
)
"""Roles of people who work for a council or a body it delegates to."""

PROVIDER_ROLES = frozenset({Role.PLANNER, Role.PROVIDER, Role.PA, Role.CARE_WORKER})
"""Roles that act for an organisation."""


class RepresentativeKind(StrEnum):
    """On what ground somebody acts for a person (domain.md 4.2; trust.md C4)."""

    HELPER = "helper"
    """Asked by the person to look and prepare; decides nothing."""
    NOMINATED = "nominated"
    """Receives and manages a direct payment for a person who has capacity and asked for it."""
    AUTHORISED = "authorised"
    """Manages a direct payment for a person who lacks capacity (section 32)."""
    ATTORNEY = "attorney"
    """Lasting power of attorney."""
    DEPUTY = "deputy"
    """Appointed by the Court of Protection."""


class Scope(StrEnum):
    """What somebody may do for a person."""

    PROFILE = "profile"
    PLAN = "plan"
    CHOOSE = "choose"
    """Search, shortlist, ask questions."""
    BOOK = "book"
    """Agree, book, change and cancel visits."""
    APPROVE = "approve"
    """Approve visits, so that they are paid."""
    MONEY = "money"
    """See the account, record payments, pay."""
    EMPLOY = "employ"
    """Look after the duties of an employer."""
    TALK = "talk"
    """Write with providers."""


_HELPS = frozenset({Scope.PROFILE, Scope.CHOOSE, Scope.TALK})
_MANAGES = _HELPS | {Scope.BOOK, Scope.APPROVE, Scope.MONEY, Scope.EMPLOY}

SCOPES_OF: dict[RepresentativeKind, frozenset[Scope]] = {
    RepresentativeKind.HELPER: _HELPS,
    RepresentativeKind.NOMINATED: _MANAGES | {Scope.PLAN},
    RepresentativeKind.AUTHORISED: _MANAGES | {Scope.PLAN},
    RepresentativeKind.ATTORNEY: _MANAGES | {Scope.PLAN},
    RepresentativeKind.DEPUTY: _MANAGES | {Scope.PLAN},
}
"""What each kind may be given at most: a helper looks and prepares, and decides nothing."""

NEEDS_PAPERS = frozenset({RepresentativeKind.AUTHORISED, RepresentativeKind.ATTORNEY, RepresentativeKind.DEPUTY})
"""Kinds whose papers the council looks at before anything may be done."""

SCOPE_GRANTS: dict[Scope, frozenset[Permission]] = {
    Scope.PROFILE: frozenset({Permission.PROFILE_OWN}),
    Scope.PLAN: frozenset(
        {Permission.PLANS_AGREE, Permission.PLAN_OWN, Permission.BUDGET_OWN, Permission.CONTESTS_OWN}
    ),
    Scope.CHOOSE: frozenset({Permission.SAVED_OWN, Permission.ENQUIRIES_OWN}),
    Scope.BOOK: frozenset({Permission.BOOKINGS_OWN, Permission.BOOKINGS_REQUEST}),
    Scope.APPROVE: frozenset({Permission.BOOKINGS_OWN, Permission.BOOKINGS_APPROVE, Permission.FEEDBACK_GIVE}),
    Scope.MONEY: frozenset({Permission.MONEY_OWN, Permission.BUDGET_OWN}),
    Scope.EMPLOY: frozenset({Permission.EMPLOYER_OWN}),
    Scope.TALK: frozenset({Permission.ENQUIRIES_OWN}),
}
"""What each part of acting for somebody allows."""


def granted(role: Role, scopes: frozenset[Scope] | None) -> frozenset[Permission]:
    """Return what a role allows; for who acts for a person, only within what the person gave them.

    Args:
        role: The role held.
        scopes: What a representative may do; None for every other role.
    """
    if role is not Role.REPRESENTATIVE:
        return GRANTS[role]
    given = frozenset().union(*(SCOPE_GRANTS[scope] for scope in scopes or ()))
    return _EVERYBODY | (GRANTS[role] & given)
