"""Organisations, the regulator's register, accreditation, workers, listings and areas."""
