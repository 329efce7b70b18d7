"""The trust passport: evidence given once, shared with councils, countersigned by each, summed up in public."""
