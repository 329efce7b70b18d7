"""Pages of reporting: the first page after signing in, accreditation at a glance, an organisation, unmet need."""

from marketplace.reporting.routes.accreditation import accreditation, evidence_csv, remind
from marketplace.reporting.routes.contacts import ContactController
from marketplace.reporting.routes.fairness import fairness, fairness_csv, matching
from marketplace.reporting.routes.home import home
from marketplace.reporting.routes.organisation import own_organisation
from marketplace.reporting.routes.timeline import my_timeline, timeline_of_person
from marketplace.reporting.routes.unmet_need import unmet_need, unmet_need_csv

ROUTES = [
    home,
    unmet_need,
    unmet_need_csv,
    matching,
    fairness,
    fairness_csv,
    accreditation,
    evidence_csv,
    remind,
    own_organisation,
    ContactController,
    my_timeline,
    timeline_of_person,
]
