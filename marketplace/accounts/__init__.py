"""Councils and their dated settings, users, memberships, permissions, sessions and the audit log."""
