"""Pages of plans and reviews."""

from marketplace.plans.routes.activity import ActivityController
from marketplace.plans.routes.decisions import DecisionController
from marketplace.plans.routes.my_plan import MyPlanController
from marketplace.plans.routes.plans import PlanController
from marketplace.plans.routes.reviews import ReviewController

ROUTES = [PlanController, DecisionController, MyPlanController, ReviewController, ActivityController]
