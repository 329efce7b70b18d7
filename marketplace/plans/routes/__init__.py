"""Pages of plans and reviews."""

from marketplace.plans.routes.activity import ActivityController
from marketplace.plans.routes.agreeing import AskController, AskForMoreController, LimitController
from marketplace.plans.routes.decisions import DecisionController
from marketplace.plans.routes.exchange import ExchangeController
from marketplace.plans.routes.faces import FaceController
from marketplace.plans.routes.helpers import HelperController, help_page, help_section, help_write
from marketplace.plans.routes.moving import ROUTES as MOVING
from marketplace.plans.routes.my_faces import MyFacesController
from marketplace.plans.routes.my_plan import MyPlanController
from marketplace.plans.routes.my_reviews import MyReviewController
from marketplace.plans.routes.offers import PlanOfferController
from marketplace.plans.routes.own import OwnPlanController
from marketplace.plans.routes.own_offers import OwnOfferController
from marketplace.plans.routes.panel import PanelController
from marketplace.plans.routes.plans import PlanController
from marketplace.plans.routes.review_page import ReviewPageController
from marketplace.plans.routes.reviews import ReviewController
from marketplace.plans.routes.setups import EarlyStartController, MySetupController, SetupController
from marketplace.plans.routes.sharing import MyShareController, SharedPlanController
from marketplace.plans.routes.showcase import HANDLERS as SHOWCASE

ROUTES = [
    PlanController,
    DecisionController,
    MyPlanController,
    OwnPlanController,
    OwnOfferController,
    HelperController,
    help_page,
    help_section,
    help_write,
    MyReviewController,
    ReviewController,
    ReviewPageController,
    ActivityController,
    FaceController,
    MyFacesController,
    MyShareController,
    *MOVING,
    SharedPlanController,
    LimitController,
    AskController,
    AskForMoreController,
    SetupController,
    MySetupController,
    EarlyStartController,
    PanelController,
    ExchangeController,
    PlanOfferController,
    *SHOWCASE,
]
