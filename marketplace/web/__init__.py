"""The application: pages, guards, command line, worker and embedded services."""
