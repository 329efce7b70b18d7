"""Questions of the dashboards."""
