"""What people say after delivered visits: feedback, its check, the provider's reply."""
