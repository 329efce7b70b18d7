"""Pages on which people keep who acts for them, who was asked answers, and the council looks at papers."""

from marketplace.people.routes_representatives.acting import ActingController
from marketplace.people.routes_representatives.asked import ActForController
from marketplace.people.routes_representatives.checking import CheckingController, representatives_of
from marketplace.people.routes_representatives.own import RepresentativesController

__all__ = ["ROUTES", "representatives_of"]

ROUTES = [RepresentativesController, ActForController, ActingController, CheckingController]
