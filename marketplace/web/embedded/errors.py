"""What can go wrong with an embedded service."""


class ServiceError(Exception):
    """An embedded service cannot be started or reached; the message is written for the operator."""
