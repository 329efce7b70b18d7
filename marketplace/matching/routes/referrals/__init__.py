"""Pages of referrals for council staff: the queue, recording, one referral with its shortlist."""

from marketplace.matching.routes.referrals.changes import ReferralChangeController
from marketplace.matching.routes.referrals.one import ReferralController
from marketplace.matching.routes.referrals.queue import ReferralQueueController
from marketplace.matching.routes.referrals.recording import ReferralRecordController

REFERRALS = [ReferralQueueController, ReferralRecordController, ReferralController, ReferralChangeController]
