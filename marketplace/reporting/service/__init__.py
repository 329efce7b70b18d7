"""Figures of the dashboards."""
