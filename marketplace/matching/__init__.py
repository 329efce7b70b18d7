"""Referrals, candidate rules, scores with reasons, shortlists and offers."""
